"""Starts a server, or joins one that runs, and keeps it alive."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

from localjuju.juju_program import SOCKET_VARIABLE

COMMANDS_SOCKET = "juju.socket"
SESSIONS_SOCKET = "sessions.socket"
PROGRAMS = "bin"
SERVER_TIMEOUT = 20.0
"""Seconds for a server to start or to end."""


class ServerError(Exception):
    """The server does not exist, or does not start."""


class ServerSession:
    """A session of a server. The server runs until its last session is closed."""

    def __init__(self, connection: socket.socket, process: subprocess.Popen[bytes] | None = None):
        """Wait until the server has started.

        Args:
            connection: the connection to the server.
            process: the server's process, if this process has started it.

        Raises:
            ServerError: the server has ended instead.
        """
        self._connection = connection
        self._process = process
        connection.settimeout(SERVER_TIMEOUT)
        try:
            described = json.loads(connection.makefile().readline())
        except (OSError, ValueError):
            self.close()
            raise ServerError("localjuju's server did not start") from None
        self.pid: int = described["pid"]
        self.folder = pathlib.Path(described["folder"])
        self.juju: str = described["juju"]
        self.seed: int = described["seed"]
        self.started_in: str = described["started_in"]

    def __str__(self) -> str:
        return f"{self.pid}: Juju {self.juju}, seed {self.seed}, started in {self.started_in}"

    def __enter__(self) -> ServerSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session. If it is the last one, wait until the server has cleaned up."""
        with contextlib.suppress(OSError):  # The server may have ended already.
            self._connection.shutdown(socket.SHUT_WR)
            has_other_sessions = self._connection.recv(1)
            if self._process and has_other_sessions:
                # The server continues. Without this, Python would warn about the process.
                self._process.returncode = 0
        if self._process:
            self._process.wait(SERVER_TIMEOUT)
        self._connection.close()

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return environment variables with which ``juju`` uses this server."""
        kept = {k: v for k, v in variables.items() if k not in ("JUJU_MODEL", "JUJU_CONTROLLER")}
        path = f"{self.folder / PROGRAMS}{os.pathsep}{variables.get('PATH', os.defpath)}"
        return {**kept, "PATH": path, SOCKET_VARIABLE: str(self.folder / COMMANDS_SOCKET)}

    def summary(self) -> str:
        """Return the timeline of each model, and the end of its log."""
        return self._ask(summary=True)

    def write_page(self, file: pathlib.Path) -> str:
        """Write the page of each model's run, and return the files, one per line.

        Args:
            file: the file for the page. If there are several models, each has its own file, and
                the name of the model is added to the file's name.
        """
        return self._ask(page=str(file.absolute()))

    def _ask(self, **request: str | bool) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.folder / COMMANDS_SOCKET))
                connection.sendall(f"{json.dumps(request)}\n".encode())
                return json.loads(connection.makefile().readline())["stdout"]
            except (OSError, ValueError) as error:
                return f"localjuju's server has ended: {error}\n"


def start(
    juju: str,
    seed: int | None = None,
    charms: pathlib.Path | None = None,
    runner: str = "source",
) -> ServerSession:
    """Start a server without a model. The arguments are those of ``LocalJuju``.

    Raises:
        ServerError: it does not start. The reason is on standard error.
    """
    ours, theirs = socket.socketpair()
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    command = [
        *(sys.executable, "-m", "localjuju.server"),
        *("--juju", juju, "--seed", str(seed), "--runner", runner),
        *("--session", str(theirs.fileno()), "--started-in", os.getcwd()),
    ]
    if charms:
        command += ["--charms", str(charms.resolve())]
    with theirs:
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            # Not the current folder, because Python would import modules from it.
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # Ctrl-C, or the end of the terminal, must not end the server.
            start_new_session=True,
        )
    return ServerSession(ours, process)


def join(pid: int | None = None) -> ServerSession:
    """Open a session of a running server of this user.

    Args:
        pid: the number of the server's process. It is optional if there is only one server.

    Raises:
        ServerError: there is no such server, or there are several.
    """
    with contextlib.ExitStack() as cleanup:
        running = list(_running(cleanup))
        found = [server for server in running if pid in (None, server.pid)]
        if not running:
            message = "no server of localjuju is running: start one with `localjuju shell`"
            raise ServerError(message)
        if len(found) != 1:
            listed = "".join(f"\n  {server}" for server in running)
            reason = "several servers of localjuju are running; join one by its number"
            if not found:
                reason = f"no server of localjuju has the number {pid}; these are running"
            raise ServerError(f"{reason}:{listed}")
        chosen = found[0]
        cleanup.pop_all()
        for server in running:
            if server is not chosen:
                server.close()
        return chosen


def _running(cleanup: contextlib.ExitStack) -> Iterator[ServerSession]:
    """Yield a session of every server of this user. ``cleanup`` closes them."""
    for path in sorted(pathlib.Path(tempfile.gettempdir()).glob(f"lj-*/{SESSIONS_SOCKET}")):
        connection = socket.socket(socket.AF_UNIX)
        cleanup.callback(connection.close)
        # The server may belong to another user, or have been killed.
        with contextlib.suppress(OSError, ServerError):
            connection.connect(str(path))
            yield ServerSession(connection)
