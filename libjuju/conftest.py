"""Find the packed charms, for the tests with pytest-operator and python-libjuju."""

from __future__ import annotations

import os
import pathlib

HERE = pathlib.Path(__file__).parent
BUILD = HERE.parent / "build"

os.environ["PATH"] += f"{os.pathsep}{HERE / 'bin'}"


def packed(name: str) -> str:
    """Return the path of a charm from ``make pack``."""
    path = BUILD / f"{name}.charm"
    assert path.is_file(), f"{path} does not exist: run `make pack` first"
    return str(path)


def resources() -> dict[str, str]:
    """Return the resources of mongodb: a mongod, if MONGOD is set."""
    if not os.environ.get("MONGOD"):
        return {}
    path = HERE.parent / os.environ["MONGOD"]
    # For a missing file, libjuju uploads nothing and reports no error.
    assert path.is_file(), f"MONGOD: {path} does not exist"
    return {"mongod": str(path)}
