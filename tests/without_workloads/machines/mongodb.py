"""A fake machine for mongodb that runs no mongod: a fake pymongo client answers instead.

The charm's own code runs as it ships, except the code that starts programs. The mongods of a
model are files: one for each machine, with its settings and whether its mongod runs, and one for
the replica set. Its members copy data and elect a primary at once.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pymongo
import yaml
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

Data = dict[str, Any]

RUNNING = "run/mongodb/running"
"""A file in a machine's folder that exists while its mongod runs."""


@dataclasses.dataclass(frozen=True)
class Server:
    """A running mongod, as in the file on its machine."""

    host: str
    data: str
    """A file that exists when the mongod has the data of a replica set."""
    settings: str
    """The settings with which it was started."""
    socket_folder: str

    def has_data(self) -> bool:
        return pathlib.Path(self.data).exists()


def running(machine: pathlib.Path) -> Server | None:
    """Return the running mongod of a machine, or None."""
    file = machine / RUNNING
    return Server(**json.loads(file.read_text())) if file.exists() else None


class World:
    """All mongods of a model, and their replica set."""

    def __init__(self, machines: pathlib.Path):
        servers = map(running, sorted(machines.iterdir()))
        self.running = {server.host: server for server in servers if server}
        self._file = machines / "replica-set.json"
        empty: Data = {"config": None, "users": {}, "primary": "", "series": "8.0"}
        self.state = json.loads(self._file.read_text()) if self._file.exists() else empty

    def save(self) -> None:
        self._file.write_text(json.dumps(self.state))

    @property
    def members(self) -> list[str]:
        return [member["host"] for member in (self.state["config"] or {}).get("members", [])]

    def state_of(self, host: str) -> str:
        if host not in self.running:
            return "(not reachable/healthy)"
        return "PRIMARY" if host == self.primary() else "SECONDARY"

    def primary(self) -> str:
        """Return the host of the primary, or an empty string without a majority of members."""
        up = [host for host in self.members if host in self.running]
        if 2 * len(up) <= len(self.members):
            return ""
        return self.state["primary"] if self.state["primary"] in up else up[0]

    def configure(self, config: Data) -> None:
        """Change the members. Running members have a copy of the data immediately."""
        self.state["config"] = config
        for host in set(self.members) & set(self.running):
            data = pathlib.Path(self.running[host].data)
            data.parent.mkdir(parents=True, exist_ok=True)
            data.touch()
        self.save()


class Client:
    """The part of `pymongo.MongoClient` that the charm uses."""

    machine: pathlib.Path
    """The folder of the machine on which this hook runs."""

    def __class_getitem__(cls, _: object) -> type[Client]:
        return cls

    def __init__(self, where: str | list[str], username: str = "", **options: Any):
        self._where, self._direct = where, "directConnection" in options
        self._is_administrator = bool(username)
        self.admin = self

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """There is no connection to close."""

    def command(self, command: str | Data, value: Any = None, **options: Any) -> Data:
        """Answer a command as a mongod would."""
        name = command if isinstance(command, str) else next(iter(command))
        world = World(self.machine.parent)
        host = self._find(world)
        if name == "hello":
            return _hello(world, host)
        if name == "replSetInitiate":
            return _initiate(world, value)
        self._check(world, world.running[host], name)
        return COMMANDS[name](world, value, options)

    def _find(self, world: World) -> str:
        """Return the host to which the client connects: one mongod, or the primary."""
        if isinstance(self._where, list):
            if {*self._where} & {*world.members} & {*world.running} and (it := world.primary()):
                return it
        elif "%2F" in self._where:
            socket = urllib.parse.unquote(self._where.removeprefix("mongodb://"))
            for host, server in world.running.items():
                if server.socket_folder == os.path.dirname(socket):
                    return host
        elif self._where in world.running:
            return self._where
        raise ServerSelectionTimeoutError(f"nothing answers at {self._where}")

    def _check(self, world: World, server: Server, name: str) -> None:
        """Refuse clients without a login (except for the first user), and mongods without data."""
        has_data = server.has_data()
        first_user = name == "createUser" and not world.state["users"]
        if has_data and not self._is_administrator and not first_user:
            raise OperationFailure("no password", 13, {"codeName": "Unauthorized"})
        if not has_data:
            raise OperationFailure("no set", 94, {"codeName": "NotYetInitialized"})


def _hello(world: World, host: str) -> Data:
    if host not in world.members or not world.running[host].has_data():
        return {"isWritablePrimary": False, "secondary": False}
    primary = world.primary()
    is_primary = host == primary
    hello = {"setName": "set", "isWritablePrimary": is_primary, "secondary": not is_primary}
    return hello | ({"primary": primary} if primary else {})


def _initiate(world: World, config: Data) -> Data:
    members = [{"votes": 1, "priority": 1, **member} for member in config["members"]]
    number = hashlib.sha256(members[0]["host"].encode()).hexdigest()[:24]
    settings = config["settings"] | {"replicaSetId": number}
    rest = {"version": 1, "term": 1, "members": members, "settings": settings}
    world.state.update(users={}, primary=members[0]["host"])
    world.configure(config | rest)
    return {}


def _status(world: World, value: Any, options: Data) -> Data:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    members = [
        {"name": host, "stateStr": world.state_of(host), "optimeDate": now}
        for host in world.members
    ]
    votes = sum(member["votes"] for member in world.state["config"]["members"])
    return {"members": members, "votingMembersCount": votes}


def _reconfigure(world: World, config: Data, options: Data) -> Data:
    world.configure(json.loads(json.dumps(config)))
    return {}


def _step_down(world: World, value: Any, options: Data) -> Data:
    primary = world.primary()
    others = [host for host in world.members if host in world.running and host != primary]
    world.state["primary"] = others[0] if others else primary
    world.save()
    return {}


def _set_user(world: World, name: str, options: Data) -> Data:
    roles = [
        role if isinstance(role, dict) else {"role": role, "db": "admin"}
        for role in options["roles"]
    ]
    world.state["users"][name] = roles
    world.save()
    return {}


def _drop_user(world: World, name: str, options: Data) -> Data:
    if name not in world.state["users"]:
        raise OperationFailure("no such user", 11, {"codeName": "UserNotFound"})
    del world.state["users"][name]
    world.save()
    return {}


def _users(world: World, value: Any, options: Data) -> Data:
    users = world.state["users"].items()
    return {"users": [{"user": name, "roles": roles} for name, roles in users]}


COMMANDS: dict[str, Callable[[World, Any, Data], Data]] = {
    "replSetGetConfig": lambda w, *_: {"config": w.state["config"], "commitmentStatus": True},
    "replSetGetStatus": _status,
    "replSetReconfig": _reconfigure,
    "replSetStepDown": _step_down,
    "createUser": _set_user,
    "updateUser": _set_user,
    "dropUser": _drop_user,
    "usersInfo": _users,
    "getParameter": lambda w, *_: {"featureCompatibilityVersion": {"version": w.state["series"]}},
}


class Time:
    """A clock that moves only during sleep, because nothing changes while a hook waits."""

    def __init__(self) -> None:
        self._now = time.monotonic()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Move `mongod.Mongod` into `folder`, without a process."""
    Client.machine = folder
    pymongo.MongoClient = Client  # Before the charm's modules take theirs.

    import mongod
    import replica_set

    machine = mongod.Mongod
    file = folder / RUNNING

    def install_package(self: mongod.Mongod, version: str) -> None:
        self.packaged_binary.parent.mkdir(parents=True, exist_ok=True)
        self.packaged_binary.write_text(f"{version}.4")

    def start(self: mongod.Mongod) -> None:
        net = yaml.safe_load(self.config_file.read_text())["net"]
        host, data = f"{net['bindIp']}:{net['port']}", str(self.data_dir / "WiredTiger")
        server = Server(host, data, self.settings_variable(), str(self.run_dir))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(dataclasses.asdict(server)))

    def is_up_to_date(self: mongod.Mongod) -> bool:
        server = running(folder)
        return server is not None and server.settings == self.settings_variable()

    mongod._version = lambda binary: binary.read_text() if binary.exists() else ""
    machine.install_package = install_package
    machine.remove_package = lambda self: self.packaged_binary.unlink(missing_ok=True)
    machine.start = start
    machine.stop = lambda self: file.unlink(missing_ok=True)
    machine.is_running = lambda self: file.exists()
    machine.is_up_to_date = is_up_to_date
    mongod.time = replica_set.time = Time()

    machine.user = None
    machine.packaged_binary = folder / "usr/bin/mongod"
    machine.custom_binary = folder / "usr/local/bin/mongod"
    machine.config_file = folder / "etc/mongod.conf"
    machine.key_file = folder / "etc/mongod.key"
    machine.old_data_dir = folder / "var/lib/mongodb"
    machine.run_dir = folder / "run/mongodb"
    machine.unit_file = folder / "etc/systemd/system/mongod.service"
