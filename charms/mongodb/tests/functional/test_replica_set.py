"""The replica set with real mongods: its members and its users."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from machines import (
    NETWORK,
    PASSWORD,
    PORT,
    REPLSET,
    TIMEOUT,
    Machine,
    Writer,
    joining,
    replica_set,
    until,
)
from mongod import OPERATOR
from replica_set import ReplicaSet

Machines = Callable[[int], Machine]


def states(*machines: Machine) -> dict[str, str]:
    with replica_set(*machines) as rs:
        return {member["unit"]: member["state"] for member in rs.status()}


def test_scaling_to_three_and_back_loses_no_write(machines: Machines):
    one, two, three = machines(0), machines(1), machines(2)
    one.initiate()
    with Writer(one) as writer:
        for machine in (two, three):
            machine.run()
        with replica_set(one) as rs:
            rs.reconcile_members([], joining(one, two, three), TIMEOUT)
            config, _, in_effect = rs._read()
        assert in_effect, "otherwise the loss of one member stops the set"
        assert [member["votes"] for member in config["members"]] == [1, 1, 1]
        assert states(one) == {
            "mongodb/0": "PRIMARY",
            "mongodb/1": "SECONDARY",
            "mongodb/2": "SECONDARY",
        }
        # The primary leaves, and then another member.
        for machine in (one, two):
            with replica_set(one, two, three) as rs:
                rs.reconcile_members([machine.unit], {}, TIMEOUT)
            machine.mongod.stop()
    assert states(three) == {"mongodb/2": "PRIMARY"}
    with writer.client(three) as client:
        stored = {note["_id"] for note in client.notes.notes.find()}
    assert set(writer.acknowledged) <= stored


def test_two_members_leave_at_the_same_time(three: list[Machine]):
    def leave(machine: Machine) -> None:
        with replica_set(*three) as rs:
            rs.reconcile_members([machine.unit], {}, TIMEOUT)

    threads = [threading.Thread(target=leave, args=[machine]) for machine in three[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(three[2]) == {"mongodb/2": "PRIMARY"}


def test_member_leaves_after_it_became_primary(
    three: list[Machine], monkeypatch: pytest.MonkeyPatch
):
    leaving = three[1]
    with replica_set(*three) as rs:
        read = rs._read

        def read_before_it_becomes_primary() -> Any:
            before = read()
            monkeypatch.undo()
            direct = MongoClient(
                leaving.host, directConnection=True, username=OPERATOR, password=PASSWORD
            )
            with direct:
                direct.admin.command("replSetStepUp")
            until(lambda: rs._client.primary == (leaving.address, PORT))
            return before

        monkeypatch.setattr(rs, "_read", read_before_it_becomes_primary)
        rs.reconcile_members([leaving.unit], {}, TIMEOUT)
    assert set(states(*three)) == {"mongodb/0", "mongodb/2"}


def test_member_with_new_address_is_moved(three: list[Machine]):
    moving = three[1]
    moving.mongod.stop()
    moving.move(f"{NETWORK}.99")
    moving.run()
    with replica_set(three[0], three[2]) as rs:
        until(lambda: rs.status()[1]["state"] not in ("PRIMARY", "SECONDARY"))
        rs.reconcile_members([], joining(*three), TIMEOUT)
        assert [member["host"] for member in rs.status()] == [each.host for each in three]
    until(lambda: states(*three)["mongodb/1"] == "SECONDARY")


def test_killed_primary_is_replaced_in_seconds(three: list[Machine]):
    psutil.Process(int((three[0].mongod.run_dir / "mongod.pid").read_text())).kill()
    until(lambda: "primary" in [machine.mongod.state() for machine in three[1:]], seconds=15)


def test_last_member_stays(machine: Machine):
    machine.initiate()
    with replica_set(machine) as rs:
        rs.reconcile_members([machine.unit], {})
    assert states(machine) == {"mongodb/0": "PRIMARY"}


def test_member_stays_while_majority_needs_it(three: list[Machine]):
    three[2].mongod.stop()
    with replica_set(*three) as rs:
        until(lambda: rs.status()[2]["state"] not in ("PRIMARY", "SECONDARY"))
        rs.reconcile_members(["mongodb/1"], {})
    assert set(states(*three)) == {"mongodb/0", "mongodb/1", "mongodb/2"}
    with replica_set(*three) as rs:
        rs.reconcile_members(["mongodb/1", "mongodb/2"], {}, TIMEOUT)
    assert states(three[0]) == {"mongodb/0": "PRIMARY"}


def test_member_that_is_down_does_not_block_others(machines: Machines):
    one, two, three = machines(0), machines(1), machines(2)
    one.initiate()
    two.run()
    with replica_set(one) as rs:
        rs.reconcile_members([], joining(two), TIMEOUT)
    two.mongod.stop()
    three.run()
    with replica_set(one) as rs:
        until(lambda: rs.status()[1]["state"] != "SECONDARY")
    two.run()
    with replica_set(one, two) as rs:
        rs.reconcile_members([], joining(three), TIMEOUT)
    assert set(states(one)) == {"mongodb/0", "mongodb/1", "mongodb/2"}


def test_missing_primary_raises_error_after_seconds(machine: Machine):
    machine.run()
    with replica_set(machine) as rs, pytest.raises(ServerSelectionTimeoutError):
        rs.status()


@pytest.fixture
def client_of(machine: Machine) -> Iterator[Callable[[str, str], MongoClient]]:
    machine.initiate()
    clients: list[MongoClient] = []

    def client(user: str, password: str) -> MongoClient:
        clients.append(MongoClient(machine.host, username=user, password=password))
        return clients[-1]

    yield client
    for each in clients:
        each.close()


def test_user_can_use_only_its_database(machine: Machine, client_of: Callable[..., MongoClient]):
    with replica_set(machine) as rs:
        rs.set_user("relation-1-1", {("readWrite", "one")}, "p")
    client = client_of("relation-1-1", "p")
    client.one.notes.insert_one({"_id": 1})
    for database in ("two", "admin", "local"):
        with pytest.raises(OperationFailure, match="not authorized"):
            client[database].notes.find_one()


def test_replaced_user_works_until_dropped(
    machine: Machine, client_of: Callable[..., MongoClient]
):
    with replica_set(machine) as rs:
        rs.set_user("relation-1-1", {("readWrite", "one")}, "old")
        old = client_of("relation-1-1", "old")
        old.one.notes.insert_one({"_id": 1})
        rs.set_user("relation-1-2", {("readWrite", "one")}, "new")
        old.one.notes.insert_one({"_id": 2})
        assert client_of("relation-1-2", "new").one.notes.count_documents({}) == 2
        rs.drop_user("relation-1-1")
        rs.drop_user("relation-1-1")
        with pytest.raises(OperationFailure):
            old.one.notes.find_one()
        assert set(rs.users()) == {"operator", "relation-1-2"}


def test_set_user_changes_roles_and_password(
    machine: Machine, client_of: Callable[..., MongoClient]
):
    with replica_set(machine) as rs:
        rs.set_user("relation-1-1", {("readWrite", "one")}, "p")
        rs.set_user("relation-1-1", {("readWrite", "two")}, "q")
        assert rs.users()["relation-1-1"] == {("readWrite", "two")}
    client_of("relation-1-1", "q").two.notes.insert_one({})
    with pytest.raises(OperationFailure, match="Authentication failed"):
        client_of("relation-1-1", "p").two.notes.find_one()


def test_error_does_not_contain_wrong_password(machine: Machine):
    machine.initiate()
    wrong = PASSWORD + "x"
    with ReplicaSet(REPLSET, [machine.host], wrong) as rs, pytest.raises(OperationFailure) as e:
        rs.status()
    assert wrong not in str(e.value)
