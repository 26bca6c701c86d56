"""Deploy a bundle to a model of a controller, and wait until everything is active."""

from __future__ import annotations

import argparse
import logging
import pathlib

import jubilant

import bundles


def deploy(
    juju: jubilant.Juju, bundle: pathlib.Path, mongod: pathlib.Path | None
) -> jubilant.Status:
    """Deploy a bundle and return the status when it is active.

    Args:
        juju: the model.
        bundle: the bundle's file.
        mongod: a file for the resource of mongodb; without one it is installed with apt.

    Raises:
        jubilant.WaitError: a unit is in error.
        TimeoutError: it takes too long.
    """
    variant = bundles.write_variant(
        f"deploy-{bundle.stem}",
        bundle.resolve(),
        mongod=mongod,
        kubernetes=juju.status().model.type == "caas",
    )
    # Not juju.deploy(): for a juju that is a snap it copies the bundle, and away from its charms.
    juju.cli("deploy", str(variant))
    return juju.wait(jubilant.all_active, error=jubilant.any_error)


def main() -> None:
    """Deploy what the command line names."""
    parser = argparse.ArgumentParser(description="Deploy a bundle, and wait until it is active.")
    parser.add_argument("bundle", nargs="?", type=pathlib.Path, default=bundles.BUNDLE)
    parser.add_argument("--model", help="[controller:]model, by default the current one")
    parser.add_argument("--mongod", type=pathlib.Path, help="the resource mongod of mongodb")
    parser.add_argument("--timeout", type=float, default=30 * 60.0, help="in seconds")
    options = parser.parse_args()
    for file in filter(None, (options.bundle, options.mongod)):
        if not file.is_file():
            parser.error(f"{file}: there is no such file")

    # jubilant logs each status that differs from the one before.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    juju = jubilant.Juju(model=options.model, wait_timeout=options.timeout)
    print(deploy(juju, options.bundle, options.mongod))


if __name__ == "__main__":
    main()
