"""Runs a charm with ops.testing, on one side of a relation, for the tests of interfaces.

This is a pytest plugin: ``pytest -p interface_checks.charm_side --charm FOLDER TESTS``. TESTS is
the file for one role, such as ``mongodb/interface/v0/tests/test_provider.py``.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import inspect
import pathlib
import re
import sys
from typing import Any

import ops
import pytest
import yaml
from ops import testing

from interface_checks import databags
from interface_checks.registry import CHARM_LISTS, Interface, Role, endpoints, load_module

REMOTE_APP, REMOTE_UNIT = "app", 1
"""The remote application, and the number of its unit. A peer has the same number."""

RELATION_ID = 1000
"""The id of the relation. Relations from the charm's own setup have smaller ids."""

EMPTY_VALUES = ("null", "[]", '""')
"""Values that mean the same as a missing field."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the charm's folder."""
    parser.addoption("--charm", type=pathlib.Path, help="folder of the charm to test")


def pytest_configure(config: pytest.Config) -> None:
    """Make the charm's modules and the fixtures of its ``test_setup`` importable."""
    folder = _charm_folder(config)
    sys.path.insert(0, str(folder / "src"))
    for argument in config.args:
        setup = _test_setup(_interface_of(pathlib.Path(argument)), folder)
        if setup:
            location = folder / setup["location"]
            sys.path[:0] = [str(location.parent), str(folder / "tests")]
            config.pluginmanager.register(load_module(location, "interface_test_setup"))


def _charm_folder(config: pytest.Config) -> pathlib.Path:
    folder: pathlib.Path | None = config.getoption("--charm")
    if folder is None or not (folder / "charmcraft.yaml").is_file():
        raise pytest.UsageError(f"--charm {folder}: this folder has no charmcraft.yaml")
    return folder.resolve()


def _interface_of(test: pathlib.Path) -> Interface:
    return Interface(test.resolve().parents[1])


def _test_setup(interface: Interface, charm: pathlib.Path) -> dict[str, str] | None:
    """Return the place of the charm's own fixture, which replaces its workload, if it has one."""
    charm_name = _declared(charm).get("name")
    for key in CHARM_LISTS.values():
        for listed in interface.description.get(key) or []:
            if listed["name"] == charm_name:
                return listed.get("test_setup")
    return None


def _declared(charm: pathlib.Path) -> dict[str, Any]:
    """Return the content of charmcraft.yaml."""
    return yaml.safe_load((charm / "charmcraft.yaml").read_text())


@pytest.fixture
def charm_side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CharmSide:
    """The charm that the command line names, on the side that the test's file names."""
    folder = _charm_folder(request.config)
    interface = _interface_of(request.path)
    role: Any = request.path.stem.removeprefix("test_")
    names = [
        name
        for name, interface_name, its_role in endpoints(folder)
        if (interface_name, its_role) == (interface.name, role)
    ]
    assert names, f"{folder.name} has no endpoint that is a {role} of {interface.name}"
    declared = _declared(folder)
    if setup := _test_setup(interface, folder):
        context, state = request.getfixturevalue(setup["identifier"])
    else:
        context = testing.Context(_charm_type())
        # Juju creates peer relations with the first unit, before other relations.
        peers = [testing.PeerRelation(name) for name in declared.get("peers") or {}]
        state = testing.State(relations=peers)
    side = CharmSide(interface, role, names[0], context, state, declared)
    # ops.testing supports neither of these hook commands.
    monkeypatch.setattr(ops.hookcmds, "goal_state", side.goal_state)
    monkeypatch.setattr(ops.hookcmds, "secret_ids", side.own_secrets)
    return side


def _charm_type() -> type[ops.CharmBase]:
    charm = importlib.import_module("charm")
    found = [
        member
        for _, member in inspect.getmembers(charm, inspect.isclass)
        if issubclass(member, ops.CharmBase) and member.__module__ == "charm"
    ]
    assert len(found) == 1, f"charm.py has {len(found)} charm classes"
    return found[0]


@dataclasses.dataclass
class Written:
    """The data that a charm has written. Each databag follows the interface."""

    interface: Interface
    state: testing.State
    app: dict[str, str]
    """The application databag, without fields that are null or empty."""
    unit: dict[str, str]
    """The unit databag, without fields that are null or empty."""
    granted: set[str]
    """Ids of the secrets granted to the relation."""

    def secret(self, field: str) -> dict[str, str]:
        """Return the content of the secret whose id is in a field of the application databag.

        Raises:
            AssertionError: the secret is missing, or does not follow the interface.
        """
        assert field in self.app, f'field "{field}" is missing'
        # The id may be plain or JSON, with the model's UUID or without.
        name = re.split("[:/]", self.app[field].strip('"'))[-1]
        found = [s for s in self.state.secrets if re.split("[:/]", s.id)[-1] == name]
        assert found, f'field "{field}" contains no id of a secret'
        content = dict(found[0].latest_content or found[0].tracked_content)
        problems = databags.secret_problems(self.interface.secrets[field], content)
        assert not problems, f'field "{field}": ' + "; ".join(problems)
        return content


@dataclasses.dataclass
class CharmSide:
    """A charm's endpoint and its model."""

    interface: Interface
    role: Role
    endpoint: str
    context: testing.Context[Any]
    state: testing.State
    declared: dict[str, Any]
    given: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    """The databags of the other side."""

    def own_secrets(self) -> list[str]:
        """Return the output of secret-ids: the ids of the charm's own secrets."""
        return [secret.id for secret in self.state.secrets if secret.owner]

    def goal_state(self) -> ops.hookcmds.GoalState:
        """Return the output of goal-state: this unit and a peer."""
        now = datetime.datetime.now(datetime.timezone.utc)
        goal = ops.hookcmds.Goal(status="active", since=now)
        numbers = (self.context.unit_id, REMOTE_UNIT)
        units = {f"{self.context.app_name}/{number}": goal for number in numbers}
        return ops.hookcmds.GoalState(units=units, relations={})

    def relate(
        self,
        *,
        app: dict[str, str] | None = None,
        unit: dict[str, str] | None = None,
        leader: bool = True,
        secrets: tuple[testing.Secret, ...] = (),
    ) -> Written:
        """Run the events of a new relation, in Juju's order.

        Args:
            app: the other side's application databag. For peers, the leader has written it.
            unit: the other side's unit databag.
            leader: whether the charm's unit is the leader.
            secrets: the secrets that the other side has granted.

        Raises:
            AssertionError: a databag of the charm does not follow the interface, or a hook fails.
        """
        self.given = {"app": app or {}, "unit": unit or {}}
        relation = self._new_relation(**self.given)
        others = [r for r in self.state.relations if r.endpoint != self.endpoint]
        self.state = dataclasses.replace(
            self.state,
            leader=leader,
            relations=[*others, relation],
            secrets=[*self.state.secrets, *secrets],
        )
        on = self.context.on
        if self.role == "peer" and leader:
            self._run(on.leader_elected())
        self._run(on.relation_created(self._relation))
        self._run(on.relation_joined(self._relation, remote_unit=REMOTE_UNIT))
        self._run(on.relation_changed(self._relation, remote_unit=REMOTE_UNIT))
        return self._run(on.relation_changed(self._relation))

    def change_again(self) -> Written:
        """Run relation-changed again, although no databag has changed."""
        return self._run(self.context.on.relation_changed(self._relation))

    def remove_relation(self) -> testing.State:
        """Run the event of a removed relation."""
        self._emit(self.context.on.relation_broken(self._relation))
        return self.state

    @property
    def _relation(self) -> testing.RelationBase:
        """The relation in the current state."""
        return next(r for r in self.state.relations if r.endpoint == self.endpoint)

    def _run(self, event: Any) -> Written:
        self._emit(event)
        return self._written()

    def _emit(self, event: Any) -> None:
        try:
            self.state = self.context.run(event, self.state)
        except testing.errors.UncaughtCharmError as error:
            raise AssertionError(
                f"{event.name} fails with {error.__cause__!r}, given {self.given}"
            ) from error

    def _new_relation(self, app: dict[str, str], unit: dict[str, str]) -> testing.RelationBase:
        databag = {"ingress-address": "10.0.0.9", "egress-subnets": "10.0.0.9/32", **unit}
        if self.role == "peer":
            peers = {REMOTE_UNIT: databag}
            return testing.PeerRelation(
                self.endpoint, id=RELATION_ID, local_app_data=app, peers_data=peers
            )
        section = {"provider": "provides", "requirer": "requires"}[self.role]
        if self.declared[section][self.endpoint].get("scope") == "container":
            return testing.SubordinateRelation(
                self.endpoint,
                id=RELATION_ID,
                remote_app_name=REMOTE_APP,
                remote_unit_id=REMOTE_UNIT,
                remote_unit_data=databag,
                remote_app_data=app,
            )
        return testing.Relation(
            self.endpoint,
            id=RELATION_ID,
            remote_app_name=REMOTE_APP,
            remote_app_data=app,
            remote_units_data={REMOTE_UNIT: databag},
        )

    def _written(self) -> Written:
        relation, secrets = self._relation, list(self.state.secrets)
        app, unit = dict(relation.local_app_data), dict(relation.local_unit_data)
        problems = databags.problems(self.interface, self.role, "unit", unit)
        # On a follower, the test itself has written the application databag of a peer relation.
        if self.state.leader:
            problems += databags.problems(self.interface, self.role, "app", app)
        assert not problems, "\n".join(problems)
        for key, value in {**app, **unit}.items():
            for secret in secrets:
                content = secret.latest_content or secret.tracked_content or {}
                shown = [k for k, text in content.items() if k != "username" and text in value]
                assert not shown, (
                    f'field "{key}" contains a value from a secret: {", ".join(shown)}'
                )
        app, unit = (
            {k: v for k, v in databag.items() if v not in EMPTY_VALUES} for databag in (app, unit)
        )
        granted = {secret.id for secret in secrets if relation.id in (secret.remote_grants or {})}
        return Written(self.interface, self.state, app, unit, granted)
