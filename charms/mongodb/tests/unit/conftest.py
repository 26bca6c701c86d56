"""The charm with a fake MongoDB, which records the calls of the charm."""

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
import leader
import local_member
from mongod import Credentials, MongodError
from replica_set_rules import MemberStatus
from states import ADMIN, HOST, SET_ID, STORAGE, peers


@dataclasses.dataclass
class World:
    """The state outside the model: this unit's mongod, and the replica set."""

    tmp_path: pathlib.Path
    installed: bool = True
    running: bool = True
    state: str = "primary"
    up_to_date: bool = True
    package_series: str = "8.0"
    installed_file: str = "None"
    members_series: str = ""
    """The argument of the last `install`."""
    busy: bool = False
    """Whether mongod is a member, but does not answer."""
    unreachable: set[str] = dataclasses.field(default_factory=set)
    """The hosts where no mongod answers."""
    holds_data: bool = True
    saved: Credentials | None = None
    has_data_outside_storage: bool = False
    install_error: MongodError | None = None
    start_error: MongodError | None = None
    can_hand_over: bool = True
    lag: float = 0.0
    """How many seconds each member is behind the primary."""
    configs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    """The replica set configuration of each mongod that answers, by host."""
    has_primary: bool = True
    members: dict[str, str] = dataclasses.field(default_factory=lambda: {"mongodb/0": HOST})
    """The host of each member, by unit. The first unit is the primary."""
    cannot_leave: set[str] = dataclasses.field(default_factory=set)
    """The units that the other members still need."""
    can_join: bool = True
    users: dict[str, set[tuple[str, str]]] = dataclasses.field(default_factory=dict)
    passwords: dict[str, str] = dataclasses.field(default_factory=dict)
    units: dict[str, str] = dataclasses.field(default_factory=lambda: {"mongodb/0": "active"})
    """The status of each unit in goal-state."""
    calls: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)
    """The calls that a test can check: the name of the function, and its arguments."""

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call with this name."""
        return [call[1:] for call in self.calls if call[0] == name]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> World:
    """A fake MongoDB with one member, which is this unit."""
    world = World(tmp_path)

    class Mongod:
        service = "mongod"

        def __init__(self, storage_dir: pathlib.Path | None = None):
            pass

        def is_installed(self) -> bool:
            return world.installed

        def is_running(self) -> bool:
            return world.running

        def is_up_to_date(self) -> bool:
            return world.running and world.up_to_date

        def state(self) -> str:
            return world.state if world.running else ""

        def is_member(self) -> bool:
            return world.running and (bool(world.state) or world.busy)

        def version(self) -> str:
            return "8.0.4"

        def target_digest(self, series: str) -> str:
            return f"{series} {world.installed_file}"

        def package_series(self) -> str:
            return world.package_series

        def install(
            self, series: str, file: pathlib.Path | None, members_series: str = ""
        ) -> None:
            world.calls.append(("install", series, file))
            world.members_series = members_series
            if world.install_error:
                raise world.install_error
            world.up_to_date = world.up_to_date and world.installed and not file
            world.installed, world.installed_file = True, str(file)
            world.package_series = world.package_series if file else series

        def configure(self, *args: Any) -> None:
            world.calls.append(("configure", *args))

        def start(self) -> None:
            world.calls.append(("start",))
            if world.start_error:
                raise world.start_error
            world.running = world.up_to_date = True

        def wait_until_it_answers(self) -> None:
            pass

        def wait_until_it_is_a_member(self) -> None:
            world.calls.append(("wait_until_it_is_a_member",))

        def holds_data(self) -> bool:
            return world.holds_data

        def initiate(self, *args: Any) -> None:
            world.calls.append(("initiate", *args))
            world.holds_data = True

        old_data_dir = pathlib.Path("/var/lib/mongodb")
        data_dir = pathlib.Path("/storage/db")

        def has_data_outside_storage(self) -> bool:
            return world.has_data_outside_storage

        def saved_credentials(self) -> Credentials | None:
            return world.saved

        def save_credentials(self, credentials: Credentials) -> None:
            world.saved = credentials

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
            if not world.has_primary:
                raise ServerSelectionTimeoutError("no primary")
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def status(self) -> list[MemberStatus]:
            return [
                {
                    "unit": unit,
                    "host": host,
                    "state": "SECONDARY" if number else "PRIMARY",
                    "lag": world.lag,
                }
                for number, (unit, host) in enumerate(sorted(world.members.items()))
            ]

        def reconcile_members(
            self, leaving: set[str], joining: dict[str, str], seconds: float = 0
        ) -> None:
            world.calls.append(("reconcile_members", leaving, joining))
            world.members = {
                unit: host
                for unit, host in ((joining if world.can_join else {}) | world.members).items()
                if unit not in leaving - world.cannot_leave
            }

        def set_id(self) -> str:
            return SET_ID

        def hand_over(self, unit: str) -> bool:
            world.calls.append(("hand_over", unit))
            return world.can_hand_over

        def wait_until(self, condition: Any, seconds: float) -> bool:
            return condition(self.status())

        def raise_compatibility_version(self, series: str) -> None:
            world.calls.append(("raise_compatibility_version", series))

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

    def holds_data(host: str, password: str) -> bool:
        return host in world.members.values()

    def is_reachable(host: str) -> bool:
        return host not in world.unreachable

    def fetch_config(host: str, password: str) -> dict[str, Any] | None:
        config = world.configs.get(host)
        if config is None:
            raise ServerSelectionTimeoutError(f"{host} does not answer")
        return config

    def force_config(host: str, password: str, config: dict[str, Any], members: Any) -> None:
        world.calls.append(("force_config", host, members))

    def goal_state() -> ops.hookcmds.GoalState:
        now = datetime.datetime.now(datetime.timezone.utc)
        units = {
            unit: ops.hookcmds.Goal(status=status, since=now)
            for unit, status in world.units.items()
        }
        return ops.hookcmds.GoalState(units=units, relations={})

    monkeypatch.setattr(local_member, "Mongod", Mongod)
    monkeypatch.setattr(local_member, "ReplicaSet", ReplicaSet)
    for function in (is_reachable, holds_data, fetch_config, force_config):
        monkeypatch.setattr(leader, function.__name__, function)
    # ops.testing does not support these two hook commands.
    monkeypatch.setattr(ops.hookcmds, "goal_state", goal_state)
    monkeypatch.setattr(ops.hookcmds, "secret_ids", list)
    return world


@pytest.fixture
def ctx(world: World) -> testing.Context[charm.MongodbCharm]:
    return testing.Context(charm.MongodbCharm, app_name="mongodb", juju_version="3.6.28")


@pytest.fixture
def interface_setup(ctx: testing.Context[charm.MongodbCharm], model: Any) -> tuple[Any, Any]:
    """The charm and a model for it, for the tests of this charm's interfaces."""
    return ctx, model()


@pytest.fixture
def model(world: World):
    """A function that returns a State of the leader, with settings, storage and credentials."""
    empty_file = world.tmp_path / "empty"
    empty_file.touch()

    def state(*relations: testing.RelationBase, **kwargs: Any) -> testing.State:
        secrets = kwargs.pop("secrets", [])
        kwargs.setdefault("resources", [testing.Resource(name="mongod", path=empty_file)])
        return testing.State(
            relations=relations or [peers()],
            secrets=[ADMIN, *secrets],
            storages=[STORAGE],
            leader=kwargs.pop("leader", True),
            **kwargs,
        )

    return state


@pytest.fixture
def resource(world: World) -> testing.Resource:
    """The resource mongod with a program."""
    path = world.tmp_path / "mongod"
    path.write_text("a program")
    return testing.Resource(name="mongod", path=path)


@pytest.fixture
def uninitialised(model: Any):
    """A function that returns a State of the leader before it has written the settings."""

    def state(relation: testing.PeerRelation, **kwargs: Any) -> testing.State:
        return dataclasses.replace(model(relation, **kwargs), secrets=frozenset())

    return state
