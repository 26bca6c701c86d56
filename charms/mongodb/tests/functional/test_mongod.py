"""One mongod: installation, service, configuration, and the replica set's first member."""

from __future__ import annotations

import io
import os
import pathlib
import stat
import tarfile

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

import mongod
from machines import KEY, PASSWORD, PORT, REPLSET, Machine, replica_set, until


def listening(machine: Machine) -> set[str]:
    pid = int((machine.mongod.run_dir / "mongod.pid").read_text())
    connections = psutil.Process(pid).net_connections("tcp")
    return {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}


def test_first_member(machine: Machine):
    machine.initiate()
    assert machine.mongod.state() == "primary"
    with replica_set(machine) as rs:
        assert rs.status() == [{"host": machine.host, "unit": "mongodb/0", "state": "PRIMARY"}]


def test_initiate_again_is_nothing(machine: Machine):
    machine.initiate()
    machine.mongod.initiate(REPLSET, machine.unit, machine.host, "another password")
    with replica_set(machine) as rs:
        assert list(rs.users()) == [mongod.OPERATOR]


def test_initiate_goes_on_where_it_stopped(machine: Machine):
    machine.run()
    config = {"_id": REPLSET, "members": [{"_id": 0, "host": machine.host}]}
    with machine.mongod._connect() as client:
        client.admin.command("replSetInitiate", config)
    machine.mongod._wait_for("primary", lambda hello: hello["isWritablePrimary"], 10)
    assert mongod.has_replica_set(machine.host)
    machine.mongod.initiate(REPLSET, machine.unit, machine.host, PASSWORD)
    with replica_set(machine) as rs:
        assert list(rs.users()) == [mongod.OPERATOR]


def test_authorisation_is_on(machine: Machine):
    machine.initiate()
    with (
        MongoClient(machine.host, directConnection=True) as client,
        pytest.raises(OperationFailure, match="auth"),
    ):
        client.test.notes.insert_one({})


def test_operator_reads_no_data(machine: Machine):
    machine.initiate()
    with (
        MongoClient(machine.host, username=mongod.OPERATOR, password=PASSWORD) as client,
        pytest.raises(OperationFailure, match="not authorized"),
    ):
        client.test.notes.find_one()


def test_listens_on_its_own_address_only(machine: Machine):
    machine.run()
    assert listening(machine) == {machine.address}


def test_secret_files(machine: Machine):
    machine.run()
    assert stat.S_IMODE(machine.mongod.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(machine.mongod.data_dir.stat().st_mode) == 0o700
    socket = machine.mongod.run_dir / f"mongodb-{PORT}.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert KEY not in " ".join(psutil.Process(pid_of(machine)).cmdline())


def pid_of(machine: Machine) -> int:
    return int((machine.mongod.run_dir / "mongod.pid").read_text())


def test_run_restarts_only_for_a_change(machine: Machine):
    machine.run()
    first = pid_of(machine)
    machine.run()
    assert pid_of(machine) == first
    machine.mongod.run(machine.address, PORT + 1, REPLSET, KEY)
    assert pid_of(machine) != first
    assert machine.mongod.hello()["isreplicaset"]


def test_killed_is_started_again(machine: Machine):
    machine.initiate()
    psutil.Process(pid_of(machine)).kill()
    until(lambda: not machine.mongod.is_running())
    assert machine.mongod.state() == ""
    machine.run()
    machine.mongod._wait_for("primary", lambda hello: hello["isWritablePrimary"], 10)


def test_that_does_not_start_says_so(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.mongod.install("8.0", None)
    here = machine.mongod
    wait_for = here._wait_for
    monkeypatch.setattr(here, "_wait_for", lambda *args, seconds: wait_for(*args, seconds=0.2))
    with pytest.raises(mongod.MongodError, match="no answer"):
        here.run(machine.address, PORT, REPLSET, "!")


def test_uninstall_leaves_nothing(machine: Machine):
    machine.initiate()
    pid = pid_of(machine)
    machine.mongod.stop()
    machine.mongod.uninstall()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert [path for path in machine.folder.rglob("*") if not path.is_dir()] == []


def test_stop_and_uninstall_without_install(machine: Machine):
    machine.mongod.stop()
    machine.mongod.uninstall()


@pytest.fixture
def small_mongod(tmp_path: pathlib.Path) -> pathlib.Path:
    """A program that passes for a mongod until it is to serve."""
    program = tmp_path / "mongod"
    program.write_text('#!/bin/sh\necho "db version v8.0.99"\n')
    return program


def test_resource_binary(machine: Machine, small_mongod: pathlib.Path):
    assert machine.mongod.install("8.0", small_mongod)
    assert machine.mongod.binary == machine.mongod.own_binary
    assert machine.mongod.version() == "8.0.99"
    assert not machine.mongod.install("8.0", small_mongod), "the same again"


def test_resource_tgz_with_the_real_mongod_runs(machine: Machine, tmp_path: pathlib.Path):
    machine.mongod.install_package("8.0")
    archive = tmp_path / "mongod.tgz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        real = os.fspath(machine.mongod.packaged_binary.resolve())
        tar.add(real, "mongodb-linux-x86_64/bin/mongod")
    machine.mongod.remove_package()
    assert machine.mongod.install("8.0", archive)
    machine.mongod.run(machine.address, PORT, REPLSET, KEY)
    assert pathlib.Path(psutil.Process(pid_of(machine)).exe()) == machine.mongod.own_binary


def tgz(path: pathlib.Path, name: str) -> pathlib.Path:
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def test_unusable_resource_keeps_what_was_there(
    machine: Machine, small_mongod: pathlib.Path, tmp_path: pathlib.Path
):
    machine.mongod.install("8.0", small_mongod)
    (tmp_path / "text").write_text("no program\n")
    with pytest.raises(mongod.MongodError, match="not a mongod"):
        machine.mongod.install("8.0", tmp_path / "text")
    with pytest.raises(mongod.MongodError, match="holds no file called mongod"):
        machine.mongod.install("8.0", tgz(tmp_path / "a.tgz", "bin/mongos"))
    with pytest.raises(mongod.MongodError, match="not a mongod"):
        machine.mongod.install("8.0", tgz(tmp_path / "b.tgz", "bin/mongod"))
    broken = tmp_path / "c.tgz"
    broken.write_bytes(tgz(tmp_path / "d.tgz", "bin/mongod").read_bytes()[:60])
    with pytest.raises(mongod.MongodError):
        machine.mongod.install("8.0", broken)
    assert machine.mongod.version() == "8.0.99"
    assert [path.name for path in machine.mongod.own_binary.parent.iterdir()] == ["mongod"]
