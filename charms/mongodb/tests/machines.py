"""Real mongods on loopback addresses of their own."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable

import localmachine
import mongod

REPLSET = "mongodb"
PORT = 27017
KEY = "0123456789abcdef" * 8
PASSWORD = "the administrator's / p@ss:word"


class Machine:
    """A folder and an address; `stand_in` serves one machine at a time, so take it anew."""

    def __init__(self, folder: pathlib.Path, number: int):
        self.folder = folder
        self.unit = f"mongodb/{number}"
        self.move(f"127.77.0.{number + 10}")

    def move(self, address: str) -> None:
        """Give the machine another address."""
        self.address = address
        self.host = f"{address}:{PORT}"

    @property
    def mongod(self) -> mongod.Mongod:
        """This machine's mongod."""
        localmachine.stand_in(self.folder, self.address)
        return mongod.Mongod()

    def run(self) -> None:
        """Install and run mongod."""
        self.mongod.install("8.0", None)
        try:
            self.mongod.run(self.address, PORT, REPLSET, KEY)
        except mongod.MongodError:
            print((self.mongod.run_dir / "mongod.log").read_text()[-5000:])
            raise

    def initiate(self) -> None:
        """Run mongod as the first member of a set."""
        self.run()
        self.mongod.initiate(REPLSET, self.unit, self.host, PASSWORD)


def replica_set(*machines: Machine) -> mongod.ReplicaSet:
    return mongod.ReplicaSet(REPLSET, [machine.host for machine in machines], PASSWORD)


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition, and fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
