"""Runs a hook from a charm's source folder: the real charm, under the real ``ops.main``."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
from typing import Any

from localjuju.hook_commands import COMMANDS, LEFT_OUT, HookContext, UnknownHookCommandError
from localjuju.model import Unit


class SourceRunner:
    """Starts hooks in a server process, and answers their hook commands."""

    def __init__(self, folder: pathlib.Path):
        """Start the server.

        Args:
            folder: takes what a hook prints, until the next hook.
        """
        self._stdout = folder / "hook.stdout"
        self._stderr = folder / "hook.stderr"
        ours, theirs = socket.socketpair()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "localjuju.hook_server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # Away from the terminal's process group, so that Ctrl-C does not reach hooks.
            start_new_session=True,
        )
        theirs.close()
        self._socket = ours
        self._connection = ours.makefile("rw")

    def run(self, unit: Unit, context: HookContext, environment: dict[str, str]) -> str | None:
        """Run one hook of a unit.

        Args:
            unit: whose hook it is.
            context: answers its hook commands.
            environment: the ``JUJU_*`` variables.

        Returns:
            None if it succeeded, else why not.
        """
        charm = unit.application.charm
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("JUJU_")}
        self._send(
            charm=str(charm.folder),
            charm_dir=environment["JUJU_CHARM_DIR"],
            environment={**inherited, **environment},
            stdout=str(self._stdout),
            stderr=str(self._stderr),
            commands=sorted([*COMMANDS, *LEFT_OUT]),
            stand_in=str(charm.machine_stand_in or ""),
            machine=str(unit.machine.folder),
            address=unit.machine.address,
        )
        unknown = None
        while True:
            message = self._receive()
            if "exit" in message:
                break
            try:
                result = context.run(message["command"], message["stdin"])
                self._send(
                    returncode=result.returncode, stdout=result.stdout, stderr=result.stderr
                )
            except UnknownHookCommandError as error:
                unknown = str(error)
                self._send(returncode=127, stdout="", stderr=f"ERROR {error}\n")
        if unknown:
            return unknown
        return f"exit status {message['exit']}" if message["exit"] else None

    def last_output(self) -> tuple[str, str]:
        """Return what the last hook printed on standard output and on standard error."""
        return (
            self._stdout.read_text(errors="replace"),
            self._stderr.read_text(errors="replace"),
        )

    def _send(self, **message: Any) -> None:
        print(json.dumps(message), file=self._connection, flush=True)

    def _receive(self) -> dict[str, Any]:
        line = self._connection.readline()
        if not line:
            raise RuntimeError("localjuju's hook server has ended")
        return json.loads(line)

    def close(self) -> None:
        """End the server and every process that its hooks have left running."""
        self._connection.close()
        self._socket.close()
        self._server.wait(timeout=30)
