"""The server: one controller whose hooks run in the background, for every ``juju`` that asks.

Started as ``python -m localjuju.server`` by :mod:`localjuju.server_process`. It has two sockets:
at one a ``juju`` program asks for a command, at the other keepers (a shell, a test run) stay
connected. It ends when the last keeper is gone, however that ended, or on SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import queue
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from typing import Any, TextIO

from localjuju import juju_program
from localjuju.command import TERMINAL, ClientGoneError, CommandError, Output, Terminal
from localjuju.command_line import CommandLine
from localjuju.controller import Controller
from localjuju.faults import NO_FAULTS
from localjuju.live_hooks import LiveHooks
from localjuju.model_runner import ModelRunner
from localjuju.server_process import COMMANDS_SOCKET, KEEPERS_SOCKET, PROGRAMS
from localjuju.turns import Shared
from localjuju.versions import BEHAVIOURS, behaviour

LINES_OF_LOG = 300
"""How much of each model's log is told of a test that fails."""


class Server:
    """Carries out commands, each in a thread of its own."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        """Start to run hooks.

        Args:
            options: of the command line, see :func:`main`.
            folder: takes every file, and the sockets.
        """
        self._options = options
        self._folder = folder
        self._turns = Shared()
        self._failed, self._failure = socket.socketpair()
        self._controller = Controller(
            behaviour(options.juju), options.seed, folder, NO_FAULTS, self._turns
        )
        packed = options.runner == "packed"
        self._commands = CommandLine(self._controller, options.charms, packed)
        self._models: list[ModelRunner] = []
        self._gone: list[ModelRunner] = []
        self._hooks = LiveHooks(self._controller, self._turns, self._fail)
        _write_program(folder / PROGRAMS)

    def close(self) -> None:
        """End every process and remove every file."""
        self._hooks.close()

    def _fail(self, error: BaseException) -> None:
        with contextlib.suppress(OSError):  # The terminal may be gone.
            traceback.print_exception(error)
        self._failure.close()

    def serve(self, keeper: socket.socket) -> None:
        """Answer until no keeper is left, or no hook can run any more.

        Args:
            keeper: the first.
        """
        keepers = {keeper}
        with (
            _listen(self._folder / COMMANDS_SOCKET) as commands,
            _listen(self._folder / KEEPERS_SOCKET) as doors,
            selectors.DefaultSelector() as selector,
        ):
            for one in (keeper, commands, doors, self._failed):
                selector.register(one, selectors.EVENT_READ)
            self._welcome(keeper)
            while keepers:
                for ready in [key.fileobj for key, _ in selector.select()]:
                    if ready is commands:
                        client = Client(commands.accept()[0], self._turns)
                        threading.Thread(target=self._answer, args=[client], daemon=True).start()
                    elif ready is doors:
                        keeper, _ = doors.accept()
                        keepers.add(keeper)
                        selector.register(keeper, selectors.EVENT_READ)
                        self._welcome(keeper)
                    elif isinstance(ready, socket.socket) and ready in keepers:
                        # Keepers say nothing: this one goes, or is gone.
                        selector.unregister(ready)
                        keepers.remove(ready)
                        if keepers:
                            _let_go(ready)
                        self._last_keeper = ready
                    else:
                        return

    def _welcome(self, keeper: socket.socket) -> None:
        """Tell a keeper what it keeps."""
        described = {
            "pid": os.getpid(),
            "folder": str(self._folder),
            "juju": self._options.juju,
            "seed": self._options.seed,
            "started_in": self._options.started_in,
        }
        with contextlib.suppress(BrokenPipeError):
            keeper.sendall(json.dumps(described).encode() + b"\n")

    def _answer(self, client: Client) -> None:
        with contextlib.suppress(ClientGoneError, OSError), client:
            if "story" in client.request:
                client.send(stdout=self._story())
                return
            if "page" in client.request:
                client.send(stdout=self._write_page(pathlib.Path(client.request["page"])))
                return
            TERMINAL.set(client.terminal)
            try:
                status, output = self._run(client)
            except ClientGoneError:
                return
            except Exception as error:
                traceback.print_exc()
                status, output = 1, Output(stderr=f"ERROR localjuju is wrong here: {error!r}\n")
            client.send(stderr=output.stderr)
            client.send(stdout=output.stdout)
            client.send(exit=status)

    def _run(self, client: Client) -> tuple[int, Output]:
        request = client.request
        with self._turns:
            try:
                return 0, self._commands.run(request["arguments"], request["model"] or None)
            except CommandError as error:
                return error.returncode, Output(error.stdout, error.stderr)
            finally:
                self._note_models()

    def _note_models(self) -> None:
        """Remember the model that has just gone: it may be the one that a test failed on."""
        models = list(self._controller.models.values())
        self._gone = [one for one in self._models if one not in models] or self._gone
        self._models = models

    def _story(self) -> str:
        with self._turns:
            return "".join(
                f"model {runner.model.name}:\n{runner.history.timeline()}"
                + "".join(f"{line}\n" for line in runner.history.lines[-LINES_OF_LOG:])
                for runner in (*self._gone, *self._models)
                if runner.history.events
            )

    def _write_page(self, file: pathlib.Path) -> str:
        """Write the page of each model's run, and return their files, a line for each."""
        with self._turns:
            runners = [one for one in (*self._gone, *self._models) if one.history.events]
            written = ""
            for runner in runners:
                name = runner.model.name
                path = file if len(runners) == 1 else file.with_stem(f"{file.stem}-{name}")
                try:
                    runner.history.page(path, f"The run of model {name}")
                except OSError as error:
                    return f"{written}ERROR {path}: {(error.strerror or '').lower()}\n"
                written += f"{path}\n"
            return written


class Client:
    """A ``juju`` program that waits for a command's end."""

    def __init__(self, connection: socket.socket, turns: Shared):
        self._connection = connection
        self._turns = turns
        self._stream: TextIO = connection.makefile("rw")
        self._is_gone = threading.Event()
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def __enter__(self) -> None:
        self.request: dict[str, Any] = self._read()
        self.terminal = Terminal(
            folder=pathlib.Path(self.request.get("folder", "/")),
            read_stdin=self._read_stdin,
            write=self._write,
            is_typed=self.request.get("is_typed", False),
            is_screen=self.request.get("is_screen", False),
            is_gone=self._is_gone.is_set,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __exit__(self, *_: object) -> None:
        # Wakes the listener, which reads until the end.
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._listener.join()
        with contextlib.suppress(OSError):  # What is still to be sent to one that is gone.
            self._stream.close()
        self._connection.close()

    def send(self, **message: Any) -> None:
        """Send a message.

        Raises:
            ClientGoneError: there is nobody to read it.
        """
        try:
            self._stream.write(json.dumps(message) + "\n")
            self._stream.flush()
        except OSError:
            raise ClientGoneError from None

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self._stream.readline())
        except ValueError:  # It has ended, perhaps in the middle of a line.
            raise ClientGoneError from None

    def _listen(self) -> None:
        """Take what it sends, and notice when it is gone."""
        with contextlib.suppress(ClientGoneError, OSError):
            while True:
                self._replies.put(self._read()["stdin"])
        self._is_gone.set()
        self._replies.put(None)
        self._turns.tell()

    def _write(self, text: str) -> None:
        # It may be stopped, and read nothing for a while.
        with self._turns.elsewhere():
            self.send(stdout=text)

    def _read_stdin(self) -> str:
        with self._turns.elsewhere():
            self.send(wants_stdin=True)
            text = self._replies.get()
        if text is None:
            raise ClientGoneError
        return text


def _let_go(keeper: socket.socket) -> None:
    """Tell a keeper that others are left; the last waits until this process has ended."""
    with keeper, contextlib.suppress(OSError):
        keeper.sendall(b"\n")


def _listen(path: pathlib.Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def _write_program(folder: pathlib.Path) -> None:
    """Make a folder for PATH, with the program ``juju``."""
    folder.mkdir()
    source = pathlib.Path(juju_program.__file__).read_text()
    # -I and -S: start fast, and mind nothing that is set for another Python.
    (folder / "juju").write_text(f"#!{sys.executable} -IS\n{source}")
    (folder / "juju").chmod(0o755)


def main() -> None:
    """Serve, as the arguments say."""
    parser = argparse.ArgumentParser(prog="localjuju.server")
    parser.add_argument("--juju", choices=sorted(BEHAVIOURS), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--runner", choices=["source", "packed"], required=True)
    parser.add_argument("--charms", type=pathlib.Path)
    parser.add_argument("--keeper", type=int, required=True)
    parser.add_argument("--started-in", required=True)
    options = parser.parse_args()
    keeper = socket.socket(fileno=options.keeper)
    keeper.set_inheritable(False)
    # Ends with all that belongs to it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # A short path: sockets below it have at most 107 characters.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lj-"))
    with contextlib.ExitStack() as last_to_first:
        last_to_first.callback(shutil.rmtree, folder, ignore_errors=True)
        server = Server(options, folder)
        last_to_first.callback(server.close)
        server.serve(keeper)


if __name__ == "__main__":
    main()
