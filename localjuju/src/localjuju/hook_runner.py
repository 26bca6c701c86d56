"""Runs hooks: a charm's Python file from its source folder, or a packed charm's dispatch."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import psutil

from localjuju import fake_machine
from localjuju.hook_arguments import UnknownHookCommandError
from localjuju.hook_commands import HookContext, Result
from localjuju.hook_programs import write_commands
from localjuju.machine import Machine
from localjuju.model import Unit
from localjuju.turns import SingleThread

CLOSING_TIME = 10.0
"""Seconds for the server to end the processes that hooks have left running."""

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

LONGEST_HOOK = 900.0
"""Seconds after which a hook is killed, so that a hook that waits for ever becomes visible."""


@dataclasses.dataclass(frozen=True)
class HookResult:
    """How a hook or a shell command ended."""

    status: int
    """The exit status, or the negative number of the signal that ended it."""
    stdout: str = ""
    stderr: str = ""
    problem: str | None = None
    """An error of localjuju itself: what it could not do for the hook."""

    @property
    def error(self) -> str | None:
        """Why it failed, None if it succeeded."""
        if self.timed_out:
            return f"ended after {LONGEST_HOOK:g} s"
        if self.status < 0:  # The words are those of Go.
            return self.problem or f"signal: {(signal.strsignal(-self.status) or '').lower()}"
        return self.problem or (f"exit status {self.status}" if self.status else None)

    @property
    def timed_out(self) -> bool:
        return self.status == -signal.SIGALRM


def _inherited() -> dict[str, str]:
    """Return this process's environment without Juju's variables.

    A charm that runs from its source folder needs it to find its dependencies.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("JUJU_")}


def _still_runs(process: psutil.Process) -> bool:
    try:
        # A zombie has ended. The server reaps it when the next hook runs.
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class HookRunner:
    """Starts hooks in a server process, and answers their hook commands."""

    def __init__(
        self,
        folder: pathlib.Path,
        seed: int,
        names: list[str],
        turns: SingleThread,
    ):
        """Start the server.

        Args:
            folder: the folder for the output of the current hook, and for the hook commands. If
                this process ends without a call of ``close``, the server removes the folder.
            seed: decides the order in which a charm iterates over its sets.
            names: the names of the hook commands.
            turns: the lock that threads share.
        """
        self._names = names
        self._turns = turns
        self._folder = folder
        self._hash_seed = str(seed % 2**32)
        self._stdin = folder / "hook.stdin"
        self._stdout = folder / "hook.stdout"
        self._stderr = folder / "hook.stderr"
        self._commands = folder / "hook-commands"
        write_commands(self._commands, names)
        ours, theirs = socket.socketpair()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "localjuju.hook_server", str(theirs.fileno()), str(folder)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # Hooks are forks of the server, so its hash seed is theirs.
            env={**os.environ, "PYTHONHASHSEED": self._hash_seed},
            # Outside the terminal's process group, so that Ctrl-C does not reach hooks.
            start_new_session=True,
        )
        theirs.close()
        self._connection = ours.makefile("rw")
        ours.close()

    def run_hook(
        self, unit: Unit, context: HookContext, environment: dict[str, str], timeout: float = 0
    ) -> HookResult:
        """Run one hook or action of a unit: the charm's Python file, or its own program.

        Args:
            unit: the unit of the hook.
            context: answers its hook commands.
            environment: the ``JUJU_*`` variables.
            timeout: seconds until it is killed, by default ``LONGEST_HOOK``.
        """
        charm = unit.charm
        if charm.has_programs:
            return self._run_program_of(unit, context, environment, timeout)
        return self._run(
            context,
            {**_inherited(), **environment},
            timeout,
            charm=str(charm.folder),
            entrypoint=charm.entrypoint,
            directory=environment["JUJU_CHARM_DIR"],
            commands=self._names,
            fake_machine=str(charm.fake_machine or ""),
            machine=str(unit.machine.folder),
            address=unit.machine.address,
        )

    def _run_program_of(
        self, unit: Unit, context: HookContext, environment: dict[str, str], timeout: float
    ) -> HookResult:
        folder = pathlib.Path(environment["JUJU_CHARM_DIR"])
        if file := unit.charm.fake_machine:
            machine, address = unit.machine.folder, unit.machine.address
            environment = environment | fake_machine.environment(file, machine, address)
        for program in ("dispatch", environment["JUJU_DISPATCH_PATH"]):
            if (folder / program).exists():
                command = [f"./{program}"]
                return self.run_program(unit, command, folder, context, environment, timeout)
        if environment["JUJU_DISPATCH_PATH"].startswith("actions/"):
            return HookResult(0, problem=f'action not implemented on unit "{unit.name}"')
        return HookResult(0)  # The charm does not observe this event.

    def run_program(
        self,
        unit: Unit,
        program: list[str],
        folder: pathlib.Path,
        context: HookContext,
        environment: dict[str, str],
        timeout: float = 0,
    ) -> HookResult:
        """Run a program of a unit in a folder, with the hook commands on its PATH.

        Args:
            unit: the unit of the program.
            program: the program and its arguments.
            folder: the folder in which it starts.
            context: answers its hook commands.
            environment: the ``JUJU_*`` variables.
            timeout: seconds until it is killed, by default ``LONGEST_HOOK``.
        """
        # Only the variables that Juju sets, and the hash seed. Nothing of this process's own.
        environment = {
            "PATH": f"{self._commands}:{SYSTEM_PATH}",
            "HOME": str(unit.machine.folder),
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": self._hash_seed,
            **environment,
        }
        return self._run(
            context,
            environment,
            timeout,
            directory=str(folder),
            program=program,
            socket=str(self._folder / "agent.socket"),
        )

    def run_on_machine(
        self,
        machine: Machine,
        command: str,
        environment: dict[str, str],
        stdin: str = "",
        timeout: float = 0,
    ) -> HookResult:
        """Run a shell command in a machine's home folder, without the hook commands.

        Args:
            machine: the machine.
            command: the command, for ``bash -c``.
            environment: variables in addition to those of a login shell.
            stdin: its standard input.
            timeout: seconds until it is killed, by default ``LONGEST_HOOK``.
        """
        home = str(machine.home)
        variables = {"PATH": SYSTEM_PATH, "HOME": home, "USER": "ubuntu", "LANG": "C.UTF-8"}
        # The file of the standard input belongs to the thread that has its turn.
        with self._turns.my_turn():
            self._stdin.write_text(stdin)
            return self._run(
                None,
                {**variables, **environment},
                timeout,
                directory=home,
                program=["/bin/bash", "-c", command],
                stdin=str(self._stdin),
            )

    def processes(self) -> list[psutil.Process]:
        """Return the processes that hooks have left running."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._server.pid).children(recursive=True)
        return []

    def wait_for_end(self, processes: list[psutil.Process]) -> None:
        """Wait until processes that were killed have closed their files and sockets."""
        deadline = time.monotonic() + CLOSING_TIME
        while any(map(_still_runs, processes)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _run(
        self,
        context: HookContext | None,
        environment: dict[str, str],
        timeout: float,
        **request: Any,
    ) -> HookResult:
        with self._turns.my_turn():
            try:
                self._send(
                    environment=environment,
                    stdout=str(self._stdout),
                    stderr=str(self._stderr),
                    timeout=timeout or LONGEST_HOOK,
                    **request,
                )
                problem = None
                while "exit" not in (message := self._receive()):
                    if context:  # Without a context there are no hook commands.
                        problem = self._answer(context, message) or problem
            except BaseException:
                # The hook still runs, but nothing can answer it any more.
                self.close()
                raise
            return HookResult(
                message["exit"],
                self._stdout.read_text(errors="replace"),
                self._stderr.read_text(errors="replace"),
                problem,
            )

    def _answer(self, context: HookContext, message: dict[str, Any]) -> str | None:
        """Answer a hook command. Return the problem if localjuju cannot answer it."""
        problem = None
        try:
            result = context.run(message["command"], message["stdin"], message["directory"])
        except Exception as error:
            known = isinstance(error, UnknownHookCommandError)
            problem = str(error) if known else f'"{shlex.join(message["command"])}": {error!r}'
            result = Result(127, stderr=f"ERROR {problem}\n")
        answer = (result.returncode, result.stdout, result.stderr)
        context.record.add_command(message["command"], message["stdin"], answer)
        self._send(
            returncode=result.returncode,
            stdout=result.stdout,
            stderr=result.stderr,
            ends_hook=context.ends_now,
        )
        return problem

    def _send(self, **message: Any) -> None:
        print(json.dumps(message), file=self._connection, flush=True)

    def _receive(self) -> dict[str, Any]:
        with self._turns.released():
            line = self._connection.readline()
        if not line:
            raise RuntimeError("localjuju's hook server has ended")
        return json.loads(line)

    def close(self) -> None:
        """End the server, the current hook, and every process that hooks have left running."""
        self._server.terminate()
        try:
            self._server.wait(timeout=CLOSING_TIME)
        except subprocess.TimeoutExpired:
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._server.kill()
            self._server.wait()
        with contextlib.suppress(OSError):  # The buffer may hold data for the ended server.
            self._connection.close()
