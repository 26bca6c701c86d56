"""The charm with every event that it observes, as leader and as follower."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import json

import ops
import pytest
from ops import testing

from charm import DemoCharm

ADDRESS = "10.0.0.7"
OTHER_ADDRESS = "10.0.0.8"
WAITING = testing.WaitingStatus("replicas: waiting for the leader to send leader-ip")
ACTIVE = testing.ActiveStatus(f"leader-ip is {ADDRESS}")

Context = testing.Context[DemoCharm]


class ExistingUnits:
    """The units of the application, in the output of goal-state."""

    def __init__(self) -> None:
        self.names = {"replicas-demo/0", "replicas-demo/1", "replicas-demo/2"}

    def goal_state(self) -> ops.hookcmds.GoalState:
        now = datetime.datetime.now(datetime.timezone.utc)
        goal = ops.hookcmds.Goal(status="active", since=now)
        return ops.hookcmds.GoalState(units=dict.fromkeys(self.names, goal), relations={})


@pytest.fixture(autouse=True)
def existing_units(monkeypatch: pytest.MonkeyPatch) -> ExistingUnits:
    """ops.testing does not support the hook command goal-state."""
    existing_units = ExistingUnits()
    monkeypatch.setattr(ops.hookcmds, "goal_state", existing_units.goal_state)
    return existing_units


@pytest.fixture
def context() -> Context:
    return testing.Context(DemoCharm)


def peers(*units: int, leader_ip: str = "") -> testing.PeerRelation:
    return testing.PeerRelation(
        "replicas",
        id=1,
        local_app_data={"leader-ip": leader_ip} if leader_ip else {},
        peers_data={unit: {"unit-data": f"replicas-demo/{unit}"} for unit in units},
    )


def model(
    relation: testing.PeerRelation, leader: bool = False, address: str | None = ADDRESS
) -> testing.State:
    bound = (
        [testing.BindAddress([testing.Address(address, cidr="10.0.0.0/24")])] if address else []
    )
    networks = {testing.Network("replicas", bound)}
    return testing.State(leader=leader, relations={relation}, networks=networks)


def stored(state: testing.State, key: str) -> object:
    return state.get_stored_state("_stored", owner_path="DemoCharm").content[key]


def leader_ip(state: testing.State) -> str | None:
    return state.get_relation(1).local_app_data.get("leader-ip")


def after_all_joined(context: Context, relation: testing.PeerRelation) -> testing.State:
    """Return the state after relation-joined of every peer."""
    state = model(relation)
    for unit in relation.peers_data:
        event = context.on.relation_joined(state.get_relation(1), remote_unit=unit)
        state = context.run(event, state)
    context.juju_log.clear()
    return state


def logged(context: Context, level: str = "INFO") -> list[str]:
    return [log.message for log in context.juju_log if log.level == level]


def test_leader_publishes_its_address(context: Context):
    out = context.run(context.on.leader_elected(), model(peers(1), leader=True))
    assert leader_ip(out) == ADDRESS
    assert logged(context) == [f"Leader replicas-demo/0 wrote leader-ip {ADDRESS}"]
    assert out.unit_status == ACTIVE


def test_new_leader_replaces_the_address_of_the_old_leader(context: Context):
    state = model(peers(1, leader_ip=OTHER_ADDRESS), leader=True)
    out = context.run(context.on.leader_elected(), state)
    assert leader_ip(out) == ADDRESS


@pytest.mark.parametrize("leader", [True, False])
def test_config_changed_publishes_a_new_address_of_the_leader(context: Context, leader: bool):
    state = model(peers(1, leader_ip=OTHER_ADDRESS), leader=leader)
    out = context.run(context.on.config_changed(), state)
    assert leader_ip(out) == (ADDRESS if leader else OTHER_ADDRESS)
    # A new pod has an empty StoredState. In this event it stores the address again.
    assert stored(out, "leader_ip") == leader_ip(out)


@pytest.mark.parametrize("address", [None, "host.example.com"])
def test_leader_publishes_only_ip_addresses(context: Context, address: str | None):
    out = context.run(context.on.leader_elected(), model(peers(), leader=True, address=address))
    assert leader_ip(out) is None
    assert logged(context, "WARNING") == [f"replicas: cannot publish {address!r} as leader-ip"]
    assert out.unit_status == WAITING


def test_leader_publishes_an_ipv6_address(context: Context):
    state = model(peers(), leader=True, address="2001:db8::7")
    out = context.run(context.on.leader_elected(), state)
    assert ipaddress.ip_address(leader_ip(out) or "") == ipaddress.ip_address("2001:db8::7")


@pytest.mark.parametrize("leader", [True, False])
def test_relation_created_writes_the_units_name(context: Context, leader: bool):
    relation = peers()
    out = context.run(context.on.relation_created(relation), model(relation, leader))
    assert out.get_relation(1).local_unit_data["unit-data"] == "replicas-demo/0"
    assert leader_ip(out) is None
    assert out.unit_status == WAITING


@pytest.mark.parametrize("leader", [True, False])
def test_unit_says_hello_and_goodbye_once(
    context: Context, existing_units: ExistingUnits, leader: bool
):
    relation = peers(1, 2)
    state = model(relation, leader)
    state = context.run(context.on.relation_joined(relation, remote_unit=1), state)
    assert stored(state, "peers") == ["replicas-demo/1"]
    existing_units.names.remove("replicas-demo/1")
    event = context.on.relation_departed(state.get_relation(1), remote_unit=1, departing_unit=1)
    state = context.run(event, state)
    assert stored(state, "peers") == []
    context.run(context.on.update_status(), state)
    assert logged(context) == [
        "Hello from replicas-demo/0 to replicas-demo/1",
        "Goodbye from replicas-demo/0 to replicas-demo/1",
    ]
    assert leader_ip(state) is None


def test_removed_unit_says_goodbye_to_all_peers(context: Context):
    state = after_all_joined(context, peers(1, 2))
    for unit in (1, 2):
        event = context.on.relation_departed(
            state.get_relation(1), remote_unit=unit, departing_unit=0
        )
        state = context.run(event, state)
    assert logged(context) == [
        "Goodbye from replicas-demo/0 to replicas-demo/1",
        "Goodbye from replicas-demo/0 to replicas-demo/2",
    ]


@pytest.mark.parametrize("name", ["leader_elected", "update_status", "changed"])
def test_other_events_say_goodbye_to_a_removed_peer(
    context: Context, existing_units: ExistingUnits, name: str
):
    """On Juju 4 no relation-departed comes, and the relation still has the removed unit."""
    state = dataclasses.replace(after_all_joined(context, peers(1, 2)), leader=True)
    existing_units.names.remove("replicas-demo/2")
    if name == "changed":
        event = context.on.relation_changed(state.get_relation(1), remote_unit=1)
    else:
        event = getattr(context.on, name)()
    out = context.run(event, state)
    assert logged(context)[-1] == "Goodbye from replicas-demo/0 to replicas-demo/2"
    assert stored(out, "peers") == ["replicas-demo/1"]
    # Juju 3.6 sends relation-departed too. The charm does not log goodbye again.
    context.juju_log.clear()
    event = context.on.relation_departed(out.get_relation(1), remote_unit=2, departing_unit=2)
    context.run(event, out)
    assert logged(context) == []


@pytest.mark.parametrize("leader", [True, False])
def test_relation_changed_stores_the_address_and_logs_the_databags(context: Context, leader: bool):
    relation = peers(1, leader_ip=ADDRESS)
    state = model(relation, leader)
    out = context.run(context.on.relation_changed(relation, remote_unit=1), state)
    assert stored(out, "leader_ip") == ADDRESS
    assert out.unit_status == ACTIVE
    databags, address = logged(context)
    assert databags.startswith("Unit replicas-demo/0 can see the following data: {")
    assert json.loads(databags.partition(": ")[2])["replicas-demo/1"] == {
        "unit-data": "replicas-demo/1"
    }
    assert address == f"Unit replicas-demo/0 knows the leader's address: {ADDRESS}"
    # Relation-changed only reads, so it triggers no event.
    assert out.get_relation(1) == relation


def test_relation_changed_without_a_unit_stores_the_address(context: Context):
    """ops.testing always sets event.unit, so the test emits the event itself."""
    state = model(peers(leader_ip=ADDRESS))
    with context(context.on.update_status(), state) as manager:
        relation = manager.charm.model.relations["replicas"][0]
        manager.charm.on["replicas"].relation_changed.emit(relation, relation.app, None)
        out = manager.run()
    assert stored(out, "leader_ip") == ADDRESS


def test_unit_waits_for_the_address_if_the_databags_are_empty(context: Context):
    relation = dataclasses.replace(peers(), peers_data={1: {}})
    out = context.run(context.on.relation_changed(relation, remote_unit=1), model(relation))
    assert out.unit_status == WAITING
    assert len(logged(context)) == 1


@pytest.mark.parametrize("value", ["7", "null", "10.0.0.7/24", "not\nan address"])
def test_invalid_address_blocks_and_the_last_valid_address_stays(context: Context, value: str):
    relation = peers(1, leader_ip=ADDRESS)
    event = context.on.relation_changed(relation, remote_unit=1)
    state = context.run(event, model(relation))
    bad = dataclasses.replace(
        state.get_relation(1), local_app_data={"leader-ip": value, "unknown": "x"}
    )
    state = dataclasses.replace(state, relations={bad})
    out = context.run(context.on.relation_changed(bad, remote_unit=1), state)
    message = "replicas: the leader sent an invalid leader-ip: it is not an IP address"
    assert logged(context, "WARNING") == [message]
    assert out.unit_status == testing.BlockedStatus(message)
    assert stored(out, "leader_ip") == ADDRESS


def test_new_leader_replaces_an_invalid_address(context: Context):
    out = context.run(context.on.leader_elected(), model(peers(leader_ip="x"), leader=True))
    assert leader_ip(out) == ADDRESS
    assert out.unit_status == ACTIVE


@pytest.mark.parametrize("leader", [True, False])
def test_action_shows_the_databags_of_existing_units(
    context: Context, existing_units: ExistingUnits, leader: bool
):
    existing_units.names.remove("replicas-demo/2")
    relation = peers(1, 2, leader_ip=ADDRESS)
    context.run(context.on.action("show-relation-data"), model(relation, leader))
    results = context.action_results or {}
    assert json.loads(results["application-data"]) == {"leader-ip": ADDRESS}
    databags = json.loads(results["unit-data"])
    assert list(databags) == ["replicas-demo/0", "replicas-demo/1"]
    assert databags["replicas-demo/1"] == {"unit-data": "replicas-demo/1"}
    assert results["leader-ip"] == ""  # No event has stored the address yet.
    assert json.loads(results["listed-but-gone"]) == ["replicas-demo/2"]
