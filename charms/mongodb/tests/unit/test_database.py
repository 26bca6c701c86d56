"""What the leader does for the `database` relations."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import ops
import pytest
from ops import testing

import local_member
from states import ADDRESS, HOST, database, peers


def answer(state: testing.State, id: int) -> dict[str, Any]:
    relation = state.get_relation(id)
    return {key: json.loads(value) for key, value in relation.local_app_data.items()}


def secret_of(state: testing.State, id: int) -> testing.Secret:
    return state.get_secret(label=f"database-{id}")


@pytest.fixture
def served(ctx, world, model):
    """A function that makes the State in which these relations have what they ask for."""

    def serve(*relations: testing.RelationBase) -> testing.State:
        return ctx.run(ctx.on.update_status(), model(peers(), *relations))

    return serve


def asks(state: testing.State, id: int, **request: Any) -> testing.State:
    """The State after a requirer has asked for something else."""
    relation = state.get_relation(id)
    changed = dataclasses.replace(
        relation, remote_app_data=database(id, **request).remote_app_data
    )
    others = [other for other in state.relations if other.id != id]
    return dataclasses.replace(state, relations=[*others, changed])


@pytest.mark.parametrize("event", ["relation_joined", "relation_changed"])
def test_relation_is_served(ctx, world, model, event):
    relation = database(7, database="notes", extra_user_roles=["dbAdmin"])
    args = {"remote_unit": 0} if event == "relation_joined" else {}
    state = ctx.run(getattr(ctx.on, event)(relation, **args), model(peers(), relation))
    secret = secret_of(state, 7)
    assert answer(state, 7) == {
        "database": "notes",
        "endpoints": [HOST],
        "replset": "mongodb",
        "version": "8.0.4",
        "secret-user": secret.id,
    }
    assert secret.owner == "app"
    assert secret.remote_grants == {7: {"my-app"}}
    password = world.passwords["relation-7-1"]
    assert secret.latest_content == {
        "username": "relation-7-1",
        "password": password,
        "uris": f"mongodb://relation-7-1:{password}@{HOST}/notes"
        "?replicaSet=mongodb&authSource=admin",
    }
    assert world.users == {"relation-7-1": {("readWrite", "notes"), ("dbAdmin", "notes")}}
    assert state.app_status == testing.ActiveStatus()


def test_follower_serves_nothing(ctx, world, model):
    relation = database(7)
    state = ctx.run(ctx.on.relation_changed(relation), model(peers(), relation, leader=False))
    assert answer(state, 7) == {}
    assert not world.users


@pytest.mark.parametrize("bag", [{}, {"extra-user-roles": '["dbAdmin"]'}])
@pytest.mark.parametrize("event", ["relation_joined", "relation_changed"])
def test_nothing_is_made_before_it_is_asked_for(ctx, world, model, bag, event):
    relation = database(7, bag=bag)
    args = {"remote_unit": 0} if event == "relation_joined" else {}
    state = ctx.run(getattr(ctx.on, event)(relation, **args), model(peers(), relation))
    assert not world.users
    assert answer(state, 7) == {}
    assert {secret.label for secret in state.secrets} == {"admin"}
    # What a requirer of before v0 reads, which asks for nothing.
    assert state.get_relation(7).local_unit_data["hostname"] == ADDRESS
    assert state.app_status == testing.ActiveStatus()


def test_request_without_units_is_served(ctx, world, model):
    relation = dataclasses.replace(database(7, database="notes"), remote_units_data={})
    state = ctx.run(ctx.on.update_status(), model(peers(), relation))
    assert answer(state, 7)["database"] == "notes"


def test_request_that_vanishes_keeps_what_it_had(served, ctx, world):
    before = served(database(7, database="notes", extra_user_roles=["dbAdmin"]))
    relation = dataclasses.replace(before.get_relation(7), remote_app_data={})
    state = dataclasses.replace(before, relations=[*before.get_relations("replicas"), relation])
    users = {"relation-7-1": {("readWrite", "notes"), ("dbAdmin", "notes")}}
    after = ctx.run(ctx.on.relation_changed(relation), state)
    assert answer(after, 7) == answer(before, 7)
    assert world.users == users
    world.members["mongodb/1"] = "10.0.0.1:27017"
    world.units["mongodb/1"] = "active"
    after = ctx.run(ctx.on.update_status(), after)
    assert answer(after, 7)["endpoints"] == ["10.0.0.1:27017", HOST]
    assert answer(after, 7)["database"] == "notes"
    assert world.users == users


@pytest.mark.parametrize(
    ("app", "name"),
    [("my-app", "my-app"), ("admin", "app-admin"), ("a" * 70, "a" * 63)],
)
@pytest.mark.parametrize("request_", [{"database": None}, {"extra_user_roles": None}])
def test_default_database(served, app, name, request_):
    state = served(database(7, app, **request_))
    assert answer(state, 7)["database"] == name


def test_unknown_fields_are_accepted(served):
    bag = {"database": '"notes"', "more": "not JSON", "external-node-connectivity": "true"}
    assert answer(served(database(7, bag=bag)), 7)["database"] == "notes"


REFUSED = [
    ({"database": '"a b"'}, "database: 'a b' is not 1 to 63"),
    ({"database": '"a$b"'}, "database: 'a$b'"),
    ({"database": json.dumps("a" * 64)}, "database: 'aaa"),
    ({"database": json.dumps("a" * 10_000)}, "database: 'aaa"),
    ({"database": '"admin"'}, "database: 'admin' is reserved by MongoDB"),
    ({"database": '"Local"'}, "database: 'Local' is reserved by MongoDB"),
    ({"database": "7"}, "database: Input should be a valid string"),
    ({"database": "notes"}, "database: it is not JSON"),
    ({"database": '["notes"]'}, "database: Input should be a valid string"),
    ({"extra-user-roles": '"dbAdmin"'}, "extra-user-roles: Input should be a valid list"),
    ({"extra-user-roles": '["root"]'}, "extra-user-roles: 'root' is not one of dbAdmin"),
    ({"extra-user-roles": json.dumps(["a" * 10_000])}, "extra-user-roles: 'aaa"),
    ({"extra-user-roles": '["dbAdmin", 1]'}, "extra-user-roles.1: Input should be"),
    ({"extra-user-roles": "{"}, "extra-user-roles: it is not JSON"),
    ({"extra-user-roles": "[" * 100_000}, "extra-user-roles: it is not JSON"),
    ({"extra-user-roles": f'"{"x" * 100_000}"'}, "extra-user-roles: Input should be"),
]


@pytest.mark.parametrize(("bag", "complaint"), REFUSED)
def test_bad_request_is_named_and_harms_no_other(served, ctx, bag, complaint):
    state = served(database(7, bag={"database": "null", **bag}), database(8, "other"))
    assert isinstance(state.app_status, testing.BlockedStatus)
    assert state.app_status.message.startswith(f"database: my-app sent an invalid {complaint}")
    assert len(state.app_status.message) < 200
    assert any(complaint in log.message for log in ctx.juju_log if log.level == "ERROR")
    assert answer(state, 7) == {}
    assert answer(state, 8)["database"] == "other"
    assert state.unit_status == testing.ActiveStatus("primary")


@pytest.mark.parametrize(("bag", "complaint"), REFUSED)
def test_bad_request_keeps_what_was_there(served, ctx, world, bag, complaint):
    before = served(database(7, database="notes"))
    asked = {"database": "null", **bag}
    relation = dataclasses.replace(before.get_relation(7), remote_app_data=asked)
    state = dataclasses.replace(before, relations=[*before.get_relations("replicas"), relation])
    after = ctx.run(ctx.on.relation_changed(relation), state)
    assert answer(after, 7) == answer(before, 7)
    assert world.users == {"relation-7-1": {("readWrite", "notes")}}
    assert isinstance(after.app_status, testing.BlockedStatus)


def test_refusal_is_over_when_the_request_is_good(served, ctx):
    before = served(database(7, database="admin"))
    state = asks(before, 7, database="notes")
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert after.app_status == testing.ActiveStatus()
    assert answer(after, 7)["database"] == "notes"


def test_second_that_asks_for_the_same_database_is_refused(served, world):
    state = served(database(7, "a", database="notes"), database(8, "b", database="Notes"))
    assert answer(state, 8) == {}
    assert list(world.users) == ["relation-7-1"]
    assert state.app_status == testing.BlockedStatus(
        "database: b sent an invalid database: 'Notes' belongs to a"
    )


def test_older_relation_does_not_take_the_database_of_a_younger(served, ctx, world):
    before = served(database(7, "a"), database(8, "b", database="notes"))
    state = asks(before, 7, database="notes")
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert answer(after, 7)["database"] == "a"
    assert answer(after, 8)["database"] == "notes"
    assert world.users["relation-7-1"] == {("readWrite", "a")}


def test_another_database_means_another_user(served, ctx, world):
    before = served(database(7, database="one"))
    state = asks(before, 7, database="two")
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert answer(after, 7)["database"] == "two"
    secret = secret_of(after, 7)
    assert secret.latest_content
    assert secret.latest_content["username"] == "relation-7-2"
    assert "/two?" in secret.latest_content["uris"]
    # The old user has lost the old database at once: another relation may ask for it.
    assert {role for roles in world.users.values() for role in roles} == {("readWrite", "two")}


def test_other_roles_keep_the_user(served, ctx, world):
    before = served(database(7))
    state = asks(before, 7, extra_user_roles=["dbAdmin"])
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content
    assert world.users == {"relation-7-1": {("readWrite", "my-app"), ("dbAdmin", "my-app")}}


def test_nothing_new_writes_nothing_new(served, ctx, world):
    before = served(database(7))
    after = ctx.run(ctx.on.update_status(), before)
    assert answer(after, 7) == answer(before, 7)
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content


def test_new_members_are_published_and_keep_the_secret(served, ctx, world):
    before = served(database(7))
    world.members["mongodb/1"] = "10.0.0.1:27017"
    world.units["mongodb/1"] = "active"
    after = ctx.run(ctx.on.update_status(), before)
    assert answer(after, 7)["endpoints"] == ["10.0.0.1:27017", HOST]
    assert answer(after, 7)["secret-user"] == answer(before, 7)["secret-user"]
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content


def test_secret_is_renewed_when_it_names_no_member_any_more(served, ctx, world):
    before = served(database(7))
    world.members = {"mongodb/0": "10.0.0.9:27017"}
    after = ctx.run(ctx.on.update_status(), before)
    content = secret_of(after, 7).latest_content
    assert content
    assert content["username"] == "relation-7-2"
    assert "@10.0.0.9:27017/my-app?" in content["uris"]


def test_dropped_user_is_made_again(served, ctx, world):
    before = served(database(7))
    world.users.clear()
    ctx.run(ctx.on.update_status(), before)
    assert list(world.users) == ["relation-7-2"]


def test_dropped_user_is_made_again_though_an_older_one_is_there(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    del world.users["relation-7-2"]
    state = ctx.run(ctx.on.update_status(), state)
    content = secret_of(state, 7).latest_content
    assert content
    assert content["username"] in world.users


def test_user_without_a_revision_is_dropped(served, ctx, world):
    """A hook that fails has made a user, and Juju discards its secret."""
    before = served(database(7))
    world.users["relation-7-2"] = world.users["relation-7-1"]
    after = ctx.run(ctx.on.update_status(), before)
    assert list(world.users) == ["relation-7-1"]
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content


def test_lost_secret_is_made_again(served, ctx, world):
    before = served(database(7))
    lost = [secret for secret in before.secrets if secret.label == "admin"]
    after = ctx.run(ctx.on.update_status(), dataclasses.replace(before, secrets=lost))
    secret = secret_of(after, 7)
    assert answer(after, 7)["secret-user"] == secret.id != answer(before, 7)["secret-user"]
    assert secret.latest_content
    assert secret.latest_content["password"] == world.passwords["relation-7-1"]


def test_broken_takes_user_and_secret_away(served, ctx, world, monkeypatch):
    before = served(database(7), database(8, "other"))
    world.users["somebody"] = {("read", "other")}
    ids = [secret.id for secret in before.secrets]
    monkeypatch.setattr(ops.hookcmds, "secret_ids", lambda: ids)
    after = ctx.run(ctx.on.relation_broken(before.get_relation(7)), before)
    assert set(world.users) == {"relation-8-1", "somebody"}
    assert {secret.label for secret in after.secrets} == {"admin", "database-8"}


def test_new_leader_clears_away_what_an_old_one_left(served, ctx, world, model, monkeypatch):
    before = served(database(7))
    ids = [secret.id for secret in before.secrets]
    monkeypatch.setattr(ops.hookcmds, "secret_ids", lambda: ids)
    gone = dataclasses.replace(before, relations=before.get_relations("replicas"))
    after = ctx.run(ctx.on.leader_elected(), gone)
    assert not world.users
    assert {secret.label for secret in after.secrets} == {"admin"}


def test_leader_that_is_leaving_takes_nothing_away(served, ctx, world, monkeypatch):
    before = served(database(7))
    ids = [secret.id for secret in before.secrets]
    monkeypatch.setattr(ops.hookcmds, "secret_ids", lambda: ids)
    world.units = {"mongodb/0": "dying", "mongodb/1": "active"}
    after = ctx.run(ctx.on.relation_broken(before.get_relation(7)), before)
    assert set(world.users) == {"relation-7-1"}
    assert secret_of(after, 7)


def test_broken_on_a_follower(ctx, world, model):
    relation = database(7)
    world.users["relation-7-1"] = {("readWrite", "my-app")}
    ctx.run(ctx.on.relation_broken(relation), model(peers(), relation, leader=False))
    assert list(world.users) == ["relation-7-1"]


def test_rotate_all(served, ctx, world):
    before = served(database(7), database(8, "other"))
    after = ctx.run(ctx.on.action("rotate-password"), before)
    assert ctx.action_results == {"rotated": "7, 8"}
    for id in (7, 8):
        content = secret_of(after, id).latest_content
        assert content
        assert content["username"] == f"relation-{id}-2"
        assert content["password"] == world.passwords[f"relation-{id}-2"]
        assert content["password"] != world.passwords[f"relation-{id}-1"]
        assert world.users[f"relation-{id}-1"] == world.users[f"relation-{id}-2"]
    assert after.unit_status == testing.ActiveStatus("primary")
    assert after.app_status == testing.ActiveStatus()


def test_rotate_one(served, ctx, world):
    before = served(database(7), database(8, "other"))
    ctx.run(ctx.on.action("rotate-password", params={"relation-id": 8}), before)
    assert ctx.action_results == {"rotated": "8"}
    assert set(world.users) == {"relation-7-1", "relation-8-1", "relation-8-2"}


@pytest.mark.parametrize(
    ("params", "complaint"),
    [({"relation-id": 9}, r"relation-id: 9 is not one of \[7\]")],
)
def test_rotate_unknown(served, ctx, params, complaint):
    before = served(database(7))
    with pytest.raises(testing.ActionFailed, match=complaint):
        ctx.run(ctx.on.action("rotate-password", params=params), before)


def test_rotate_nothing(ctx, world, model):
    with pytest.raises(testing.ActionFailed, match="no relation has a user yet"):
        ctx.run(ctx.on.action("rotate-password"), model())


def test_rotate_on_a_follower(ctx, model):
    with pytest.raises(testing.ActionFailed, match="use mongodb/leader"):
        ctx.run(ctx.on.action("rotate-password"), model(leader=False))


def test_rotate_without_a_primary(ctx, world, model):
    world.primary = False
    with pytest.raises(testing.ActionFailed, match="cannot connect to the replica set"):
        ctx.run(ctx.on.action("rotate-password"), model())


def test_replaced_user_goes_when_nobody_tracks_it(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    secret = secret_of(state, 7)
    ctx.run(ctx.on.secret_remove(secret, revision=1), state)
    assert list(world.users) == ["relation-7-2"]
    assert ctx.removed_secret_revisions == [1]


def test_replaced_user_goes_later_without_a_primary(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    world.primary = False
    state = ctx.run(ctx.on.secret_remove(secret_of(state, 7), revision=1), state)
    assert not ctx.removed_secret_revisions
    assert len(state.deferred) == 1
    world.primary = True
    ctx.run(ctx.on.update_status(), state)
    assert list(world.users) == ["relation-7-2"]
    assert ctx.removed_secret_revisions == [1]


def test_secret_that_is_gone_is_not_removed_again(served, ctx, world, monkeypatch):
    """The command succeeds, and some versions of Juju fail the hook for it after its end."""
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    world.primary = False
    state = ctx.run(ctx.on.secret_remove(secret_of(state, 7), revision=1), state)
    world.primary = True
    state = dataclasses.replace(
        state,
        secrets={secret for secret in state.secrets if secret.label == "admin"},
        relations={relation for relation in state.relations if relation.id != 7},
    )
    removed = []
    monkeypatch.setattr(
        ops.Secret, "remove_revision", lambda _, revision: removed.append(revision)
    )
    after = ctx.run(ctx.on.update_status(), state)
    assert not after.deferred
    assert not removed
    assert not world.users


def test_former_leader_leaves_a_replaced_user_alone(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    world.primary = False
    state = ctx.run(ctx.on.secret_remove(secret_of(state, 7), revision=1), state)
    world.primary = True
    # Only the leader may remove a revision: Juju would fail the hook, and each retry.
    after = ctx.run(ctx.on.update_status(), dataclasses.replace(state, leader=False))
    assert not after.deferred
    assert not ctx.removed_secret_revisions


def test_nobody_is_given_a_user_while_no_member_stays(served, ctx, world, monkeypatch):
    state = served(database(7))
    world.members = {"mongodb/1": "10.0.0.1:27017"}
    world.units["mongodb/1"] = "dying"
    monkeypatch.setattr(local_member.ReplicaSet, "reconcile_members", lambda *_, **__: None)
    after = ctx.run(ctx.on.update_status(), state)
    assert list(world.users) == ["relation-7-1"]
    assert answer(after, 7) == answer(state, 7)


def test_owner_follows_its_own_secrets(served, ctx, world):
    # Or Juju would never say that nobody tracks the old revision.
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    secret = dataclasses.replace(secret_of(state, 7), owner=None)
    state = dataclasses.replace(state, secrets=[secret], leader=False)
    after = ctx.run(ctx.on.secret_changed(secret), state)
    assert secret_of(after, 7).tracked_content == secret.latest_content
