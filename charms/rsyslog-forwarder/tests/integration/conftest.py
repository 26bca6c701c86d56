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
def principal() -> pathlib.Path | str:
    """Return the packed charm of PRINCIPAL_CHARM_PATH, or else the name of one on Charmhub.

    It can be any charm that is not a subordinate.
    """
    return charm_at("PRINCIPAL_CHARM_PATH") if "PRINCIPAL_CHARM_PATH" in os.environ else "ubuntu"
