"""The charm with every event that it observes, and with valid, invalid and missing data."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import ops
import pytest
from conftest import ADDRESS, DATABAG, SECRET, Machine
from ops import testing

import node_app
from charm import MyNodeAppCharm

URI = (
    "mongodb://relation-1:s3cret@10.0.0.1:27017,10.0.0.2:27017/"
    "?replicaSet=mongodb&authSource=admin"
)
SETTINGS = node_app.Settings(host=ADDRESS, port=3000, uri=URI, database="notes")
BLOCKED = testing.BlockedStatus("integrate database with a charm that provides mongodb")
STOPPED = testing.BlockedStatus("the application has stopped: see journalctl -u my-node-app")
LOG = "/var/log/my-node-app/app.log"

Context = testing.Context[MyNodeAppCharm]


@pytest.fixture
def website() -> testing.Relation:
    return testing.Relation("website", remote_app_name="proxy")


@pytest.fixture
def logging_relation() -> testing.SubordinateRelation:
    return testing.SubordinateRelation("logging", remote_app_name="forwarder")


@pytest.fixture
def state(
    network: testing.Network,
    secret: testing.Secret,
    database: testing.Relation,
    website: testing.Relation,
    logging_relation: testing.SubordinateRelation,
) -> testing.State:
    return testing.State(
        leader=True,
        networks={network},
        relations={database, website, logging_relation},
        secrets={secret},
        stored_states={stored(installed=True, problem=[])},
    )


def stored(**content: Any) -> testing.StoredState:
    return testing.StoredState("_stored", owner_path="MyNodeAppCharm", content=content)


def with_databag(
    state: testing.State, relation: testing.Relation, **databag: str
) -> testing.State:
    other = dataclasses.replace(relation, remote_app_data=databag)
    return dataclasses.replace(state, relations={*state.relations - {relation}, other})


def without(state: testing.State, *relations: testing.RelationBase) -> testing.State:
    return dataclasses.replace(state, relations=set(state.relations) - set(relations))


def settings() -> node_app.Settings | None:
    return node_app.NodeApp().settings()


def warnings(context: Context) -> list[str]:
    return [log.message for log in context.juju_log if log.level == "WARNING"]


WRITTEN_BY_JUJU = ("egress-subnets", "ingress-address", "private-address")


def unit_databag(state: testing.State, relation: testing.RelationBase) -> dict[str, str]:
    """Return the fields that the charm has written to its unit databag."""
    databag = state.get_relation(relation.id).local_unit_data
    return {key: value for key, value in databag.items() if key not in WRITTEN_BY_JUJU}


EVENTS = [
    "install",
    "upgrade_charm",
    "leader_elected",
    "config_changed",
    "start",
    "update_status",
    "secret_changed",
    *(
        f"{endpoint}_relation_{kind}"
        for endpoint in ("database", "website", "logging")
        for kind in ("created", "joined", "changed", "departed", "broken")
        if (endpoint, kind) != ("database", "broken")
    ),
]
"""All events, except database-relation-broken and the events of a removed unit."""


def event(context: Context, name: str, state: testing.State) -> Any:
    """Return an event by its name. A relation event belongs to the endpoint's first relation."""
    if name == "secret_changed":
        return context.on.secret_changed(state.get_secret(id="secret:user"))
    endpoint, is_relation, kind = name.partition("_relation_")
    if not is_relation:
        return getattr(context.on, name)()
    return getattr(context.on, f"relation_{kind}")(state.get_relations(endpoint)[0])


def rotated(state: testing.State, **content: str) -> testing.State:
    """Return the state with a new revision of the secret, which the unit does not track yet."""
    old = state.get_secret(id="secret:user")
    new = dataclasses.replace(old, latest_content={**SECRET, **content})
    return dataclasses.replace(state, secrets={new})


def tracked_password(state: testing.State) -> str:
    """Return the password of the secret revision that the unit tracks."""
    content = state.get_secret(id="secret:user").tracked_content
    return content["password"]


@pytest.mark.parametrize("leader", [True, False])
@pytest.mark.parametrize("name", EVENTS)
def test_every_event_updates_settings_service_and_databags(
    name: str,
    leader: bool,
    context: Context,
    machine: Machine,
    state: testing.State,
    database: testing.Relation,
    website: testing.Relation,
    logging_relation: testing.SubordinateRelation,
):
    out = context.run(event(context, name, state), dataclasses.replace(state, leader=leader))
    assert settings() == SETTINGS
    assert [call for call in machine.calls if call != "install"] == ["start"]
    assert out.unit_status == testing.ActiveStatus()
    if not name.endswith("departed"):
        assert out.opened_ports == {testing.TCPPort(3000)}
        if name != "website_relation_broken":
            assert unit_databag(out, website) == {"hostname": ADDRESS, "port": "3000"}
        if name != "logging_relation_broken":
            assert unit_databag(out, logging_relation) == {
                "directory": '"/var/log/my-node-app"',
                "files": '["app.log"]',
            }
    request = {"database": "null", "extra-user-roles": "null"} if leader else {}
    assert out.get_relation(database.id).local_app_data == request


@pytest.mark.parametrize("name", ["install", "upgrade_charm"])
def test_install_and_upgrade_install_the_application(
    name: str, context: Context, machine: Machine, state: testing.State
):
    out = context.run(event(context, name, state), state)
    assert machine.calls == ["install", "start"]
    assert out.workload_version == "1.2.3"
    maintenance = testing.MaintenanceStatus("installing the application")
    assert maintenance in context.unit_status_history


def test_temporary_install_problem_fails_the_hook(
    context: Context, machine: Machine, state: testing.State
):
    machine.failures["install"] = node_app.NodeAppError("the network is down")
    with pytest.raises(testing.errors.UncaughtCharmError, match="the network is down"):
        context.run(context.on.install(), state)


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("first", ["install", "upgrade_charm"])
def test_unusable_node_blocks_the_unit_and_each_later_hook_retries(
    first: str, name: str, context: Context, machine: Machine, state: testing.State
):
    if first == "upgrade_charm":
        state = context.run(context.on.config_changed(), state)
    machine.failures["install"] = node_app.UnusableNodeError("install Node.js 18 or newer")
    state = context.run(event(context, first, state), state)
    assert state.unit_status == testing.BlockedStatus("install Node.js 18 or newer")
    assert machine.running == (first == "upgrade_charm")  # Only the old application runs.
    state = context.run(event(context, name, state), state)
    assert state.unit_status == testing.BlockedStatus("install Node.js 18 or newer")
    machine.failures.clear()
    machine.calls.clear()
    state = context.run(event(context, name, state), state)
    assert machine.calls == ["install", "start"]
    assert state.unit_status == testing.ActiveStatus()
    context.run(context.on.update_status(), state)
    assert machine.calls == ["install", "start"]


def test_upgrade_starts_the_new_code_if_new_settings_are_missing(
    context: Context, machine: Machine, state: testing.State
):
    state = context.run(context.on.config_changed(), state)
    machine.calls.clear()
    context.run(context.on.upgrade_charm(), dataclasses.replace(state, secrets=set()))
    assert machine.calls == ["install", "start"]
    assert settings() == SETTINGS


def test_unit_is_blocked_if_the_upgraded_application_does_not_start(
    context: Context, machine: Machine, state: testing.State
):
    state = context.run(context.on.config_changed(), state)
    machine.failures["start"] = node_app.NodeAppError("cannot start it")
    out = context.run(context.on.upgrade_charm(), state)
    assert out.unit_status == STOPPED
    assert "cannot start it" in warnings(context)


def test_stopped_application_is_started_with_the_last_valid_settings(
    context: Context, machine: Machine, state: testing.State
):
    state = context.run(context.on.config_changed(), state)
    machine.running = False
    context.run(context.on.update_status(), dataclasses.replace(state, secrets=set()))
    assert machine.calls == ["start", "start"]


def test_application_that_does_not_answer_is_reloaded(
    context: Context, machine: Machine, state: testing.State
):
    state = context.run(context.on.config_changed(), state)
    machine.health = "no answer"  # For example, its port was in use at the reload.
    machine.healthy_after_reload = True
    out = context.run(context.on.update_status(), state)
    assert machine.calls == ["start", "reload"]
    assert out.unit_status == testing.ActiveStatus()


def test_application_that_systemd_has_restarted_is_not_reloaded(
    context: Context, machine: Machine, state: testing.State
):
    state = rotated(context.run(context.on.config_changed(), state), password="second")
    machine.failures["reload"] = node_app.NodeAppError("it has just ended")
    state = context.run(event(context, "secret_changed", state), state)
    machine.loaded = (settings() or SETTINGS).id  # A start loads the written settings.
    machine.calls.clear()
    state = context.run(context.on.update_status(), state)
    assert machine.calls == []
    assert tracked_password(state) == "second"


def test_second_event_changes_nothing(context: Context, machine: Machine, state: testing.State):
    context.run(context.on.config_changed(), state)
    machine.calls.clear()
    context.run(context.on.config_changed(), state)
    assert machine.calls == []


@pytest.mark.parametrize(
    "name", [name for name in EVENTS if name not in ("install", "upgrade_charm")]
)
def test_every_hook_applies_rotated_credentials(
    name: str, context: Context, machine: Machine, state: testing.State
):
    state = context.run(context.on.config_changed(), state)
    state = rotated(state, username="u/2", password="a:b@c")
    out = context.run(event(context, name, state), state)
    assert machine.calls == ["start", "reload"]
    found = settings()
    assert found
    assert found.uri == URI.replace("relation-1:s3cret", "u%2F2:a%3Ab%40c")
    assert tracked_password(out) == "a:b@c"


def test_stop_does_not_acknowledge_credentials(context: Context, state: testing.State):
    state = rotated(context.run(context.on.config_changed(), state), password="second")
    assert tracked_password(context.run(context.on.stop(), state)) == "s3cret"


@pytest.mark.parametrize("name", EVENTS)
def test_next_hook_retries_a_failed_reload(
    name: str, context: Context, machine: Machine, state: testing.State
):
    state = rotated(context.run(context.on.config_changed(), state), password="second")
    machine.failures["reload"] = node_app.NodeAppError("cannot reload it")
    state = context.run(event(context, "secret_changed", state), state)
    refused = f"the application cannot use its new settings: see {LOG}"
    assert state.unit_status == testing.BlockedStatus(refused)
    # Otherwise the provider would remove the user that the application still uses.
    assert tracked_password(state) == "s3cret"
    machine.failures.clear()
    state = context.run(event(context, name, state), state)
    assert state.unit_status == testing.ActiveStatus()
    assert tracked_password(state) == "second"


def test_refused_credentials_are_not_acknowledged(
    context: Context, machine: Machine, state: testing.State
):
    state = rotated(context.run(context.on.config_changed(), state), password="second")
    machine.refuses_settings = True
    for _ in range(3):
        state = context.run(context.on.update_status(), state)
        assert isinstance(state.unit_status, testing.BlockedStatus)
        assert tracked_password(state) == "s3cret"
    machine.refuses_settings = False
    assert tracked_password(context.run(context.on.update_status(), state)) == "second"


@pytest.mark.parametrize("name", EVENTS)
def test_next_hook_reloads_after_a_crash_before_the_reload(
    name: str,
    context: Context,
    machine: Machine,
    state: testing.State,
    monkeypatch: pytest.MonkeyPatch,
):
    state = rotated(context.run(context.on.config_changed(), state), password="second")
    with monkeypatch.context() as patch:

        def crash(*_: object) -> None:
            raise RuntimeError("the machine is switched off")

        patch.setattr(node_app.NodeApp, "run", crash)
        with pytest.raises(testing.errors.UncaughtCharmError):
            context.run(event(context, "secret_changed", state), state)
    assert tracked_password(state) == "s3cret"
    out = context.run(event(context, name, state), state)
    found = settings()
    assert found and machine.loaded == found.id
    assert tracked_password(out) == "second"


def test_credentials_rotated_during_the_acknowledgement_are_applied(
    context: Context, machine: Machine, state: testing.State, monkeypatch: pytest.MonkeyPatch
):
    state = rotated(context.run(context.on.config_changed(), state), password="third")
    peek = ops.Secret.peek_content
    answers = [{**SECRET, "password": "second"}]
    monkeypatch.setattr(
        ops.Secret, "peek_content", lambda self: answers.pop() if answers else peek(self)
    )
    out = context.run(event(context, "secret_changed", state), state)
    found = settings()
    assert found and ":third@" in found.uri
    assert machine.loaded == found.id
    assert machine.calls == ["start", "reload", "reload"]
    assert tracked_password(out) == "third"


def test_new_endpoints_reload_the_application(
    context: Context, machine: Machine, state: testing.State, database: testing.Relation
):
    context.run(context.on.config_changed(), state)
    databag = {**DATABAG, "endpoints": '["[fd00::1]:27017", "mongo-3.internal:27018"]'}
    context.run(context.on.update_status(), with_databag(state, database, **databag))
    assert machine.calls == ["start", "reload"]
    found = settings()
    assert found
    assert "@[fd00::1]:27017,mongo-3.internal:27018/" in found.uri


def test_config_change_is_applied(
    context: Context, state: testing.State, database: testing.Relation, website: testing.Relation
):
    state = dataclasses.replace(state, config={"port": 8080, "database": "my_notes"})
    out = context.run(context.on.config_changed(), state)
    assert out.opened_ports == {testing.TCPPort(8080)}
    assert unit_databag(out, website)["port"] == "8080"
    assert out.get_relation(database.id).local_app_data["database"] == '"my_notes"'
    found = settings()
    assert found
    # The charm uses the database in the provider's answer, not the requested one.
    assert (found.port, found.database) == (8080, "notes")


@pytest.mark.parametrize(
    ("option", "value"),
    [("port", 80), ("port", 65536), ("database", "a b"), ("database", "x" * 64)],
)
def test_invalid_config_blocks_and_keeps_the_last_valid_settings(
    option: str,
    value: int | str,
    context: Context,
    machine: Machine,
    state: testing.State,
    website: testing.Relation,
):
    state = context.run(context.on.config_changed(), state)
    out = context.run(
        context.on.config_changed(), dataclasses.replace(state, config={option: value})
    )
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert out.unit_status.message.startswith(f"config option {option}: ")
    assert settings() == SETTINGS
    assert machine.calls == ["start"]
    assert unit_databag(out, website) == {"hostname": ADDRESS, "port": "3000"}


def test_application_does_not_run_without_a_database(
    context: Context, machine: Machine, state: testing.State, database: testing.Relation
):
    out = context.run(context.on.config_changed(), without(state, database))
    assert out.unit_status == BLOCKED
    assert "start" not in machine.calls
    assert out.opened_ports == set()


def test_broken_database_relation_stops_the_application_and_removes_credentials(
    context: Context,
    machine: Machine,
    state: testing.State,
    database: testing.Relation,
    website: testing.Relation,
    logging_relation: testing.SubordinateRelation,
):
    state = context.run(context.on.config_changed(), state)
    # The application stops even if an option is invalid.
    state = dataclasses.replace(state, config={"port": 80})
    out = context.run(context.on.relation_broken(state.get_relation(database.id)), state)
    assert machine.calls == ["start", "stop"]
    assert settings() is None
    assert out.opened_ports == set()
    assert unit_databag(out, website) == {}
    assert unit_databag(out, logging_relation) != {}

    out = context.run(context.on.update_status(), without(out, out.get_relation(database.id)))
    assert isinstance(out.unit_status, testing.BlockedStatus)


def test_two_database_relations_block_the_unit(
    context: Context, machine: Machine, state: testing.State, database: testing.Relation
):
    state = context.run(context.on.config_changed(), state)
    second = testing.Relation("database", remote_app_name="another")
    both = dataclasses.replace(state, relations={*state.relations, second})
    out = context.run(context.on.relation_changed(second), both)
    message = "database: remove all relations but one (to another, mongodb)"
    assert out.unit_status == testing.BlockedStatus(message)
    assert settings() == SETTINGS
    assert machine.running

    out = context.run(context.on.relation_broken(second), both)
    assert out.unit_status == testing.ActiveStatus()
    assert settings() == SETTINGS


def test_broken_database_relation_removes_credentials_even_if_another_relation_exists(
    context: Context, machine: Machine, state: testing.State, database: testing.Relation
):
    state = context.run(context.on.config_changed(), state)
    second = testing.Relation("database", remote_app_name="another")
    state = dataclasses.replace(state, relations={*state.relations, second})
    out = context.run(context.on.relation_broken(state.get_relation(database.id)), state)
    assert not machine.running
    assert settings() is None
    assert isinstance(out.unit_status, testing.WaitingStatus)


@pytest.mark.parametrize(
    ("databag", "missing"),
    [
        ({}, "database, endpoints, replset, secret-user"),
        ({**DATABAG, "endpoints": "[]", "unknown": "1"}, "endpoints"),
        ({**DATABAG, "secret-user": "null"}, "secret-user"),
        ({**DATABAG, "replset": '""', "database": "null"}, "database, replset"),
    ],
)
def test_unit_waits_for_missing_fields(
    databag: dict[str, str],
    missing: str,
    context: Context,
    machine: Machine,
    state: testing.State,
    database: testing.Relation,
):
    out = context.run(context.on.update_status(), with_databag(state, database, **databag))
    assert out.unit_status == testing.WaitingStatus(
        f"database: waiting for mongodb to send {missing}"
    )
    assert machine.calls == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoints", "10.0.0.1:27017"),  # Plain text instead of JSON.
        ("endpoints", "[1]"),
        ("endpoints", '["10.0.0.1"]'),
        ("endpoints", '["10.0.0.1:27017/?authSource=evil"]'),
        ("endpoints", '["10.0.0.1:0"]'),
        ("endpoints", '["10.0.0.1:65536"]'),
        ("endpoints", '["[:::::]:27017"]'),
        ("endpoints", "[" * 100_000),
        ("replset", "{}"),
        ("secret-user", "[]"),
        ("database", "7"),
        ("database", '"a.b"'),
        ("database", '"a b"'),
        ("database", '"a/b"'),
    ],
)
def test_invalid_fields_block_and_are_named(
    field: str,
    value: str,
    context: Context,
    machine: Machine,
    state: testing.State,
    database: testing.Relation,
):
    state = context.run(context.on.config_changed(), state)
    database = state.get_relation(database.id)  # pyright: ignore[reportAssignmentType]
    databag = {**DATABAG, field: value}
    out = context.run(context.on.update_status(), with_databag(state, database, **databag))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert out.unit_status.message.startswith(f"database: mongodb sent an invalid {field}")
    assert out.unit_status.message in warnings(context)
    assert settings() == SETTINGS
    assert machine.running


def test_unit_waits_for_access_to_the_secret(
    context: Context, machine: Machine, state: testing.State
):
    state = context.run(context.on.config_changed(), state)
    out = context.run(context.on.update_status(), dataclasses.replace(state, secrets=set()))
    message = "database: waiting for mongodb to grant access to secret-user"
    assert out.unit_status == testing.WaitingStatus(message)
    assert settings() == SETTINGS
    assert machine.running


def test_unit_waits_if_the_secret_id_is_invalid(
    context: Context,
    state: testing.State,
    database: testing.Relation,
    monkeypatch: pytest.MonkeyPatch,
):
    def get_secret(*_: object, **__: object) -> None:
        raise ValueError("embedded null byte")  # subprocess raises this.

    monkeypatch.setattr(ops.Model, "get_secret", get_secret)
    databag = {**DATABAG, "secret-user": '"a\\u0000b"'}
    out = context.run(context.on.update_status(), with_databag(state, database, **databag))
    message = "database: waiting for mongodb to grant access to secret-user"
    assert out.unit_status == testing.WaitingStatus(message)


def test_secret_without_password_blocks_and_is_not_shown(
    context: Context, machine: Machine, state: testing.State, secret: testing.Secret
):
    bad = dataclasses.replace(
        secret, latest_content={"username": "relation-1", "uris": "mongodb://u:s3cret@h"}
    )
    out = context.run(context.on.update_status(), dataclasses.replace(state, secrets={bad}))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    message = "database: mongodb sent an invalid secret-user: password"
    assert out.unit_status.message.startswith(message)
    assert machine.calls == []
    assert not any("s3cret" in log.message for log in context.juju_log)


def test_new_leader_requests_the_database(
    context: Context, state: testing.State, database: testing.Relation
):
    out = context.run(context.on.update_status(), dataclasses.replace(state, leader=False))
    assert out.get_relation(database.id).local_app_data == {}
    out = context.run(context.on.leader_elected(), dataclasses.replace(out, leader=True))
    assert "database" in out.get_relation(database.id).local_app_data


def test_unit_writes_its_databag_in_every_relation(
    context: Context, state: testing.State, website: testing.Relation
):
    others = [testing.Relation("website"), testing.SubordinateRelation("logging")]
    out = context.run(
        context.on.update_status(),
        dataclasses.replace(state, relations={*state.relations, *others}),
    )
    assert unit_databag(out, others[0]) == unit_databag(out, website) != {}
    assert unit_databag(out, others[1]) != {}


def test_address_of_the_relations_network_is_published(
    context: Context, state: testing.State, website: testing.Relation
):
    network = testing.Network(
        "website",
        [testing.BindAddress([testing.Address(ADDRESS)])],
        ingress_addresses=["192.0.2.99"],
    )
    out = context.run(context.on.update_status(), dataclasses.replace(state, networks={network}))
    assert unit_databag(out, website)["hostname"] == "192.0.2.99"
    assert settings() == SETTINGS


def test_unit_waits_for_an_address_of_the_machine(
    context: Context, machine: Machine, state: testing.State
):
    network = testing.Network("website", [], ingress_addresses=[])
    out = context.run(context.on.update_status(), dataclasses.replace(state, networks={network}))
    message = "website: waiting for an address of this machine"
    assert out.unit_status == testing.WaitingStatus(message)
    assert machine.calls == []


@pytest.mark.parametrize(
    ("health", "status"),
    [
        (
            "no database",
            testing.WaitingStatus("database: waiting for the database to answer the application"),
        ),
        ("no answer", testing.BlockedStatus(f"the application does not answer: see {LOG}")),
    ],
)
def test_status_shows_the_health_of_the_application(
    health: node_app.Health,
    status: ops.StatusBase,
    context: Context,
    machine: Machine,
    state: testing.State,
):
    machine.health = health
    assert context.run(context.on.update_status(), state).unit_status == status
    machine.health = "ok"
    assert context.run(context.on.update_status(), state).unit_status == testing.ActiveStatus()


def test_unit_is_blocked_if_the_application_does_not_start(
    context: Context, machine: Machine, state: testing.State, website: testing.Relation
):
    machine.failures["start"] = node_app.NodeAppError("cannot start it")
    out = context.run(context.on.update_status(), state)
    assert out.unit_status == STOPPED
    assert unit_databag(out, website) == {}
    assert any("cannot start it" in log.message for log in context.juju_log)


def test_stop_stops_and_remove_uninstalls_the_application(
    context: Context, machine: Machine, state: testing.State, database: testing.Relation
):
    state = without(state, database)
    context.run(context.on.stop(), state)
    context.run(context.on.remove(), state)
    assert machine.calls == ["stop", "uninstall"]


@pytest.mark.parametrize(("name", "call"), [("stop", "stop"), ("remove", "uninstall")])
def test_stop_and_remove_succeed_and_log_the_error_if_the_cleanup_fails(
    name: str, call: str, context: Context, machine: Machine, state: testing.State
):
    machine.failures[call] = node_app.NodeAppError(f"cannot {call} it")
    context.run(event(context, name, state), state)
    errors = [log.message for log in context.juju_log if log.level == "ERROR"]
    assert errors == [f"cannot {call} it"]


def test_credentials_are_removed_even_if_the_application_cannot_be_stopped(
    context: Context, machine: Machine, state: testing.State, database: testing.Relation
):
    state = context.run(context.on.config_changed(), state)
    machine.failures["stop"] = node_app.NodeAppError("cannot stop it")
    state = context.run(context.on.relation_broken(state.get_relation(database.id)), state)
    assert settings() is None
    assert machine.running
    machine.failures.clear()
    context.run(context.on.update_status(), without(state, state.get_relation(database.id)))
    assert not machine.running


def test_credentials_are_not_in_databags_logs_or_status(context: Context, state: testing.State):
    out = context.run(context.on.config_changed(), state)
    databags = [json.dumps(relation.local_unit_data) for relation in out.relations]
    databags += [json.dumps(relation.local_app_data) for relation in out.relations]
    texts = [*databags, *(log.message for log in context.juju_log), out.unit_status.message]
    assert not any("s3cret" in text for text in texts)
