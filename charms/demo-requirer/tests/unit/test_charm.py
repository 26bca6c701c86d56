"""The charm with every event that it observes, as leader and as follower."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ops import testing

from charm import SpecialCharm

UUID = "8a5b0a3c-5b2e-4c53-9f0e-2f6f2d1f7a10"
OTHER_UUID = "2c9d8b52-8f0d-4f8a-8f6a-0f3f4f7f6b11"
TOKEN = "d2c4a7de-1d6f-4bb4-a7a5-6d0a1a9b4c12"
BLOCKED = testing.BlockedStatus("integrate demo with a charm that provides demo")

Context = testing.Context[SpecialCharm]


@pytest.fixture
def context() -> Context:
    return testing.Context(SpecialCharm)


def relation(number: int = 1, app: str = "provider", **databags: Any) -> testing.Relation:
    units = {0: {"special-field": f"{app}/0"}, 1: {"special-field": f"{app}/1"}}
    default: dict[str, Any] = {
        "remote_app_data": {"leader-uuid": UUID},
        "remote_units_data": units,
    }
    return testing.Relation("demo", id=number, remote_app_name=app, **(default | databags))


def token(state: testing.State, number: int = 1) -> str | None:
    return state.get_relation(number).local_app_data.get("token")


def apps(state: testing.State) -> dict[int, dict[str, str | None]]:
    return dict(state.get_stored_state("_stored", owner_path="SpecialCharm").content["apps"])


def logged(context: Context, level: str) -> list[str]:
    return [log.message for log in context.juju_log if log.level == level]


@pytest.mark.parametrize("unit", [0, 1])
def test_leader_stores_the_uuid_and_sends_a_token(context: Context, unit: int):
    demo = relation()
    state = testing.State(leader=True, relations={demo})
    out = context.run(context.on.relation_changed(demo, remote_unit=unit), state)
    assert apps(out) == {1: {"name": "provider", "leader_uuid": UUID}}
    assert token(out)
    assert logged(context, "INFO") == [
        f"demo: provider has leader-uuid {UUID}",
        f"demo: provider/{unit} has special-field 'provider/{unit}'",
        f"demo: sent provider the token {token(out)}",
    ]
    assert out.unit_status == testing.ActiveStatus(f"provider has leader-uuid {UUID}")


def test_leader_sends_a_token_before_a_remote_unit_joins(context: Context):
    """Then event.unit is None. ops.testing always sets it, so the test emits the event itself."""
    state = testing.State(leader=True, relations={relation(remote_units_data={})})
    with context(context.on.update_status(), state) as manager:
        demo = manager.charm.model.relations["demo"][0]
        manager.charm.on.demo_relation_changed.emit(demo, demo.app, None)
        out = manager.run()
    assert token(out)
    assert apps(out) == {1: {"name": "provider", "leader_uuid": UUID}}
    assert "special-field" not in "".join(logged(context, "INFO"))


@pytest.mark.parametrize("leader_uuid", [UUID, None])
def test_follower_stores_and_sends_nothing(context: Context, leader_uuid: str | None):
    demo = relation(remote_app_data={"leader-uuid": leader_uuid} if leader_uuid else {})
    state = testing.State(relations={demo})
    out = context.run(context.on.relation_changed(demo, remote_unit=0), state)
    assert token(out) is None
    assert apps(out) == {}
    assert logged(context, "INFO") == []
    # The status shows the data that it reads.
    assert out.unit_status == (
        testing.ActiveStatus(f"provider has leader-uuid {UUID}")
        if leader_uuid
        else testing.WaitingStatus("demo: waiting for provider to send leader-uuid")
    )


def test_token_is_not_replaced_by_later_events(context: Context):
    demo = relation()
    state = testing.State(leader=True, relations={demo})
    first = context.run(context.on.relation_changed(demo, remote_unit=0), state)
    other = dataclasses.replace(first.get_relation(1), remote_app_data={"leader-uuid": OTHER_UUID})
    state = dataclasses.replace(first, relations={other})
    second = context.run(context.on.relation_changed(other, remote_unit=1), state)
    assert token(second) == token(first)
    assert apps(second)[1]["leader_uuid"] == OTHER_UUID
    third = context.run(context.on.leader_elected(), second)
    assert token(third) == token(first)


def test_new_leader_keeps_the_tokens_of_the_old_leader(context: Context):
    # The new leader's StoredState is empty, because the old leader's StoredState is on another
    # unit.
    old, new = relation(local_app_data={"token": TOKEN}), relation(2, "later")
    state = testing.State(leader=True, relations={old, new})
    out = context.run(context.on.leader_elected(), state)
    assert token(out, 1) == TOKEN
    assert token(out, 2)
    assert set(apps(out)) == {1, 2}


def test_leader_without_a_relation_is_blocked(context: Context):
    out = context.run(context.on.leader_elected(), testing.State(leader=True))
    assert out.unit_status == BLOCKED


def test_each_application_gets_its_own_token(context: Context):
    demo, other = relation(), relation(2, "other", remote_app_data={"leader-uuid": OTHER_UUID})
    state = testing.State(leader=True, relations={demo, other})
    state = context.run(context.on.relation_changed(demo, remote_unit=0), state)
    assert token(state, 2) is None
    other = state.get_relation(2)
    state = context.run(context.on.relation_changed(other, remote_unit=0), state)
    assert token(state, 1) != token(state, 2)
    assert apps(state) == {
        1: {"name": "provider", "leader_uuid": UUID},
        2: {"name": "other", "leader_uuid": OTHER_UUID},
    }
    assert state.unit_status == testing.ActiveStatus(
        f"provider has leader-uuid {UUID}, other has leader-uuid {OTHER_UUID}"
    )


@pytest.mark.parametrize("leader", [True, False])
def test_relation_broken_removes_only_that_application(context: Context, leader: bool):
    """A follower does this too, because it may have been the leader."""
    demo, other = relation(), relation(2, "other")
    state = testing.State(leader=True, relations={demo, other})
    state = context.run(context.on.leader_elected(), state)
    state = dataclasses.replace(state, leader=leader)
    out = context.run(context.on.relation_broken(state.get_relation(1)), state)
    assert set(apps(out)) == {2}
    assert out.unit_status == testing.ActiveStatus(f"other has leader-uuid {UUID}")


def test_unit_is_blocked_when_its_only_relation_is_broken(context: Context):
    demo = relation()
    out = context.run(context.on.relation_broken(demo), testing.State(relations={demo}))
    assert out.unit_status == BLOCKED


def test_leader_waits_for_a_provider_that_has_sent_nothing(context: Context):
    demo = relation(remote_app_data={}, remote_units_data={0: {}})
    state = testing.State(leader=True, relations={demo})
    out = context.run(context.on.relation_changed(demo, remote_unit=0), state)
    assert token(out)
    assert apps(out) == {1: {"name": "provider", "leader_uuid": None}}
    assert out.unit_status == testing.WaitingStatus(
        "demo: waiting for provider to send leader-uuid"
    )


@pytest.mark.parametrize("value", ["7", "null", "not a UUID\nat all", "é" * 36, "\n" + "a" * 31])
def test_invalid_uuid_blocks_and_the_last_valid_uuid_stays(context: Context, value: str):
    demo, other = relation(), relation(2, "other")
    state = testing.State(leader=True, relations={demo, other})
    state = context.run(context.on.leader_elected(), state)
    bad = dataclasses.replace(
        state.get_relation(1), remote_app_data={"leader-uuid": value, "unknown": "x"}
    )
    state = dataclasses.replace(state, relations={bad, state.get_relation(2)})
    out = context.run(context.on.relation_changed(bad, remote_unit=0), state)
    message = "demo: provider sent an invalid leader-uuid: it is not a UUID"
    assert logged(context, "WARNING") == [message]
    assert out.unit_status == testing.BlockedStatus(message)
    assert apps(out)[1]["leader_uuid"] == UUID
    assert token(out) == token(state)


def test_line_break_in_special_field_is_escaped(context: Context):
    demo = relation(remote_units_data={0: {"special-field": "a\nb"}})
    state = testing.State(leader=True, relations={demo})
    context.run(context.on.relation_changed(demo, remote_unit=0), state)
    assert "demo: provider/0 has special-field 'a\\nb'" in logged(context, "INFO")
