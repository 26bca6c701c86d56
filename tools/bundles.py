"""The repository's bundles, as they are or changed for a purpose."""

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
"""One unit of each: enough for most tests, and up in seconds."""


def read(bundle: pathlib.Path) -> dict[str, Any]:
    """Return what a bundle's file says."""
    return yaml.safe_load(bundle.read_text())


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder of the caller's own for files that juju is to read; its context removes it.

    Below the repository: a juju that is a snap cannot read the computer's /tmp.
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
    """Write a bundle with changes, and return its file.

    Args:
        folder: where to, of `scratch_folder`; it has to stay as long as a model of localjuju.
        bundle: the bundle that is changed.
        units: numbers of units by application, where these are others.
        mongod: a file for the resource ``mongod`` of mongodb, whatever its name.
        kubernetes: whether it is for a model on Kubernetes, where Juju asks for the type.
    """
    data = read(bundle)
    applications = data["applications"]
    for application in applications.values():
        if application["charm"].startswith("."):  # Others are from a store.
            # Relative to the bundle, and with a dot: in this form it was seen to work.
            packed = os.path.relpath(bundle.parent / application["charm"], folder)
            application["charm"] = f"./{packed}"
    for application, number in (units or {}).items():
        applications[application]["num_units"] = number
    if mongod and "mongodb" in applications:
        if mongod.suffix != ".tgz":
            # Juju takes no file whose name ends otherwise than the one in charmcraft.yaml.
            mongod = pathlib.Path(shutil.copyfile(mongod, folder / "mongod.tgz"))
        applications["mongodb"]["resources"] = {"mongod": str(mongod.resolve())}
    if kubernetes:
        data = {"bundle": "kubernetes", **data}
    variant = folder / "bundle.yaml"
    variant.write_text(yaml.safe_dump(data, sort_keys=False))
    return variant
