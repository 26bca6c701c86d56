"""The packed charm under test. pytest-jubilant has the fixture ``juju``, a model of a module."""

from __future__ import annotations

import os
import pathlib

import pytest


def charm_at(variable: str) -> pathlib.Path:
    """Return the packed charm that an environment variable names."""
    path = pathlib.Path(os.environ[variable]).resolve()
    assert path.is_file(), f"{variable}: there is no file {path}"
    return path


@pytest.fixture(scope="session")
def charm() -> pathlib.Path:
    """Return the charm of CHARM_PATH, or else the one in this folder. Tests never pack."""
    if "CHARM_PATH" in os.environ:
        return charm_at("CHARM_PATH")
    found = list(pathlib.Path().glob("*.charm"))
    assert len(found) == 1, f"set CHARM_PATH, or pack one charm here: there are {found}"
    return found[0].resolve()


@pytest.fixture(scope="session")
def resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The resource mongod, if MONGOD_PATH names one; MongoDB's apt repository otherwise."""
    if "MONGOD_PATH" not in os.environ:
        return {}
    # Juju takes no file whose name ends otherwise than the one in charmcraft.yaml.
    named = tmp_path_factory.mktemp("resources") / "mongod.tgz"
    named.write_bytes(charm_at("MONGOD_PATH").read_bytes())
    return {"mongod": str(named)}
