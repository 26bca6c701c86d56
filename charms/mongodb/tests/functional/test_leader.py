"""The leader's work with real mongods: initiator, primary, restarts, and upgrades."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from machines import (
    NETWORK,
    TIMEOUT,
    Machine,
    Peers,
    Writer,
    another_build,
    joining,
    replica_set,
    until,
)
from replica_set_rules import NeedsOperatorError

Machines = Callable[[int], Machine]


def several(machines: Machines, count: int) -> tuple[Peers, list[Machine]]:
    """Return a replica set with `count` members, and the databags of their units."""
    found = [machines(n) for n in range(count)]
    found[0].initiate()
    for machine in found[1:]:
        machine.run()
    peers = Peers(*found)
    peers.publish(*found)
    with replica_set(found[0]) as rs:
        rs.reconcile_members([], joining(*found), TIMEOUT)
        peers.leader("mongodb/0").reconcile_members(rs, peers.settings)
    peers.publish(*found)
    return peers, found


def states(*machines: Machine) -> list[str]:
    return sorted(machine.mongod.state() for machine in machines)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_replica_set_recovers_after_all_addresses_change(machines: Machines, count: int):
    peers, moved = several(machines, count)
    with Writer(*moved) as writer:
        pass
    for machine in moved:
        machine.mongod.stop()
    for number, machine in enumerate(moved):
        machine.move(f"{NETWORK}.{60 + number}")
        machine.run()
    peers.publish(*moved)
    assert all(databag.has_data for databag in peers.databags.values())
    leader = peers.leader("mongodb/0")
    assert leader.replica_set_exists(peers.settings)
    leader.restore_primary(peers.settings)
    wanted = ["primary"] + ["secondary"] * (count - 1)
    until(lambda: states(*moved) == wanted, TIMEOUT)
    with peers.replica_set() as rs:
        assert set(leader.reconcile_members(rs, peers.settings)) == {
            machine.host for machine in moved
        }
    with writer.client(*moved) as client:
        assert {note["_id"] for note in client.notes.notes.find()} == set(writer.acknowledged)


def test_replica_set_recovers_after_machines_swap_addresses(machines: Machines):
    peers, swapped = several(machines, 3)
    addresses = [machine.address for machine in swapped]
    for machine in swapped:
        machine.mongod.stop()
    for machine, address in zip(swapped, [*addresses[1:], addresses[0]], strict=True):
        machine.move(address)
        machine.run()
    peers.publish(*swapped)
    leader = peers.leader("mongodb/0")
    until(lambda: "primary" in states(*swapped), TIMEOUT)
    leader.restore_primary(peers.settings)
    with peers.replica_set() as rs:
        leader.reconcile_members(rs, peers.settings)
        until(lambda: {m["unit"]: m["host"] for m in rs.status()} == joining(*swapped), TIMEOUT)


def test_primary_returns_when_lost_majority_runs_or_is_removed(machines: Machines):
    peers, three = several(machines, 3)
    for machine in three[1:]:
        machine.mongod.stop()
    until(lambda: three[0].mongod.state() == "no primary", TIMEOUT)
    leader = peers.leader("mongodb/0")
    with pytest.raises(
        NeedsOperatorError, match="start mongodb/1, mongodb/2, or discard their data"
    ):
        leader.restore_primary(peers.settings)
    assert three[0].mongod.state() == "no primary", "the other two may have newer data"
    for machine in three[1:]:
        machine.run()
    until(lambda: states(*three) == ["primary", "secondary", "secondary"], TIMEOUT)

    for machine in three[1:]:
        machine.mongod.stop()
        del peers.machines[machine.unit]
    until(lambda: three[0].mongod.state() == "no primary", TIMEOUT)
    leader.restore_primary(peers.settings)
    until(lambda: three[0].mongod.state() == "primary", TIMEOUT)


def test_members_are_not_forced_if_majority_of_moved_members_is_missing(machines: Machines):
    peers, three = several(machines, 3)
    for machine in three:
        machine.mongod.stop()
    three[0].move(f"{NETWORK}.60")
    three[0].run()
    for unit in ("mongodb/1", "mongodb/2"):
        peers.databags[unit].host = f"{NETWORK}.99:27017"
    peers.publish(three[0])
    with pytest.raises(NeedsOperatorError, match="start mongodb/1, mongodb/2"):
        peers.leader("mongodb/0").restore_primary(peers.settings)
    assert three[0].mongod.state() == ""


def test_leader_chooses_no_initiator_while_unit_has_data(machines: Machines):
    peers, (one,) = several(machines, 1)
    two = machines(1)
    two.run()
    # The initiator is gone. The other unit wrote that it has no data, and then became a member.
    peers.machines = {two.unit: two}
    peers.databags = {}
    peers.publish(two)
    with replica_set(one) as rs:
        rs.reconcile_members([], joining(one, two), TIMEOUT)
    leader = peers.leader(two.unit)
    peers.settings.members = None
    assert leader.replica_set_exists(peers.settings)
    assert peers.settings.seed == one.unit


def test_leader_chooses_initiator_if_no_unit_has_data(machines: Machines):
    one, two = machines(0), machines(1)
    peers = Peers(one, two)
    peers.machines = {two.unit: two}
    two.run()
    peers.publish(two)
    leader = peers.leader(two.unit)
    assert not leader.replica_set_exists(peers.settings)
    leader.choose_initiator(peers.settings)
    assert peers.settings.seed == two.unit


def hook(peers: Peers, machine: Machine) -> None:
    """Do the work of a unit's hook: restart if it is its turn, and publish its databag."""
    if peers.settings.restarting == machine.unit:
        with peers.replica_set() as rs:
            assert rs.hand_over(machine.unit)
        machine.mongod.start()
        machine.mongod.wait_until_it_is_a_member()
    peers.publish(machine)


def test_one_member_restarts_at_a_time_under_load(machines: Machines, tmp_path: pathlib.Path):
    peers, three = several(machines, 3)
    build = another_build(three[0], tmp_path)
    leader = peers.leader("mongodb/0")
    for machine in three:
        machine.mongod.install("8.0", build)
    peers.publish(*three)
    primary = next(m.unit for m in three if m.mongod.state() == "primary")
    turns: list[str] = []
    with Writer(*three) as writer:
        while True:
            with peers.replica_set() as rs:
                progress = leader.allow_next_restart(rs, peers.settings)
            if not progress:
                break
            assert peers.settings.restarting, progress
            turns.append(peers.settings.restarting)
            for machine in three:
                hook(peers, machine)
    assert sorted(turns) == ["mongodb/0", "mongodb/1", "mongodb/2"]
    assert turns[-1] == primary
    assert all(machine.mongod.is_up_to_date() for machine in three)
    assert writer.errors == []
    with writer.client() as client:
        assert {note["_id"] for note in client.notes.notes.find()} >= set(writer.acknowledged)


def test_no_restart_while_member_is_down(machines: Machines, tmp_path: pathlib.Path):
    peers, three = several(machines, 3)
    build = another_build(three[0], tmp_path)
    for machine in three:
        machine.mongod.install("8.0", build)
    peers.publish(*three)
    three[1].mongod.stop()
    leader = peers.leader("mongodb/0")
    with peers.replica_set() as rs:
        until(lambda: rs.status()[1]["state"] not in ("PRIMARY", "SECONDARY"), TIMEOUT)
        assert "mongodb/1 is (not reachable/healthy)" in leader.allow_next_restart(
            rs, peers.settings
        )
        assert peers.settings.restarting is None
        three[1].run()
        peers.publish(three[1])
        until(
            lambda: leader.allow_next_restart(rs, peers.settings) and peers.settings.restarting,
            TIMEOUT,
        )
    assert peers.settings.restarting == "mongodb/2", "the primary restarts last"


def compatibility(machine: Machine) -> str:
    with replica_set(machine) as rs:
        name = "featureCompatibilityVersion"
        return rs._admin.command({"getParameter": 1, name: 1})[name]["version"]


def test_compatibility_version_is_raised_when_every_member_runs_series(machines: Machines):
    peers, two = several(machines, 2)
    leader = peers.leader("mongodb/0")
    with replica_set(*two) as rs:
        rs._admin.command("setFeatureCompatibilityVersion", "5.0")
        peers.databags["mongodb/1"].version = "5.0.32"
        leader.upgrade_series(rs, peers.settings, "6.0")
        assert compatibility(two[0]) == "5.0", "one member still runs 5.0"
        peers.publish(*two)
        leader.upgrade_series(rs, peers.settings, "6.0")
        assert compatibility(two[0]) == "6.0"


def test_upgrade_goes_only_to_next_series(machines: Machines):
    peers, (one,) = several(machines, 1)
    leader = peers.leader("mongodb/0")
    with replica_set(one) as rs:
        for wanted in ("8.0", "5.0"):
            leader.upgrade_series(rs, peers.settings, wanted)
            assert peers.settings.version == "6.0"
        leader.upgrade_series(rs, peers.settings, "7.0")
    assert peers.settings.version == "7.0"
