"""The clouds of the suite: localjuju and a controller. All their differences are here."""

from __future__ import annotations

import abc
import dataclasses
import json
import pathlib
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Collection
from typing import Any

import jubilant

from deploy import stays_in_error
from localjuju import LocalJuju

# Scripts for a unit's machine. Their first argument is its root folder, and they print JSON.

_FIND_PROCESSES = """
import json, pathlib, sys
root, program = sys.argv[1:]
found = []
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        arguments = (folder / "cmdline").read_text(errors="replace").split("\\0")
        environment = (folder / "environ").read_text(errors="replace")
    except OSError:  # It has ended, or belongs to another user.
        continue
    named = arguments[0].rpartition("/")[2] == program
    if named and (root == "/" or any(root in argument for argument in arguments)):
        found.append([int(folder.name), arguments, environment])
print(json.dumps(found))
"""

# The texts are reversed, so that the search does not find its own command line.
_FIND_FILES = """
import json, pathlib, sys
root, *backwards = sys.argv[1:]
found = {}
for name in ("etc", "opt", "run", "tmp", "usr/local", "var"):
    for path in pathlib.Path(root, name).rglob("*"):
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > 100_000:
                continue
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if any(needle[::-1] in text for needle in backwards):
            found[str(path)] = path.stat().st_mode
print(json.dumps(found))
"""


@dataclasses.dataclass(frozen=True)
class Process:
    """A process on a unit's machine."""

    pid: int
    arguments: list[str]
    environment: str


class Cloud(abc.ABC):
    """A model and the machines of its units."""

    load_pause: float
    """Seconds between two notes of a `Load`. The API lists only 1000 notes, so loads are slow."""

    def __init__(self, juju: jubilant.Juju):
        self.juju = juju

    @abc.abstractmethod
    def root(self, unit: str) -> pathlib.Path:
        """Return the root folder of a unit's machine."""

    @abc.abstractmethod
    def run(self, unit: str, *command: str) -> str:
        """Run a command on a unit's machine as root, and return its output."""

    @abc.abstractmethod
    def receiver_address(self, unit: str) -> str:
        """Return an address of this computer that a unit can reach."""

    def settle(self) -> jubilant.Status:
        """Wait until everything is active and all agents are idle."""
        # Ten times in a row, because on a controller a change needs time to reach an agent.
        return self.juju.wait(
            lambda status: jubilant.all_active(status) and jubilant.all_agents_idle(status),
            error=stays_in_error(),
            successes=10,
        )

    def wait_until_blocked(self, application: str) -> set[str]:
        """Wait until each unit of an application is blocked, and return the status messages.

        This reads the units' statuses. If a charm sets no application status, Juju derives one
        from the units, but not every command shows it.
        """

        def blocked(status: jubilant.Status) -> bool:
            units = status.get_units(application).values()
            return bool(units) and all(unit.is_blocked for unit in units)

        units = self.juju.wait(blocked).get_units(application)
        return {unit.workload_status.message for unit in units.values()}

    def address(self, unit: str) -> str:
        """Return the public address of a unit, principal or subordinate."""
        return self.juju.show_unit(unit).public_address

    def addresses(self, application: str) -> list[str]:
        """Return the addresses of an application's units."""
        return [self.address(unit) for unit in sorted(self.juju.status().get_units(application))]

    def processes(self, unit: str, program: str) -> list[Process]:
        """Return the processes of a program on a unit's machine."""
        return [Process(*found) for found in self._run_python(unit, _FIND_PROCESSES, program)]

    def kill(self, unit: str, program: str) -> None:
        """Kill a program on a unit's machine, as ``kill -9`` does.

        Raises:
            ValueError: the program does not run exactly once.
        """
        (process,) = self.processes(unit, program)
        # A minimal machine has no program `kill`. It is only a command of the shell.
        self.run(unit, "python3", "-c", f"import os; os.kill({process.pid}, 9)")
        wait_until(  # A new process may have started immediately.
            lambda: process.pid not in [found.pid for found in self.processes(unit, program)],
            f"{program} on {unit} has ended",
        )

    def log(self, unit: str, message: str) -> None:
        """Write a line to the syslog of a unit's machine."""
        self.run(unit, "logger", "-u", str(self.root(unit) / "dev/log"), "-t", "suite", message)

    def files_with(self, unit: str, texts: Collection[str]) -> dict[str, int]:
        """Return the small files that contain one of the texts, and their modes."""
        return self._run_python(unit, _FIND_FILES, *(text[::-1] for text in texts))

    def _run_python(self, unit: str, script: str, *arguments: str) -> Any:
        root = str(self.root(unit))
        return json.loads(self.run(unit, "python3", "-c", script, root, *arguments))


class LocalCloud(Cloud):
    """A model of localjuju: a machine is a folder and an address of this computer."""

    load_pause = 0.05
    juju: LocalJuju

    def root(self, unit: str) -> pathlib.Path:
        return self.juju.machine_folder(unit)

    def run(self, unit: str, *command: str) -> str:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def receiver_address(self, unit: str) -> str:
        # An address in the model's network that belongs to no machine.
        return f"{self.address(unit).rpartition('.')[0]}.2"


class ControllerCloud(Cloud):
    """A model of a controller. This computer is in the network of the machines (LXD)."""

    load_pause = 1.0

    def root(self, unit: str) -> pathlib.Path:
        return pathlib.Path("/")

    def run(self, unit: str, *command: str) -> str:
        # Pass one word, because juju joins words with spaces, and the shell splits them again.
        return self.juju.exec(shlex.join(command), unit=unit).stdout

    def receiver_address(self, unit: str) -> str:
        # Connecting a datagram socket sends nothing, but chooses the address of the sender.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((self.address(unit), 9))
            return sender.getsockname()[0]


def wait_until(condition: Callable[[], object], description: str, seconds: float = 30.0) -> None:
    """Wait until a condition is true. The error message contains the description.

    Raises:
        TimeoutError: the condition is not true within this number of seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {description}")
        time.sleep(0.05)
