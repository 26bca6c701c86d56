"""One mongod: installation, service, settings, and the initiation of a replica set."""

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
from machines import KEY, PASSWORD, PORT, REPLSET, Machine, another_build, replica_set, until
from replica_set import fetch_config, holds_data


def listening(machine: Machine) -> set[str]:
    pid = int((machine.mongod.run_dir / "mongod.pid").read_text())
    connections = psutil.Process(pid).net_connections("tcp")
    return {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}


def test_initiated_mongod_is_primary(machine: Machine):
    machine.initiate()
    assert machine.mongod.state() == "primary"
    with replica_set(machine) as rs:
        assert rs.status() == [
            {"host": machine.host, "unit": "mongodb/0", "state": "PRIMARY", "lag": 0.0}
        ]


def test_second_initiation_changes_nothing(machine: Machine):
    machine.initiate()
    machine.mongod.initiate(REPLSET, machine.unit, machine.host, "another password")
    with replica_set(machine) as rs:
        assert list(rs.users()) == [mongod.OPERATOR]


def test_initiation_continues_after_interruption(machine: Machine):
    machine.run()
    config = {"_id": REPLSET, "members": [{"_id": 0, "host": machine.host}]}
    with machine.mongod._connect() as client:
        client.admin.command("replSetInitiate", config)
    machine.mongod._wait_for("primary", lambda hello: hello["isWritablePrimary"], 10)
    assert machine.mongod.holds_data()
    assert holds_data(machine.host, PASSWORD)
    machine.mongod.initiate(REPLSET, machine.unit, machine.host, PASSWORD)
    with replica_set(machine) as rs:
        assert list(rs.users()) == [mongod.OPERATOR]


def test_client_without_user_cannot_write(machine: Machine):
    machine.initiate()
    with (
        MongoClient(machine.host, directConnection=True) as client,
        pytest.raises(OperationFailure, match="auth"),
    ):
        client.test.notes.insert_one({})


def test_administrator_reads_data_only_after_granting_itself_role(machine: Machine):
    machine.initiate()
    with MongoClient(machine.host, username=mongod.OPERATOR, password=PASSWORD) as client:
        with pytest.raises(OperationFailure, match="not authorized"):
            client.test.notes.find_one()
        client.admin.command("grantRolesToUser", mongod.OPERATOR, roles=["readAnyDatabase"])
        assert client.test.notes.find_one() is None


def test_listens_only_on_its_own_address(machine: Machine):
    machine.run()
    assert listening(machine) == {machine.address}


def test_other_users_cannot_read_secret_files(machine: Machine):
    machine.run()
    assert stat.S_IMODE(machine.mongod.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(machine.mongod.data_dir.stat().st_mode) == 0o700
    socket = machine.mongod.run_dir / f"mongodb-{PORT}.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert KEY not in " ".join(psutil.Process(pid_of(machine)).cmdline())


def pid_of(machine: Machine) -> int:
    return int((machine.mongod.run_dir / "mongod.pid").read_text())


def test_changed_settings_or_program_are_noticed(machine: Machine, tmp_path: pathlib.Path):
    machine.run()
    here, first = machine.mongod, pid_of(machine)
    assert here.is_up_to_date()
    here.configure(machine.address, PORT, KEY, REPLSET)
    assert here.is_up_to_date(), "nothing has changed"
    here.configure(machine.address, PORT + 1, KEY, REPLSET)
    assert not here.is_up_to_date(), "the settings have changed"
    here.configure(machine.address, PORT, KEY, REPLSET)
    assert here.is_up_to_date(), "mongod uses these settings"
    here.install("8.0", another_build(machine, tmp_path))
    assert not here.is_up_to_date(), "the program has changed"
    assert pid_of(machine) == first, "the old program still runs"
    machine.run()
    assert pid_of(machine) != first
    assert here.is_up_to_date()
    # systemd also restarts mongod after a crash. Then no file has changed.
    here.stop()
    assert not here.is_up_to_date()
    here.start()
    here.wait_until_it_answers()
    assert here.is_up_to_date()


def test_new_mongod_has_no_data(machine: Machine):
    machine.run()
    assert not machine.mongod.holds_data()
    assert not holds_data(machine.host, PASSWORD)
    with pytest.raises(OperationFailure, match="Authentication failed"):
        fetch_config(machine.host, PASSWORD)
    machine.mongod.initiate(REPLSET, machine.unit, machine.host, PASSWORD)
    assert machine.mongod.holds_data()
    assert holds_data(machine.host, PASSWORD)


def test_killed_mongod_is_started_again(machine: Machine):
    machine.initiate()
    psutil.Process(pid_of(machine)).kill()
    until(lambda: not machine.mongod.is_running())
    assert machine.mongod.state() == ""
    machine.run()
    machine.mongod._wait_for("primary", lambda hello: hello["isWritablePrimary"], 10)


def test_error_when_mongod_does_not_start(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.mongod.install("8.0", None)
    here = machine.mongod
    wait_for = here._wait_for
    monkeypatch.setattr(here, "_wait_for", lambda *args, seconds: wait_for(*args, seconds=0.2))
    here.configure(machine.address, PORT, "!", REPLSET)
    here.start()
    with pytest.raises(mongod.MongodError, match="no answer"):
        here.wait_until_it_answers()


def test_uninstall_keeps_only_data(machine: Machine):
    machine.initiate()
    pid = pid_of(machine)
    machine.mongod.stop()
    machine.mongod.uninstall()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    left = {path for path in machine.folder.rglob("*") if not path.is_dir()}
    assert {path.relative_to(machine.folder).parts[0] for path in left} == {"storage"}
    machine.run()
    assert machine.mongod.holds_data()


def test_credentials_are_saved_with_data(machine: Machine):
    assert machine.mongod.saved_credentials() is None
    machine.run()
    credentials = mongod.Credentials(REPLSET, "6b06a91f9c9debd1f82f156d", "8.0", KEY, PASSWORD)
    machine.mongod.save_credentials(credentials)
    assert machine.mongod.saved_credentials() == credentials
    assert PASSWORD not in repr(credentials)
    assert stat.S_IMODE(machine.mongod.credentials_file.stat().st_mode) == 0o600
    for text in ("", "[]", '{"replset": "mongodb"}', '{"more": 1}'):
        machine.mongod.credentials_file.write_text(text)
        with pytest.raises(mongod.UnusableMongodError, match=r"credentials\.json"):
            machine.mongod.saved_credentials()


def test_stop_and_uninstall_succeed_without_mongod(machine: Machine):
    machine.mongod.stop()
    machine.mongod.uninstall()


@pytest.fixture
def small_mongod(tmp_path: pathlib.Path) -> pathlib.Path:
    """A small program that prints a version like mongod, and does nothing else."""
    program = tmp_path / "mongod"
    program.write_text('#!/bin/sh\necho "db version v8.0.99"\n')
    return program


def test_binary_from_resource_is_installed_once(machine: Machine, small_mongod: pathlib.Path):
    machine.mongod.install("8.0", small_mongod)
    assert machine.mongod.binary == machine.mongod.custom_binary
    assert machine.mongod.version() == "8.0.99"
    number = machine.mongod.custom_binary.stat().st_ino
    machine.mongod.install("8.0", small_mongod)
    assert machine.mongod.custom_binary.stat().st_ino == number, "the file was not replaced"


@pytest.mark.parametrize(
    ("version", "refusal"),
    [("7.0.1", "cannot be downgraded from 8.0 to 7.0"), ("10.0.0", "upgrade to 9.0 first")],
)
def test_resource_of_refused_series_keeps_installed_mongod(
    machine: Machine, small_mongod: pathlib.Path, version: str, refusal: str
):
    machine.mongod.install("8.0", small_mongod)
    small_mongod.write_text(f'#!/bin/sh\necho "db version v{version}"\n')
    with pytest.raises(mongod.UnusableMongodError, match=refusal):
        machine.mongod.install("8.0", small_mongod)
    assert machine.mongod.version() == "8.0.99"
    small_mongod.write_text('#!/bin/sh\necho "db version v9.0.1"\n')
    machine.mongod.install("8.0", small_mongod)
    assert machine.mongod.version() == "9.0.1"


def test_package_of_other_series_replaces_package(machine: Machine):
    machine.mongod.install("7.0", None)
    assert machine.mongod.package_series() == "7.0"
    machine.mongod.install("8.0", None)
    assert machine.mongod.package_series() == "8.0"


def test_mongod_from_resource_tgz_runs(machine: Machine, tmp_path: pathlib.Path):
    machine.mongod.install_package("8.0")
    archive = tmp_path / "mongod.tgz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        real = os.fspath(machine.mongod.packaged_binary.resolve())
        tar.add(real, "mongodb-linux-x86_64/bin/mongod")
    machine.mongod.remove_package()
    machine.mongod.install("8.0", archive)
    machine.run()
    assert pathlib.Path(psutil.Process(pid_of(machine)).exe()) == machine.mongod.custom_binary


def tgz(path: pathlib.Path, name: str) -> pathlib.Path:
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def test_unusable_resource_keeps_installed_mongod(
    machine: Machine, small_mongod: pathlib.Path, tmp_path: pathlib.Path
):
    machine.mongod.install("8.0", small_mongod)
    (tmp_path / "text").write_text("no program\n")
    with pytest.raises(mongod.MongodError, match="not a mongod"):
        machine.mongod.install("8.0", tmp_path / "text")
    with pytest.raises(mongod.MongodError, match="has no file named mongod"):
        machine.mongod.install("8.0", tgz(tmp_path / "a.tgz", "bin/mongos"))
    with pytest.raises(mongod.MongodError, match="not a mongod"):
        machine.mongod.install("8.0", tgz(tmp_path / "b.tgz", "bin/mongod"))
    broken = tmp_path / "c.tgz"
    broken.write_bytes(tgz(tmp_path / "d.tgz", "bin/mongod").read_bytes()[:60])
    with pytest.raises(mongod.MongodError):
        machine.mongod.install("8.0", broken)
    assert machine.mongod.version() == "8.0.99"
    assert [path.name for path in machine.mongod.custom_binary.parent.iterdir()] == ["mongod"]
