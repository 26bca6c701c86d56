"""Installation problems: temporary ones fail the hook, and permanent ones block the unit."""

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


def test_installed_rsyslog_is_used(event: Any, context: Context, machine: Machine):
    out = context.run(event, testing.State())
    assert out.workload_version == "8.2312.0"
    assert out.unit_status == WAITING
    assert machine.restarts == 0


def test_missing_rsyslog_is_installed(
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


def test_hook_fails_if_the_installation_fails(
    event: Any, context: Context, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def add_package(*_: Any, **__: Any) -> None:
        raise apt.PackageError("Could not get lock /var/lib/dpkg/lock-frontend")

    machine.program.unlink()
    monkeypatch.setattr(apt, "add_package", add_package)
    with pytest.raises(testing.errors.UncaughtCharmError) as failed:
        context.run(event, testing.State())
    assert isinstance(failed.value.__cause__, rsyslog.RsyslogError)


def test_wrong_program_blocks_until_it_is_replaced(event: Any, context: Context, machine: Machine):
    machine.write_program("syslog-ng 4.3")
    out = context.run(event, testing.State())
    message = f"{machine.program} is not rsyslogd: reinstall rsyslog"
    assert out.unit_status == testing.BlockedStatus(message)
    # After an event that the charm does not observe, the status still shows the last problem.
    out = context.run(context.on.leader_elected(), out)
    assert out.unit_status == testing.BlockedStatus(message)
    machine.write_program("rsyslogd  8.2312.0 (aka 2023.12)")
    out = context.run(context.on.update_status(), out)
    assert out.unit_status == WAITING
