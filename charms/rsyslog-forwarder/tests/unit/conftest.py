"""A fake machine that starts no program, for unit tests of the charm."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml
from ops import testing

import rsyslog
from charm import RsyslogForwarderCharm

ROOT = pathlib.Path(__file__).parents[2]
PRINCIPAL = "app/1"

Context = testing.Context[RsyslogForwarderCharm]


class Machine:
    """The files on the machine, and the state of rsyslog."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.snippets = folder / "rsyslog.d"
        self.spool = folder / "spool"
        self.apparmor = folder / "apparmor"
        for each in (self.snippets, self.spool, self.apparmor):
            each.mkdir()
        self.program = folder / "rsyslogd"
        self.write_program("rsyslogd  8.2312.0 (aka 2023.12) compiled with:")
        self.restarts = 0
        self.loaded: dict[str, str] = {}
        """The files of the last restart."""
        self.running = True
        self.refuses = ""
        """The error with which rsyslogd refuses the configuration. Empty: it accepts it."""

    def write_program(self, version: str) -> None:
        """Install an rsyslogd that prints this version."""
        self.program.write_text(f"#!/bin/sh\necho '{version}'\n")
        self.program.chmod(0o755)

    def files(self) -> dict[str, str]:
        """Return the text of all files that rsyslog loads."""
        files = [*self.snippets.glob("*.conf"), *self.apparmor.iterdir()]
        return {file.name: file.read_text() for file in files if file.is_file()}

    def streams(self) -> dict[str, str]:
        """Return the text of the charm's snippets, by the name of the stream."""
        files = self.snippets.glob("40-forwarder.*.conf")
        return {file.name.split(".")[1]: file.read_text() for file in files}


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)

    def restart(self: rsyslog.Rsyslog) -> None:
        machine.restarts += 1
        machine.running = True
        machine.loaded = machine.files()

    def check(self: rsyslog.Rsyslog, snippets: dict[str, str]) -> None:
        if machine.refuses:
            raise rsyslog.RsyslogError(machine.refuses)

    monkeypatch.setattr(rsyslog.Rsyslog, "restart", restart)
    monkeypatch.setattr(rsyslog.Rsyslog, "is_running", lambda self: machine.running)
    monkeypatch.setattr(rsyslog.Rsyslog, "program", machine.program)
    monkeypatch.setattr(rsyslog.Rsyslog, "check", check)
    monkeypatch.setattr(rsyslog.Rsyslog, "main_file", tmp_path / "rsyslog.conf")
    monkeypatch.setattr(rsyslog.Rsyslog, "snippet_dir", machine.snippets)
    monkeypatch.setattr(rsyslog.Rsyslog, "spool_dir", machine.spool)
    monkeypatch.setattr(rsyslog.Rsyslog, "apparmor_dir", machine.apparmor)
    return machine


@pytest.fixture(params=["3.6.28", "4.0.15"])
def juju(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def principal() -> str | None:
    return PRINCIPAL


@pytest.fixture
def context(machine: Machine, juju: str, principal: str | None) -> Context:
    """The forwarder with its principal, and with relations as in this version of Juju."""
    meta: dict[str, Any] = yaml.safe_load((ROOT / "charmcraft.yaml").read_text())
    config = meta.pop("config")
    if juju.startswith("4"):
        # With a scope, ops.testing allows only one remote unit. But Juju 4 shows all units.
        for endpoint in meta["requires"].values():
            del endpoint["scope"]
    return testing.Context(
        RsyslogForwarderCharm,
        meta=meta,
        config=config,
        app_name="forwarder",
        unit_id=3,
        juju_version=juju,
        principal_unit=principal,
    )


@pytest.fixture
def interface_setup(machine: Machine) -> tuple[Context, testing.State]:
    """Return the context and the state for the tests of this charm's interfaces."""
    context = testing.Context(
        RsyslogForwarderCharm, app_name="forwarder", principal_unit=PRINCIPAL
    )
    return context, testing.State()


def relation(
    context: Context, endpoint: str, number: int, databag: dict[str, str] | None = None
) -> testing.RelationBase:
    """Return a relation with `app`, whose unit app/1 has `databag`.

    On Juju 4 the relation also shows app/0 and app/2, which are on other machines.
    """
    address = {"ingress-address": "10.0.0.1"}
    databag = address | (databag or {})
    if context.juju_version.startswith("3"):
        return testing.SubordinateRelation(
            endpoint, id=number, remote_app_name="app", remote_unit_id=1, remote_unit_data=databag
        )
    other = databag | {"ingress-address": "10.0.0.9"}
    if "directory" in databag:
        other["directory"] = '"/var/log/other"'
    return testing.Relation(
        endpoint,
        id=number,
        remote_app_name="app",
        remote_units_data={0: other, 1: databag, 2: other},
    )


def other_principals(context: Context, endpoint: str, number: int) -> list[testing.RelationBase]:
    """Return the relation with another principal. On Juju 3.6 the unit does not see it."""
    if context.juju_version.startswith("3"):
        return []
    databag = {"ingress-address": "10.0.0.8", "directory": '"/var/log/x"', "files": '["x.log"]'}
    units = {0: databag, 1: databag}
    return [testing.Relation(endpoint, id=number, remote_app_name="web", remote_units_data=units)]
