"""The charm on a real controller. The tests depend on each other, and run in this order."""

from __future__ import annotations

import json
import pathlib

import jubilant
import pytest

APP = "mongodb"
PATIENCE = 15 * 60.0
"""How many seconds to wait for new machines and for the installation of MongoDB."""


def messages(juju: jubilant.Juju) -> list[str]:
    units = juju.status().get_units(APP).values()
    return sorted(unit.workload_status.message for unit in units)


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, resources: dict[str, str], juju: jubilant.Juju) -> None:
    juju.deploy(charm, APP, resources=resources)
    juju.wait(jubilant.all_active, error=jubilant.any_error, timeout=PATIENCE)
    assert messages(juju) == ["primary"]
    assert juju.status().apps[APP].version


def test_unit_joins_the_replica_set(juju: jubilant.Juju) -> None:
    juju.add_unit(APP)
    juju.wait(
        lambda status: len(status.get_units(APP)) == 2 and jubilant.all_active(status),
        error=jubilant.any_error,
        timeout=PATIENCE,
    )
    assert messages(juju) == ["primary", "secondary"]


def test_action_lists_the_members(juju: jubilant.Juju) -> None:
    results = juju.run(f"{APP}/leader", "replica-set-status").results
    members = json.loads(results["members"])
    assert sorted(member["state"] for member in members) == ["PRIMARY", "SECONDARY"]
    assert results["primary"] in juju.status().get_units(APP)
