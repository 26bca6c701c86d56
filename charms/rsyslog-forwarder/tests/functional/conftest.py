"""A real rsyslogd in a temporary folder, and receivers for its messages."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import fake_machine
import pytest

import rsyslog
from snippets import Destination

# Every test has its own addresses, because a closed port is not free immediately, and because
# other processes run tests at the same time.
_addresses = (
    f"127.{100 + os.getpid() // 250 % 100}.{os.getpid() % 250}.{n % 250 + 1}"
    for n in itertools.count()
)
PORT = 5514

RFC_5424 = re.compile(r"<\d+>1 \S+ \S+ (?P<program>\S+) \S+ \S+ - +(?P<text>.*)")
"""A forwarded message, without structured data."""


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until `condition()` is true, or fail after this number of seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)


class Machine:
    """A machine with two forwarders, `forwarder` and `other`."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.address = next(_addresses)
        fake_machine.fake_machine(folder, self.address)
        self.forwarder = rsyslog.Rsyslog("forwarder")
        self.other = rsyslog.Rsyslog("other")
        self.logs = folder / "srv/app/logs"
        self.logs.mkdir(parents=True)

    def syslog(self) -> str:
        """Return the machine's own syslog."""
        file = self.folder / "var/log/syslog"
        return file.read_text() if file.exists() else ""

    def log(self, message: str) -> None:
        command = ["logger", "-u", self.folder / "dev/log", "-t", "test", "--size", "65000"]
        subprocess.run([*command, message], check=True)

    def files(self) -> list[str]:
        """Return all files of rsyslog on the machine."""
        found = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(
            str(path.relative_to(self.folder)) for path in found if self.logs not in path.parents
        )


class Receiver:
    """Receives lines over UDP or TCP, and keeps them."""

    def __init__(self, protocol: str):
        self.protocol = protocol
        self.destination = Destination(next(_addresses), PORT)
        self.received = ""

    @contextlib.contextmanager
    def listening(self) -> Iterator[Receiver]:
        kind = socket.SOCK_DGRAM if self.protocol == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.destination.host, self.destination.port))
            ended = threading.Event()
            listener.settimeout(0.05)
            target = self._datagrams if self.protocol == "udp" else self._connections
            thread = threading.Thread(target=target, args=(listener, ended))
            if self.protocol == "tcp":
                listener.listen()
            thread.start()
            try:
                yield self
            finally:
                ended.set()
                thread.join()

    def _datagrams(self, listener: socket.socket, ended: threading.Event) -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                self.received += listener.recv(65536).decode().rstrip("\n") + "\n"

    def _connections(self, listener: socket.socket, ended: threading.Event) -> None:
        connections: list[socket.socket] = []
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.settimeout(0.02)
                connections.append(connection)
            for connection in connections:
                with contextlib.suppress(TimeoutError):
                    self.received += connection.recv(65536).decode()
        for connection in connections:
            connection.close()

    def lines(self, part: str) -> list[str]:
        """Return the received lines that contain `part`."""
        return [line for line in self.received.splitlines() if part in line]

    def messages(self) -> dict[str, list[str]]:
        """Return the messages of each program, parsed as RFC 5424."""
        texts: dict[str, list[str]] = {}
        for line in self.received.rpartition("\n")[0].splitlines():
            message = RFC_5424.fullmatch(line)
            assert message, f"not of RFC 5424: {line}"
            texts.setdefault(message["program"], []).append(message["text"])
        return texts

    def texts(self, program: str) -> list[str]:
        """Return the messages of one program."""
        return self.messages().get(program, [])


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    machine.forwarder.install()
    yield machine
    machine.other.uninstall()
    machine.forwarder.uninstall()


@pytest.fixture(params=["udp", "tcp"])
def either(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with Receiver(request.param).listening() as receiver:
        yield receiver


@pytest.fixture
def udp() -> Iterator[Receiver]:
    with Receiver("udp").listening() as receiver:
        yield receiver
