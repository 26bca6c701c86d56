"""What cannot be installed: what may pass fails the hook, what the operator must mend blocks."""

from __future__ import annotations

from typing import Any

import pytest
from charmlibs import apt
from conftest import PRINCIPAL, Context, Machine
from ops import testing

import rsyslog

WAITING = testing.WaitingStatus(f"logging or juju-info: waiting for {PRINCIPAL} to join")
EVENTS = ["install", "upgrade_charm", "config_changed", "update_status"]


@pytest.fixture(params=EVENTS)
def event(request: pytest.FixtureRequest, context: Context) -> Any:
    return getattr(context.on, request.param)()


def test_rsyslog_that_the_machine_has_is_used(event: Any, context: Context, machine: Machine):
    out = context.run(event, testing.State())
    assert out.workload_version == "8.2312.0"
    assert out.unit_status == WAITING
    assert machine.restarts == 0


def test_rsyslog_is_installed_where_there_is_none(
    event: Any, context: Context, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def add_package(name: str, **_: Any) -> None:
        assert name == "rsyslog"
        machine.write_program("rsyslogd  8.2312.0 (aka 2023.12)")

    machine.program.unlink()
    monkeypatch.setattr(apt, "add_package", add_package)
    out = context.run(event, testing.State())
    assert out.workload_version == "8.2312.0"
    assert testing.MaintenanceStatus("installing rsyslog") in context.unit_status_history
    assert out.unit_status == WAITING


def test_hook_fails_while_it_cannot_be_installed(
    event: Any, context: Context, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def add_package(*_: Any, **__: Any) -> None:
        raise apt.PackageError("Could not get lock /var/lib/dpkg/lock-frontend")

    machine.program.unlink()
    monkeypatch.setattr(apt, "add_package", add_package)
    with pytest.raises(testing.errors.UncaughtCharmError) as failed:
        context.run(event, testing.State())
    assert isinstance(failed.value.__cause__, rsyslog.RsyslogError)


def test_rsyslogd_that_is_another_program_blocks_until_it_is_mended(
    event: Any, context: Context, machine: Machine
):
    machine.write_program("syslog-ng 4.3")
    out = context.run(event, testing.State())
    message = f"{machine.program} is not rsyslogd: reinstall rsyslog"
    assert out.unit_status == testing.BlockedStatus(message)
    # Also in a hook that nobody observes: status reads what the last hook has noted.
    out = context.run(context.on.leader_elected(), out)
    assert out.unit_status == testing.BlockedStatus(message)
    machine.write_program("rsyslogd  8.2312.0 (aka 2023.12)")
    out = context.run(context.on.update_status(), out)
    assert out.unit_status == WAITING
