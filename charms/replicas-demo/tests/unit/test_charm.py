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


class Goals:
    """The units of the application in the output of goal-state."""

    def __init__(self) -> None:
        self.units = {"replicas-demo/0", "replicas-demo/1", "replicas-demo/2"}

    def goal_state(self) -> ops.hookcmds.GoalState:
        now = datetime.datetime.now(datetime.timezone.utc)
        goal = ops.hookcmds.Goal(status="active", since=now)
        return ops.hookcmds.GoalState(units=dict.fromkeys(self.units, goal), relations={})


@pytest.fixture(autouse=True)
def goals(monkeypatch: pytest.MonkeyPatch) -> Goals:
    """ops.testing does not support this hook command."""
    goals = Goals()
    monkeypatch.setattr(ops.hookcmds, "goal_state", goals.goal_state)
    return goals


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


def test_leader_elected(context: Context):
    out = context.run(context.on.leader_elected(), model(peers(1), leader=True))
    assert leader_ip(out) == ADDRESS
    assert logged(context) == [f"Leader replicas-demo/0 wrote leader-ip {ADDRESS}"]
    assert out.unit_status == ACTIVE


def test_new_leader_replaces_the_address_of_the_old_leader(context: Context):
    state = model(peers(1, leader_ip=OTHER_ADDRESS), leader=True)
    out = context.run(context.on.leader_elected(), state)
    assert leader_ip(out) == ADDRESS


@pytest.mark.parametrize("leader", [True, False])
def test_config_changed_after_a_change_of_the_binding(context: Context, leader: bool):
    state = model(peers(1, leader_ip=OTHER_ADDRESS), leader=leader)
    out = context.run(context.on.config_changed(), state)
    assert leader_ip(out) == (ADDRESS if leader else OTHER_ADDRESS)
    # So a new pod, whose StoredState is empty, stores the address again.
    assert stored(out, "leader_ip") == leader_ip(out)


@pytest.mark.parametrize("address", [None, "host.example.com"])
def test_leader_without_an_ip_address(context: Context, address: str | None):
    out = context.run(context.on.leader_elected(), model(peers(), leader=True, address=address))
    assert leader_ip(out) is None
    assert logged(context, "WARNING") == [f"replicas: cannot publish {address!r} as leader-ip"]
    assert out.unit_status == WAITING


def test_ipv6(context: Context):
    state = model(peers(), leader=True, address="2001:db8::7")
    out = context.run(context.on.leader_elected(), state)
    assert ipaddress.ip_address(leader_ip(out) or "") == ipaddress.ip_address("2001:db8::7")


@pytest.mark.parametrize("leader", [True, False])
def test_relation_created_without_peers(context: Context, leader: bool):
    relation = peers()
    out = context.run(context.on.relation_created(relation), model(relation, leader))
    assert out.get_relation(1).local_unit_data["unit-data"] == "replicas-demo/0"
    assert leader_ip(out) is None
    assert out.unit_status == WAITING


@pytest.mark.parametrize("leader", [True, False])
def test_relation_joined_and_departed(context: Context, goals: Goals, leader: bool):
    relation = peers(1, 2)
    state = model(relation, leader)
    state = context.run(context.on.relation_joined(relation, remote_unit=1), state)
    assert stored(state, "peers") == ["replicas-demo/1"]
    goals.units.remove("replicas-demo/1")
    event = context.on.relation_departed(state.get_relation(1), remote_unit=1, departing_unit=1)
    state = context.run(event, state)
    assert stored(state, "peers") == []
    context.run(context.on.update_status(), state)
    assert logged(context) == [
        "Hello from replicas-demo/0 to replicas-demo/1",
        "Goodbye from replicas-demo/0 to replicas-demo/1",
    ]
    assert leader_ip(state) is None


def test_relation_departed_because_this_unit_is_removed(context: Context):
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
def test_removed_peer_without_relation_departed(context: Context, goals: Goals, name: str):
    """Juju 4 still lists the removed unit and shows its databag."""
    state = dataclasses.replace(after_all_joined(context, peers(1, 2)), leader=True)
    goals.units.remove("replicas-demo/2")
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
def test_relation_changed(context: Context, leader: bool):
    relation = peers(1, leader_ip=ADDRESS)
    state = model(relation, leader)
    out = context.run(context.on.relation_changed(relation, remote_unit=1), state)
    assert stored(out, "leader_ip") == ADDRESS
    assert out.unit_status == ACTIVE
    seen, known = logged(context)
    assert seen.startswith("Unit replicas-demo/0 can see the following data: {")
    assert json.loads(seen.partition(": ")[2])["replicas-demo/1"] == {
        "unit-data": "replicas-demo/1"
    }
    assert known == f"Unit replicas-demo/0 knows the leader's address: {ADDRESS}"
    # Relation-changed only reads, so it triggers no event.
    assert out.get_relation(1) == relation


def test_relation_changed_of_an_application_has_no_unit(context: Context):
    """ops.testing always sets a unit, so the test emits the event."""
    state = model(peers(leader_ip=ADDRESS))
    with context(context.on.update_status(), state) as manager:
        relation = manager.charm.model.relations["replicas"][0]
        manager.charm.on["replicas"].relation_changed.emit(relation, relation.app, None)
        out = manager.run()
    assert stored(out, "leader_ip") == ADDRESS


def test_relation_changed_with_empty_databags(context: Context):
    relation = dataclasses.replace(peers(), peers_data={1: {}})
    out = context.run(context.on.relation_changed(relation, remote_unit=1), model(relation))
    assert out.unit_status == WAITING
    assert len(logged(context)) == 1


@pytest.mark.parametrize("value", ["7", "null", "10.0.0.7/24", "not\nan address"])
def test_invalid_data_blocks_and_the_last_valid_data_stay(context: Context, value: str):
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


def test_new_leader_replaces_invalid_data(context: Context):
    out = context.run(context.on.leader_elected(), model(peers(leader_ip="x"), leader=True))
    assert leader_ip(out) == ADDRESS
    assert out.unit_status == ACTIVE


@pytest.mark.parametrize("leader", [True, False])
def test_show_relation_data(context: Context, goals: Goals, leader: bool):
    goals.units.remove("replicas-demo/2")
    relation = peers(1, 2, leader_ip=ADDRESS)
    context.run(context.on.action("show-relation-data"), model(relation, leader))
    results = context.action_results or {}
    assert json.loads(results["application-data"]) == {"leader-ip": ADDRESS}
    databags = json.loads(results["unit-data"])
    assert list(databags) == ["replicas-demo/0", "replicas-demo/1"]
    assert databags["replicas-demo/1"] == {"unit-data": "replicas-demo/1"}
    assert results["leader-ip"] == ""  # No event has stored it yet.
    assert json.loads(results["listed-but-gone"]) == ["replicas-demo/2"]
