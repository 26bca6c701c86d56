"""The charm on a controller, with machines or Kubernetes. The tests run in this order."""

from __future__ import annotations

import json
import pathlib

import jubilant
import pytest

APP = "replicas-demo"
TIMEOUT = 10 * 60.0
"""Seconds in which machines or pods must start."""


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, juju: jubilant.Juju) -> None:
    juju.deploy(charm, APP, num_units=2)
    juju.wait(jubilant.all_active, error=jubilant.any_error, timeout=TIMEOUT)


def test_every_unit_sees_every_unit(juju: jubilant.Juju) -> None:
    units = juju.status().get_units(APP)

    def all_see_all(_: jubilant.Status) -> bool:
        views = [juju.run(unit, "show-relation-data").results["unit-data"] for unit in units]
        return all(set(json.loads(view)) == set(units) for view in views)

    juju.wait(all_see_all, timeout=TIMEOUT)


def test_status_shows_the_leaders_address(juju: jubilant.Juju) -> None:
    units = juju.status().get_units(APP)
    assert {unit.workload_status.message[:13] for unit in units.values()} == {"leader-ip is "}
