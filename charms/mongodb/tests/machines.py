"""Real mongods. Each has its own folder and its own loopback address."""

from __future__ import annotations

import os
import pathlib
import threading
import time
import types
import typing
from collections.abc import Callable

import ops
from pymongo import MongoClient
from pymongo.errors import PyMongoError

import fake_machine
import mongod
from leader import Leader
from local_member import LocalMember
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit
from replica_set import ReplicaSet
from replicas import Replicas

REPLSET = "mongodb"
PORT = 27017
KEY = "0123456789abcdef" * 8
PASSWORD = "the administrator's / p@ss:word"
NETWORK = f"127.77.{os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')}"
"""The first three numbers of the machines' addresses. Each worker of pytest-xdist has its own."""
TIMEOUT = 60
"""How many seconds to wait for a change, even on a busy computer."""


class Machine:
    """A machine with a folder and an address.

    Only one machine is active at a time. The property `mongod` activates its machine, so read it
    again before each use.
    """

    def __init__(self, folder: pathlib.Path, number: int):
        self.folder = folder
        self.unit = f"mongodb/{number}"
        self.move(f"{NETWORK}.{number + 10}")

    def move(self, address: str) -> None:
        """Give the machine another address."""
        self.address = address
        self.host = f"{address}:{PORT}"

    @property
    def mongod(self) -> mongod.Mongod:
        """This machine's mongod. This makes the machine the active one."""
        fake_machine.fake_machine(self.folder, self.address)
        return mongod.Mongod(self.folder / "storage")

    def run(self) -> None:
        """Install and configure mongod, and restart it if necessary."""
        self.mongod.install("8.0", None)
        self.mongod.configure(self.address, PORT, KEY, REPLSET)
        try:
            if not self.mongod.is_up_to_date():
                self.mongod.start()
            self.mongod.wait_until_it_answers()
        except mongod.MongodError:
            print((self.mongod.run_dir / "mongod.log").read_text()[-5000:])
            raise

    def initiate(self) -> None:
        """Run mongod, and initiate a replica set with it."""
        self.run()
        self.mongod.initiate(REPLSET, self.unit, self.host, PASSWORD)


class Peers:
    """Replaces the peer relation between the units on several machines."""

    def __init__(self, *machines: Machine):
        self.machines = {machine.unit: machine for machine in machines}
        self.settings = MongodbReplicaSetApp(seed=machines[0].unit, version="6.0")
        self.databags: dict[str, MongodbReplicaSetUnit] = {}

    def publish(self, *machines: Machine) -> None:
        """Write the databags of the units on these machines."""
        for machine in machines:
            here = machine.mongod
            must_restart = not here.is_up_to_date()
            self.databags[machine.unit] = MongodbReplicaSetUnit(
                host=machine.host,
                has_data=here.holds_data(),
                version=None if must_restart else here.version(),
                target=here.target_digest("6.0"),
                restart=must_restart or None,
            )

    def leader(self, unit: str) -> Leader:
        """Return a Leader for this unit."""
        member = types.SimpleNamespace(
            unit=unit, replica_set=self.replica_set, password=lambda settings: PASSWORD
        )
        app = typing.cast(ops.Application, None)  # Only initialise_settings needs it.
        return Leader(app, typing.cast(Replicas, self), typing.cast(LocalMember, member))

    # The methods of Replicas and LocalMember that Leader uses.

    def units(self) -> dict[str, MongodbReplicaSetUnit]:
        """Return the databag of each unit."""
        return {unit: self.databags.get(unit, MongodbReplicaSetUnit()) for unit in self.machines}

    def all_units(self) -> dict[str, MongodbReplicaSetUnit]:
        """Return the databag of each unit."""
        return self.units()

    def staying(self) -> set[str]:
        """Return the names of the units."""
        return set(self.machines)

    def leaving(self) -> set[str]:
        """Return no unit: none is being removed."""
        return set()

    def write_settings(self, settings: MongodbReplicaSetApp) -> None:
        """Keep the settings that the leader writes."""
        self.settings = settings

    def replica_set(self) -> ReplicaSet:
        """Return the replica set, with all known addresses of its members."""
        hosts = {databag.host for databag in self.databags.values() if databag.host}
        return ReplicaSet(REPLSET, hosts | set(self.settings.members or []), PASSWORD)


def replica_set(*machines: Machine) -> ReplicaSet:
    return ReplicaSet(REPLSET, [machine.host for machine in machines], PASSWORD)


def joining(*machines: Machine) -> dict[str, str]:
    return {machine.unit: machine.host for machine in machines}


class Writer:
    """Writes numbered notes, and records the notes that a majority has acknowledged."""

    def __init__(self, *machines: Machine):
        with replica_set(*machines) as rs:
            rs.set_user("writer", {("readWrite", "notes")}, "secret")
        self._hosts = [machine.host for machine in machines]
        self.acknowledged: list[int] = []
        self.errors: list[PyMongoError] = []
        """The errors that remained after the driver's retry."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def client(self, *machines: Machine) -> MongoClient:
        """Return a client of these machines; without arguments, of all."""
        hosts = [machine.host for machine in machines] or self._hosts
        return MongoClient(
            hosts, replicaSet=REPLSET, username="writer", password="secret", w="majority"
        )

    def _write(self) -> None:
        with self.client() as client:
            number = 0
            while not self._stop.is_set():
                try:
                    client.notes.notes.insert_one({"_id": number})
                    self.acknowledged.append(number)
                except PyMongoError as error:
                    self.errors.append(error)
                number += 1

    def __enter__(self) -> Writer:
        self._thread.start()
        until(lambda: self.acknowledged)
        return self

    def __exit__(self, *_: object) -> None:
        count = len(self.acknowledged)
        until(lambda: len(self.acknowledged) > count)  # The thread can still write.
        self._stop.set()
        self._thread.join()


def another_build(machine: Machine, folder: pathlib.Path) -> pathlib.Path:
    """Return another build of mongod. mongod ignores the additional bytes at the end."""
    build = folder / "another-mongod"
    build.write_bytes(machine.mongod.binary.read_bytes() + b"another build")
    return build


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until a condition is true, and fail after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition is still false after {seconds} s"
        time.sleep(0.05)
