"""The members restart one at a time."""

from __future__ import annotations

import dataclasses

import pytest
from ops import testing

from mongod import MongodError
from states import HOST, app_databag, peers, unit_databag

WAITING = {"restart": "true"}


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
    assert unit_databag(state, relation)["restart"] is True
    assert state.unit_status == testing.MaintenanceStatus(
        "primary; waiting for its turn to restart"
    )


def test_databag_has_version_of_running_mongod(ctx, three, model, monkeypatch):
    monkeypatch.setattr("local_member.Mongod.version", lambda self: "8.0.5")
    relation = peers(1, 2)
    state = ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert unit_databag(state, relation)["version"] == "8.0.4"
    three.up_to_date = True
    state = ctx.run(ctx.on.config_changed(), state)
    assert unit_databag(state, relation)["version"] == "8.0.5"


def test_member_restarts_in_its_turn(ctx, three, model):
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    calls = [call[0] for call in three.calls]
    assert (
        calls.index("hand_over") < calls.index("start") < calls.index("wait_until_it_is_a_member")
    )
    assert unit_databag(state, relation)["restart"] is None
    assert state.unit_status == testing.ActiveStatus("primary")


def test_primary_does_not_restart_if_no_member_can_take_over(ctx, three, model):
    three.can_hand_over = False
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    assert not three.called("start")
    assert unit_databag(state, relation)["host"] == HOST


def test_busy_member_waits_for_its_turn(ctx, three, model):
    three.state, three.busy = "", True
    ctx.run(ctx.on.config_changed(), model(peers(1, 2), leader=False))
    assert not three.called("start")


def test_chosen_member_does_not_restart_if_replica_set_became_unhealthy(ctx, three, model):
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


@pytest.mark.parametrize("reason", ["not a member", "new address"])
def test_mongod_that_replica_set_does_not_use_restarts_at_once(ctx, three, model, reason):
    relation = peers(1, 2)
    if reason == "not a member":
        three.state = ""
    else:
        old_host = {"host": '"10.9.9.9:27017"'}
        relation = dataclasses.replace(relation, local_unit_data=old_host)
    ctx.run(ctx.on.config_changed(), model(relation, leader=False))
    assert three.called("start")
    assert not three.called("hand_over")


def test_primary_restarts_last(ctx, three, model):
    relation = peers(1, 2, more={1: WAITING, 2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["restarting"] == "mongodb/1"
    assert state.app_status == testing.MaintenanceStatus(
        "restarting one member at a time: mongodb/1 now, then mongodb/0, mongodb/2"
    )


def test_leader_chooses_no_other_member_while_one_restarts(ctx, three, model):
    relation = peers(1, 2, app={"restarting": "mongodb/2"}, more={1: WAITING, 2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["restarting"] == "mongodb/2"


@pytest.mark.parametrize("restarting", ["mongodb/1", "mongodb/9"])
def test_leader_chooses_next_member_when_one_has_restarted_or_is_gone(
    ctx, three, model, restarting
):
    relation = peers(1, 2, app={"restarting": restarting}, more={2: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["restarting"] == "mongodb/2"


def test_leader_chooses_no_member_while_replica_set_is_unhealthy(ctx, three, model):
    three.lag = 61
    relation = peers(1, 2, more={1: WAITING})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["restarting"] is None
    assert state.app_status == testing.MaintenanceStatus(
        "mongodb/0, mongodb/1 cannot restart yet: mongodb/0 is 61 s behind the primary"
    )


def test_primary_waits_until_every_unit_has_received_change(ctx, three, model):
    relation = peers(1, 2, more={2: {"target": '"7.0 None"'}})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["restarting"] is None
    assert state.app_status == testing.MaintenanceStatus(
        "mongodb/0 cannot restart yet: waiting for mongodb/2 to receive the same change"
    )


def test_single_member_restarts(ctx, world, model):
    world.up_to_date = False
    relation = peers()
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert not world.called("start")
    state = ctx.run(ctx.on.update_status(), state)
    assert world.called("start")


def test_failed_restart_is_retried(ctx, three, model):
    three.start_error = MongodError("it does not start")
    relation = peers(1, 2, app={"restarting": "mongodb/0"})
    state = ctx.run(ctx.on.relation_changed(relation), model(relation, leader=False))
    three.start_error = None
    ctx.run(ctx.on.update_status(), state)
    assert len(three.called("start")) == 2
