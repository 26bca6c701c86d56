"""The charm with every event that it observes, as leader and as follower."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from ops import testing

from charm import DemoProviderCharm

TOKEN = "d2c4a7de-1d6f-4bb4-a7a5-6d0a1a9b4c12"
OTHER_TOKEN = "2c9d8b52-8f0d-4f8a-8f6a-0f3f4f7f6b11"
MODEL = testing.Model(uuid="0f8c5a5e-2d3c-4f0b-8a55-31a3a1d4b713")
LEADER_UUID = str(uuid.uuid5(uuid.UUID(MODEL.uuid), "demo-provider/0"))

Context = testing.Context[DemoProviderCharm]


@pytest.fixture
def context() -> Context:
    return testing.Context(DemoProviderCharm)


def relation(number: int = 1, app: str = "requirer", **databags: Any) -> testing.Relation:
    return testing.Relation("demo", id=number, remote_app_name=app, **databags)


def with_token(number: int = 1, app: str = "requirer", token: str = TOKEN) -> testing.Relation:
    return relation(number, app, remote_app_data={"token": token})


def model(*relations: testing.Relation, leader: bool = True) -> testing.State:
    return testing.State(leader=leader, relations=relations, model=MODEL)


def tokens(state: testing.State) -> dict[int, str]:
    return dict(
        state.get_stored_state("_stored", owner_path="DemoProviderCharm").content["tokens"]
    )


def logged(context: Context, level: str) -> list[str]:
    return [log.message for log in context.juju_log if log.level == level]


@pytest.mark.parametrize("leader", [True, False])
def test_unit_writes_its_name_and_leader_writes_its_uuid(context: Context, leader: bool):
    demo = relation()
    out = context.run(context.on.relation_created(demo), model(demo, leader=leader))
    databags = out.get_relation(1)
    assert databags.local_unit_data["special-field"] == "demo-provider/0"
    assert databags.local_app_data == ({"leader-uuid": LEADER_UUID} if leader else {})
    assert out.unit_status == testing.WaitingStatus("demo: waiting for requirer to send token")


def test_new_leader_writes_its_uuid_in_every_relation(context: Context):
    old = {"leader-uuid": str(uuid.uuid4())}
    state = model(relation(local_app_data=old), relation(2, "other", local_app_data=old))
    out = context.run(context.on.leader_elected(), state)
    for number in (1, 2):
        assert out.get_relation(number).local_app_data == {"leader-uuid": LEADER_UUID}


def test_leader_without_a_relation_is_active(context: Context):
    assert context.run(context.on.leader_elected(), model()).unit_status == testing.ActiveStatus()


def test_each_unit_has_its_own_leader_uuid():
    found: set[str] = set()
    for number in (0, 1):
        context = testing.Context(DemoProviderCharm, unit_id=number)
        out = context.run(context.on.leader_elected(), model(relation()))
        found.add(out.get_relation(1).local_app_data["leader-uuid"])
    assert len(found) == 2


@pytest.mark.parametrize("leader", [True, False])
def test_token_is_stored_and_logged_once(context: Context, leader: bool):
    demo = with_token()
    event = context.on.relation_changed(demo, remote_unit=0)
    out = context.run(event, model(demo, leader=leader))
    assert tokens(out) == {1: TOKEN}
    out = context.run(context.on.relation_changed(out.get_relation(1), remote_unit=0), out)
    assert tokens(out) == {1: TOKEN}
    assert logged(context, "INFO") == [f"demo: requirer sent the token {TOKEN}"]
    assert out.unit_status == testing.ActiveStatus(f"requirer sent token {TOKEN}")
    # Relation-changed only reads, so it triggers no event.
    assert out.get_relation(1).local_app_data == {}
    assert "special-field" not in out.get_relation(1).local_unit_data


def test_token_is_stored_before_a_remote_unit_joins(context: Context):
    """Then event.unit is None. ops.testing always sets it, so the test emits the event itself."""
    state = model(dataclasses.replace(with_token(), remote_units_data={}))
    with context(context.on.update_status(), state) as manager:
        demo = manager.charm.model.relations["demo"][0]
        manager.charm.on.demo_relation_changed.emit(demo, demo.app, None)
        out = manager.run()
    assert tokens(out) == {1: TOKEN}


def test_unit_waits_for_the_token(context: Context):
    demo = relation()
    out = context.run(context.on.relation_changed(demo, remote_unit=0), model(demo))
    assert tokens(out) == {}
    assert out.unit_status == testing.WaitingStatus("demo: waiting for requirer to send token")


@pytest.mark.parametrize("leader", [True, False])
def test_relation_broken_removes_only_the_token_of_that_relation(context: Context, leader: bool):
    state = model(with_token(), with_token(2, "other", OTHER_TOKEN), leader=leader)
    for number in (1, 2):
        event = context.on.relation_changed(state.get_relation(number), remote_unit=0)
        state = context.run(event, state)
    assert tokens(state) == {1: TOKEN, 2: OTHER_TOKEN}
    assert state.unit_status == testing.ActiveStatus(
        f"requirer sent token {TOKEN}, other sent token {OTHER_TOKEN}"
    )
    out = context.run(context.on.relation_broken(state.get_relation(1)), state)
    assert tokens(out) == {2: OTHER_TOKEN}
    assert out.unit_status == testing.ActiveStatus(f"other sent token {OTHER_TOKEN}")


def test_relation_without_a_token_can_be_broken(context: Context):
    demo = relation()
    out = context.run(context.on.relation_broken(demo), model(demo))
    assert out.unit_status == testing.ActiveStatus()


@pytest.mark.parametrize("value", ["7", "null", "not a UUID\nat all", "é" * 36, "\n" + "a" * 31])
def test_invalid_token_blocks_and_the_last_valid_token_stays(context: Context, value: str):
    state = model(with_token(), with_token(2, "other", OTHER_TOKEN))
    event = context.on.relation_changed(state.get_relation(1), remote_unit=0)
    state = context.run(event, state)
    bad = dataclasses.replace(
        state.get_relation(1), remote_app_data={"token": value, "unknown": "x"}
    )
    state = dataclasses.replace(state, relations={bad, state.get_relation(2)})
    out = context.run(context.on.relation_changed(bad, remote_unit=0), state)
    message = "demo: requirer sent an invalid token: it is not a UUID"
    assert logged(context, "WARNING") == [message]
    assert out.unit_status == testing.BlockedStatus(message)
    assert tokens(out) == {1: TOKEN}
