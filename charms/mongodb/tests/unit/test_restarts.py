"""Restarts of one member at a time, upgrades to another series, and storage."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ops import testing

from mongod import Credentials, InstallError, MongodError
from states import HOST, SET_ID, STORAGE, peers

WAITING = {"restart": "true"}


def databag(state: testing.State, relation: testing.RelationBase, name: str) -> dict[str, Any]:
    found = getattr(state.get_relation(relation.id), f"local_{name}_data")
    return {k: json.loads(v) for k, v in found.items() if not k.endswith(("address", "subnets"))}


@pytest.fixture
def three(world):
    """Three members. This unit is the primary, and has to restart."""
    for number in (1, 2):
        world.units[f"mongodb/{number}"] = "active"
        world.members[f"mongodb/{number}"] = f"10.0.0.{number}:27017"
    world.up_to_date = False
    return world


def test_member_waits_for_its_turn(ctx, three, model):
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert not three.called("start")
    assert databag(state, relation, "unit")["restart"] is True
    assert state.unit_status == testing.MaintenanceStatus(
        "primary; waiting for its turn to restart"
    )


def test_version_is_of_running_mongod(ctx, three, model, monkeypatch):
    monkeypatch.setattr("local_member.Mongod.version", lambda self: "8.0.5")
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert databag(state, relation, "unit")["version"] == "8.0.4"
    three.up_to_date = True
    state = ctx.run(ctx.on.config_changed(), state)
    assert databag(state, relation, "unit")["version"] == "8.0.5"


def test_member_restarts_in_its_turn(ctx, three, model):
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    calls = [call[0] for call in three.calls]
    assert (
        calls.index("hand_over") < calls.index("start") < calls.index("wait_until_it_is_a_member")
    )
    assert databag(state, relation, "unit")["restart"] is None
    assert state.unit_status == testing.ActiveStatus("primary")


def test_primary_does_not_restart_if_no_member_can_take_over(ctx, three, model):
    three.can_hand_over = False
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    assert not three.called("start")
    assert databag(state, relation, "unit")["host"] == HOST


def test_busy_mongod_waits_for_its_turn(ctx, three, model):
    three.state, three.busy = "", True
    ctx.run(ctx.on.config_changed(), model(peers(1, 2), leader=False))
    assert not three.called("start")


def test_no_restart_if_replica_set_became_unhealthy(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    assert not three.called("start")


def test_status_names_problem_during_restarts(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, app={"restarting": "mongodb/2"}, more={2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert state.app_status == testing.MaintenanceStatus(
        "restarting one member at a time: mongodb/2 now, then mongodb/0 "
        "(mongodb/0 is 61 s behind the primary)"
    )


def test_leader_manages_members_if_its_own_mongod_fails(ctx, world, model):
    world.running = False
    world.start_error = MongodError("no space left")
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.update_status(), model(peers(1)))
    assert world.called("reconcile_members")


def test_unreachable_unit_does_not_block_others(ctx, world, model):
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    world.unreachable = {"10.0.0.1:27017"}
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert world.called("reconcile_members")[0][1].keys() == {"mongodb/0", "mongodb/2"}


def test_resource_of_new_unit_is_compared_with_series_of_members(ctx, world, model):
    program = world.tmp_path / "mongod"
    program.write_text("a program")
    file = testing.Resource(name="mongod", path=program)
    ctx.run(ctx.on.update_status(), model(peers(1), resources=[file]))
    assert world.members_series == "8.0"


@pytest.mark.parametrize("why", ["no member", "another address"])
def test_unused_mongod_restarts_at_once(ctx, three, model, why):
    relation = peers(1, 2)
    if why == "no member":
        three.state = ""
    else:
        elsewhere = {"host": '"10.9.9.9:27017"'}
        relation = dataclasses.replace(relation, local_unit_data=elsewhere)
    ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert three.called("start")
    assert not three.called("hand_over")


def test_primary_restarts_last(ctx, three, model):
    relation = peers(1, 2, more={1: WAITING, 2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert databag(state, relation, "app")["restarting"] == "mongodb/1"
    assert state.app_status == testing.MaintenanceStatus(
        "restarting one member at a time: mongodb/1 now, then mongodb/0, mongodb/2"
    )


def test_leader_waits_while_a_member_restarts(ctx, three, model):
    relation = peers(1, 2, app={"restarting": "mongodb/2"}, more={1: WAITING, 2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert databag(state, relation, "app")["restarting"] == "mongodb/2"


@pytest.mark.parametrize("restarting", ["mongodb/1", "mongodb/9"])
def test_next_turn_when_member_has_restarted_or_is_gone(ctx, three, model, restarting):
    relation = peers(1, 2, app={"restarting": restarting}, more={2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert databag(state, relation, "app")["restarting"] == "mongodb/2"


def test_no_turn_while_replica_set_is_unhealthy(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, more={1: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert databag(state, relation, "app")["restarting"] is None
    assert state.app_status == testing.MaintenanceStatus(
        "mongodb/0, mongodb/1 cannot restart yet: mongodb/0 is 61 s behind the primary"
    )


def test_primary_waits_until_every_unit_has_received_change(ctx, three, model):
    relation = peers(1, 2, more={2: {"target": '"7.0 None"'}})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert databag(state, relation, "app")["restarting"] is None
    assert state.app_status == testing.MaintenanceStatus(
        "mongodb/0 cannot restart yet: waiting for mongodb/2 to receive the same change"
    )


def test_single_member_restarts_too(ctx, world, model):
    world.up_to_date = False
    relation = peers()
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert not world.called("start")
    state = ctx.run(ctx.on.update_status(), state)
    assert world.called("start")


# Upgrade to another series of MongoDB.


def test_option_version_upgrades_to_next_series(ctx, world, model):
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert world.called("raise_compatibility_version") == [("8.0",)], (
        "the series that they run now"
    )
    assert databag(state, relation, "app")["version"] == "8.2"
    state = ctx.run(ctx.on.update_status(), state)
    assert databag(state, relation, "unit")["restart"] is True
    assert not world.called("install"), "it waits for its turn"
    state = ctx.run(ctx.on.update_status(), state)
    assert world.called("install") == [("8.2", None)]
    assert world.called("start")
    assert databag(state, relation, "unit")["restart"] is None


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ("10.0", "MongoDB cannot go from 8.0 to 10.0; upgrade to 9.0 first"),
        ("7.0", "MongoDB can"),
    ],
)
def test_refused_upgrade_shows_reason(ctx, world, model, wanted, refusal):
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": wanted}))
    assert isinstance(state.unit_status, testing.BlockedStatus)
    assert state.unit_status.message.startswith(f"config option version: {refusal}")
    assert databag(state, relation, "app")["version"] == "8.0"


def test_option_version_is_not_used_with_resource(ctx, world, model):
    program = world.tmp_path / "mongod"
    program.write_text("a program")
    file = testing.Resource(name="mongod", path=program)
    relation = peers()
    state = model(relation, config={"version": "10.0"}, resources=[file])
    state = ctx.run(ctx.on.config_changed(), state)
    assert databag(state, relation, "app")["version"] == "8.0"
    assert not isinstance(state.unit_status, testing.BlockedStatus)


def test_no_upgrade_while_member_has_to_restart(ctx, three, model):
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert databag(state, relation, "app")["version"] == "8.0"


# Storage.


def test_leader_uses_data_in_its_storage(ctx, world, uninitialised):
    world.saved = Credentials("mongodb", SET_ID, "8.0", "old key", "old password")
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation))
    [secret] = state.secrets
    assert secret.latest_content == {"keyfile": "old key", "password": "old password"}
    assert databag(state, relation, "app")["set-id"] == SET_ID


def test_storage_of_other_series_blocks(ctx, world, uninitialised):
    world.saved = Credentials("mongodb", SET_ID, "8.2", "old key", "old password")
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it has data of MongoDB 8.2: set version to 8.2"
    )
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation, config={"version": "8.2"}))
    assert databag(state, relation, "app")["version"] == "8.2"


def test_storage_of_other_application_blocks(ctx, world, uninitialised):
    world.saved = Credentials("other", SET_ID, "8.0", "old key", "old password")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(testing.PeerRelation("replicas")))
    assert not state.secrets
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it belongs to the application other: deploy the charm under that name"
    )


@pytest.mark.parametrize(
    ("set_id", "key", "on_record"),
    [
        ("another", "k" * 64, SET_ID),
        (SET_ID, "another key", SET_ID),
        (SET_ID, "another key", None),
    ],
)
def test_storage_of_other_replica_set_blocks(ctx, world, model, set_id, key, on_record):
    world.saved = saved = Credentials("mongodb", set_id, "8.0", key, "admin's password")
    state = ctx.run(ctx.on.config_changed(), model(peers(app={"set-id": on_record})))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it belongs to another replica set: "
        "remove this unit, add one with new storage"
    )
    assert not world.called("configure")
    assert world.saved == saved


def test_data_outside_storage_blocks(ctx, world, model):
    world.has_data_outside_storage, world.running = True, False
    state = ctx.run(ctx.on.upgrade_charm(), model())
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it is empty, but /var/lib/mongodb has data: "
        "stop mongod, and move the data to /storage/db"
    )
    assert not world.called("start")


def test_storage_detaching_leaves_replica_set(ctx, world, model):
    world.units["mongodb/1"] = "active"
    relation = peers(1)
    state = ctx.run(ctx.on.storage_detaching(STORAGE), model(relation, leader=False))
    assert world.called("reconcile_members") == [({"mongodb/0"}, {})]
    assert not world.running
    assert databag(state, relation, "unit")["host"] is None, "or the leader would add it again"


def test_storage_detaching_fails_while_others_need_its_data(ctx, world, model):
    world.cannot_leave = {"mongodb/0"}
    world.units["mongodb/1"] = "active"
    with pytest.raises(testing.errors.UncaughtCharmError, match="still need this unit's data"):
        ctx.run(ctx.on.storage_detaching(STORAGE), model(peers(1), leader=False))
    assert world.running


# A replica set that cannot elect a primary.


def test_status_says_what_operator_must_decide(ctx, world, model):
    world.has_primary, world.state = False, ""
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    member = {"_id": 0, "host": "10.9.9.9:27017", "tags": {"unit": "mongodb/0"}, "votes": 1}
    others = [member | {"_id": n, "tags": {"unit": f"mongodb/{n}"}} for n in (1, 2)]
    world.configs[HOST] = {"members": [member, *others], "version": 3, "term": 2}
    state = ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert state.app_status == testing.BlockedStatus(
        "no primary: writes are unavailable; start mongodb/1, mongodb/2, or discard their data "
        "with juju remove-unit --force mongodb/1 mongodb/2"
    )
    assert not world.called("force_config")
    world.has_primary, world.state = True, "primary"
    state = ctx.run(ctx.on.update_status(), state)
    assert state.app_status == testing.ActiveStatus()


def test_members_are_not_forced_while_units_are_being_removed(ctx, world, model):
    # Two of three are being removed. While the primary hands over there is no primary.
    world.has_primary, world.state = False, "no primary"
    world.units |= {"mongodb/1": "dying", "mongodb/2": "dying"}
    hosts = {0: HOST, 1: "10.0.0.1:27017", 2: "10.0.0.2:27017"}
    members = [
        {"_id": n, "host": host, "tags": {"unit": f"mongodb/{n}"}, "votes": 1}
        for n, host in hosts.items()
    ]
    world.configs[HOST] = {"members": members, "version": 3, "term": 2}
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert not world.called("force_config")
    del world.units["mongodb/1"], world.units["mongodb/2"]
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert world.called("force_config"), "they are gone, although Juju 4 still lists them"


def test_failed_restart_is_retried(ctx, three, model):
    three.start_error = MongodError("it does not start")
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    three.start_error = None
    ctx.run(ctx.on.update_status(), state)
    assert len(three.called("start")) == 2


def test_mongod_uses_storage(ctx, model, monkeypatch):
    found = []
    monkeypatch.setattr("local_member.Mongod.__init__", lambda self, folder: found.append(folder))
    ctx.run(ctx.on.update_status(), model())
    assert found == [STORAGE.get_filesystem(ctx)]


def test_failed_package_install_fails_hook(ctx, world, model):
    world.install_error = InstallError("no network")
    relation = peers(app={"version": "8.2", "restarting": "mongodb/0"})
    with pytest.raises(testing.errors.UncaughtCharmError, match="no network"):
        ctx.run(ctx.on.update_status(), model(relation, config={"version": "8.2"}))


@pytest.mark.parametrize("trouble", ["behind", "unknown version"])
def test_no_upgrade_while_member_is_unhealthy(ctx, world, model, trouble):
    world.units["mongodb/1"] = "active"
    relation = peers(1, more={1: {"version": "null"}} if trouble == "unknown version" else {})
    world.lag = 61 if trouble == "behind" else 0
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert databag(state, relation, "app")["version"] == "8.0"
    assert not world.called("raise_compatibility_version")


def test_compatibility_version_follows_oldest_member(ctx, world, model):
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.update_status(), model(peers(1, more={1: {"version": '"8.2.1"'}})))
    assert world.called("raise_compatibility_version") == [("8.0",)]


def test_credentials_are_not_saved_without_data(ctx, world, model):
    world.holds_data = False
    ctx.run(ctx.on.update_status(), model(peers(1), leader=False))
    assert world.saved is None
