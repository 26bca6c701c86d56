"""Runs a program with the hook commands on its PATH: a packed charm's dispatch, a shell command.

Called in the hook's own process (:mod:`localjuju.hook_server`), which passes what the commands ask
on to localjuju.
"""

from __future__ import annotations

import json
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from localjuju import hook_command


def write_commands(folder: pathlib.Path, names: list[str]) -> None:
    """Make a folder of programs, one for each hook command."""
    folder.mkdir(parents=True)
    source = pathlib.Path(hook_command.__file__).read_text()
    for name in names:
        # -I and -S: start fast, and mind nothing that the charm sets for its own Python.
        (folder / name).write_text(f"#!{sys.executable} -IS\n{source}")
        (folder / name).chmod(0o755)


def run(
    program: list[str],
    address: str,
    answer: Callable[[dict[str, Any]], dict[str, Any]],
) -> int:
    """Run a program in the present directory and environment.

    Args:
        program: what to run, with its arguments.
        address: path of the socket at which hook commands ask.
        answer: gives the reply to what a hook command asks.

    Returns:
        The exit status; that of a signal is 128 and its number, as a shell has it.
    """
    pathlib.Path(address).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen()
        environment = {**os.environ, "JUJU_AGENT_SOCKET_ADDRESS": address}
        process = subprocess.Popen(program, env=environment)

        def give_up(*_: object) -> None:
            process.kill()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGALRM)

        signal.signal(signal.SIGALRM, give_up)
        ended = os.pidfd_open(process.pid)
        selector.register(ended, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while process.poll() is None:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    _answer_one(listener, answer, process)
        os.close(ended)
    status = process.returncode
    return status if status >= 0 else 128 - status


def _answer_one(
    listener: socket.socket,
    answer: Callable[[dict[str, Any]], dict[str, Any]],
    process: subprocess.Popen[bytes],
) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rw") as stream:
        if not (line := stream.readline()):
            return
        reply = answer(json.loads(line))
        if reply["ends_hook"]:
            # While the command still waits: the program does not go on without its answer.
            process.kill()
            process.wait()
            signal.raise_signal(signal.SIGKILL)
        print(json.dumps(reply), file=stream, flush=True)
