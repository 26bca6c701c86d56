"""The charm on a controller, with machines or Kubernetes, before it is integrated."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

APP = "demo-requirer"
PATIENCE = 10 * 60.0
"""Seconds for machines or pods to be made."""


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, juju: jubilant.Juju) -> None:
    juju.deploy(charm, APP, num_units=2)
    juju.wait(jubilant.all_blocked, error=jubilant.any_error, timeout=PATIENCE)


def test_units_say_what_to_do(juju: jubilant.Juju) -> None:
    units = juju.status().get_units(APP).values()
    assert [unit.workload_status.message for unit in units] == [
        "integrate demo with a charm that provides demo"
    ] * 2
