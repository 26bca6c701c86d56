"""The packed charms, for tests that are written with pytest-operator and python-libjuju."""

from __future__ import annotations

import os
import pathlib

HERE = pathlib.Path(__file__).parent
BUILD = HERE.parent / "build"

os.environ["PATH"] += f"{os.pathsep}{HERE / 'bin'}"


def packed(name: str) -> str:
    """Return the path of a charm that ``make pack`` has packed."""
    path = BUILD / f"{name}.charm"
    assert path.is_file(), f"there is no {path}: run `make pack` first"
    return str(path)


def resources() -> dict[str, str]:
    """Return the resources of mongodb: a mongod, if MONGOD names one."""
    if not os.environ.get("MONGOD"):
        return {}
    path = HERE.parent / os.environ["MONGOD"]
    # libjuju would upload nothing, and say nothing, if there were no such file.
    assert path.is_file(), f"MONGOD: there is no {path}"
    return {"mongod": str(path)}
