"""Deploy a bundle to a model of a controller, and wait until everything is active.

deploy.py [--model MODEL] [--mongod FILE] [BUNDLE]
"""

import argparse
import logging
import pathlib

import jubilant

import bundles


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
    bundle = bundles.write_variant(
        "deploy",
        options.bundle.resolve(),
        mongod=options.mongod,
        kubernetes=juju.status().model.type == "caas",
    )
    juju.cli("deploy", str(bundle))
    status = juju.wait(jubilant.all_active, error=jubilant.any_error)
    print(status)


if __name__ == "__main__":
    main()
