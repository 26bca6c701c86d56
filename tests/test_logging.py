"""The forwarder, on both kinds of endpoint at once, sends to a real syslog receiver."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import jubilant
import pytest

import cloud
from localjuju import LocalJuju
from website import Website


@pytest.fixture(scope="module")
def receiver(
    bundle: LocalJuju, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[cloud.SyslogReceiver]:
    # An address of the model's network that no machine has.
    network = cloud.address(bundle, "mongodb/0").rpartition(".")[0]
    folder: pathlib.Path = tmp_path_factory.mktemp("receiver")
    with cloud.SyslogReceiver(folder, f"{network}.2").running() as receiver:
        bundle.config("rsyslog-forwarder", {"target": receiver.target})
        bundle.wait(jubilant.all_active, error=jubilant.any_error)
        yield receiver


def test_syslog_of_the_principal_arrives_over_juju_info(
    bundle: LocalJuju, receiver: cloud.SyslogReceiver
) -> None:
    cloud.log(bundle, "mongodb/0", "hello from mongodb")
    cloud.wait_until(lambda: receiver.lines("hello from mongodb"), "the line arrives")
    assert len(receiver.lines("hello from mongodb")) == 1


def test_log_file_of_the_principal_arrives_over_logging(
    bundle: LocalJuju, receiver: cloud.SyslogReceiver
) -> None:
    Website(cloud.address(bundle, "my-node-app/0")).write("a note to be logged")
    cloud.wait_until(lambda: receiver.lines('"POST"'), "the request's log line arrives")


def test_each_unit_forwards_for_its_own_principal_only(
    bundle: LocalJuju, receiver: cloud.SyslogReceiver
) -> None:
    """Juju 4 shows a subordinate the relations to other principals as well (Q2, Q3)."""
    bundle.add_unit("mongodb")
    bundle.add_unit("my-node-app")
    bundle.wait(jubilant.all_active, error=jubilant.any_error)
    cloud.log(bundle, "mongodb/1", "hello from the new unit")
    cloud.wait_until(lambda: receiver.lines("hello from the new unit"), "the line arrives")
    assert len(receiver.lines("hello from the new unit")) == 1
    forwarders = bundle.status().get_units("rsyslog-forwarder")
    assert len(forwarders) == 4


def test_unusable_target_is_refused_by_name_and_the_last_good_one_stays(
    bundle: LocalJuju, receiver: cloud.SyslogReceiver
) -> None:
    bundle.config("rsyslog-forwarder", {"target": "not a host"})
    status = bundle.wait(lambda status: status.apps["rsyslog-forwarder"].is_blocked)
    assert "target" in status.apps["rsyslog-forwarder"].app_status.message
    cloud.log(bundle, "mongodb/0", "still forwarded")
    cloud.wait_until(lambda: receiver.lines("still forwarded"), "the line arrives")
    bundle.config("rsyslog-forwarder", {"target": receiver.target})
    bundle.wait(jubilant.all_active, error=jubilant.any_error)


def test_forwarding_ends_with_its_relation(
    bundle: LocalJuju, receiver: cloud.SyslogReceiver
) -> None:
    bundle.remove_relation("mongodb:juju-info", "rsyslog-forwarder:juju-info")
    bundle.settle()
    assert len(bundle.status().get_units("rsyslog-forwarder")) == 2
    assert not cloud.processes(bundle, "mongodb/0", "rsyslogd")
