"""Read the repository's bundles, and write changed copies of them."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).parents[1]
BUILD = ROOT / "build"
BUNDLE = ROOT / "bundle.yaml"
DEMOS = ROOT / "bundle-demos.yaml"
SMALL = {"mongodb": 1, "my-node-app": 1}
"""One unit of each application: enough for most tests, and active within seconds."""


def read(bundle: pathlib.Path) -> dict[str, Any]:
    """Return the content of a bundle's file."""
    return yaml.safe_load(bundle.read_text())


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder for files that juju must read. Use it in a `with` statement.

    The folder is in the repository, because the snap of juju cannot read /tmp.
    """
    parent = BUILD / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=parent)


def write_variant(
    folder: pathlib.Path,
    bundle: pathlib.Path,
    *,
    units: dict[str, int] | None = None,
    mongod: pathlib.Path | None = None,
    kubernetes: bool = False,
) -> pathlib.Path:
    """Write a changed copy of a bundle, and return its file.

    Args:
        folder: the folder for the copy, from `scratch_folder`. Keep it while the model exists.
        bundle: the original bundle.
        units: the new number of units of each application.
        mongod: a file with any name for the resource ``mongod`` of mongodb.
        kubernetes: whether the model runs on Kubernetes. Juju then needs the bundle's type.
    """
    data = read(bundle)
    applications = data["applications"]
    for application in applications.values():
        if application["charm"].startswith("."):  # Other charms come from Charmhub.
            # Juju accepts a path relative to the bundle if it begins with a dot.
            packed = os.path.relpath(bundle.parent / application["charm"], folder)
            application["charm"] = f"./{packed}"
    for application, number in (units or {}).items():
        applications[application]["num_units"] = number
    if mongod and "mongodb" in applications:
        if mongod.suffix != ".tgz":
            # Juju accepts only a file with the same extension as in charmcraft.yaml.
            mongod = pathlib.Path(shutil.copyfile(mongod, folder / "mongod.tgz"))
        applications["mongodb"]["resources"] = {"mongod": str(mongod.resolve())}
    if kubernetes:
        data = {"bundle": "kubernetes", **data}
    variant = folder / "bundle.yaml"
    variant.write_text(yaml.safe_dump(data, sort_keys=False))
    return variant
