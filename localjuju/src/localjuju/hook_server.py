"""The server that forks a process for each hook. It has ops loaded, so a hook starts quickly.

:mod:`localjuju.hook_runner` starts it as ``python -m localjuju.hook_server FD FOLDER``. For each
hook, or other program to run, the runner writes one JSON line to the socket FD. The forked child
writes one line to the same socket for each hook command, and waits for the reply. When the child
has ended, the server writes the exit status.

The server ends on SIGTERM, or when the socket closes because the runner's process was killed. In
the second case it removes FOLDER. In both cases it ends every process that hooks started.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import functools
import importlib.machinery
import json
import os
import pathlib
import py_compile
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

import ops  # Loaded once, for every hook.
import psutil

from localjuju import fake_machine, hook_programs

PR_SET_CHILD_SUBREAPER = 36
ONE_AT_A_TIME = threading.Lock()


class HungUpError(Exception):
    """The runner has closed the socket."""


def serve(sock: socket.socket, folder: str) -> None:
    """Fork a child for each request, until the runner closes the socket."""
    connection = sock.makefile("rw")
    # The bytecode of charms. Only _compile writes it, because Python notices a changed file only
    # if the time of the change differs by a second.
    sys.dont_write_bytecode = True
    sys.pycache_prefix = os.path.join(folder, "bytecode")
    # Processes that hooks leave running become children of this process, which can then end them.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # The operator's process handles Ctrl-C, and ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signals = _signals(signal.SIGTERM, signal.SIGCHLD)
        while line := _next_line(connection, signals, sock):
            request = json.loads(line)
            if "charm" in request:
                _preload(_source(request["charm"], request))
                _compile(_source(request["directory"], request))
            child = os.fork()
            if child == 0:
                os._exit(_run(request, connection))
            status = _wait_for(child, signals, sock)
            print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), file=connection)
            connection.flush()
        raise HungUpError
    except (HungUpError, BrokenPipeError):
        _end_all_children()
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        _end_all_children()


def _signals(*numbers: int) -> socket.socket:
    """Return a socket from which the numbers of arriving signals can be read.

    A signal handler that raises an exception would not do: Python ignores exceptions in the
    functions that run before and after a fork.
    """
    read, write = socket.socketpair()
    read.setblocking(False)
    write.setblocking(False)
    for number in numbers:
        signal.signal(number, lambda *_: None)  # Python reports only signals with a handler.
    signal.set_wakeup_fd(write.detach(), warn_on_full_buffer=False)
    return read


def _next_line(connection: TextIO, signals: socket.socket, sock: socket.socket) -> str:
    """Wait for a request, and return its line. Return "" if the runner has closed the socket."""
    while not _happens(select.POLLIN, signals, sock):
        pass
    return connection.readline()


def _wait_for(child: int, signals: socket.socket, sock: socket.socket) -> int:
    """Wait for a hook to end, and return its status.

    Meanwhile this reaps other children. A hook that stops a service waits for the end of it.

    Raises:
        HungUpError: the runner does not wait for the hook any more.
    """
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0 and _happens(select.POLLRDHUP, signals, sock):
            raise HungUpError


def _happens(event: int, signals: socket.socket, sock: socket.socket) -> bool:
    """Wait for a signal or an event of the socket. Return whether it was the event.

    Raises:
        SystemExit: the signal was SIGTERM.
    """
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    poll.register(sock, event)
    happened = dict(poll.poll())
    if signals.fileno() in happened and signal.SIGTERM in signals.recv(4096):
        sys.exit()
    return sock.fileno() in happened


def _end_all_children() -> None:
    # Repeat until there are none: a process can start another one just before it is killed.
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=1)


def _source(charm: str, request: dict[str, Any]) -> pathlib.Path:
    """Return the folder of a charm's modules."""
    return (pathlib.Path(charm) / request["entrypoint"]).parent


@functools.cache
def _compile(source: pathlib.Path) -> None:
    """Write bytecode for a unit's modules. It is not used for a module that changes later."""
    by_content = py_compile.PycInvalidationMode.CHECKED_HASH
    for path in source.glob("*.py"):
        # If a module cannot be read or compiled, the hook that imports it shows the error.
        with contextlib.suppress(OSError), _no_warnings():
            py_compile.compile(str(path), quiet=2, invalidation_mode=by_content)


@functools.cache
def _preload(source: pathlib.Path) -> None:
    """Import the other packages that a charm's modules use, so that each hook starts faster."""
    own = {path.stem for path in source.glob("*.py")}
    for path in sorted(source.glob("*.py")):
        with contextlib.suppress(OSError, SyntaxError, ValueError), _no_warnings():
            for module, attribute in _used(ast.parse(path.read_bytes())):
                if module.partition(".")[0] not in own:
                    # If this import fails, it fails again in the hook, with a traceback.
                    with contextlib.suppress(Exception):
                        _load(module, attribute)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Print no warnings: they would go to the terminal, not to the log of a hook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _used(code: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the modules that code imports at its top level, with the attributes that it uses."""
    modules = {}
    for node in code.body:
        if isinstance(node, ast.Import):
            modules.update({alias.asname or alias.name: alias.name for alias in node.names})
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.module, alias.name
    for node in ast.walk(code):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.value.id in modules:
            yield modules[node.value.id], node.attr


def _load(module: str, attribute: str) -> None:
    loaded = importlib.import_module(module)
    # Some packages, such as pydantic, import their parts only on first use. And in
    # ``from charmlibs import apt`` the name is a module.
    if attribute and not hasattr(loaded, attribute):
        importlib.import_module(f"{module}.{attribute}")


def _run(request: dict[str, Any], connection: TextIO) -> int:
    """Carry out a request in this process, a fork of the server, and return the exit status."""
    status = 0
    try:
        _enter(request)
        if "socket" in request:
            ask = functools.partial(_ask, connection)
            return hook_programs.run(request["program"], request["socket"], ask)
        if "program" in request:
            os.execve(request["program"][0], request["program"], os.environ)
        _run_charm(request, connection)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)  # ops installs its own hook.
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _enter(request: dict[str, Any]) -> None:
    """Set the environment, directory, output files and time limit of a hook."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    # SIGALRM ends the process after its time limit.
    signal.setitimer(signal.ITIMER_REAL, request["timeout"])
    if "stdin" in request:
        with open(request["stdin"], "rb", buffering=0) as stdin:
            os.dup2(stdin.fileno(), 0)
    for number, path in ((1, request["stdout"]), (2, request["stderr"])):
        # A new file, because processes of an earlier hook may still write to the old one.
        pathlib.Path(path).unlink(missing_ok=True)
        with open(path, "wb", buffering=0) as output:
            os.dup2(output.fileno(), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])


def _run_charm(request: dict[str, Any], connection: TextIO) -> None:
    _intercept_hook_commands(request["commands"], connection)
    _commit_without_sync()
    directory = pathlib.Path(request["directory"])
    script = str(directory / request["entrypoint"])
    sys.path[:0] = [os.path.dirname(script), str(directory / "lib")]
    sys.argv = [script]
    if request["fake_machine"]:
        file, machine = pathlib.Path(request["fake_machine"]), pathlib.Path(request["machine"])
        fake_machine.call(file, machine, request["address"])
    main = types.ModuleType("__main__")
    main.__file__ = script
    sys.modules["__main__"] = main
    # Unlike runpy, this loader uses the bytecode that an earlier hook has used.
    importlib.machinery.SourceFileLoader("__main__", script).exec_module(main)


def _commit_without_sync() -> None:
    """Let ops save its state without waiting for the disk: a model does not survive a crash."""
    connect = sqlite3.connect

    def connect_without_sync(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    sqlite3.connect = connect_without_sync


def _ask(connection: TextIO, request: dict[str, Any]) -> dict[str, Any]:
    """Let localjuju answer a hook command."""
    # Several threads can run hook commands, for example to log. Each must get its own answer.
    with ONE_AT_A_TIME:
        print(json.dumps(request), file=connection, flush=True)
        return json.loads(connection.readline())


def _intercept_hook_commands(commands: list[str], connection: TextIO) -> None:
    """Let ``subprocess.run`` of a hook command use the socket instead of a new process."""
    real_run = subprocess.run

    def run(args: Any, *rest: Any, **options: Any) -> Any:
        is_one = isinstance(args, (str, bytes, os.PathLike))
        program, *arguments = map(os.fsdecode, [args] if is_one else args)
        name = os.path.basename(program)
        if name not in commands or options.get("shell"):
            return real_run(args, *rest, **options)
        stdin = options.get("input") or ""
        as_text = isinstance(stdin, str) and any(
            options.get(o) for o in ("text", "encoding", "universal_newlines")
        )
        request = {
            "command": [name, *arguments],
            "stdin": stdin if isinstance(stdin, str) else stdin.decode(),
            "directory": os.path.abspath(options.get("cwd") or "."),
        }
        reply = _ask(connection, request)
        if reply["ends_hook"]:
            # As on a controller, this does not end other processes that the hook has started.
            os.kill(os.getpid(), signal.SIGKILL)
        out, err = reply["stdout"], reply["stderr"]
        result = subprocess.CompletedProcess(
            args,
            reply["returncode"],
            out if as_text else out.encode(),
            err if as_text else err.encode(),
        )
        if options.get("check"):
            result.check_returncode()
        return result

    subprocess.run = run


if __name__ == "__main__":
    assert ops
    with socket.socket(fileno=int(sys.argv[1])) as sock:
        sock.set_inheritable(False)
        serve(sock, sys.argv[2])
