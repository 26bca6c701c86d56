"""Every unit's mongod, and the leader's work on the replica set."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import Any

import pytest
from ops import testing

import charm
from mongod import Credentials, InstallError, MongodError, UnusableMongodError
from states import ADDRESS, ADMIN, HOST, SET_ID, STORAGE, database, peers


def app_bag(state: testing.State, relation: testing.RelationBase) -> dict[str, Any]:
    bag = state.get_relation(relation.id).local_app_data
    return {key: json.loads(value) for key, value in bag.items()}


def unit_bag(state: testing.State, relation: testing.RelationBase) -> dict[str, Any]:
    bag = state.get_relation(relation.id).local_unit_data
    ours = {key: value for key, value in bag.items() if not key.endswith(("address", "subnets"))}
    return {key: json.loads(value) for key, value in ours.items()}


def test_install_waits_for_the_peers(ctx, world):
    state = ctx.run(ctx.on.install(), testing.State(leader=True, storages=[STORAGE]))
    assert state.unit_status == testing.WaitingStatus(
        "replicas: waiting for the leader to send the settings"
    )
    assert not world.calls


def test_leader_settles_first_and_starts_nothing(ctx, world, unsettled):
    relation = testing.PeerRelation("replicas")
    state = ctx.run(ctx.on.leader_elected(), unsettled(relation))
    [secret] = state.secrets
    assert secret.owner == "app"
    assert secret.label == "admin"
    assert set(secret.latest_content) == {"keyfile", "password"}
    assert app_bag(state, relation) == {
        "secret-admin": secret.id,
        "seed": "mongodb/0",
        "set-id": None,
        "version": "8.0",
        "port": 27017,
        "members": None,
        "restarting": None,
    }
    assert not world.calls


def test_leader_that_settles_installs_too(ctx, world, model):
    world.installed, world.running = False, False
    state = ctx.run(ctx.on.leader_elected(), model(testing.PeerRelation("replicas")))
    assert [call[0] for call in world.calls] == ["install"]
    assert state.unit_status == testing.WaitingStatus("waiting for mongod to start: see its log")


def test_follower_settles_nothing(ctx, world):
    relation = testing.PeerRelation("replicas")
    state = testing.State(relations=[relation], storages=[STORAGE])
    state = ctx.run(ctx.on.config_changed(), state)
    assert not state.secrets
    assert not app_bag(state, relation)
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
def test_every_event_runs_mongod_and_publishes(ctx, world, model, event, leader):
    client = database(7)
    relation = peers()
    state = ctx.run(getattr(ctx.on, event)(), model(relation, client, leader=leader))
    assert world.called("configure") == [CONFIGURED]
    assert not world.called("start"), "it runs"
    assert not world.called("initiate"), "there is a set"
    assert bool(world.called("reconcile_members")) == leader
    assert unit_bag(state, relation) == {
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


def test_peer_events_reconcile(ctx, world, model):
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
def test_seed_initiates(ctx, world, model, leader):
    world.holds_data = False
    ctx.run(ctx.on.config_changed(), model(peers(members=[]), leader=leader))
    assert world.called("initiate") == [("mongodb", "mongodb/0", HOST, "admin's password")]


def test_not_the_seed_initiates_nothing(ctx, world, model):
    ctx.run(ctx.on.config_changed(), model(peers(members=[], app={"seed": "mongodb/1"})))
    assert not world.called("initiate")


def test_seed_initiates_nothing_while_another_unit_has_data(ctx, world, model):
    world.holds_data = False
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.config_changed(), model(peers(1, members=[]), leader=False))
    assert not world.called("initiate")


def test_ipv6(ctx, world, model):
    network = testing.Network("replicas", [testing.BindAddress([testing.Address("fd00::1")])])
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, networks={network}))
    assert state.get_relation(relation.id).local_unit_data["host"] == '"[fd00::1]:27017"'


def test_members_follow_the_units(ctx, world, model):
    relation = peers(1, 2)
    world.units = {"mongodb/0": "active", "mongodb/1": "active", "mongodb/2": "active"}
    state = ctx.run(ctx.on.relation_changed(relation, remote_unit=2), model(relation))
    hosts = {"mongodb/0": HOST, "mongodb/1": "10.0.0.1:27017", "mongodb/2": "10.0.0.2:27017"}
    assert world.called("reconcile_members") == [(set(), hosts)]
    assert app_bag(state, relation)["members"] == sorted(hosts.values())


@pytest.mark.parametrize("gone", [{}, {"mongodb/1": "dying"}])
def test_removed_unit_goes_though_it_stays_in_relation_list(ctx, world, model, gone):
    # Q5: only goal-state tells.
    world.members["mongodb/1"] = "10.0.0.1:27017"
    world.units = {"mongodb/0": "active", **gone}
    client = database(7)
    state = ctx.run(ctx.on.update_status(), model(peers(1), client))
    assert world.called("reconcile_members") == [({"mongodb/1"}, {"mongodb/0": HOST})]
    assert app_bag(state, client)["endpoints"] == [HOST]


def test_member_that_cannot_leave_yet_is_no_endpoint(ctx, world, model):
    world.members |= {"mongodb/1": "10.0.0.1:27017"}
    world.stays = {"mongodb/1"}
    client = database(7)
    state = ctx.run(ctx.on.update_status(), model(peers(1), client))
    assert app_bag(state, client)["endpoints"] == [HOST]


def test_member_that_somebody_else_has_added_stays(ctx, world, model):
    world.members[""] = "10.9.9.9:27017"
    ctx.run(ctx.on.update_status(), model())
    assert world.called("reconcile_members") == [(set(), {"mongodb/0": HOST})]


def test_unit_that_has_published_nothing_yet_stays_out_and_in(ctx, world, model):
    world.units["mongodb/1"] = "waiting"
    relation = dataclasses.replace(peers(), peers_data={1: {}})
    ctx.run(ctx.on.update_status(), model(relation))
    assert world.called("reconcile_members") == [(set(), {"mongodb/0": HOST})]


def test_malformed_peer_harms_nobody(ctx, world, model):
    world.units |= {"mongodb/1": "active", "mongodb/2": "active"}
    relation = dataclasses.replace(
        peers(), peers_data={1: {"host": "{"}, 2: {"host": '"10.0.0.2:27017"', "more": "x"}}
    )
    ctx.run(ctx.on.update_status(), model(relation))
    assert world.called("reconcile_members")[0][1] == {
        "mongodb/0": HOST,
        "mongodb/2": "10.0.0.2:27017",
    }
    complaint = "replicas: mongodb/1 sent an invalid host: it is not JSON"
    assert complaint in [log.message for log in ctx.juju_log]


NO_DATA = {"has-data": "false"}


def test_new_leader_waits_for_the_seed(ctx, world, model):
    world.members, world.holds_data = {}, False
    world.units["mongodb/1"] = "active"
    relation = peers(1, members=[], app={"seed": "mongodb/1"}, more={1: NO_DATA})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_bag(state, relation)["seed"] == "mongodb/1"
    assert not world.called("reconcile_members")
    assert state.app_status == testing.WaitingStatus(
        "waiting for the leader's mongod to join the replica set"
    )


def test_new_leader_takes_over_from_a_seed_that_has_gone(ctx, world, model):
    world.members, world.holds_data = {}, False
    relation = peers(members=[], app={"seed": "mongodb/1"})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_bag(state, relation)["seed"] == "mongodb/0"
    assert not world.called("initiate"), "not before it is on record"


def test_new_leader_names_no_seed_while_a_unit_has_not_spoken(ctx, world, model):
    # The old leader, the seed, has gone. Its set is not on record, and Juju does not show the
    # unit that has the data yet.
    world.members, world.holds_data = {}, False
    world.units["mongodb/2"] = "active"
    relation = peers(members=[], app={"seed": "mongodb/1"})
    state = ctx.run(ctx.on.leader_elected(), model(relation))
    assert app_bag(state, relation)["seed"] == "mongodb/1"


@pytest.mark.parametrize("databag", [{}, NO_DATA])
def test_new_leader_initiates_no_second_set(ctx, world, model, databag):
    # The old leader initiated a set and added a member, and its hook was discarded.
    world.members = {"mongodb/1": "10.0.0.1:27017", "mongodb/2": "10.0.0.2:27017"}
    world.units = {"mongodb/0": "active", "mongodb/2": "active"}
    world.holds_data = False
    relation = peers(2, members=[], app={"seed": "mongodb/1"}, more={2: databag})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_bag(state, relation)["seed"] == "mongodb/1"
    assert world.called("reconcile_members")[0][0] == {"mongodb/1"}


def test_scaled_to_none_and_up_again(world, model):
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    world.units = {"mongodb/1": "active"}
    world.members, world.holds_data = {}, False
    # The application's bag and secrets outlive the last unit, and the data has gone with it.
    relation = peers(members=["10.0.0.9:27017"])
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert not world.called("ReplicaSet")
    assert app_bag(state, relation)["set-id"] is None, "another set"
    ctx.run(ctx.on.update_status(), state)
    assert world.called("initiate")


def test_scaled_to_none_and_up_again_with_the_storage(world, model):
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    world.units = {"mongodb/1": "active"}
    world.primary, world.state = False, ""
    member = {"_id": 0, "host": "10.0.0.9:27017", "tags": {"unit": "mongodb/0"}, "votes": 1}
    world.configs[HOST] = {"members": [member], "version": 3, "term": 2}
    world.saved = SAVED
    ctx.run(ctx.on.update_status(), model(peers(members=["10.0.0.9:27017"])))
    [(host, members)] = world.called("force")
    assert host == HOST
    assert [(member["host"], member["tags"]) for member in members] == [
        (HOST, {"unit": "mongodb/1"})
    ]
    assert not world.called("initiate")


def test_new_leader_that_sees_no_peer_yet_makes_no_second_set(world, model):
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=3, juju_version="3.6.28")
    hosts = ["10.0.0.1:27017", "10.0.0.2:27017"]
    world.members = {"mongodb/1": hosts[0], "mongodb/2": hosts[1]}
    world.units = {"mongodb/1": "active", "mongodb/2": "active", "mongodb/3": "waiting"}
    world.holds_data = False
    relation = peers(members=hosts)  # The seed, mongodb/0, has gone.
    state = ctx.run(ctx.on.leader_elected(), model(relation))
    assert app_bag(state, relation)["seed"] == "mongodb/0"
    ctx.run(ctx.on.update_status(), state)
    assert not world.called("initiate")


@pytest.mark.parametrize(("other", "joins"), [("dying", True), ("active", False)])
def test_unit_joins_by_itself_while_another_leaves(ctx, world, model, other, joins):
    # The leader may be the one that leaves, and only member: it waits until another has its data.
    world.state = ""
    world.units["mongodb/1"] = other
    world.members = {"mongodb/1": "10.0.0.1:27017"}
    relation = peers(1, members=["10.0.0.1:27017"])
    ctx.run(ctx.on.update_status(), model(relation, leader=False))
    assert world.called("reconcile_members") == ([(set(), {"mongodb/0": HOST})] if joins else [])


def test_unit_that_leaves_too_does_not_join(ctx, world, model):
    world.state = ""
    world.units = {"mongodb/0": "dying", "mongodb/1": "dying"}
    ctx.run(ctx.on.update_status(), model(peers(1), leader=False))
    assert not world.called("reconcile_members")


def test_members_that_are_still_there_are_not_given_up(ctx, world, model):
    world.units["mongodb/9"] = "dying"
    world.members, world.holds_data = {}, False
    relation = peers(members=["10.0.0.9:27017"], app={"seed": "mongodb/9"})
    state = ctx.run(ctx.on.update_status(), model(relation))
    assert app_bag(state, relation)["seed"] == "mongodb/9"


def test_pymongo_does_not_flood_the_log():
    assert not logging.getLogger("pymongo.command").isEnabledFor(logging.INFO)


def test_without_a_primary_goes_on_later(ctx, world, model):
    world.primary = False
    world.state = ""
    state = ctx.run(ctx.on.update_status(), model())
    assert state.unit_status == testing.WaitingStatus(
        "waiting for mongod to join the replica set and to sync"
    )


def test_leaving_unit_takes_itself_out(world, model):
    # Not mongodb/0: ops.testing ignores departing_unit=0.
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    relation = peers(0)
    ctx.run(
        ctx.on.relation_departed(relation, remote_unit=0, departing_unit=1),
        model(relation, leader=False),
    )
    assert world.called("reconcile_members") == [({"mongodb/1"}, {})]
    assert not world.called("configure")


def test_unit_that_the_others_cannot_do_without_stays(world, model):
    # Or `remove` would delete the only full copy, for instance while the others sync.
    ctx = testing.Context(charm.MongodbCharm, app_name="mongodb", unit_id=1, juju_version="3.6.28")
    relation = peers(0)
    world.members = {"mongodb/1": "10.0.0.1:27017"}
    world.stays = {"mongodb/1"}
    leaving = ctx.on.relation_departed(relation, remote_unit=0, departing_unit=1)
    with pytest.raises(testing.errors.UncaughtCharmError, match="still need this unit's data"):
        ctx.run(leaving, model(relation, leader=False))
    world.stays = set()
    ctx.run(leaving, model(relation, leader=False))


def test_stop_and_remove(ctx, world, model):
    ctx.run(ctx.on.stop(), model())
    assert world.called("reconcile_members") == [({"mongodb/0"}, {})]
    assert not world.running
    ctx.run(ctx.on.remove(), model())
    assert not world.installed


def test_unit_with_data_does_not_leave_while_there_is_no_primary(ctx, world, model):
    # Its copy may be the only one, or have the newest data.
    world.primary = False
    relation = dataclasses.replace(peers(), local_unit_data={"has-data": "true"})
    for event in (ctx.on.storage_detaching(STORAGE), ctx.on.stop()):
        with pytest.raises(testing.errors.UncaughtCharmError, match="cannot leave the replica"):
            ctx.run(event, model(relation))
    assert world.running


def test_unit_without_data_leaves_also_when_there_is_no_primary(ctx, world, model):
    world.primary = False
    ctx.run(ctx.on.stop(), model())
    assert not world.running


def test_whole_application_goes_without_the_dance(ctx, world, model):
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
def test_unusable_option_is_named(ctx, world, model, option, value):
    state = ctx.run(ctx.on.config_changed(), model(config={option: value}))
    assert isinstance(state.unit_status, testing.BlockedStatus)
    assert state.unit_status.message.startswith(f"config option {option}: ")
    assert world.called("configure") == [CONFIGURED], "the last good stay"


@pytest.mark.parametrize(("option", "value"), [("port", 80), ("version", "7.0")])
def test_unusable_option_at_first(ctx, world, unsettled, option, value):
    state = unsettled(testing.PeerRelation("replicas"), config={option: value})
    state = ctx.run(ctx.on.leader_elected(), state)
    assert not state.secrets, "nothing is settled"
    assert f"config option {option}: " in state.unit_status.message


def test_settled_port_keeps(ctx, world, model):
    state = ctx.run(ctx.on.config_changed(), model(config={"port": 27018}))
    assert state.unit_status == testing.BlockedStatus(
        "config option port: it cannot change after deployment: set it to 27017"
    )
    assert state.app_status == state.unit_status
    assert world.called("configure") == [CONFIGURED]


def test_no_storage(ctx, world, model):
    state = ctx.run(ctx.on.config_changed(), dataclasses.replace(model(), storages=frozenset()))
    assert state.unit_status == testing.BlockedStatus(
        "storage data: none is attached: use juju attach-storage or juju add-storage"
    )
    assert not world.calls


def test_installs_when_it_has_to(ctx, world, model):
    world.installed, world.running = False, False
    state = ctx.run(ctx.on.config_changed(), model())
    assert world.called("install") == [("8.0", None)]
    assert world.called("start") == [()]
    assert state.unit_status == testing.ActiveStatus("primary")


def test_installation_that_may_succeed_later_fails_the_hook(ctx, world, model):
    world.installed = False
    world.install_error = InstallError("no network")
    with pytest.raises(testing.errors.UncaughtCharmError, match="no network"):
        ctx.run(ctx.on.config_changed(), model())


@pytest.fixture
def resource(world):
    path = world.tmp_path / "mongod"
    path.write_text("a program")
    return testing.Resource(name="mongod", path=path)


def test_file_that_cannot_be_used_is_for_the_operator_to_mend(ctx, world, model, resource):
    world.installed, world.running = False, False
    world.install_error = UnusableMongodError("the file is not a mongod that runs on this machine")
    blocked = testing.BlockedStatus(f"resource mongod: {world.install_error}")
    state = ctx.run(ctx.on.config_changed(), model(resources=[resource]))
    assert world.called("install") == [("8.0", resource.path)]
    assert state.unit_status == state.app_status == blocked
    assert not world.called("configure")
    state = ctx.run(ctx.on.action("replica-set-status"), state)
    assert state.unit_status == blocked
    world.install_error = None
    state = ctx.run(ctx.on.update_status(), state)
    assert state.unit_status == testing.ActiveStatus("primary")


def test_unusable_other_file_changes_nothing(ctx, world, model, resource):
    world.install_error = UnusableMongodError("not a mongod")
    state = ctx.run(ctx.on.upgrade_charm(), model(resources=[resource]))
    assert not world.called("stop")
    assert world.called("reconcile_members"), "the old one goes on"
    assert state.unit_status == testing.BlockedStatus("resource mongod: not a mongod")


def test_file_is_installed_once(ctx, world, model, resource):
    state = ctx.run(ctx.on.upgrade_charm(), model(resources=[resource]))
    ctx.run(ctx.on.update_status(), state)
    assert world.called("install") == [("8.0", resource.path)]


def test_mongod_that_does_not_run(ctx, world, model):
    world.running = False
    world.start_error = MongodError("does not start")
    state = ctx.run(ctx.on.update_status(), model())
    assert state.unit_status == testing.WaitingStatus("waiting for mongod to start: see its log")
    assert state.app_status == testing.WaitingStatus(
        "waiting for the leader's mongod to join the replica set"
    )


def test_no_primary(ctx, world, model):
    world.state, world.primary = "no primary", False
    state = ctx.run(ctx.on.update_status(), model())
    no_primary = testing.WaitingStatus("no primary: writes are unavailable until most members run")
    assert state.unit_status == state.app_status == no_primary


def test_status_action(ctx, world, model):
    world.members["mongodb/1"] = "10.0.0.1:27017"
    ctx.run(ctx.on.action("replica-set-status"), model(leader=False))
    assert ctx.action_results
    assert ctx.action_results["primary"] == "mongodb/0"
    assert json.loads(ctx.action_results["members"]) == [
        {"unit": "mongodb/0", "host": HOST, "state": "PRIMARY", "lag": 0},
        {"unit": "mongodb/1", "host": "10.0.0.1:27017", "state": "SECONDARY", "lag": 0},
    ]


def test_status_action_before_replica_set_exists(ctx, world):
    with pytest.raises(testing.ActionFailed, match="there is no replica set yet"):
        ctx.run(ctx.on.action("replica-set-status"), testing.State(storages=[STORAGE]))


def test_no_credential_in_a_databag_or_log(ctx, world, model):
    state = ctx.run(ctx.on.config_changed(), model(peers(), database(7)))
    written = " ".join(log.message for log in ctx.juju_log)
    for relation in state.relations:
        written += str(relation)
    for password in (*world.passwords.values(), *ADMIN.tracked_content.values()):
        assert password not in written


def test_what_cannot_be_removed_keeps_no_unit_from_going(ctx, world, model, monkeypatch):
    def uninstall(self: object) -> None:
        raise MongodError("cannot remove mongod: it is locked")

    monkeypatch.setattr("local_member.Mongod.uninstall", uninstall)
    ctx.run(ctx.on.remove(), model())
    assert "cannot remove mongod: it is locked" in [log.message for log in ctx.juju_log]


def test_leader_that_leaves_takes_nothing_from_anybody(ctx, world, model):
    # It sees each of its relations break, though only this unit goes.
    world.units = {"mongodb/0": "dying", "mongodb/1": "active"}
    world.users["relation-7-1"] = {("readWrite", "my-app")}
    ctx.run(ctx.on.update_status(), model(peers(1)))
    assert not world.called("reconcile_members")
    assert "relation-7-1" in world.users


def test_nothing_is_served_while_only_a_unit_that_leaves_is_a_member(ctx, world, model):
    world.members = {"mongodb/9": "10.0.0.9:27017"}
    world.stays, world.joins = {"mongodb/9"}, False
    client = database(7, database="notes")
    state = ctx.run(ctx.on.update_status(), model(peers(), client))
    assert app_bag(state, client) == {}
    assert world.users == {}
