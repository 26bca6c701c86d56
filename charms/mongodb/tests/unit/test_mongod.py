"""One mongod without a process: errors of the machine, invalid settings, and old data."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from charmlibs import apt, systemd

import mongod


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> mongod.Mongod:
    """A mongod with all its paths in a folder of the test."""
    for name, value in vars(mongod.Mongod).items():
        if isinstance(value, pathlib.Path):
            monkeypatch.setattr(mongod.Mongod, name, tmp_path / value.relative_to("/"))
            (tmp_path / value.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
    return mongod.Mongod(tmp_path / "storage")


ERRORS = [
    OSError("no space left"),
    subprocess.CalledProcessError(100, "apt-get"),
    subprocess.TimeoutExpired("systemctl", 60),
    apt.PackageError("dpkg is locked"),
    systemd.SystemdError("no bus"),
    KeyError("mongodb"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_machine_error_becomes_mongod_error(
    machine: mongod.Mongod, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def fail(*_: object, **__: object) -> None:
        raise error

    for module, name in (
        (apt, "update"),
        (apt, "remove_package"),
        (systemd, "daemon_reload"),
        (systemd, "service_disable"),
        (mongod.passwd, "add_user"),
    ):
        monkeypatch.setattr(module, name, fail)
    monkeypatch.setattr(mongod.mongodb_repository, "fetch_key", lambda *_: b"a key")
    monkeypatch.setattr(mongod.Mongod, "package_series", lambda self: "8.0")
    machine.config_file.touch()
    machine.unit_file.touch()
    machine.apt_source.touch()
    with pytest.raises(mongod.InstallError, match=r"MongoDB 8\.2"):
        machine.install("8.2", None)
    for act in (
        machine.start,
        machine.stop,
        machine.uninstall,
        lambda: machine.install("8.0", None),
    ):
        with pytest.raises(mongod.MongodError, match="cannot "):
            act()


@pytest.mark.parametrize("config", [None, "", "net: {}", "{"])
def test_state_is_empty_without_valid_settings(machine: mongod.Mongod, config: str | None):
    if config is not None:
        machine.config_file.write_text(config)
    assert machine.state() == ""
    with pytest.raises(mongod.MongodError, match="cannot read the port"):
        machine.hello()


def test_old_data_are_found_only_if_storage_is_empty(machine: mongod.Mongod):
    assert not machine.has_data_outside_storage()
    machine.old_data_dir.mkdir()
    assert not machine.has_data_outside_storage(), "the package creates an empty folder"
    (machine.old_data_dir / "WiredTiger").touch()
    assert machine.has_data_outside_storage()
    machine.data_dir.mkdir(parents=True)
    assert not machine.has_data_outside_storage(), "the data have been moved"
