"""The charm on a controller, without a database."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

APP = "my-node-app"
TIMEOUT = 15 * 60.0
"""Seconds in which a machine must start and install Node.js."""


def message(status: jubilant.Status) -> str:
    """Return the unit's status message. Juju derives the application's status from it."""
    (unit,) = status.get_units(APP).values()
    return unit.workload_status.message


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, juju: jubilant.Juju) -> None:
    juju.deploy(charm, APP)
    juju.wait(jubilant.all_blocked, error=jubilant.any_error, timeout=TIMEOUT)


def test_status_names_the_missing_relation(juju: jubilant.Juju) -> None:
    status = juju.status()
    assert message(status) == "integrate database with a charm that provides mongodb"
    assert status.apps[APP].version


def test_status_names_an_invalid_option(juju: jubilant.Juju) -> None:
    juju.config(APP, {"port": 80})
    juju.wait(lambda status: "config option port" in message(status), timeout=TIMEOUT)
    juju.config(APP, reset="port")
    juju.wait(lambda status: "integrate database" in message(status), timeout=TIMEOUT)
