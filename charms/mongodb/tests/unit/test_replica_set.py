"""The mongod of every unit, and the leader's work on the replica set."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest
from ops import testing

import charm
from mongod import Credentials, MongodError
from states import (
    ADDRESS,
    ADMIN,
    HOST,
    SET_ID,
    STORAGE,
    app_databag,
    database,
    peers,
    unit_databag,
)


def test_install_before_peer_relation_does_nothing(ctx, world):
    state = ctx.run(ctx.on.install(), testing.State(leader=True, storages=[STORAGE]))
    assert state.unit_status == testing.WaitingStatus(
        "replicas: waiting for the leader to send the settings"
    )
    assert not world.calls


def test_leader_writes_settings_before_it_starts_mongod(ctx, world, uninitialised):
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), uninitialised(relation))
    [secret] = state.secrets
    assert secret.owner == "app"
    assert secret.label == "admin"
    assert set(secret.latest_content) == {"keyfile", "password"}
    assert app_databag(state, relation) == {
        "secret-admin": secret.id,
        "seed": "mongodb/0",
        "set-id": None,
        "version": "8.0",
        "port": 27017,
        "members": None,
        "restarting": None,
    }
    assert not world.calls


def test_leader_installs_mongod_in_same_hook_as_it_writes_settings(ctx, world, model):
    world.installed, world.running = False, False
    state = ctx.run(ctx.on.leader_elected(), model(testing.PeerRelation("replicas")))
    assert [call[0] for call in world.calls] == ["install"]
    assert state.unit_status == testing.WaitingStatus(
        "waiting for mongod to start: see journalctl -u mongod"
    )


def test_follower_writes_no_settings(ctx, world):
    relation = testing.PeerRelation("replicas")
    state = testing.State(relations=[relation], storages=[STORAGE])
    state = ctx.run(ctx.on.config_changed(), state)
    assert not state.secrets
    assert not app_databag(state, relation)
    assert not world.calls


SAVED = Credentials("mongodb", SET_ID, "8.0", "k" * 64, "admin's password")
CONFIGURED = (ADDRESS, 27017, "k" * 64, "mongodb")

EVENTS = [
    "config_changed",
    "start",
    "update_status",
    "leader_elected",
    "upgrade_charm",
]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("leader", [True, False])
def test_every_event_configures_mongod_and_publishes_its_state(ctx, world, model, event, leader):
    client = database(7)
    relation = peers()
    state = ctx.run(getattr(ctx.on, event)(), model(relation, client, leader=leader))
    assert world.called("configure") == [CONFIGURED]
    assert not world.called("start"), "it runs already"
    assert not world.called("initiate"), "the replica set exists"
    assert bool(world.called("reconcile_members")) == leader
    assert unit_databag(state, relation) == {
        "host": HOST,
        "has-data": True,
        "version": "8.0.4",
        "target": "8.0 None",
        "restart": None,
    }
    assert world.saved == SAVED
    classic = {
        "hostname": ADDRESS,
        "port": "27017",
        "type": "database",
        "replset": "mongodb",
        "version": "8.0.4",
    }
    assert classic.items() <= state.get_relation(client.id).local_unit_data.items()
    assert state.workload_version == "8.0.4"
    assert state.opened_ports == {testing.TCPPort(27017)}
    assert state.unit_status == testing.ActiveStatus("primary")
    if leader:
        assert state.app_status == testing.ActiveStatus()


def test_peer_events_configure_mongod_and_reconcile_members(ctx, world, model):
    relation = peers(1)
    for event in (
        ctx.on.relation_created(relation),
        ctx.on.relation_changed(relation, remote_unit=1),
        ctx.on.relation_departed(relation, remote_unit=1, departing_unit=1),
    ):
        world.calls.clear()
        ctx.run(event, model(relation))
        assert world.called("configure")
        assert world.called("reconcile_members")


@pytest.mark.parametrize("leader", [True, False])
def test_initiator_initiates_replica_set(ctx, world, model, leader):
    world.holds_data = False
    ctx.run(ctx.on.config_changed(), model(peers(members=[]), leader=leader))
    assert world.called("initiate") == [("mongodb", "mongodb/0", HOST, "admin's password")]


def test_other_unit_does_not_initiate_replica_set(ctx, world, model):
    ctx.run(ctx.on.config_changed(), model(peers(members=[], app={"seed": "mongodb/1"})))
    assert not world.called("initiate")


def test_initiator_does_not_initiate_if_another_unit_has_data(ctx, world, model):
    world.holds_data = False
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.config_changed(), model(peers(1, members=[]), leader=False))
    assert not world.called("initiate")


def test_ipv6_address_is_in_brackets(ctx, world, model):
    network = testing.Network("replicas", [testing.BindAddress([testing.Address("fd00::1")])])
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, networks={network}))
    assert state.get_relation(relation.id).local_unit_data["host"] == '"[fd00::1]:27017"'


def test_leader_adds_each_unit(ctx, world, model):
    relation = peers(1, 2)
    world.units = {"mongodb/0": "active", "mongodb/1": "active", "mongodb/2": "active"}
    state = ctx.run(ctx.on.relation_changed(relation, remote_unit=2), model(relation))
    hosts = {"mongodb/0": HOST, "mongodb/1": "10.0.0.1:27017", "mongodb/2": "10.0.0.2:27017"}
    assert world.called("reconcile_members") == [(set(), hosts)]
    assert app_databag(state, relation)["members"] == sorted(hosts.values())


@pytest.mark.parametrize("gone", [{}, {"mongodb/1": "dying"}])
def test_removed_unit_in_relation_list_is_removed_from_members(ctx, world, model, gone):
    # On Juju 4 relation-list keeps a removed unit (juju issue 23326), but goal-state does not.
    world.members["mongodb/1"] = "10.0.0.1:27017"
    world.units = {"mongodb/0": "active", **gone}
    client = database(7)
    state = ctx.run(ctx.on.update_status(), model(peers(1), client))
    assert world.called("reconcile_members") == [({"mongodb/1"}, {"mongodb/0": HOST})]
    assert app_databag(state, client)["endpoints"] == [HOST]


def test_endpoints_leave_out_member_of_removed_unit(ctx, world, model):
    world.members |= {"mongodb/1": "10.0.0.1:27017"}
    world.cannot_leave = {"mongodb/1"}
    client = database(7)
    state = ctx.run(ctx.on.update_status(), model(peers(1), client))
    assert app_databag(state, client)["endpoints"] == [HOST]


def test_member_that_charm_did_not_add_stays(ctx, world, model):
    world.members[""] = "10.9.9.9:27017"
    ctx.run(ctx.on.update_status(), model())
    assert world.called("reconcile_members") == [(set(), {"mongodb/0": HOST})]


def test_unit_without_host_is_not_added(ctx, world, model):
    world.units["mongodb/1"] = "waiting"
    relation = dataclasses.replace(peers(), peers_data={1: {}})
    ctx.run(ctx.on.update_status(), model(relation))
    assert world.called("reconcile_members") == [(set(), {"mongodb/0": HOST})]


NO_VERSION = r"String should match pattern '^[0-9]+\.[0-9]+(\.|$)'"


@pytest.mark.parametrize(
    ("databag", "problem"),
    [
        ({"host": "{"}, "host: it is not JSON"),
        ({"version": '"new"'}, f"version: {NO_VERSION}"),
        ({"version": '"8.0x"'}, f"version: {NO_VERSION}"),
    ],
)
def test_invalid_peer_databag_is_logged_and_others_are_added(ctx, world, model, databag, problem):
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    relation = dataclasses.replace(
        peers(), peers_data={1: databag, 2: {"host": '"10.0.0.2:27017"', "more": "x"}}
    )
    ctx.run(ctx.on.update_status(), model(relation))
    assert world.called("reconcile_members")[0][1] == {
        "mongodb/0": HOST,
        "mongodb/2": "10.0.0.2:27017",
    }
    message = f"replicas: mongodb/1 sent an invalid {problem}"
    assert message in [log.message for log in ctx.juju_log]


def test_leader_manages_members_if_its_own_mongod_fails(ctx, world, model):
    world.running = False
    world.start_error = MongodError("no space left")
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.update_status(), model(peers(1)))
    assert world.called("reconcile_members")


def test_unit_that_does_not_answer_does_not_block_others(ctx, world, model):
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    world.unreachable = {"10.0.0.1:27017"}
    ctx.run(ctx.on.update_status(), model(peers(1, 2)))
    assert world.called("reconcile_members")[0][1].keys() == {"mongodb/0", "mongodb/2"}


NO_DATA = {"has-data": "false"}


def test_new_leader_waits_for_initiator(ctx, world, model):
    world.members, world.holds_data = {}, False
    world.units["mongodb/1"] = "active"
    relation = peers(1, members=[], app={"seed": "mongodb/1"}, more={1: NO_DATA})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["seed"] == "mongodb/1"
    assert not world.called("reconcile_members")
    assert state.app_status == testing.WaitingStatus(
        "waiting for the leader's mongod to join the replica set"
    )


def test_new_leader_replaces_removed_initiator(ctx, world, model):
    world.members, world.holds_data = {}, False
    relation = peers(members=[], app={"seed": "mongodb/1"})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["seed"] == "mongodb/0"
    assert not world.called("initiate"), "the settings must be written first"


def test_new_leader_keeps_initiator_until_all_units_have_written(ctx, world, model):
    # The old leader was the initiator. It is gone, and has not written the members. mongodb/2 may
    # have data, but Juju does not yet show its databag to the new leader.
    world.members, world.holds_data = {}, False
    world.units["mongodb/2"] = "active"
    relation = peers(members=[], app={"seed": "mongodb/1"})
    state = ctx.run(ctx.on.leader_elected(), model(relation))
    assert app_databag(state, relation)["seed"] == "mongodb/1"


@pytest.mark.parametrize("databag", [{}, NO_DATA])
def test_new_leader_initiates_no_second_replica_set(ctx, world, model, databag):
    # The old leader initiated the replica set and added a member, but its hook failed.
    world.members = {"mongodb/1": "10.0.0.1:27017", "mongodb/2": "10.0.0.2:27017"}
    world.units = {"mongodb/0": "active", "mongodb/2": "active"}
    world.holds_data = False
    relation = peers(2, members=[], app={"seed": "mongodb/1"}, more={2: databag})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["seed"] == "mongodb/1"
    assert world.called("reconcile_members")[0][0] == {"mongodb/1"}


def test_new_storage_after_scale_to_zero_gets_new_replica_set(world, model):
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    world.units = {"mongodb/1": "active"}
    world.members, world.holds_data = {}, False
    # The application's databag and secrets outlive the last unit. Its data do not.
    relation = peers(members=["10.0.0.9:27017"])
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert not world.called("ReplicaSet")
    assert app_databag(state, relation)["set-id"] is None, "another replica set"
    ctx.run(ctx.on.update_status(), state)
    assert world.called("initiate")


def test_old_storage_after_scale_to_zero_keeps_replica_set(world, model):
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    world.units = {"mongodb/1": "active"}
    world.has_primary, world.state = False, ""
    member = {"_id": 0, "host": "10.0.0.9:27017", "tags": {"unit": "mongodb/0"}, "votes": 1}
    world.configs[HOST] = {"members": [member], "version": 3, "term": 2}
    world.saved = SAVED
    ctx.run(ctx.on.update_status(), model(peers(members=["10.0.0.9:27017"])))
    [(host, members)] = world.called("force_config")
    assert host == HOST
    assert [(member["host"], member["tags"]) for member in members] == [
        (HOST, {"unit": "mongodb/1"})
    ]
    assert not world.called("initiate")


def test_new_leader_without_visible_peers_initiates_no_second_replica_set(world, model):
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=3, juju_version="3.6.28")
    hosts = ["10.0.0.1:27017", "10.0.0.2:27017"]
    world.members = {"mongodb/1": hosts[0], "mongodb/2": hosts[1]}
    world.units = {"mongodb/1": "active", "mongodb/2": "active", "mongodb/3": "waiting"}
    world.holds_data = False
    relation = peers(members=hosts)  # The initiator, mongodb/0, is gone.
    state = ctx.run(ctx.on.leader_elected(), model(relation))
    assert app_databag(state, relation)["seed"] == "mongodb/0"
    ctx.run(ctx.on.update_status(), state)
    assert not world.called("initiate")


@pytest.mark.parametrize(("other", "joins"), [("dying", True), ("active", False)])
def test_unit_adds_itself_while_another_unit_is_removed(ctx, world, model, other, joins):
    # The removed unit may be the leader and the only member. It waits until another unit joins.
    world.state = ""
    world.units["mongodb/1"] = other
    world.members = {"mongodb/1": "10.0.0.1:27017"}
    relation = peers(1, members=["10.0.0.1:27017"])
    ctx.run(ctx.on.update_status(), model(relation, leader=False))
    assert world.called("reconcile_members") == ([(set(), {"mongodb/0": HOST})] if joins else [])


def test_unit_that_is_removed_does_not_add_itself(ctx, world, model):
    world.state = ""
    world.units = {"mongodb/0": "dying", "mongodb/1": "dying"}
    ctx.run(ctx.on.update_status(), model(peers(1), leader=False))
    assert not world.called("reconcile_members")


def test_initiator_stays_while_its_unit_is_being_removed(ctx, world, model):
    world.units["mongodb/9"] = "dying"
    world.members, world.holds_data = {}, False
    relation = peers(members=["10.0.0.9:27017"], app={"seed": "mongodb/9"})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_databag(state, relation)["seed"] == "mongodb/9"


def test_pymongo_logs_only_warnings():
    assert not logging.getLogger("pymongo.command").isEnabledFor(logging.INFO)


def test_hook_without_primary_succeeds(ctx, world, model):
    world.has_primary = False
    world.state = ""
    state = ctx.run(ctx.on.update_status(), model())
    assert state.unit_status == testing.WaitingStatus(
        "waiting for mongod to join the replica set and to sync"
    )


def test_removed_unit_leaves_replica_set(world, model):
    # Use mongodb/1, because ops.testing ignores departing_unit=0.
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    relation = peers(0)
    ctx.run(
        ctx.on.relation_departed(relation, remote_unit=0, departing_unit=1),
        model(relation, leader=False),
    )
    assert world.called("reconcile_members") == [({"mongodb/1"}, {})]
    assert not world.called("configure")


def test_removed_unit_stays_while_others_need_its_data(world, model):
    # Otherwise the removal could delete the only full copy, for example while others sync.
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    relation = peers(0)
    world.members = {"mongodb/1": "10.0.0.1:27017"}
    world.cannot_leave = {"mongodb/1"}
    leaving = ctx.on.relation_departed(relation, remote_unit=0, departing_unit=1)
    with pytest.raises(testing.errors.UncaughtCharmError, match="still need this unit's data"):
        ctx.run(leaving, model(relation, leader=False))
    world.cannot_leave = set()
    ctx.run(leaving, model(relation, leader=False))


def test_stop_leaves_replica_set_and_remove_uninstalls_mongod(ctx, world, model):
    ctx.run(ctx.on.stop(), model())
    assert world.called("reconcile_members") == [({"mongodb/0"}, {})]
    assert not world.running
    ctx.run(ctx.on.remove(), model())
    assert not world.installed


def test_unit_with_data_does_not_leave_without_primary(ctx, world, model):
    # This unit may have the only copy of the data, or the newest data.
    world.has_primary = False
    relation = dataclasses.replace(peers(), local_unit_data={"has-data": "true"})
    for event in (ctx.on.storage_detaching(STORAGE), ctx.on.stop()):
        with pytest.raises(testing.errors.UncaughtCharmError, match="cannot leave the replica"):
            ctx.run(event, model(relation))
    assert world.running


def test_unit_without_data_leaves_without_primary(ctx, world, model):
    world.has_primary = False
    ctx.run(ctx.on.stop(), model())
    assert not world.running


def test_removed_application_does_not_change_members(ctx, world, model):
    world.units = {"mongodb/0": "dying"}
    ctx.run(ctx.on.stop(), model(planned_units=0))
    assert not world.called("reconcile_members")
    assert not world.running
    ctx.run(ctx.on.update_status(), model(planned_units=0))
    assert not world.called("reconcile_members")


@pytest.mark.parametrize(
    ("option", "value"),
    [("port", 80), ("port", 70000), ("version", "latest"), ("version", "8")],
)
def test_invalid_option_is_named(ctx, world, model, option, value):
    state = ctx.run(ctx.on.config_changed(), model(config={option: value}))
    assert isinstance(state.unit_status, testing.BlockedStatus)
    assert state.unit_status.message.startswith(f"config option {option}: ")
    assert world.called("configure") == [CONFIGURED], "the last valid settings stay"


@pytest.mark.parametrize(("option", "value"), [("port", 80), ("version", "7.0")])
def test_invalid_option_at_deployment_blocks_unit(ctx, world, uninitialised, option, value):
    state = uninitialised(testing.PeerRelation("replicas"), config={option: value})
    state = ctx.run(ctx.on.leader_elected(), state)
    assert not state.secrets, "no settings are written"
    assert f"config option {option}: " in state.unit_status.message


def test_changed_port_blocks_unit(ctx, world, model):
    state = ctx.run(ctx.on.config_changed(), model(config={"port": 27018}))
    assert state.unit_status == testing.BlockedStatus(
        "config option port: it cannot change after deployment: set it to 27017"
    )
    assert state.app_status == state.unit_status
    assert world.called("configure") == [CONFIGURED]


def test_status_says_that_mongod_does_not_start(ctx, world, model):
    world.running = False
    world.start_error = MongodError("does not start")
    state = ctx.run(ctx.on.update_status(), model())
    assert state.unit_status == testing.WaitingStatus(
        "waiting for mongod to start: see journalctl -u mongod"
    )
    assert state.app_status == testing.WaitingStatus(
        "waiting for the leader's mongod to join the replica set"
    )


def test_status_says_that_primary_is_missing(ctx, world, model):
    world.state, world.has_primary = "no primary", False
    state = ctx.run(ctx.on.update_status(), model())
    no_primary = testing.WaitingStatus("no primary: writes are unavailable until most members run")
    assert state.unit_status == state.app_status == no_primary


def test_status_action_lists_members_and_primary(ctx, world, model):
    world.members["mongodb/1"] = "10.0.0.1:27017"
    ctx.run(ctx.on.action("replica-set-status"), model(leader=False))
    assert ctx.action_results
    assert ctx.action_results["primary"] == "mongodb/0"
    assert json.loads(ctx.action_results["members"]) == [
        {"unit": "mongodb/0", "host": HOST, "state": "PRIMARY", "lag": 0},
        {"unit": "mongodb/1", "host": "10.0.0.1:27017", "state": "SECONDARY", "lag": 0},
    ]


def test_status_action_without_replica_set_fails(ctx, world):
    with pytest.raises(testing.ActionFailed, match="there is no replica set yet"):
        ctx.run(ctx.on.action("replica-set-status"), testing.State(storages=[STORAGE]))


def test_databags_and_logs_have_no_credentials(ctx, world, model):
    state = ctx.run(ctx.on.config_changed(), model(peers(), database(7)))
    written = " ".join(log.message for log in ctx.juju_log)
    for relation in state.relations:
        written += str(relation)
    for password in (*world.passwords.values(), *ADMIN.tracked_content.values()):
        assert password not in written


def test_failed_uninstall_does_not_fail_remove(ctx, world, model, monkeypatch):
    def uninstall(self: object) -> None:
        raise MongodError("cannot remove mongod: it is locked")

    monkeypatch.setattr("local_member.Mongod.uninstall", uninstall)
    ctx.run(ctx.on.remove(), model())
    assert "cannot remove mongod: it is locked" in [log.message for log in ctx.juju_log]


def test_leader_that_is_being_removed_changes_nothing(ctx, world, model):
    # This leader sees every relation break, although only its own unit is removed.
    world.units = {"mongodb/0": "dying", "mongodb/1": "active"}
    world.users["relation-7-1"] = {("readWrite", "my-app")}
    ctx.run(ctx.on.update_status(), model(peers(1)))
    assert not world.called("reconcile_members")
    assert "relation-7-1" in world.users


def test_no_request_is_served_while_only_member_is_being_removed(ctx, world, model):
    world.members = {"mongodb/9": "10.0.0.9:27017"}
    world.cannot_leave, world.can_join = {"mongodb/9"}, False
    client = database(7, database="notes")
    state = ctx.run(ctx.on.update_status(), model(peers(), client))
    assert app_databag(state, client) == {}
    assert world.users == {}


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
