"""The charm on a controller, without a database."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

APP = "my-node-app"
PATIENCE = 15 * 60.0
"""Seconds for a machine to be made and Node.js to be installed."""


def message(status: jubilant.Status) -> str:
    """Return what the unit says; the application's own status is the controller's to derive."""
    (unit,) = status.get_units(APP).values()
    return unit.workload_status.message


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, juju: jubilant.Juju) -> None:
    juju.deploy(charm, APP)
    juju.wait(jubilant.all_blocked, error=jubilant.any_error, timeout=PATIENCE)


def test_status_says_what_to_do(juju: jubilant.Juju) -> None:
    status = juju.status()
    assert message(status) == "integrate database with a charm that provides mongodb"
    assert status.apps[APP].version


def test_unusable_option_is_named(juju: jubilant.Juju) -> None:
    juju.config(APP, {"port": 80})
    juju.wait(lambda status: "config option port" in message(status), timeout=PATIENCE)
    juju.config(APP, reset="port")
    juju.wait(lambda status: "integrate database" in message(status), timeout=PATIENCE)
