"""Machines: an address on the loopback network and a folder each, no root and no container."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import random
import socket


@dataclasses.dataclass
class Machine:
    """Where a principal unit and its subordinates live."""

    number: str
    address: str
    folder: pathlib.Path

    def leftovers(self) -> list[str]:
        """Return the files that the charms of this machine have left behind, relative to it."""
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if not path.is_dir()
        )


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
            RuntimeError: all are in use.
        """
        if not self._free:
            raise RuntimeError(f"no free address in {self.prefix}.0/24")
        return self._free.popleft()

    def release(self, address: str) -> None:
        """Take back an address."""
        self._free.append(address)

    def close(self) -> None:
        self._lock.close()
