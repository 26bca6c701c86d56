"""Runs a program with the hook commands on its PATH: a packed charm's dispatch, a shell command.

This runs in the hook's own process (:mod:`localjuju.hook_server`), which passes the requests of
the commands on to localjuju.
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
    """Make a folder with one program for each hook command."""
    folder.mkdir(parents=True)
    source = pathlib.Path(hook_command.__file__).read_text()
    for name in names:
        # -I and -S: start fast, and ignore the settings of the charm for its own Python.
        (folder / name).write_text(f"#!{sys.executable} -IS\n{source}")
        (folder / name).chmod(0o755)


def run(
    program: list[str],
    address: str,
    answer: Callable[[dict[str, Any]], dict[str, Any]],
) -> int:
    """Run a program in the current directory and environment.

    Args:
        program: the program and its arguments.
        address: the path of the socket for hook commands.
        answer: returns the reply to the request of a hook command.

    Returns:
        The exit status. For a signal it is 128 plus its number, as in a shell.
    """
    pathlib.Path(address).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen()
        environment = {**os.environ, "JUJU_AGENT_SOCKET_ADDRESS": address}
        process = subprocess.Popen(program, env=environment)

        def end_at_time_limit(*_: object) -> None:
            process.kill()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGALRM)

        signal.signal(signal.SIGALRM, end_at_time_limit)
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
            # Kill the program while the command waits, so that it cannot continue.
            process.kill()
            process.wait()
            signal.raise_signal(signal.SIGKILL)
        print(json.dumps(reply), file=stream, flush=True)
