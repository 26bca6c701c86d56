"""The `database` relations: requests, users, secrets and rotation."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import ops
import pytest
from ops import testing

import local_member
from states import ADDRESS, HOST, database, peers


def provider_databag(state: testing.State, id: int) -> dict[str, Any]:
    relation = state.get_relation(id)
    return {key: json.loads(value) for key, value in relation.local_app_data.items()}


def secret_of(state: testing.State, id: int) -> testing.Secret:
    return state.get_secret(label=f"database-{id}")


@pytest.fixture
def served(ctx, world, model):
    """A function that returns a State in which the requests of these relations are served."""

    def serve(*relations: testing.RelationBase) -> testing.State:
        return ctx.run(ctx.on.update_status(), model(peers(), *relations))

    return serve


def with_request(state: testing.State, id: int, **request: Any) -> testing.State:
    """Return the State after a requirer has changed its request."""
    relation = state.get_relation(id)
    changed = dataclasses.replace(
        relation, remote_app_data=database(id, **request).remote_app_data
    )
    others = [other for other in state.relations if other.id != id]
    return dataclasses.replace(state, relations=[*others, changed])


@pytest.mark.parametrize("event", ["relation_joined", "relation_changed"])
def test_request_gets_database_user_and_secret(ctx, world, model, event):
    relation = database(7, database="notes", extra_user_roles=["dbAdmin"])
    args = {"remote_unit": 0} if event == "relation_joined" else {}
    state = ctx.run(getattr(ctx.on, event)(relation, **args), model(peers(), relation))
    secret = secret_of(state, 7)
    assert provider_databag(state, 7) == {
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


def test_follower_creates_nothing(ctx, world, model):
    relation = database(7)
    state = ctx.run(ctx.on.relation_changed(relation), model(peers(), relation, leader=False))
    assert provider_databag(state, 7) == {}
    assert not world.users


@pytest.mark.parametrize("databag", [{}, {"extra-user-roles": '["dbAdmin"]'}])
@pytest.mark.parametrize("event", ["relation_joined", "relation_changed"])
def test_relation_without_request_gets_only_unit_databag(ctx, world, model, databag, event):
    relation = database(7, databag=databag)
    args = {"remote_unit": 0} if event == "relation_joined" else {}
    state = ctx.run(getattr(ctx.on, event)(relation, **args), model(peers(), relation))
    assert not world.users
    assert provider_databag(state, 7) == {}
    assert {secret.label for secret in state.secrets} == {"admin"}
    # A requirer from before v0 sends no request, and reads this databag.
    assert state.get_relation(7).local_unit_data["hostname"] == ADDRESS
    assert state.app_status == testing.ActiveStatus()


def test_request_without_units_is_served(ctx, world, model):
    relation = dataclasses.replace(database(7, database="notes"), remote_units_data={})
    state = ctx.run(ctx.on.update_status(), model(peers(), relation))
    assert provider_databag(state, 7)["database"] == "notes"


def test_relation_keeps_its_database_when_request_is_removed(served, ctx, world):
    before = served(database(7, database="notes", extra_user_roles=["dbAdmin"]))
    relation = dataclasses.replace(before.get_relation(7), remote_app_data={})
    state = dataclasses.replace(before, relations=[*before.get_relations("replicas"), relation])
    users = {"relation-7-1": {("readWrite", "notes"), ("dbAdmin", "notes")}}
    after = ctx.run(ctx.on.relation_changed(relation), state)
    assert provider_databag(after, 7) == provider_databag(before, 7)
    assert world.users == users
    world.members["mongodb/1"] = "10.0.0.1:27017"
    world.units["mongodb/1"] = "active"
    after = ctx.run(ctx.on.update_status(), after)
    assert provider_databag(after, 7)["endpoints"] == ["10.0.0.1:27017", HOST]
    assert provider_databag(after, 7)["database"] == "notes"
    assert world.users == users


@pytest.mark.parametrize(
    ("app", "name"),
    [("my-app", "my-app"), ("admin", "app-admin"), ("a" * 70, "a" * 63)],
)
@pytest.mark.parametrize("request_", [{"database": None}, {"extra_user_roles": None}])
def test_default_database_has_name_of_application(served, app, name, request_):
    state = served(database(7, app, **request_))
    assert provider_databag(state, 7)["database"] == name


def test_unknown_fields_are_accepted(served):
    databag = {"database": '"notes"', "more": "not JSON", "external-node-connectivity": "true"}
    assert provider_databag(served(database(7, databag=databag)), 7)["database"] == "notes"


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


@pytest.mark.parametrize(("databag", "problem"), REFUSED)
def test_invalid_request_is_named_and_others_are_served(served, ctx, databag, problem):
    state = served(database(7, databag={"database": "null", **databag}), database(8, "other"))
    assert isinstance(state.app_status, testing.BlockedStatus)
    assert state.app_status.message.startswith(f"database: my-app sent an invalid {problem}")
    assert len(state.app_status.message) < 200
    assert any(problem in log.message for log in ctx.juju_log if log.level == "ERROR")
    assert provider_databag(state, 7) == {}
    assert provider_databag(state, 8)["database"] == "other"
    assert state.unit_status == testing.ActiveStatus("primary")


@pytest.mark.parametrize(("databag", "problem"), REFUSED)
def test_invalid_request_keeps_existing_database(served, ctx, world, databag, problem):
    before = served(database(7, database="notes"))
    asked = {"database": "null", **databag}
    relation = dataclasses.replace(before.get_relation(7), remote_app_data=asked)
    state = dataclasses.replace(before, relations=[*before.get_relations("replicas"), relation])
    after = ctx.run(ctx.on.relation_changed(relation), state)
    assert provider_databag(after, 7) == provider_databag(before, 7)
    assert world.users == {"relation-7-1": {("readWrite", "notes")}}
    assert isinstance(after.app_status, testing.BlockedStatus)


def test_corrected_request_is_served(served, ctx):
    before = served(database(7, database="admin"))
    state = with_request(before, 7, database="notes")
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert after.app_status == testing.ActiveStatus()
    assert provider_databag(after, 7)["database"] == "notes"


def test_second_request_for_same_database_is_refused(served, world):
    state = served(database(7, "a", database="notes"), database(8, "b", database="Notes"))
    assert provider_databag(state, 8) == {}
    assert list(world.users) == ["relation-7-1"]
    assert state.app_status == testing.BlockedStatus(
        "database: b sent an invalid database: 'Notes' belongs to a"
    )


def test_older_relation_cannot_take_database_of_newer_one(served, ctx, world):
    before = served(database(7, "a"), database(8, "b", database="notes"))
    state = with_request(before, 7, database="notes")
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert provider_databag(after, 7)["database"] == "a"
    assert provider_databag(after, 8)["database"] == "notes"
    assert world.users["relation-7-1"] == {("readWrite", "a")}


def test_request_for_other_database_creates_new_user(served, ctx, world):
    before = served(database(7, database="one"))
    state = with_request(before, 7, database="two")
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert provider_databag(after, 7)["database"] == "two"
    secret = secret_of(after, 7)
    assert secret.latest_content
    assert secret.latest_content["username"] == "relation-7-2"
    assert "/two?" in secret.latest_content["uris"]
    # The old user loses the old database at once, because another relation may ask for it.
    assert {role for roles in world.users.values() for role in roles} == {("readWrite", "two")}


def test_new_roles_keep_user(served, ctx, world):
    before = served(database(7))
    state = with_request(before, 7, extra_user_roles=["dbAdmin"])
    after = ctx.run(ctx.on.relation_changed(state.get_relation(7)), state)
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content
    assert world.users == {"relation-7-1": {("readWrite", "my-app"), ("dbAdmin", "my-app")}}


def test_second_hook_changes_nothing(served, ctx, world):
    before = served(database(7))
    after = ctx.run(ctx.on.update_status(), before)
    assert provider_databag(after, 7) == provider_databag(before, 7)
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content


def test_new_members_change_endpoints_but_not_secret(served, ctx, world):
    before = served(database(7))
    world.members["mongodb/1"] = "10.0.0.1:27017"
    world.units["mongodb/1"] = "active"
    after = ctx.run(ctx.on.update_status(), before)
    assert provider_databag(after, 7)["endpoints"] == ["10.0.0.1:27017", HOST]
    assert provider_databag(after, 7)["secret-user"] == provider_databag(before, 7)["secret-user"]
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content


def test_new_secret_revision_when_no_member_in_old_uris_is_left(served, ctx, world):
    before = served(database(7))
    world.members = {"mongodb/0": "10.0.0.9:27017"}
    after = ctx.run(ctx.on.update_status(), before)
    content = secret_of(after, 7).latest_content
    assert content
    assert content["username"] == "relation-7-2"
    assert "@10.0.0.9:27017/my-app?" in content["uris"]


def test_dropped_user_is_created_again(served, ctx, world):
    before = served(database(7))
    world.users.clear()
    ctx.run(ctx.on.update_status(), before)
    assert list(world.users) == ["relation-7-2"]


def test_dropped_user_is_created_again_beside_older_user(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    del world.users["relation-7-2"]
    state = ctx.run(ctx.on.update_status(), state)
    content = secret_of(state, 7).latest_content
    assert content
    assert content["username"] in world.users


def test_user_of_failed_hook_is_dropped(served, ctx, world):
    """A hook created a user and then failed, so Juju rolled back its secret."""
    before = served(database(7))
    world.users["relation-7-2"] = world.users["relation-7-1"]
    after = ctx.run(ctx.on.update_status(), before)
    assert list(world.users) == ["relation-7-1"]
    assert secret_of(after, 7).latest_content == secret_of(before, 7).latest_content


def test_lost_secret_is_created_again(served, ctx, world):
    before = served(database(7))
    lost = [secret for secret in before.secrets if secret.label == "admin"]
    after = ctx.run(ctx.on.update_status(), dataclasses.replace(before, secrets=lost))
    secret = secret_of(after, 7)
    assert (
        provider_databag(after, 7)["secret-user"]
        == secret.id
        != provider_databag(before, 7)["secret-user"]
    )
    assert secret.latest_content
    assert secret.latest_content["password"] == world.passwords["relation-7-1"]


def test_relation_broken_removes_user_and_secret(served, ctx, world, monkeypatch):
    before = served(database(7), database(8, "other"))
    world.users["somebody"] = {("read", "other")}
    ids = [secret.id for secret in before.secrets]
    monkeypatch.setattr(ops.hookcmds, "secret_ids", lambda: ids)
    after = ctx.run(ctx.on.relation_broken(before.get_relation(7)), before)
    assert set(world.users) == {"relation-8-1", "somebody"}
    assert {secret.label for secret in after.secrets} == {"admin", "database-8"}


def test_new_leader_removes_users_and_secrets_of_old_relations(
    served, ctx, world, model, monkeypatch
):
    before = served(database(7))
    ids = [secret.id for secret in before.secrets]
    monkeypatch.setattr(ops.hookcmds, "secret_ids", lambda: ids)
    gone = dataclasses.replace(before, relations=before.get_relations("replicas"))
    after = ctx.run(ctx.on.leader_elected(), gone)
    assert not world.users
    assert {secret.label for secret in after.secrets} == {"admin"}


def test_leader_that_is_being_removed_keeps_users_and_secrets(served, ctx, world, monkeypatch):
    before = served(database(7))
    ids = [secret.id for secret in before.secrets]
    monkeypatch.setattr(ops.hookcmds, "secret_ids", lambda: ids)
    world.units = {"mongodb/0": "dying", "mongodb/1": "active"}
    after = ctx.run(ctx.on.relation_broken(before.get_relation(7)), before)
    assert set(world.users) == {"relation-7-1"}
    assert secret_of(after, 7)


def test_relation_broken_on_follower_changes_nothing(ctx, world, model):
    relation = database(7)
    world.users["relation-7-1"] = {("readWrite", "my-app")}
    ctx.run(ctx.on.relation_broken(relation), model(peers(), relation, leader=False))
    assert list(world.users) == ["relation-7-1"]


def test_rotate_password_of_all_relations(served, ctx, world):
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


def test_rotate_password_of_one_relation(served, ctx, world):
    before = served(database(7), database(8, "other"))
    ctx.run(ctx.on.action("rotate-password", params={"relation-id": 8}), before)
    assert ctx.action_results == {"rotated": "8"}
    assert set(world.users) == {"relation-7-1", "relation-8-1", "relation-8-2"}


def test_rotate_password_of_unknown_relation_fails(served, ctx):
    before = served(database(7))
    with pytest.raises(testing.ActionFailed, match=r"relation-id: 9 is not one of \[7\]"):
        ctx.run(ctx.on.action("rotate-password", params={"relation-id": 9}), before)


def test_rotate_password_without_relations_fails(ctx, world, model):
    with pytest.raises(testing.ActionFailed, match="no relation has a user yet"):
        ctx.run(ctx.on.action("rotate-password"), model())


def test_rotate_password_on_follower_fails(ctx, model):
    with pytest.raises(testing.ActionFailed, match="use mongodb/leader"):
        ctx.run(ctx.on.action("rotate-password"), model(leader=False))


def test_rotate_password_without_primary_fails(ctx, world, model):
    world.has_primary = False
    with pytest.raises(testing.ActionFailed, match="cannot connect to the replica set"):
        ctx.run(ctx.on.action("rotate-password"), model())


def test_secret_remove_drops_replaced_user(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    secret = secret_of(state, 7)
    ctx.run(ctx.on.secret_remove(secret, revision=1), state)
    assert list(world.users) == ["relation-7-2"]
    assert ctx.removed_secret_revisions == [1]


def test_secret_remove_is_deferred_without_primary(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    world.has_primary = False
    state = ctx.run(ctx.on.secret_remove(secret_of(state, 7), revision=1), state)
    assert not ctx.removed_secret_revisions
    assert len(state.deferred) == 1
    world.has_primary = True
    ctx.run(ctx.on.update_status(), state)
    assert list(world.users) == ["relation-7-2"]
    assert ctx.removed_secret_revisions == [1]


def test_deferred_secret_remove_of_missing_secret_removes_nothing(served, ctx, world, monkeypatch):
    """The hook command would succeed, but some versions of Juju then fail the hook."""
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    world.has_primary = False
    state = ctx.run(ctx.on.secret_remove(secret_of(state, 7), revision=1), state)
    world.has_primary = True
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


def test_deferred_secret_remove_on_former_leader_does_nothing(served, ctx, world):
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    state = ctx.run(ctx.on.update_status(), state)
    world.has_primary = False
    state = ctx.run(ctx.on.secret_remove(secret_of(state, 7), revision=1), state)
    world.has_primary = True
    # Only the leader may remove a revision. Otherwise Juju fails the hook and every retry.
    after = ctx.run(ctx.on.update_status(), dataclasses.replace(state, leader=False))
    assert not after.deferred
    assert not ctx.removed_secret_revisions


def test_no_new_user_while_only_member_is_being_removed(served, ctx, world, monkeypatch):
    state = served(database(7))
    world.members = {"mongodb/1": "10.0.0.1:27017"}
    world.units["mongodb/1"] = "dying"
    monkeypatch.setattr(local_member.ReplicaSet, "reconcile_members", lambda *_, **__: None)
    after = ctx.run(ctx.on.update_status(), state)
    assert list(world.users) == ["relation-7-1"]
    assert provider_databag(after, 7) == provider_databag(state, 7)


def test_follower_refreshes_secret_of_application(served, ctx, world):
    # Otherwise the unit keeps the old revision in use, and secret-remove never comes.
    state = ctx.run(ctx.on.action("rotate-password"), served(database(7)))
    secret = dataclasses.replace(secret_of(state, 7), owner=None)
    state = dataclasses.replace(state, secrets=[secret], leader=False)
    after = ctx.run(ctx.on.secret_changed(secret), state)
    assert secret_of(after, 7).tracked_content == secret.latest_content
