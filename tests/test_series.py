"""The option `version` moves the members to the next series, one at a time."""

from __future__ import annotations

import jubilant
import pytest

import bundles
from cloud import Cloud
from test_rolling_restart import started

pytestmark = pytest.mark.localjuju("the mongod of the tests stands for every series")


@pytest.fixture(scope="module")
def two(cloud: Cloud) -> Cloud:
    cloud.juju.deploy(bundles.BUILD / "mongodb.charm", num_units=2)
    cloud.settle()
    return cloud


def series(cloud: Cloud) -> set[str]:
    """The series that the units have installed."""
    source = "etc/apt/sources.list.d/mongodb-org.sources"
    units = cloud.juju.status().get_units("mongodb")
    return {(cloud.root(unit) / source).read_text().strip() for unit in units}


def test_next_series(two: Cloud) -> None:
    before = started(two)
    two.juju.config("mongodb", {"version": "8.2"})
    two.settle()
    assert series(two) == {"Suites: noble/mongodb-org/8.2"}
    after = started(two)
    assert all(after[unit] > before[unit] for unit in before)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("10.0", "MongoDB cannot go from 8.2 to 10.0; upgrade to 9.0 first"),
        ("8.0", "MongoDB cannot be downgraded from 8.2 to 8.0; keep 8.2"),
        ("9.0", "MongoDB 9.0 is not available for Ubuntu 24.04: use 8.0 or 8.2"),
    ],
)
def test_jump(two: Cloud, wanted: str, said: str) -> None:
    before = started(two)
    two.juju.config("mongodb", {"version": wanted})
    status = two.juju.wait(jubilant.all_blocked)
    for unit in status.get_units("mongodb").values():
        assert unit.workload_status.message == f"config option version: {said}"
    two.juju.config("mongodb", {"version": "8.2"})
    two.settle()
    assert started(two) == before


def test_unit_that_comes_later_has_the_series_of_the_set(two: Cloud) -> None:
    two.juju.add_unit("mongodb")
    two.settle()
    assert series(two) == {"Suites: noble/mongodb-org/8.2"}
