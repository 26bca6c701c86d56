"""Machines: each is an address on the loopback network and a folder, without root."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import random
import socket

from localjuju.constraints import Constraints

STANDARD_FOLDERS = ("etc", "home/ubuntu", "opt", "root", "srv", "tmp", "usr/local", "var/tmp")
"""Folders that every machine has. Each is created when a path in it is first used."""


@dataclasses.dataclass
class Machine:
    """A machine, or a container, that runs principal units and their subordinates."""

    number: str
    """The number. That of a container starts with the number of its machine: ``0/lxd/1``."""
    address: str
    folder: pathlib.Path
    constraints: Constraints = dataclasses.field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the number of a container's machine, or "" if this is not a container."""
        return self.number.rpartition("/lxd/")[0]

    @property
    def home(self) -> pathlib.Path:
        """The home folder of the user who logs in."""
        return self.path_of("/home/ubuntu")

    def path_of(self, path: str) -> pathlib.Path:
        """Return the file on this computer for a path on the machine.

        A relative path starts at the home folder.
        """
        clean = os.path.normpath(f"/home/ubuntu/{path}" if path[:1] != "/" else path).lstrip("/")
        for folder in STANDARD_FOLDERS:
            if f"{clean}/".startswith(f"{folder}/"):
                (self.folder / folder).mkdir(parents=True, exist_ok=True)
        return self.folder / clean

    def leftovers(self) -> list[str]:
        """Return the files that the charms did not remove, relative to the machine's folder."""
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if not path.is_dir()
        )


class NoAddressError(RuntimeError):
    """All addresses of the network are in use."""


class LoopbackNetwork:
    """A network of 254 addresses in 127.0.0.0/8 that no other localjuju on this computer uses.

    Linux lets any process bind such an address without set-up. To reserve the network, localjuju
    holds a port open on the network's first address.
    """

    LOCK_PORT = 17070  # The port of a Juju controller.

    def __init__(self) -> None:
        # Do not use the model's seed: two runs with the same seed may run at the same time.
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
        """The address and port on which a controller would listen."""
        return f"{self.prefix}.1:{self.LOCK_PORT}"

    def allocate(self) -> str:
        """Return the address that has been free for the longest time.

        Raises:
            NoAddressError: all addresses are in use.
        """
        if not self._free:
            raise NoAddressError(f"no free address in {self.prefix}.0/24")
        return self._free.popleft()

    def release(self, address: str) -> None:
        """Make an address free again."""
        self._free.append(address)

    def close(self) -> None:
        self._lock.close()
