"""Machines: an address on the loopback network and a folder each, no root and no container."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import random
import socket

from localjuju.constraints import Constraints

EVERYWHERE = ("etc", "home/ubuntu", "opt", "root", "srv", "tmp", "usr/local", "var/tmp")
"""Folders that every machine has, and that commands may find missing in a new one's here."""


@dataclasses.dataclass
class Machine:
    """Where principal units and their subordinates live."""

    number: str
    """Of a container it has those of the machines around it: ``0/lxd/1``."""
    address: str
    folder: pathlib.Path
    constraints: Constraints = dataclasses.field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the number of the machine that a container is on, otherwise nothing."""
        return self.number.rpartition("/lxd/")[0]

    @property
    def home(self) -> pathlib.Path:
        """Where those who log in start."""
        return self.path_of("/home/ubuntu")

    def path_of(self, path: str) -> pathlib.Path:
        """Return the file that stands for a path on the machine; a relative one starts at home."""
        clean = os.path.normpath(f"/home/ubuntu/{path}" if path[:1] != "/" else path).lstrip("/")
        for folder in EVERYWHERE:
            if f"{clean}/".startswith(f"{folder}/"):
                (self.folder / folder).mkdir(parents=True, exist_ok=True)
        return self.folder / clean

    def leftovers(self) -> list[str]:
        """Return the files that the charms of this machine have left behind, relative to it."""
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if not path.is_dir()
        )


class NoAddressError(RuntimeError):
    """Every address of the network is in use."""


class LoopbackNetwork:
    """A network of 254 addresses in 127.0.0.0/8, which no other localjuju on this computer has.

    Linux lets any process bind any such address without set-up. A port that is held open on the
    network's first address keeps others from choosing the same network.
    """

    LOCK_PORT = 17070  # The port of a Juju controller, which this stands for.

    def __init__(self) -> None:
        # Not the model's seeded choice: two runs of one seed may run side by side.
        chance = random.SystemRandom()
        self._lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(1000):
            self.prefix = f"127.{chance.randint(16, 239)}.{chance.randint(0, 255)}"
            try:
                self._lock.bind((f"{self.prefix}.1", self.LOCK_PORT))
            except OSError:
                continue
            break
        else:
            raise RuntimeError("no free network in 127.0.0.0/8")
        self._free = collections.deque(f"{self.prefix}.{host}" for host in range(10, 255))

    @property
    def api_endpoint(self) -> str:
        """Where a controller would listen."""
        return f"{self.prefix}.1:{self.LOCK_PORT}"

    def allocate(self) -> str:
        """Return an address that is free, the one that has been so for longest.

        Raises:
            NoAddressError: all are in use.
        """
        if not self._free:
            raise NoAddressError(f"no free address in {self.prefix}.0/24")
        return self._free.popleft()

    def release(self, address: str) -> None:
        """Take back an address."""
        self._free.append(address)

    def close(self) -> None:
        self._lock.close()
