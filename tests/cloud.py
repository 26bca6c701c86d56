"""What differs between localjuju and a controller: how a unit is reached, how its programs die."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil

from localjuju import LocalJuju


def address(juju: LocalJuju, unit: str) -> str:
    """Return the address that a unit, principal or subordinate, is reached at."""
    return juju.show_unit(unit).public_address


def processes(juju: LocalJuju, unit: str, program: str) -> list[psutil.Process]:
    """Return the processes of a program that run on a unit's machine."""
    folder = str(juju.machine_folder(unit))
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        arguments = process.info["cmdline"] or []
        if process.info["name"] == program and any(folder in a for a in arguments):
            found.append(process)
    return found


def kill(juju: LocalJuju, unit: str, program: str) -> None:
    """End a program on a unit's machine as ``kill -9`` does.

    Raises:
        ValueError: it does not run exactly once.
    """
    (process,) = processes(juju, unit, program)
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: not processes(juju, unit, program), f"{program} of {unit} is gone")


def log(juju: LocalJuju, unit: str, message: str) -> None:
    """Write a line to the syslog of a unit's machine."""
    socket = juju.machine_folder(unit) / "dev" / "log"
    subprocess.run(["logger", "-u", str(socket), "-t", "suite", message], check=True)


class SyslogReceiver:
    """A real rsyslogd, which receives over UDP and writes what it gets to a file."""

    PORT = 5514

    def __init__(self, folder: pathlib.Path, address: str):
        self.target = f"{address}:{self.PORT}"
        self.received = folder / "received"
        self.received.touch()
        self._configuration = folder / "rsyslog.conf"
        self._configuration.write_text(
            f'global(workDirectory="{folder}")\n'
            'module(load="imudp")\n'
            f'input(type="imudp" address="{address}" port="{self.PORT}")\n'
            'template(name="line" type="string" string="%HOSTNAME% %programname% %msg%\\n")\n'
            f'action(type="omfile" file="{self.received}" template="line")\n'
        )
        self._pid_file = folder / "pid"

    @contextlib.contextmanager
    def running(self) -> Iterator[SyslogReceiver]:
        command = ["rsyslogd", "-n", "-f", self._configuration, "-i", self._pid_file]
        with subprocess.Popen(command) as process:
            try:
                wait_until(self._pid_file.exists, "the receiver runs")
                yield self
            finally:
                process.terminate()

    def lines(self, part: str) -> list[str]:
        """Return the lines received that have ``part`` in them."""
        return [line for line in self.received.read_text().splitlines() if part in line]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: it does not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
