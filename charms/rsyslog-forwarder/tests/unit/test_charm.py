"""The charm with every event that it observes, and with valid, invalid and missing data."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from conftest import PRINCIPAL, Context, Machine, other_principals, relation
from ops import testing

import rsyslog
from snippets import LogFiles

DATABAG = {"directory": '"/var/log/app"', "files": '["a.log", "b-*.log"]'}
ADVICE = ": set target to forward to a syslog server"
BOTH = f"forwarding syslog and /var/log/app to {PRINCIPAL} itself at 10.0.0.1:514 (udp){ADVICE}"
WAITING = testing.WaitingStatus(f"logging or juju-info: waiting for {PRINCIPAL} to join")


@pytest.fixture
def logs(context: Context) -> Any:
    return relation(context, "logging", 2, DATABAG)


@pytest.fixture
def info(context: Context) -> Any:
    return relation(context, "juju-info", 3)


@pytest.fixture
def state(context: Context, logs: Any, info: Any) -> testing.State:
    """A model with relations with the principal and another application, on both endpoints."""
    others = [*other_principals(context, "logging", 4), *other_principals(context, "juju-info", 5)]
    return testing.State(relations={logs, info, *others})


def without(state: testing.State, *relations: Any) -> testing.State:
    ids = {relation.id for relation in relations}
    return dataclasses.replace(state, relations={r for r in state.relations if r.id not in ids})


def with_databag(state: testing.State, context: Context, databag: dict[str, str]) -> testing.State:
    logs = relation(context, "logging", 2, databag)
    return dataclasses.replace(state, relations={*without(state, logs).relations, logs})


def configured(state: testing.State, **config: str) -> testing.State:
    return dataclasses.replace(state, config=config)


def fail_to_restart(self: rsyslog.Rsyslog) -> None:
    raise rsyslog.RsyslogError("rsyslog does not restart")


def changed(context: Context, relation: Any) -> Any:
    if isinstance(relation, testing.Relation):
        return context.on.relation_changed(relation, remote_unit=1)
    return context.on.relation_changed(relation)


EVENTS = [
    "install",
    "upgrade_charm",
    "config_changed",
    "start",
    "update_status",
    "logging_changed",
    "juju_info_changed",
    "other_changed",
    "app_data_changed",
]


@pytest.mark.parametrize("leader", [True, False])
@pytest.mark.parametrize("name", EVENTS)
def test_every_event_configures_rsyslog(
    name: str,
    leader: bool,
    context: Context,
    machine: Machine,
    state: testing.State,
    logs: Any,
    info: Any,
):
    others = {
        "logging_changed": changed(context, logs),
        "juju_info_changed": changed(context, info),
        # A unit on another machine. Juju 3.6 does not show it.
        "other_changed": context.on.relation_changed(logs, remote_unit=0)
        if isinstance(logs, testing.Relation)
        else changed(context, logs),
        "app_data_changed": context.on.relation_changed(logs),
    }
    event = others[name] if name in others else getattr(context.on, name)()
    before = {relation.id: relation.local_unit_data for relation in state.relations}
    out = context.run(event, dataclasses.replace(state, leader=leader))
    assert out.unit_status == testing.ActiveStatus(BOTH)
    streams = machine.streams()
    assert set(streams) == {"logging-2", "juju-info-3"}
    assert 'file="/var/log/app/a.log" tag="app"' in streams["logging-2"]
    assert 'file="/var/log/app/b-*.log"' in streams["logging-2"]
    assert "imuxsock" not in streams["logging-2"]
    assert "call forwarder.juju-info-3\n" in streams["juju-info-3"]
    assert "/var/log" not in streams["juju-info-3"]
    for text in streams.values():
        assert 'target="10.0.0.1" port="514" protocol="udp"' in text
    assert machine.restarts == 1
    # On Juju 4, writing to a relation of another principal fails the hook and all retries.
    assert {relation.id: relation.local_unit_data for relation in out.relations} == before
    assert not any(relation.local_app_data for relation in out.relations)


def test_second_event_does_not_restart_rsyslog(
    context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.update_status(), context.run(context.on.config_changed(), state))
    assert machine.restarts == 1


def test_stopped_rsyslog_is_restarted(context: Context, machine: Machine, state: testing.State):
    context.run(context.on.config_changed(), state)
    machine.running = False
    out = context.run(context.on.update_status(), state)
    assert machine.running
    assert out.unit_status == testing.ActiveStatus(BOTH)


@pytest.mark.parametrize("endpoint", ["logging", "juju-info"])
def test_related_endpoint_alone_is_forwarded(
    endpoint: str,
    context: Context,
    machine: Machine,
    state: testing.State,
    logs: Any,
    info: Any,
):
    other = info if endpoint == "logging" else logs
    out = context.run(context.on.start(), without(state, other))
    logs_name = {"logging": "/var/log/app", "juju-info": "syslog"}[endpoint]
    assert out.unit_status == testing.ActiveStatus(
        f"forwarding {logs_name} to {PRINCIPAL} itself at 10.0.0.1:514 (udp){ADVICE}"
    )
    assert len(machine.streams()) == 1


@pytest.mark.parametrize("endpoint", ["logging", "juju-info"])
def test_relation_broken_removes_only_that_stream(
    endpoint: str,
    context: Context,
    machine: Machine,
    state: testing.State,
    logs: Any,
    info: Any,
):
    context.run(context.on.start(), state)
    broken, kept = (logs, info) if endpoint == "logging" else (info, logs)
    out = context.run(context.on.relation_broken(broken), state)
    assert set(machine.streams()) == {f"{kept.endpoint}-{kept.id}"}
    assert machine.restarts == 2
    assert isinstance(out.unit_status, testing.ActiveStatus)


@pytest.mark.parametrize("event", ["stop", "remove"])
def test_stop_and_remove_remove_all_snippets(
    event: str, context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.start(), state)
    context.run(getattr(context.on, event)(), testing.State())
    assert list(machine.snippets.iterdir()) == []
    assert machine.restarts == 2


@pytest.mark.parametrize("event", ["stop", "remove"])
def test_removal_succeeds_if_rsyslog_does_not_restart(
    event: str,
    context: Context,
    machine: Machine,
    state: testing.State,
    monkeypatch: pytest.MonkeyPatch,
):
    context.run(context.on.start(), state)
    monkeypatch.setattr(rsyslog.Rsyslog, "restart", fail_to_restart)
    context.run(getattr(context.on, event)(), testing.State())
    assert list(machine.snippets.iterdir()) == []


class TestDepartures:
    """On Juju 4, units of all machines depart. Only the departure of the principal matters."""

    @pytest.fixture(params=["4.0.15"])
    def juju(self, request: pytest.FixtureRequest) -> str:
        return request.param

    def test_departure_of_a_unit_on_another_machine_changes_nothing(
        self, context: Context, machine: Machine, state: testing.State, logs: Any
    ):
        context.run(context.on.start(), state)
        event = context.on.relation_departed(logs, remote_unit=0, departing_unit=0)
        out = context.run(event, state)
        assert out.unit_status == testing.ActiveStatus(BOTH)
        assert machine.restarts == 1

    @pytest.mark.parametrize("endpoint", ["logging", "juju-info"])
    def test_departure_of_the_principal_ends_the_forwarding(
        self,
        endpoint: str,
        context: Context,
        machine: Machine,
        state: testing.State,
        logs: Any,
        info: Any,
    ):
        context.run(context.on.start(), state)
        broken = logs if endpoint == "logging" else info
        others = {0: broken.remote_units_data[0], 2: broken.remote_units_data[2]}
        departed = dataclasses.replace(broken, remote_units_data=others)
        state = dataclasses.replace(state, relations={departed})
        out = context.run(context.on.relation_departed(departed, remote_unit=0), state)
        assert machine.streams() == {}
        assert out.unit_status == WAITING


class TestNoPrincipal:
    """On Juju 4, `juju add-unit` can add a subordinate unit without a principal."""

    @pytest.fixture
    def principal(self) -> None:
        return None

    def test_unit_is_blocked_and_forwards_nothing(
        self, context: Context, machine: Machine, state: testing.State
    ):
        out = context.run(context.on.start(), state)
        assert out.unit_status == testing.BlockedStatus("remove this unit: it has no principal")
        assert machine.streams() == {}


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("logs.example.com", "logs.example.com", 514),
        ("logs.example.com:1514", "logs.example.com", 1514),
        ("192.0.2.7:65535", "192.0.2.7", 65535),
        ("[2001:db8::7]:1514", "2001:db8::7", 1514),
        ("[2001:db8::7]", "2001:db8::7", 514),
        ("a_b", "a_b", 514),
    ],
)
def test_target_option_sets_the_destination(
    target: str, host: str, port: int, context: Context, machine: Machine, state: testing.State
):
    out = context.run(context.on.config_changed(), configured(state, target=target))
    assert len(machine.streams()) == 2
    for text in machine.streams().values():
        assert f'target="{host}" port="{port}" ' in text
    shown = f"[{host}]" if ":" in host else host
    message = f"forwarding syslog and /var/log/app to {shown}:{port} (udp)"
    assert out.unit_status.message == message


@pytest.mark.parametrize(
    "target",
    [
        "not a host",
        "2001:db8::7",
        "[2001:db8::7",
        "[192.0.2.7]",
        "[fe80::1%eth0]",
        "192.0.2.300",
        "host:",
        "host:0",
        "host:65536",
        "host:99999999",
        "-host",
        'h" port="1',
        "host\n",
        "a" * 64,
    ],
)
def test_last_valid_target_stays_if_the_option_is_invalid(
    target: str, context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.start(), configured(state, target="192.0.2.7"))
    before = machine.streams()
    out = context.run(context.on.config_changed(), configured(state, target=target))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert out.unit_status.message.startswith("config option target: ")
    assert machine.streams() == before
    assert machine.restarts == 1


def test_stream_is_removed_even_if_an_option_is_invalid(
    context: Context, machine: Machine, state: testing.State, logs: Any
):
    context.run(context.on.start(), state)
    context.run(context.on.relation_broken(logs), configured(state, target="not a host"))
    assert set(machine.streams()) == {"juju-info-3"}


def test_messages_over_tcp_wait_in_a_queue_on_disk(
    context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.start(), configured(state, protocol="tcp"))
    for name, text in machine.streams().items():
        assert 'protocol="tcp"' in text
        assert f'queue.filename="forwarder.{name}"' in text


@pytest.mark.parametrize("joined", [True, False])
def test_unknown_protocol_blocks_the_unit(joined: bool, context: Context, state: testing.State):
    state = state if joined else testing.State()
    out = context.run(context.on.start(), configured(state, protocol="TLS"))
    assert out.unit_status == testing.BlockedStatus(
        "config option protocol: Input should be 'udp' or 'tcp'"
    )


@pytest.mark.parametrize(
    ("databag", "missing"),
    [
        ({}, "directory"),
        ({"directory": "null", "files": "null"}, "directory"),
        ({"files": '["a.log"]'}, "directory"),
        ({"directory": '"/var/log/app"'}, "files"),
        ({"directory": '"/var/log/app"', "files": "[]"}, "files"),
    ],
)
def test_unit_waits_for_missing_fields(
    databag: dict[str, str], missing: str, context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.start(), state)
    out = context.run(context.on.update_status(), with_databag(state, context, databag))
    assert out.unit_status == testing.WaitingStatus(
        f"logging: waiting for {PRINCIPAL} to send {missing}"
    )
    # The charm no longer follows the files that were in the databag before.
    assert set(machine.streams()) == {"juju-info-3"}


@pytest.mark.parametrize(
    ("databag", "field"),
    [
        ({"directory": "/var/log/\x01"}, "directory"),
        ({"directory": "7"}, "directory"),
        ({"directory": '"relative"'}, "directory"),
        ({"directory": '"/var/../etc"'}, "directory"),
        ({"directory": '"/var/log/a\\" tag=\\"b"'}, "directory"),
        ({"directory": '"/var/log/$x"'}, "directory"),
        ({"directory": '"/var/log/*"'}, "directory"),
        ({"directory": '"/var/log/`x`"'}, "directory"),
        ({"files": '"a.log"'}, "files"),
        ({"files": "[7]"}, "files"),
        ({"files": "a.log"}, "files"),
        ({"files": '["../a.log"]'}, "files"),
        ({"files": '[".."]'}, "files"),
        ({"files": '["a.log\\n"]'}, "files"),
        ({"files": '["a$b"]'}, "files"),
        ({"files": '["a\\\\b"]'}, "files"),
        ({"files": "[" * 100_000}, "files"),
        ({"directory": '"/var/log"', "files": '["*.log", "sys*"]'}, "files"),
    ],
)
def test_invalid_field_blocks_and_the_last_valid_data_stay(
    databag: dict[str, str], field: str, context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.start(), state)
    followed = machine.streams()["logging-2"]
    bad = configured(with_databag(state, context, DATABAG | databag), target="192.0.2.7")
    out = context.run(context.on.update_status(), bad)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    message = f"logging: {PRINCIPAL} sent an invalid {field}"
    assert out.unit_status.message.startswith(message)
    assert machine.streams()["logging-2"] == followed
    # An invalid relation does not affect the other relation.
    assert 'target="192.0.2.7"' in machine.streams()["juju-info-3"]
    warnings = [log.message for log in context.juju_log if log.level == "WARNING"]
    assert out.unit_status.message in warnings


def test_unknown_fields_are_ignored(context: Context, machine: Machine, state: testing.State):
    more = with_databag(state, context, DATABAG | {"rotated-by": "logrotate"})
    out = context.run(context.on.update_status(), more)
    assert out.unit_status == testing.ActiveStatus(BOTH)


def test_two_relations_on_one_endpoint_are_both_forwarded(
    context: Context, machine: Machine, state: testing.State
):
    databag = {"directory": '"/var/log/audit"', "files": '["audit.log"]'}
    second = relation(context, "logging", 9, databag)
    state = dataclasses.replace(state, relations={*state.relations, second})
    context.run(context.on.update_status(), state)
    assert set(machine.streams()) == {"logging-2", "logging-9", "juju-info-3"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("", testing.WaitingStatus(f"juju-info: waiting for {PRINCIPAL} to send ingress-address")),
        (
            'x" y',
            testing.BlockedStatus(
                f"juju-info: {PRINCIPAL} sent an invalid ingress-address: "
                "'x\" y' is neither a host name nor an address"
            ),
        ),
    ],
)
def test_missing_or_invalid_address_of_the_principal_is_named(
    address: str, status: testing.WaitingStatus, context: Context, machine: Machine
):
    info = relation(context, "juju-info", 3, {"ingress-address": address})
    out = context.run(context.on.update_status(), testing.State(relations={info}))
    assert out.unit_status == status
    assert machine.streams() == {}


def test_ipv6_address_is_shown_in_brackets(context: Context, machine: Machine):
    info = relation(context, "juju-info", 3, {"ingress-address": "2001:db8::7"})
    out = context.run(context.on.update_status(), testing.State(relations={info}))
    assert out.unit_status == testing.ActiveStatus(
        f"forwarding syslog to {PRINCIPAL} itself at [2001:db8::7]:514 (udp){ADVICE}"
    )


def test_each_endpoint_uses_its_own_address(context: Context, machine: Machine):
    logs = relation(context, "logging", 2, DATABAG)
    info = relation(context, "juju-info", 3, {"ingress-address": "10.9.9.9"})
    out = context.run(context.on.update_status(), testing.State(relations={logs, info}))
    assert out.unit_status == testing.ActiveStatus(
        f"forwarding syslog to {PRINCIPAL} itself at 10.9.9.9:514 (udp), "
        f"/var/log/app to {PRINCIPAL} itself at 10.0.0.1:514 (udp){ADVICE}"
    )


def test_refused_configuration_is_not_installed(
    context: Context, machine: Machine, state: testing.State
):
    context.run(context.on.start(), state)
    before = machine.streams()
    machine.refuses = "rsyslogd refuses the configuration: bad"
    out = context.run(context.on.config_changed(), configured(state, target="192.0.2.7"))
    assert out.unit_status == testing.BlockedStatus(machine.refuses)
    assert machine.streams() == before
    assert machine.restarts == 1
    machine.refuses = ""
    out = context.run(context.on.update_status(), configured(state, target="192.0.2.7"))
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_failed_restart_is_shown_and_retried(
    context: Context, machine: Machine, state: testing.State, monkeypatch: pytest.MonkeyPatch
):
    context.run(context.on.start(), state)
    before = machine.streams()
    state = configured(state, target="192.0.2.7")
    with monkeypatch.context() as patch:
        patch.setattr(rsyslog.Rsyslog, "restart", fail_to_restart)
        out = context.run(context.on.config_changed(), state)
    assert out.unit_status == testing.BlockedStatus("rsyslog does not restart")
    assert machine.streams() == before  # rsyslog still uses these.
    out = context.run(context.on.update_status(), state)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert 'target="192.0.2.7"' in machine.streams()["logging-2"]


def test_full_disk_is_shown_and_removal_succeeds(
    context: Context, machine: Machine, state: testing.State, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    context.run(context.on.start(), state)
    with monkeypatch.context() as patch:
        patch.setattr(rsyslog, "_write", fail)
        out = context.run(context.on.config_changed(), configured(state, target="192.0.2.7"))
        assert out.unit_status == testing.BlockedStatus(
            "cannot configure rsyslog: [Errno 28] No space left on device"
        )
        context.run(context.on.stop(), testing.State())
        context.run(context.on.remove(), testing.State())
    assert machine.streams() == {}


def test_unobserved_event_shows_the_status_of_the_last_hook(
    context: Context, machine: Machine, state: testing.State, monkeypatch: pytest.MonkeyPatch
):
    machine.refuses = "rsyslogd refuses the configuration: bad"
    out = context.run(context.on.start(), state)
    monkeypatch.delattr(rsyslog.Rsyslog, "check")  # Status handlers start no program.
    out = context.run(context.on.leader_elected(), dataclasses.replace(out, leader=True))
    assert out.unit_status == testing.BlockedStatus(machine.refuses)


def test_status_waits_until_a_hook_has_configured_rsyslog(
    context: Context, machine: Machine, state: testing.State
):
    out = context.run(context.on.leader_elected(), dataclasses.replace(state, leader=True))
    assert out.unit_status == testing.WaitingStatus(
        "rsyslog: waiting for the next hook to configure it"
    )


@pytest.mark.parametrize(
    ("names", "followed"),
    [
        (["*.log", "a.log"], ["*.log"]),
        (["*.log", "?.log"], ["*.log", "?.log"]),
        (["*", "a*", "b"], ["*"]),
        (["a*", "*b"], ["a*", "*b"]),
    ],
)
def test_file_that_matches_a_wider_pattern_is_not_followed_twice(
    names: list[str], followed: list[str]
):
    files = LogFiles("/srv", tuple(names), tag="app")
    assert files.paths() == [f"/srv/{name}" for name in followed]


def test_folder_with_the_name_of_a_snippet_is_ignored(
    context: Context, machine: Machine, state: testing.State
):
    (machine.snippets / "old.conf").mkdir()
    out = context.run(context.on.start(), state)
    assert out.unit_status == testing.ActiveStatus(BOTH)
