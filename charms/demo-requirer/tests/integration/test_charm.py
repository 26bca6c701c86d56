"""The charm on a controller, with machines or Kubernetes, without a relation."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

APP = "demo-requirer"
TIMEOUT = 10 * 60.0
"""Seconds in which machines or pods must start."""


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, juju: jubilant.Juju) -> None:
    juju.deploy(charm, APP, num_units=2)
    juju.wait(jubilant.all_blocked, error=jubilant.any_error, timeout=TIMEOUT)


def test_status_names_the_missing_relation(juju: jubilant.Juju) -> None:
    units = juju.status().get_units(APP).values()
    assert [unit.workload_status.message for unit in units] == [
        "integrate demo with a charm that provides demo"
    ] * 2
