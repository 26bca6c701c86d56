"""The workload module: its errors, and its recovery after a killed hook."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import pytest
from charmlibs import apt, systemd
from conftest import Machine

import rsyslog
from snippets import Destination, Forward, LogFiles

TARGET = Destination("192.0.2.7")


def files(directory: str) -> Forward:
    return Forward(TARGET, "tcp", LogFiles(directory, ("a.log",), tag="app"))


class KilledError(BaseException):
    """The hook's process is killed here."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that kills `configure` before step n, and returns whether it did so."""

    def configure(step: int, streams: dict[str, Forward | None]) -> bool:
        steps_left = step

        def killed_at_step(method: Any) -> Any:
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                nonlocal steps_left
                steps_left -= 1
                if steps_left < 0:
                    raise KilledError
                return method(*args, **kwargs)

            return wrapped

        with monkeypatch.context() as patch:
            for owner, name in (
                (pathlib.Path, "write_text"),
                (pathlib.Path, "replace"),
                (pathlib.Path, "unlink"),
                (rsyslog.Rsyslog, "restart"),
            ):
                patch.setattr(owner, name, killed_at_step(getattr(owner, name)))
            try:
                rsyslog.Rsyslog("forwarder").configure(streams)
            except KilledError:
                return True
        return False

    return configure


def test_next_hook_recovers_from_a_hook_killed_at_any_step(machine: Machine, kill_at: Any):
    old = {"logging-1": files("/srv/old"), "juju-info-2": Forward(TARGET, "tcp")}
    new: dict[str, Forward | None] = {"logging-1": files("/srv/new")}
    queue = machine.spool / "forwarder.juju-info-2.00000001"
    state = machine.spool / "imfile-state:1"
    step, killed = 0, True
    while killed:
        rsyslog.Rsyslog("forwarder").configure(old)
        queue.touch()
        state.write_text(json.dumps({"filename": "/srv/old/a.log"}))
        killed = kill_at(step, new)
        next_hook = rsyslog.Rsyslog("forwarder")
        next_hook.configure(new)
        assert next_hook.runs_with(new)
        assert machine.loaded == machine.files(), f"step {step}"
        assert [path.name for path in machine.spool.iterdir()] == ["juju-loaded.json"]
        assert "/srv/new/" in machine.files()["40-forwarder.logging-1.conf"]
        assert "/srv/new/" in machine.files()["juju-forwarder"]
        step += 1
    assert step > 10


def test_after_a_failed_restart_rsyslog_restarts_with_the_last_valid_configuration(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    forwarder = rsyslog.Rsyslog("forwarder")
    forwarder.configure({"logging-1": files("/srv/old")})
    restart = rsyslog.Rsyslog.restart

    def fail_with_the_new_snippet(self: rsyslog.Rsyslog) -> None:
        machine.loaded = {}
        if any("/srv/new/" in text for text in machine.files().values()):
            raise rsyslog.RsyslogError("rsyslog does not restart")
        restart(self)

    monkeypatch.setattr(rsyslog.Rsyslog, "restart", fail_with_the_new_snippet)
    with pytest.raises(rsyslog.RsyslogError):
        forwarder.configure({"logging-1": files("/srv/new")})
    assert machine.loaded == machine.files() != {}


def test_missing_apparmor_rules_are_written_and_loaded_again(machine: Machine):
    forwarder = rsyslog.Rsyslog("forwarder")
    streams: dict[str, Forward | None] = {"logging-1": files("/srv/app")}
    forwarder.configure(streams)
    (machine.apparmor / "juju-forwarder").unlink()
    assert not forwarder.runs_with(streams)
    forwarder.configure(streams)
    assert machine.loaded == machine.files()
    assert "juju-forwarder" in machine.loaded


def test_restart_loads_the_snippets_of_all_applications_on_the_machine(machine: Machine):
    one, other = rsyslog.Rsyslog("one"), rsyslog.Rsyslog("other")
    one.configure({"juju-info-1": Forward(TARGET, "udp")})
    other.configure({"logging-2": files("/srv/app")})
    one.configure({"juju-info-1": Forward(TARGET, "udp")})
    assert machine.restarts == 2
    assert machine.loaded == machine.files()


def test_no_file_is_left_after_the_last_stream(machine: Machine):
    forwarder = rsyslog.Rsyslog("forwarder")
    forwarder.configure({"logging-1": files("/srv/app")})
    forwarder.configure({})
    assert machine.loaded == {}
    assert [path for path in machine.folder.rglob("*") if path.is_file()] == [machine.program]


def test_full_disk_raises_a_documented_error(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_text", fail)
    with pytest.raises(rsyslog.RsyslogError, match=r"cannot configure rsyslog: .*No space left"):
        rsyslog.Rsyslog("forwarder").configure({"juju-info-1": Forward(TARGET, "udp")})


@pytest.mark.parametrize(
    "error",
    [
        apt.PackageError("no such package"),
        subprocess.CalledProcessError(100, ["apt-get", "update"]),
        FileNotFoundError("apt-get"),
    ],
    ids=repr,
)
def test_install_raises_only_documented_errors(error: Exception, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(apt, "add_package", fail)
    with pytest.raises(rsyslog.RsyslogError, match="cannot install rsyslog"):
        rsyslog.Rsyslog("forwarder").install()


@pytest.mark.parametrize(
    "error", [systemd.SystemdError("failed"), FileNotFoundError("systemctl")], ids=repr
)
def test_restart_raises_only_documented_errors(error: Exception, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(systemd, "service_restart", fail)
    with pytest.raises(rsyslog.RsyslogError, match="see journalctl -u rsyslog"):
        rsyslog.Rsyslog("forwarder").restart()


def not_a_program(program: pathlib.Path) -> None:
    program.write_text("text")


def another_program(program: pathlib.Path) -> None:
    program.write_text("#!/bin/sh\necho syslog-ng 4.3\n")


def not_executable(program: pathlib.Path) -> None:
    program.chmod(0o644)


@pytest.mark.parametrize(
    "broken", [not_a_program, another_program, not_executable, pathlib.Path.unlink]
)
def test_unusable_rsyslogd_is_named_in_the_error(broken: Any, machine: Machine):
    broken(machine.program)
    with pytest.raises(rsyslog.UnusableRsyslogError, match=str(machine.program)):
        rsyslog.Rsyslog("forwarder").version()
