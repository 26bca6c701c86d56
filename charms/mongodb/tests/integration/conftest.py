"""The packed charm under test. pytest-jubilant provides the fixture ``juju``."""

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
    """Return the charm at CHARM_PATH, or else the one in this folder. Tests do not pack it."""
    if "CHARM_PATH" in os.environ:
        return charm_at("CHARM_PATH")
    found = list(pathlib.Path().glob("*.charm"))
    assert len(found) == 1, f"set CHARM_PATH, or pack one charm here: there are {found}"
    return found[0].resolve()


@pytest.fixture(scope="session")
def resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The resource mongod at MONGOD_PATH; without it, mongod comes from MongoDB's repository."""
    if "MONGOD_PATH" not in os.environ:
        return {}
    # Juju accepts only a file with the same ending as the filename in charmcraft.yaml.
    named = tmp_path_factory.mktemp("resources") / "mongod.tgz"
    named.write_bytes(charm_at("MONGOD_PATH").read_bytes())
    return {"mongod": str(named)}
