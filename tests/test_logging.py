"""The forwarder sends logs to a syslog server, over both kinds of relation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloud import Cloud, wait_until
from syslog_receiver import SyslogReceiver
from website import Website


@pytest.fixture(scope="module")
def receiver(bundle: Cloud) -> Iterator[SyslogReceiver]:
    with SyslogReceiver(bundle.receiver_address("mongodb/0")).running() as receiver:
        bundle.juju.config("rsyslog-forwarder", {"target": receiver.target})
        bundle.settle()
        yield receiver


def test_syslog_of_the_principal_arrives_over_juju_info(
    bundle: Cloud, receiver: SyslogReceiver
) -> None:
    bundle.log("mongodb/0", "hello from mongodb")
    wait_until(lambda: receiver.lines("hello from mongodb"), "the line arrives")
    assert len(receiver.lines("hello from mongodb")) == 1
    assert receiver.programs("hello from mongodb") == {"suite"}


def test_log_file_of_the_principal_arrives_over_logging(
    bundle: Cloud, receiver: SyslogReceiver
) -> None:
    Website(bundle.address("my-node-app/0")).write("a note to be logged")
    wait_until(lambda: receiver.lines('"POST"'), "the request's log line arrives")
    assert receiver.programs('"POST"') == {"my-node-app"}


def test_each_unit_forwards_for_its_own_principal_only(
    bundle: Cloud, receiver: SyslogReceiver
) -> None:
    """Juju 4 also shows a subordinate the relations of other principals (Q2, Q3)."""
    bundle.juju.add_unit("mongodb")
    bundle.juju.add_unit("my-node-app")
    bundle.juju.wait(lambda status: len(status.get_units("rsyslog-forwarder")) == 4)
    bundle.settle()
    bundle.log("mongodb/1", "hello from the new unit")
    wait_until(lambda: receiver.lines("hello from the new unit"), "the line arrives")
    assert len(receiver.lines("hello from the new unit")) == 1


def test_invalid_target_is_refused_and_the_last_valid_target_is_kept(
    bundle: Cloud, receiver: SyslogReceiver
) -> None:
    bundle.juju.config("rsyslog-forwarder", {"target": "not a host"})
    (message,) = bundle.wait_until_blocked("rsyslog-forwarder")
    assert message.startswith("config option target: ")
    bundle.log("mongodb/0", "still forwarded")
    wait_until(lambda: receiver.lines("still forwarded"), "the line arrives")
    bundle.juju.config("rsyslog-forwarder", {"target": receiver.target})
    bundle.settle()


def test_forwarding_stops_when_the_relation_is_removed(
    bundle: Cloud, receiver: SyslogReceiver
) -> None:
    bundle.juju.remove_relation("mongodb:juju-info", "rsyslog-forwarder:juju-info")
    bundle.juju.wait(lambda status: len(status.get_units("rsyslog-forwarder")) == 2)
    snippets = str(bundle.root("mongodb/0") / "etc/rsyslog.d")
    assert "rsyslog-forwarder" not in bundle.run("mongodb/0", "ls", snippets)
    snippets = str(bundle.root("my-node-app/0") / "etc/rsyslog.d")
    assert "rsyslog-forwarder" in bundle.run("my-node-app/0", "ls", snippets)
