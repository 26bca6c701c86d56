"""The option `version` upgrades the members to the next series of MongoDB, one at a time."""

from __future__ import annotations

import jubilant
import pytest

import bundles
from cloud import Cloud
from test_rolling_restart import start_times

pytestmark = pytest.mark.localjuju("needs a machine on which one mongod represents every series")


@pytest.fixture(scope="module")
def two_members(cloud: Cloud) -> Cloud:
    cloud.juju.deploy(bundles.BUILD / "mongodb.charm", num_units=2)
    cloud.settle()
    return cloud


def installed_series(cloud: Cloud) -> set[str]:
    """Return the series that the units have installed."""
    source = "etc/apt/sources.list.d/mongodb-org.sources"
    units = cloud.juju.status().get_units("mongodb")
    return {(cloud.root(unit) / source).read_text().strip() for unit in units}


def test_upgrade_to_the_next_series(two_members: Cloud) -> None:
    before = start_times(two_members)
    two_members.juju.config("mongodb", {"version": "8.2"})
    two_members.settle()
    assert installed_series(two_members) == {"Suites: noble/mongodb-org/8.2"}
    after = start_times(two_members)
    assert all(after[unit] > before[unit] for unit in before)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("10.0", "MongoDB cannot go from 8.2 to 10.0; upgrade to 9.0 first"),
        ("8.0", "MongoDB cannot be downgraded from 8.2 to 8.0; keep 8.2"),
        ("9.0", "MongoDB 9.0 is not available for Ubuntu 24.04: use 8.0 or 8.2"),
    ],
)
def test_unsupported_series_is_refused(two_members: Cloud, wanted: str, message: str) -> None:
    before = start_times(two_members)
    two_members.juju.config("mongodb", {"version": wanted})
    status = two_members.juju.wait(jubilant.all_blocked)
    for unit in status.get_units("mongodb").values():
        assert unit.workload_status.message == f"config option version: {message}"
    two_members.juju.config("mongodb", {"version": "8.2"})
    two_members.settle()
    assert start_times(two_members) == before


def test_new_unit_has_the_series_of_the_replica_set(two_members: Cloud) -> None:
    two_members.juju.add_unit("mongodb")
    two_members.settle()
    assert installed_series(two_members) == {"Suites: noble/mongodb-org/8.2"}
