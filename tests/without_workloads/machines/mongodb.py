"""A fake machine for mongodb that runs no mongod: a fake pymongo client answers instead.

All code of the charm runs, except the code that starts programs. Files represent the mongods of a
model: a machine has a file while its mongod runs, and one file has the state of the replica set.
The members copy data and elect a primary immediately.
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
    """A running mongod, with the values from the file on its machine."""

    host: str
    data: str
    """A file that exists if the mongod has the data of a replica set."""
    settings: str
    """The settings with which it was started."""
    socket_folder: str

    def has_data(self) -> bool:
        return pathlib.Path(self.data).exists()


def running(machine: pathlib.Path) -> Server | None:
    """Return the running mongod of a machine, or None."""
    file = machine / RUNNING
    return Server(**json.loads(file.read_text())) if file.exists() else None


class Cluster:
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
        running_members = [host for host in self.members if host in self.running]
        if 2 * len(running_members) <= len(self.members):
            return ""
        return (
            self.state["primary"]
            if self.state["primary"] in running_members
            else running_members[0]
        )

    def configure(self, config: Data) -> None:
        """Change the members. Running members have a copy of the data immediately."""
        self.state["config"] = config
        for host in set(self.members) & set(self.running):
            data = pathlib.Path(self.running[host].data)
            data.parent.mkdir(parents=True, exist_ok=True)
            data.touch()
        self.save()


class FakeClient:
    """Replaces the part of `pymongo.MongoClient` that the charm uses."""

    machine: pathlib.Path
    """The folder of the machine on which this hook runs."""

    def __class_getitem__(cls, _: object) -> type[FakeClient]:
        return cls

    def __init__(self, where: str | list[str], username: str = "", **options: Any):
        self._where, self._direct = where, "directConnection" in options
        self._is_administrator = bool(username)
        self.admin = self

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """There is no connection to close."""

    def command(self, command: str | Data, value: Any = None, **options: Any) -> Data:
        """Answer a command as a mongod would."""
        name = command if isinstance(command, str) else next(iter(command))
        cluster = Cluster(self.machine.parent)
        host = self._find(cluster)
        if name == "hello":
            return _hello(cluster, host)
        if name == "replSetInitiate":
            return _initiate(cluster, value)
        self._check(cluster, cluster.running[host], name)
        return COMMANDS[name](cluster, value, options)

    def _find(self, cluster: Cluster) -> str:
        """Return the host to which the client connects: one mongod, or the primary."""
        if isinstance(self._where, list):
            reachable = {*self._where} & {*cluster.members} & {*cluster.running}
            if reachable and (primary := cluster.primary()):
                return primary
        elif "%2F" in self._where:
            socket = urllib.parse.unquote(self._where.removeprefix("mongodb://"))
            for host, server in cluster.running.items():
                if server.socket_folder == os.path.dirname(socket):
                    return host
        elif self._where in cluster.running:
            return self._where
        raise ServerSelectionTimeoutError(f"nothing answers at {self._where}")

    def _check(self, cluster: Cluster, server: Server, name: str) -> None:
        """Refuse clients without a login (except for the first user), and mongods without data."""
        has_data = server.has_data()
        first_user = name == "createUser" and not cluster.state["users"]
        if has_data and not self._is_administrator and not first_user:
            raise OperationFailure("no password", 13, {"codeName": "Unauthorized"})
        if not has_data:
            raise OperationFailure("no set", 94, {"codeName": "NotYetInitialized"})


def _hello(cluster: Cluster, host: str) -> Data:
    if host not in cluster.members or not cluster.running[host].has_data():
        return {"isWritablePrimary": False, "secondary": False}
    primary = cluster.primary()
    is_primary = host == primary
    hello = {"setName": "set", "isWritablePrimary": is_primary, "secondary": not is_primary}
    return hello | ({"primary": primary} if primary else {})


def _initiate(cluster: Cluster, config: Data) -> Data:
    members = [{"votes": 1, "priority": 1, **member} for member in config["members"]]
    number = hashlib.sha256(members[0]["host"].encode()).hexdigest()[:24]
    settings = config["settings"] | {"replicaSetId": number}
    rest = {"version": 1, "term": 1, "members": members, "settings": settings}
    cluster.state.update(users={}, primary=members[0]["host"])
    cluster.configure(config | rest)
    return {}


def _status(cluster: Cluster, value: Any, options: Data) -> Data:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    members = [
        {"name": host, "stateStr": cluster.state_of(host), "optimeDate": now}
        for host in cluster.members
    ]
    votes = sum(member["votes"] for member in cluster.state["config"]["members"])
    return {"members": members, "votingMembersCount": votes}


def _reconfigure(cluster: Cluster, config: Data, options: Data) -> Data:
    cluster.configure(json.loads(json.dumps(config)))
    return {}


def _step_down(cluster: Cluster, value: Any, options: Data) -> Data:
    primary = cluster.primary()
    others = [host for host in cluster.members if host in cluster.running and host != primary]
    cluster.state["primary"] = others[0] if others else primary
    cluster.save()
    return {}


def _set_user(cluster: Cluster, name: str, options: Data) -> Data:
    roles = [
        role if isinstance(role, dict) else {"role": role, "db": "admin"}
        for role in options["roles"]
    ]
    cluster.state["users"][name] = roles
    cluster.save()
    return {}


def _drop_user(cluster: Cluster, name: str, options: Data) -> Data:
    if name not in cluster.state["users"]:
        raise OperationFailure("no such user", 11, {"codeName": "UserNotFound"})
    del cluster.state["users"][name]
    cluster.save()
    return {}


def _users(cluster: Cluster, value: Any, options: Data) -> Data:
    users = cluster.state["users"].items()
    return {"users": [{"user": name, "roles": roles} for name, roles in users]}


COMMANDS: dict[str, Callable[[Cluster, Any, Data], Data]] = {
    "replSetGetConfig": lambda cluster, *_: {
        "config": cluster.state["config"],
        "commitmentStatus": True,
    },
    "replSetGetStatus": _status,
    "replSetReconfig": _reconfigure,
    "replSetStepDown": _step_down,
    "createUser": _set_user,
    "updateUser": _set_user,
    "dropUser": _drop_user,
    "usersInfo": _users,
    "getParameter": lambda cluster, *_: {
        "featureCompatibilityVersion": {"version": cluster.state["series"]}
    },
}


class FakeTime:
    """A clock that only `sleep` moves. No hook needs to wait, because changes are immediate."""

    def __init__(self) -> None:
        self._now = time.monotonic()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `mongod.Mongod` use `folder` as the root of its machine, and start no process."""
    FakeClient.machine = folder
    pymongo.MongoClient = FakeClient  # Before the charm's modules import it.

    import mongod
    import replica_set

    workload = mongod.Mongod
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
    workload.install_package = install_package
    workload.remove_package = lambda self: self.packaged_binary.unlink(missing_ok=True)
    workload.start = start
    workload.stop = lambda self: file.unlink(missing_ok=True)
    workload.is_running = lambda self: file.exists()
    workload.is_up_to_date = is_up_to_date
    mongod.time = replica_set.time = FakeTime()

    workload.user = None
    workload.packaged_binary = folder / "usr/bin/mongod"
    workload.custom_binary = folder / "usr/local/bin/mongod"
    workload.config_file = folder / "etc/mongod.conf"
    workload.key_file = folder / "etc/mongod.key"
    workload.old_data_dir = folder / "var/lib/mongodb"
    workload.run_dir = folder / "run/mongodb"
    workload.unit_file = folder / "etc/systemd/system/mongod.service"
