"""When mongodb gets another mongod, its members restart one at a time, and no note is lost."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import psutil
import pytest

import bundles
import conftest
from cloud import Cloud
from website import Load, Website

pytestmark = pytest.mark.localjuju("needs two different mongods: see docs/release-check.md")


@pytest.fixture(scope="module")
def three_members(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[Cloud]:
    """The bundle with three members of the replica set."""
    units = {"mongodb": 3, "my-node-app": 1}
    yield conftest.deploy_bundle(request, cloud, bundles.BUNDLE, units)


@pytest.fixture
def other_build(mongod: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A different file with the same mongod. Bytes after the program have no effect."""
    file = tmp_path / "mongod.tgz"  # Juju requires this name.
    file.write_bytes(mongod.read_bytes() + b"another build")
    return file


def start_times(cloud: Cloud) -> dict[str, float]:
    """Return the start time of each unit's mongod."""
    return {
        unit: psutil.Process(process.pid).create_time()
        for unit in cloud.juju.status().get_units("mongodb")
        for process in cloud.processes(unit, "mongod")
    }


def primary(cloud: Cloud) -> str:
    return cloud.juju.run("mongodb/leader", "replica-set-status").results["primary"]


def test_members_restart_for_a_new_program_under_load(
    three_members: Cloud, other_build: pathlib.Path
) -> None:
    before, primary_before = start_times(three_members), primary(three_members)
    load = Load(Website(three_members.address("my-node-app/0")), three_members.load_pause)
    with load.running():
        three_members.juju.cli("attach-resource", "mongodb", f"mongod={other_build}")
        three_members.settle()
    after = start_times(three_members)
    assert len(after) == 3
    assert all(after[unit] > before[unit] for unit in before)
    assert max(after, key=lambda unit: after[unit]) == primary_before, (
        "the primary must restart last"
    )
    for unit in after:
        (process,) = three_members.processes(unit, "mongod")
        assert process.arguments[0] == str(three_members.root(unit) / "usr/local/bin/mongod")
    assert load.refused == []
    assert load.lost_and_duplicated() == ([], [])


def test_refresh_of_the_charm_restarts_no_mongod(three_members: Cloud) -> None:
    before = start_times(three_members)
    three_members.juju.refresh("mongodb", path=bundles.BUILD / "mongodb.charm")
    three_members.settle()
    assert start_times(three_members) == before


def test_program_of_an_unsupported_series_is_refused(
    three_members: Cloud, other_build: pathlib.Path
) -> None:
    before = start_times(three_members)
    other_build.write_text('#!/bin/sh\necho "db version v8.0.4"\n')
    three_members.juju.cli("attach-resource", "mongodb", f"mongod={other_build}")
    status = three_members.juju.wait(lambda status: status.apps["mongodb"].is_blocked)
    messages = {unit.workload_status.message for unit in status.get_units("mongodb").values()}
    assert messages == {"resource mongod: MongoDB cannot go from 6.0 to 8.0; upgrade to 7.0 first"}
    assert start_times(three_members) == before
    Website(three_members.address("my-node-app/0")).write("still works")
