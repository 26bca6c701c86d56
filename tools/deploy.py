"""Deploy a bundle to a model on a controller, and wait until everything is active."""

from __future__ import annotations

import argparse
import logging
import pathlib
import sys
from collections.abc import Callable

import jubilant

import bundles


def stays_in_error(times: int = 60) -> Callable[[jubilant.Status], bool]:
    """Return a condition for `wait`: the status shows an error this many times in a row.

    Do not stop if a hook fails only once, for example because apt is locked: Juju retries it after
    a few seconds.
    """
    seen = 0

    def condition(status: jubilant.Status) -> bool:
        nonlocal seen
        seen = seen + 1 if jubilant.any_error(status) else 0
        return seen >= times

    return condition


def deploy(
    juju: jubilant.Juju, folder: pathlib.Path, bundle: pathlib.Path, mongod: pathlib.Path | None
) -> jubilant.Status:
    """Deploy a bundle and return the status when it is active.

    Args:
        juju: the model.
        folder: a folder for temporary files, from `bundles.scratch_folder`.
        bundle: the bundle's file.
        mongod: a file for the resource of mongodb. Without it, the charm installs mongod with apt.

    Raises:
        jubilant.CLIError: the model does not exist, or Juju refuses the bundle.
        jubilant.WaitError: a unit stays in error.
        TimeoutError: the bundle is not active in time.
    """
    variant = bundles.write_variant(
        folder,
        bundle.resolve(),
        mongod=mongod,
        kubernetes=juju.status().model.type == "caas",
    )
    # Do not use juju.deploy(): with the snap of juju, it copies the bundle without its charms.
    juju.cli("deploy", str(variant))
    return juju.wait(jubilant.all_active, error=stays_in_error())


def main() -> None:
    """Deploy the bundle that the command line names."""
    parser = argparse.ArgumentParser(description="Deploy a bundle, and wait until it is active.")
    parser.add_argument("bundle", nargs="?", type=pathlib.Path, default=bundles.BUNDLE)
    parser.add_argument("--model", help="[controller:]model; default: the current model")
    parser.add_argument("--mongod", type=pathlib.Path, help="a file for the resource mongod")
    parser.add_argument("--timeout", type=float, default=30 * 60.0, help="in seconds")
    options = parser.parse_args()
    for file in filter(None, (options.bundle, options.mongod)):
        if not file.is_file():
            parser.error(f"{file}: this file does not exist")

    # jubilant logs each changed status.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    juju = jubilant.Juju(model=options.model, wait_timeout=options.timeout)
    try:
        with bundles.scratch_folder() as folder:
            print(deploy(juju, pathlib.Path(folder), options.bundle, options.mongod))
    except jubilant.CLIError as error:
        sys.exit(error.stderr.strip())
    except (jubilant.WaitError, TimeoutError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
