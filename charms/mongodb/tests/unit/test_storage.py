"""The storage, which may have data of another unit or of another replica set."""

from __future__ import annotations

import dataclasses

import pytest
from ops import testing

from mongod import Credentials
from states import SET_ID, STORAGE, app_databag, peers, unit_databag


def test_unit_without_storage_is_blocked(ctx, world, model):
    state = ctx.run(ctx.on.config_changed(), dataclasses.replace(model(), storages=frozenset()))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: none is attached: use juju attach-storage or juju add-storage"
    )
    assert not world.calls


def test_mongod_uses_folder_of_storage(ctx, model, monkeypatch):
    found = []
    monkeypatch.setattr("local_member.Mongod.__init__", lambda self, folder: found.append(folder))
    ctx.run(ctx.on.update_status(), model())
    assert found == [STORAGE.get_filesystem(ctx)]


def test_leader_uses_credentials_of_data_in_its_storage(ctx, world, uninitialised):
    world.saved = Credentials("mongodb", SET_ID, "8.0", "old key", "old password")
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation))
    [secret] = state.secrets
    assert secret.latest_content == {"keyfile": "old key", "password": "old password"}
    assert app_databag(state, relation)["set-id"] == SET_ID


def test_storage_of_other_series_blocks_unit(ctx, world, uninitialised):
    world.saved = Credentials("mongodb", SET_ID, "8.2", "old key", "old password")
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it has data of MongoDB 8.2: set version to 8.2"
    )
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation, config={"version": "8.2"}))
    assert app_databag(state, relation)["version"] == "8.2"


def test_storage_of_other_application_blocks_unit(ctx, world, uninitialised):
    world.saved = Credentials("other", SET_ID, "8.0", "old key", "old password")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(testing.PeerRelation("replicas")))
    assert not state.secrets
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it belongs to the application other: deploy the charm under that name"
    )


@pytest.mark.parametrize(
    ("set_id", "key", "set_id_of_leader"),
    [
        ("another", "k" * 64, SET_ID),
        (SET_ID, "another key", SET_ID),
        (SET_ID, "another key", None),
    ],
)
def test_storage_of_other_replica_set_blocks_unit(
    ctx, world, model, set_id, key, set_id_of_leader
):
    world.saved = saved = Credentials("mongodb", set_id, "8.0", key, "admin's password")
    state = ctx.run(ctx.on.config_changed(), model(peers(app={"set-id": set_id_of_leader})))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it belongs to another replica set: "
        "remove this unit, add one with new storage"
    )
    assert not world.called("configure")
    assert world.saved == saved


def test_data_outside_storage_block_unit(ctx, world, model):
    world.has_data_outside_storage, world.running = True, False
    state = ctx.run(ctx.on.upgrade_charm(), model())
    assert state.unit_status == testing.BlockedStatus(
        "storage data: it is empty, but /var/lib/mongodb has data: "
        "stop mongod, and move the data to /storage/db"
    )
    assert not world.called("start")


def test_credentials_are_not_saved_without_data(ctx, world, model):
    world.holds_data = False
    ctx.run(ctx.on.update_status(), model(peers(1), leader=False))
    assert world.saved is None


def test_storage_detaching_leaves_replica_set(ctx, world, model):
    world.units["mongodb/1"] = "active"
    relation = peers(1)
    state = ctx.run(ctx.on.storage_detaching(STORAGE), model(relation, leader=False))
    assert world.called("reconcile_members") == [({"mongodb/0"}, {})]
    assert not world.running
    assert unit_databag(state, relation)["host"] is None, "otherwise the leader adds it again"


def test_storage_detaching_fails_while_others_need_its_data(ctx, world, model):
    world.cannot_leave = {"mongodb/0"}
    world.units["mongodb/1"] = "active"
    with pytest.raises(testing.errors.UncaughtCharmError, match="still need this unit's data"):
        ctx.run(ctx.on.storage_detaching(STORAGE), model(peers(1), leader=False))
    assert world.running
