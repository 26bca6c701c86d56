"""Restarts in turn, moves to another series, and storage that comes and goes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ops import testing

import charm
from mongod import Credentials, InstallError, MongodError
from states import HOST, SET_ID, STORAGE, peers

WAITING = {"restart": "true"}


def bag(state: testing.State, relation: testing.RelationBase, name: str) -> dict[str, Any]:
    found = getattr(state.get_relation(relation.id), f"local_{name}_data")
    return {k: json.loads(v) for k, v in found.items() if not k.endswith(("address", "subnets"))}


@pytest.fixture
def three(world):
    """This unit is the primary of three, and has to restart."""
    for number in (1, 2):
        world.units[f"mongodb/{number}"] = "active"
        world.members[f"mongodb/{number}"] = f"10.0.0.{number}:27017"
    world.up_to_date = False
    return world


def test_member_waits_for_its_turn(ctx, three, model):
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert not three.called("start")
    assert bag(state, relation, "unit")["restart"] is True
    assert state.unit_status == testing.MaintenanceStatus(
        "primary; waiting for its turn to restart"
    )


def test_version_is_that_of_the_mongod_that_runs(ctx, three, model, monkeypatch):
    monkeypatch.setattr("local_member.Mongod.version", lambda self: "8.0.5")
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert bag(state, relation, "unit")["version"] == "8.0.4"
    three.up_to_date = True
    state = ctx.run(ctx.on.config_changed(), state)
    assert bag(state, relation, "unit")["version"] == "8.0.5"


def test_member_restarts_in_its_turn(ctx, three, model):
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    calls = [call[0] for call in three.calls]
    assert calls.index("hand over") < calls.index("start") < calls.index("is a member")
    assert bag(state, relation, "unit")["restart"] is None
    assert state.unit_status == testing.ActiveStatus("primary")


def test_member_that_nobody_can_take_over_from_goes_on(ctx, three, model):
    three.hands_over = False
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    assert not three.called("start")
    assert bag(state, relation, "unit")["host"] == HOST


def test_mongod_that_is_too_busy_to_answer_waits_for_its_turn(ctx, three, model):
    three.state, three.busy = "", True
    ctx.run(ctx.on.config_changed(), model(peers(1, 2), leader=False))
    assert not three.called("start")


def test_turn_is_not_used_when_the_set_is_not_well_any_more(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    assert not three.called("start")


def test_what_is_in_the_way_of_a_restart_is_said(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, app={"restarting": "mongodb/2"}, more={2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert state.app_status == testing.MaintenanceStatus(
        "restarting one member at a time: mongodb/2 now, then mongodb/0 "
        "(mongodb/0 is 61 s behind the primary)"
    )


def test_leader_leads_though_its_own_mongod_does_not_run(ctx, world, model):
    world.running = False
    world.start_error = MongodError("no space left")
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.update_status(), model(peers(1)))
    assert world.called("reconcile_members")


def test_unit_that_does_not_answer_keeps_no_other_out(ctx, world, model):
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    world.silent = {"10.0.0.1:27017"}
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert world.called("reconcile_members")[0][1].keys() == {"mongodb/0", "mongodb/2"}


def test_file_of_a_new_unit_is_held_to_the_version_of_the_set(ctx, world, model):
    program = world.tmp_path / "mongod"
    program.write_text("a program")
    file = testing.Resource(name="mongod", path=program)
    ctx.run(ctx.on.update_status(), model(peers(1), resources=[file]))
    assert world.present == "8.0.4"


@pytest.mark.parametrize("why", ["no member", "another address"])
def test_mongod_that_nobody_misses_needs_no_turn(ctx, three, model, why):
    relation = peers(1, 2)
    if why == "no member":
        three.state = ""
    else:
        elsewhere = {"host": '"10.9.9.9:27017"'}
        relation = dataclasses.replace(relation, local_unit_data=elsewhere)
    ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert three.called("start")
    assert not three.called("hand over")


def test_leader_lets_the_primary_be_the_last(ctx, three, model):
    relation = peers(1, 2, more={1: WAITING, 2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert bag(state, relation, "app")["restarting"] == "mongodb/1"
    assert state.app_status == testing.MaintenanceStatus(
        "restarting one member at a time: mongodb/1 now, then mongodb/0, mongodb/2"
    )


def test_leader_waits_while_a_member_restarts(ctx, three, model):
    relation = peers(1, 2, app={"restarting": "mongodb/2"}, more={1: WAITING, 2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert bag(state, relation, "app")["restarting"] == "mongodb/2"


@pytest.mark.parametrize("restarting", ["mongodb/1", "mongodb/9"])
def test_leader_goes_on_when_a_member_has_restarted_or_gone(ctx, three, model, restarting):
    relation = peers(1, 2, app={"restarting": restarting}, more={2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert bag(state, relation, "app")["restarting"] == "mongodb/2"


def test_nothing_is_restarted_while_the_set_is_not_well(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, more={1: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert bag(state, relation, "app")["restarting"] is None
    assert state.app_status == testing.MaintenanceStatus(
        "mongodb/0, mongodb/1 cannot restart yet: mongodb/0 is 61 s behind the primary"
    )


def test_primary_waits_until_every_unit_has_heard_of_the_change(ctx, three, model):
    relation = peers(1, 2, more={2: {"target": '"7.0 None"'}})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert bag(state, relation, "app")["restarting"] is None
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


# Another series of MongoDB.


def test_option_version_moves_the_set_to_the_next_series(ctx, world, model):
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert world.called("raise_compatibility_version") == [("8.0",)], "what they run now"
    assert bag(state, relation, "app")["version"] == "8.2"
    state = ctx.run(ctx.on.update_status(), state)
    assert bag(state, relation, "unit")["restart"] is True
    assert not world.called("install"), "not before its turn"
    state = ctx.run(ctx.on.update_status(), state)
    assert world.called("install") == [("8.2", None)]
    assert world.called("start")
    assert bag(state, relation, "unit")["restart"] is None


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ("10.0", "MongoDB cannot go from 8.0 to 10.0; upgrade to 9.0 first"),
        ("7.0", "MongoDB can"),
    ],
)
def test_jump_is_refused_with_the_reason(ctx, world, model, wanted, refusal):
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": wanted}))
    assert isinstance(state.unit_status, testing.BlockedStatus)
    assert state.unit_status.message.startswith(f"config option version: {refusal}")
    assert bag(state, relation, "app")["version"] == "8.0"


def test_option_version_says_nothing_where_a_file_is_attached(ctx, world, model):
    program = world.tmp_path / "mongod"
    program.write_text("a program")
    file = testing.Resource(name="mongod", path=program)
    relation = peers()
    state = model(relation, config={"version": "10.0"}, resources=[file])
    state = ctx.run(ctx.on.config_changed(), state)
    assert bag(state, relation, "app")["version"] == "8.0"
    assert not isinstance(state.unit_status, testing.BlockedStatus)


def test_series_stays_while_a_member_has_to_restart(ctx, three, model):
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert bag(state, relation, "app")["version"] == "8.0"


# Storage.


def test_leader_takes_over_the_data_in_its_storage(ctx, world, unsettled):
    world.saved = Credentials("mongodb", SET_ID, "8.0", "old key", "old password")
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), unsettled(relation))
    [secret] = state.secrets
    assert secret.latest_content == {"keyfile": "old key", "password": "old password"}
    assert bag(state, relation, "app")["set-id"] == SET_ID


def test_storage_with_data_of_another_series(ctx, world, unsettled):
    world.saved = Credentials("mongodb", SET_ID, "8.2", "old key", "old password")
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), unsettled(relation))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it has data of MongoDB 8.2: set version to 8.2"
    )
    state = ctx.run(ctx.on.leader_elected(), unsettled(relation, config={"version": "8.2"}))
    assert bag(state, relation, "app")["version"] == "8.2"


def test_storage_of_an_application_of_another_name(ctx, world, unsettled):
    world.saved = Credentials("other", SET_ID, "8.0", "old key", "old password")
    state = ctx.run(ctx.on.leader_elected(), unsettled(testing.PeerRelation("replicas")))
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
def test_storage_of_another_set(ctx, world, model, set_id, key, on_record):
    world.saved = saved = Credentials("mongodb", set_id, "8.0", key, "admin's password")
    state = ctx.run(ctx.on.config_changed(), model(peers(app={"set-id": on_record})))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it belongs to another replica set: "
        "remove this unit, add one with new storage"
    )
    assert not world.called("configure")
    assert world.saved == saved


def test_data_of_a_revision_without_storage_are_not_left_behind(ctx, world, model):
    world.old_data, world.running = True, False
    state = ctx.run(ctx.on.upgrade_charm(), model())
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it is empty, but /var/lib/mongodb has data: "
        "stop mongod, and move the data to /storage/db"
    )
    assert not world.called("start")


def test_unit_leaves_before_its_storage_does(ctx, world, model):
    world.units["mongodb/1"] = "active"
    relation = peers(1)
    state = ctx.run(ctx.on.storage_detaching(STORAGE), model(relation, leader=False))
    assert world.called("reconcile_members") == [({"mongodb/0"}, {})]
    assert not world.running
    assert bag(state, relation, "unit")["host"] is None, "the leader does not add it again"


def test_storage_stays_while_the_others_cannot_do_without_it(ctx, world, model):
    world.stays = {"mongodb/0"}
    world.units["mongodb/1"] = "active"
    with pytest.raises(testing.errors.UncaughtCharmError, match="still need this unit's data"):
        ctx.run(ctx.on.storage_detaching(STORAGE), model(peers(1), leader=False))
    assert world.running


# A set that cannot elect a primary any more.


def test_what_only_the_operator_can_decide_is_said(ctx, world, model):
    world.primary, world.state = False, ""
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    member = {"_id": 0, "host": "10.9.9.9:27017", "tags": {"unit": "mongodb/0"}, "votes": 1}
    others = [member | {"_id": n, "tags": {"unit": f"mongodb/{n}"}} for n in (1, 2)]
    world.configs[HOST] = {"members": [member, *others], "version": 3, "term": 2}
    state = ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert state.app_status == testing.BlockedStatus(
        "no primary: writes are unavailable; start mongodb/1, mongodb/2, or discard their data "
        "with juju remove-unit --force mongodb/1 mongodb/2"
    )
    assert not world.called("force")
    world.primary, world.state = True, "primary"
    state = ctx.run(ctx.on.update_status(), state)
    assert state.app_status == testing.ActiveStatus()


def test_units_that_are_being_removed_may_have_the_newest_data(ctx, world, model):
    # Two of three leave, and while the primary hands over there is none for a moment.
    world.primary, world.state = False, "no primary"
    world.units |= {"mongodb/1": "dying", "mongodb/2": "dying"}
    hosts = {0: HOST, 1: "10.0.0.1:27017", 2: "10.0.0.2:27017"}
    members = [
        {"_id": n, "host": host, "tags": {"unit": f"mongodb/{n}"}, "votes": 1}
        for n, host in hosts.items()
    ]
    world.configs[HOST] = {"members": members, "version": 3, "term": 2}
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert not world.called("force")
    del world.units["mongodb/1"], world.units["mongodb/2"]
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert world.called("force"), "they are gone, though on Juju 4 still listed (Q5)"


def test_restart_that_fails_is_tried_again(ctx, three, model):
    three.start_error = MongodError("it does not start")
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    three.start_error = None
    ctx.run(ctx.on.update_status(), state)
    assert len(three.called("start")) == 2


def test_charm_uses_the_storage(ctx, model, monkeypatch):
    found = []
    monkeypatch.setattr("local_member.Mongod.__init__", lambda self, folder: found.append(folder))
    ctx.run(ctx.on.update_status(), model())
    assert found == [STORAGE.get_filesystem(ctx)]
    assert charm.NO_STORAGE.startswith("storage data")


def test_package_that_cannot_be_had_fails_the_hook(ctx, world, model):
    world.install_error = InstallError("no network")
    relation = peers(app={"version": "8.2", "restarting": "mongodb/0"})
    with pytest.raises(testing.errors.UncaughtCharmError, match="no network"):
        ctx.run(ctx.on.update_status(), model(relation, config={"version": "8.2"}))


@pytest.mark.parametrize("trouble", ["behind", "unknown version"])
def test_series_stays_while_a_member_is_not_well(ctx, world, model, trouble):
    world.units["mongodb/1"] = "active"
    relation = peers(1, more={1: {"version": "null"}} if trouble == "unknown version" else {})
    world.lag = 61 if trouble == "behind" else 0
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert bag(state, relation, "app")["version"] == "8.0"
    assert not world.called("raise_compatibility_version")


def test_data_stay_readable_for_the_oldest_member(ctx, world, model):
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.update_status(), model(peers(1, more={1: {"version": '"8.2.1"'}})))
    assert world.called("raise_compatibility_version") == [("8.0",)]


def test_credentials_are_kept_with_data_only(ctx, world, model):
    world.holds_data = False
    ctx.run(ctx.on.update_status(), model(peers(1), leader=False))
    assert world.saved is None
