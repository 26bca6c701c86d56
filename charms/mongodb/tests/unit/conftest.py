"""The charm with a pretended MongoDB, which holds what the charm did with it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
from typing import Any

import ops
import pytest
from ops import testing
from pymongo.errors import ServerSelectionTimeoutError

import charm
from states import ADMIN, HOST, peers


@dataclasses.dataclass
class World:
    """What there is besides the model: this unit's mongod, and the replica set."""

    tmp_path: pathlib.Path
    installed: bool = True
    running: bool = True
    state: str = "primary"
    install_error: str = ""
    primary: bool = True
    members: dict[str, str] = dataclasses.field(default_factory=lambda: {"mongodb/0": HOST})
    stays: set[str] = dataclasses.field(default_factory=set)
    users: dict[str, set[tuple[str, str]]] = dataclasses.field(default_factory=dict)
    passwords: dict[str, str] = dataclasses.field(default_factory=dict)
    units: dict[str, str] = dataclasses.field(default_factory=lambda: {"mongodb/0": "active"})
    calls: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of that name."""
        return [call[1:] for call in self.calls if call[0] == name]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> World:
    """MongoDB as the charm finds it: one member, and the model's unit is that one."""
    world = World(tmp_path)

    class Mongod:
        def is_installed(self) -> bool:
            return world.installed

        def is_running(self) -> bool:
            return world.running

        def state(self) -> str:
            return world.state

        def version(self) -> str:
            return "8.0.4"

        def install(self, version: str, resource: pathlib.Path | None) -> bool:
            world.calls.append(("install", version, resource))
            if world.install_error:
                raise charm.MongodError(world.install_error)
            changed = bool(resource) or not world.installed
            world.installed = True
            return changed

        def run(self, *args: Any) -> None:
            world.calls.append(("run", *args))
            world.running = True

        def initiate(self, *args: Any) -> None:
            world.calls.append(("initiate", *args))

        def stop(self) -> None:
            world.calls.append(("stop",))
            world.running = False

        def uninstall(self) -> None:
            world.calls.append(("uninstall",))
            world.installed = False

    class ReplicaSet(contextlib.AbstractContextManager):
        def __init__(self, *args: Any):
            world.calls.append(("ReplicaSet", *args))

        def __enter__(self):
            if not world.primary:
                raise ServerSelectionTimeoutError("no primary")
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def status(self) -> list[dict[str, str]]:
            return [
                {"unit": unit, "host": host, "state": "SECONDARY" if number else "PRIMARY"}
                for number, (unit, host) in enumerate(sorted(world.members.items()))
            ]

        def align(self, leaving: set[str], joining: dict[str, str], seconds: float = 0) -> None:
            world.calls.append(("align", leaving, joining))
            world.members = {
                unit: host
                for unit, host in (joining | world.members).items()
                if unit not in leaving - world.stays
            }

        def users(self) -> dict[str, set[tuple[str, str]]]:
            return dict(world.users)

        def set_user(
            self, name: str, roles: set[tuple[str, str]], password: str | None = None
        ) -> None:
            world.users[name] = set(roles)
            if password:
                world.passwords[name] = password

        def drop_user(self, name: str) -> None:
            world.users.pop(name, None)

    def has_replica_set(host: str) -> bool:
        return host in world.members.values()

    def goal_state() -> ops.hookcmds.GoalState:
        now = datetime.datetime.now(datetime.timezone.utc)
        units = {
            unit: ops.hookcmds.Goal(status=status, since=now)
            for unit, status in world.units.items()
        }
        return ops.hookcmds.GoalState(units=units, relations={})

    monkeypatch.setattr(charm, "Mongod", Mongod)
    monkeypatch.setattr(charm, "ReplicaSet", ReplicaSet)
    monkeypatch.setattr(charm, "has_replica_set", has_replica_set)
    # ops.testing knows neither of these hook commands.
    monkeypatch.setattr(ops.hookcmds, "goal_state", goal_state)
    monkeypatch.setattr(ops.hookcmds, "secret_ids", list)
    return world


@pytest.fixture
def ctx(world: World) -> testing.Context[charm.MongodbCharm]:
    return testing.Context(charm.MongodbCharm, app_name="mongodb", juju_version="3.6.28")


@pytest.fixture
def interface_setup(ctx: testing.Context[charm.MongodbCharm], model: Any) -> tuple[Any, Any]:
    """For the tests of the interfaces that this charm speaks: it, and a model that is ready."""
    return ctx, model()


@pytest.fixture
def model(world: World):
    """A function that makes a State of the leader, with what every unit has."""
    nothing = world.tmp_path / "nothing"
    nothing.touch()

    def state(*relations: testing.RelationBase, **kwargs: Any) -> testing.State:
        secrets = kwargs.pop("secrets", [])
        kwargs.setdefault("resources", [testing.Resource(name="mongod", path=nothing)])
        return testing.State(
            relations=relations or [peers()],
            secrets=[ADMIN, *secrets],
            leader=kwargs.pop("leader", True),
            **kwargs,
        )

    return state
