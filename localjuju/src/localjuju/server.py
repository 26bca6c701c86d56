"""The server: one controller whose hooks run in the background, for all ``juju`` programs.

:mod:`localjuju.server_process` starts it as ``python -m localjuju.server``. It has two sockets.
``juju`` programs send their commands to one. Sessions (a shell, a test run) stay connected to the
other. The server ends when the last session ends, even if that was killed, or on SIGTERM.
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
from localjuju.server_process import COMMANDS_SOCKET, PROGRAMS, SESSIONS_SOCKET
from localjuju.turns import SharedModels
from localjuju.versions import BEHAVIOURS, behaviour

LINES_OF_LOG = 300
"""How many lines of each model's log the report of a failed test contains."""


class Server:
    """Carries out commands, each in its own thread."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        """Start to run hooks.

        Args:
            options: the options of the command line, see :func:`main`.
            folder: the folder for all files and the sockets.
        """
        self._options = options
        self._folder = folder
        self._turns = SharedModels()
        # Becomes readable when the writer is closed, because no hook can run any more.
        self._failure_reader, self._failure_writer = socket.socketpair()
        self._controller = Controller(
            behaviour(options.juju), options.seed, folder, NO_FAULTS, self._turns
        )
        packed = options.runner == "packed"
        self._commands = CommandLine(self._controller, options.charms, packed)
        self._models: list[ModelRunner] = []
        self._removed_models: list[ModelRunner] = []
        self._hooks = LiveHooks(self._controller, self._turns, self._fail)
        _write_program(folder / PROGRAMS)

    def close(self) -> None:
        """End every process and remove every file."""
        self._hooks.close()

    def _fail(self, error: BaseException) -> None:
        with contextlib.suppress(OSError):  # The terminal may be gone.
            traceback.print_exception(error)
        self._failure_writer.close()

    def serve(self, session: socket.socket) -> None:
        """Answer commands until no session is left, or no hook can run any more.

        Args:
            session: the connection of the first session.
        """
        sessions = {session}
        with (
            _listen(self._folder / COMMANDS_SOCKET) as commands,
            _listen(self._folder / SESSIONS_SOCKET) as new_sessions,
            selectors.DefaultSelector() as selector,
        ):
            for one in (session, commands, new_sessions, self._failure_reader):
                selector.register(one, selectors.EVENT_READ)
            self._describe_to(session)
            while sessions:
                for ready in [key.fileobj for key, _ in selector.select()]:
                    if ready is commands:
                        client = Client(commands.accept()[0], self._turns)
                        threading.Thread(target=self._answer, args=[client], daemon=True).start()
                    elif ready is new_sessions:
                        session, _ = new_sessions.accept()
                        sessions.add(session)
                        selector.register(session, selectors.EVENT_READ)
                        self._describe_to(session)
                    elif isinstance(ready, socket.socket) and ready in sessions:
                        # Sessions send nothing, so this one is ending or has ended.
                        selector.unregister(ready)
                        sessions.remove(ready)
                        if sessions:
                            _tell_of_others(ready)
                        else:
                            # Stays open until this process has ended, which the session waits for.
                            self._last_session = ready
                    else:
                        return

    def _describe_to(self, session: socket.socket) -> None:
        """Describe the server to a new session."""
        described = {
            "pid": os.getpid(),
            "folder": str(self._folder),
            "juju": self._options.juju,
            "seed": self._options.seed,
            "started_in": self._options.started_in,
        }
        with contextlib.suppress(BrokenPipeError):
            session.sendall(json.dumps(described).encode() + b"\n")

    def _answer(self, client: Client) -> None:
        with contextlib.suppress(ClientGoneError, OSError), client:
            if "summary" in client.request:
                client.send(stdout=self._summary())
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
                status, output = 1, Output(stderr=f"ERROR bug in localjuju: {error!r}\n")
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
        """Remember the models that were removed last, for the report of a failed test."""
        models = list(self._controller.models.values())
        self._removed_models = [
            one for one in self._models if one not in models
        ] or self._removed_models
        self._models = models

    def _summary(self) -> str:
        with self._turns:
            return "".join(
                f"model {runner.model.name}:\n{runner.history.timeline()}"
                + "".join(f"{line}\n" for line in runner.history.lines[-LINES_OF_LOG:])
                for runner in (*self._removed_models, *self._models)
                if runner.history.events
            )

    def _write_page(self, file: pathlib.Path) -> str:
        """Write the page of each model's run, and return the files, one per line."""
        with self._turns:
            runners = [one for one in (*self._removed_models, *self._models) if one.history.events]
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
    """A ``juju`` program that waits for the end of a command."""

    def __init__(self, connection: socket.socket, turns: SharedModels):
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
        # This ends the listener, which reads until the connection closes.
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._listener.join()
        with contextlib.suppress(OSError):  # The buffer may hold data for a client that is gone.
            self._stream.close()
        self._connection.close()

    def send(self, **message: Any) -> None:
        """Send a message.

        Raises:
            ClientGoneError: the client has gone.
        """
        try:
            self._stream.write(json.dumps(message) + "\n")
            self._stream.flush()
        except OSError:
            raise ClientGoneError from None

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self._stream.readline())
        except ValueError:  # The client has ended, perhaps in the middle of a line.
            raise ClientGoneError from None

    def _listen(self) -> None:
        """Read what the client sends, and notice when it has gone."""
        with contextlib.suppress(ClientGoneError, OSError):
            while True:
                self._replies.put(self._read()["stdin"])
        self._is_gone.set()
        self._replies.put(None)
        self._turns.notify()

    def _write(self, text: str) -> None:
        # The client may be stopped (Ctrl-Z), and not read for a while.
        with self._turns.released():
            self.send(stdout=text)

    def _read_stdin(self) -> str:
        with self._turns.released():
            self.send(wants_stdin=True)
            text = self._replies.get()
        if text is None:
            raise ClientGoneError
        return text


def _tell_of_others(session: socket.socket) -> None:
    """Tell an ending session that others are left. The last one waits for this process to end."""
    with session, contextlib.suppress(OSError):
        session.sendall(b"\n")


def _listen(path: pathlib.Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def _write_program(folder: pathlib.Path) -> None:
    """Make a folder for PATH, with the program ``juju``."""
    folder.mkdir()
    source = pathlib.Path(juju_program.__file__).read_text()
    # -I and -S: start fast, and ignore settings for another Python.
    (folder / "juju").write_text(f"#!{sys.executable} -IS\n{source}")
    (folder / "juju").chmod(0o755)


def main() -> None:
    """Run the server with the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="localjuju.server")
    parser.add_argument("--juju", choices=sorted(BEHAVIOURS), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--runner", choices=["source", "packed"], required=True)
    parser.add_argument("--charms", type=pathlib.Path)
    parser.add_argument("--session", type=int, required=True)
    parser.add_argument("--started-in", required=True)
    options = parser.parse_args()
    session = socket.socket(fileno=options.session)
    session.set_inheritable(False)
    # An exception, so that the server ends its processes and removes its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # A short path, because the path of a socket has at most 107 characters.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lj-"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        server = Server(options, folder)
        cleanup.callback(server.close)
        server.serve(session)


if __name__ == "__main__":
    main()
