"""Starts a server, or finds those that run, and keeps one alive."""

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

from localjuju.juju_program import VARIABLE

COMMANDS_SOCKET = "juju.socket"
KEEPERS_SOCKET = "keepers.socket"
PROGRAMS = "bin"
PATIENCE = 20.0
"""Seconds that a server gets to start, or to end."""


class ServerError(Exception):
    """There is no such server, or it does not start."""


class KeptServer:
    """A server that lives as long as this process has not let it go."""

    def __init__(self, keeper: socket.socket, process: subprocess.Popen[bytes] | None = None):
        """Wait until the server is there.

        Args:
            keeper: is connected to it.
            process: the server's, where this process has started it.

        Raises:
            ServerError: it has ended instead.
        """
        self._keeper = keeper
        self._process = process
        keeper.settimeout(PATIENCE)
        try:
            described = json.loads(keeper.makefile().readline())
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

    def __enter__(self) -> KeptServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the server go; if nobody else keeps it, wait until it has cleaned up."""
        with contextlib.suppress(OSError):  # It may have ended before.
            self._keeper.shutdown(socket.SHUT_WR)
            others_keep_it = self._keeper.recv(1)
            if self._process and others_keep_it:
                # It goes on without this process, which Python would warn of otherwise.
                self._process.returncode = 0
        if self._process:
            self._process.wait(PATIENCE)
        self._keeper.close()

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return variables with which ``juju`` is this server's."""
        kept = {k: v for k, v in variables.items() if k not in ("JUJU_MODEL", "JUJU_CONTROLLER")}
        path = f"{self.folder / PROGRAMS}{os.pathsep}{variables.get('PATH', os.defpath)}"
        return {**kept, "PATH": path, VARIABLE: str(self.folder / COMMANDS_SOCKET)}

    def story(self) -> str:
        """Return what has happened: each model's timeline and the end of its log."""
        return self._ask(story=True)

    def write_page(self, file: pathlib.Path) -> str:
        """Write the page of the run, and return its file in a line.

        Args:
            file: takes the page. Where there are several models, each has a file of its own,
                to whose name the model's is added.
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
) -> KeptServer:
    """Start a server with no model; the arguments are those of ``LocalJuju``.

    Raises:
        ServerError: it does not start; why is on standard error.
    """
    ours, theirs = socket.socketpair()
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    command = [
        *(sys.executable, "-m", "localjuju.server"),
        *("--juju", juju, "--seed", str(seed), "--runner", runner),
        *("--keeper", str(theirs.fileno()), "--started-in", os.getcwd()),
    ]
    if charms:
        command += ["--charms", str(charms.resolve())]
    with theirs:
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            # It is no part of this folder: what lies here is not what it imports.
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # Ctrl-C in a terminal, or its end, is for the shells.
            start_new_session=True,
        )
    return KeptServer(ours, process)


def join(pid: int | None = None) -> KeptServer:
    """Keep a server of this user's that runs already.

    Args:
        pid: which, by its process; not needed if there is only one.

    Raises:
        ServerError: there is none, or several.
    """
    with contextlib.ExitStack() as not_wanted:
        running = list(_running(not_wanted))
        found = [server for server in running if pid in (None, server.pid)]
        if not running:
            raise ServerError("no server of localjuju runs: start one with `localjuju shell`")
        if len(found) != 1:
            listed = "".join(f"\n  {server}" for server in running)
            reason = "several servers of localjuju run; join one by its number"
            if not found:
                reason = f"no server of localjuju has the number {pid}; these run"
            raise ServerError(f"{reason}:{listed}")
        chosen = found[0]
        not_wanted.pop_all()
        for server in running:
            if server is not chosen:
                server.close()
        return chosen


def _running(not_wanted: contextlib.ExitStack) -> Iterator[KeptServer]:
    """Keep every server of this user's, until ``not_wanted`` closes."""
    for path in sorted(pathlib.Path(tempfile.gettempdir()).glob(f"lj-*/{KEEPERS_SOCKET}")):
        keeper = socket.socket(socket.AF_UNIX)
        not_wanted.callback(keeper.close)
        # It may be somebody else's, or have been killed.
        with contextlib.suppress(OSError, ServerError):
            keeper.connect(str(path))
            yield KeptServer(keeper)
