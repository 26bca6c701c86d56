"""The option `version` upgrades the members to the next series, one at a time."""

from __future__ import annotations

import jubilant
import pytest

import bundles
from cloud import Cloud
from test_rolling_restart import start_times

pytestmark = pytest.mark.localjuju("the mongod of the tests represents every series")


@pytest.fixture(scope="module")
def two(cloud: Cloud) -> Cloud:
    cloud.juju.deploy(bundles.BUILD / "mongodb.charm", num_units=2)
    cloud.settle()
    return cloud


def series(cloud: Cloud) -> set[str]:
    """Return the series that the units have installed."""
    source = "etc/apt/sources.list.d/mongodb-org.sources"
    units = cloud.juju.status().get_units("mongodb")
    return {(cloud.root(unit) / source).read_text().strip() for unit in units}


def test_upgrade_to_the_next_series(two: Cloud) -> None:
    before = start_times(two)
    two.juju.config("mongodb", {"version": "8.2"})
    two.settle()
    assert series(two) == {"Suites: noble/mongodb-org/8.2"}
    after = start_times(two)
    assert all(after[unit] > before[unit] for unit in before)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("10.0", "MongoDB cannot go from 8.2 to 10.0; upgrade to 9.0 first"),
        ("8.0", "MongoDB cannot be downgraded from 8.2 to 8.0; keep 8.2"),
        ("9.0", "MongoDB 9.0 is not available for Ubuntu 24.04: use 8.0 or 8.2"),
    ],
)
def test_unsupported_series_is_refused(two: Cloud, wanted: str, message: str) -> None:
    before = start_times(two)
    two.juju.config("mongodb", {"version": wanted})
    status = two.juju.wait(jubilant.all_blocked)
    for unit in status.get_units("mongodb").values():
        assert unit.workload_status.message == f"config option version: {message}"
    two.juju.config("mongodb", {"version": "8.2"})
    two.settle()
    assert start_times(two) == before


def test_new_unit_has_the_series_of_the_replica_set(two: Cloud) -> None:
    two.juju.add_unit("mongodb")
    two.settle()
    assert series(two) == {"Suites: noble/mongodb-org/8.2"}
