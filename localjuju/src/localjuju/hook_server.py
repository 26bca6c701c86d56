"""The process that hooks are forked from: it has ops loaded, so a hook starts in milliseconds.

Started as ``python -m localjuju.hook_server FD FOLDER`` by :mod:`localjuju.hook_runner`, which
writes one JSON line for each hook, or other program to run, to the socket FD. The forked child
answers on the same socket: a line for each hook command, which waits for the reply. When the child
has ended, the server writes its exit status. It ends on SIGTERM, or when the socket closes, which
means that the other side was killed: then it removes FOLDER. Either way it takes with it every
process that hooks started.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import functools
import importlib
import json
import os
import pathlib
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

import ops  # Loaded once, for every hook.
import psutil

from localjuju import fake_machine, hook_programs

PR_SET_CHILD_SUBREAPER = 36
PRELOADED: set[pathlib.Path] = set()
ONE_AT_A_TIME = threading.Lock()


class HungUpError(Exception):
    """The other side of the socket is gone."""


def serve(sock: socket.socket, folder: str) -> None:
    """Fork a child for each request, until the other side closes the socket."""
    connection = sock.makefile("rw")
    # What hooks leave running becomes a child of this process, which can then reap and end it.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Ctrl-C is for the operator's process, which ends this one when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Raised, so that it ends even the wait for a hook that takes for ever.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        ended = _ended_children()
        while line := connection.readline():
            request = json.loads(line)
            if "charm" in request:
                _preload((pathlib.Path(request["charm"]) / request["entrypoint"]).parent)
            child = os.fork()
            if child == 0:
                os._exit(_run(request, connection))
            status = _wait_for(child, ended, sock)
            print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), file=connection)
            connection.flush()
        raise HungUpError
    except (HungUpError, BrokenPipeError):
        _end_all_children()
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        _end_all_children()


def _ended_children() -> socket.socket:
    """Return what becomes readable whenever a child process has ended."""
    ended, write = socket.socketpair()
    ended.setblocking(False)
    write.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # Python tells only of signals it handles.
    signal.set_wakeup_fd(write.detach(), warn_on_full_buffer=False)
    return ended


def _wait_for(child: int, ended: socket.socket, sock: socket.socket) -> int:
    """Wait for a hook to end; reap what it stops meanwhile, or it would wait for that in vain.

    Raises:
        HungUpError: nobody waits for the hook any more.
    """
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(sock, select.POLLRDHUP)
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0:
            happened = dict(poll.poll())
            if sock.fileno() in happened:
                raise HungUpError
            ended.recv(4096)


def _end_all_children() -> None:
    # Until there are none: one that is being ended may just have started another.
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=1)


def _preload(source: pathlib.Path) -> None:
    """Import what a charm's modules use of others', so that its hooks need not."""
    if source in PRELOADED:
        return
    PRELOADED.add(source)
    own = {path.stem for path in source.glob("*.py")}
    for path in sorted(source.glob("*.py")):
        with contextlib.suppress(SyntaxError):
            for module, attribute in _used(ast.parse(path.read_text())):
                if module.partition(".")[0] not in own:
                    # What cannot be imported shows in the hook itself, with its traceback.
                    with contextlib.suppress(Exception):
                        _load(module, attribute)


def _used(code: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the modules that code imports at its top, and what it uses of them."""
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
    # pydantic, for one, imports a part of itself only when it is asked for it. And with
    # ``from charmlibs import apt`` the name is that of a module.
    if attribute and not hasattr(loaded, attribute):
        importlib.import_module(f"{module}.{attribute}")


def _run(request: dict[str, Any], connection: TextIO) -> int:
    """Do what is asked in this process, which is a fork of the server's; return its status."""
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
        sys.excepthook(type(error), error, error.__traceback__)  # ops has one of its own.
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _enter(request: dict[str, Any]) -> None:
    """Take on the environment, directory, output files and time limit of a hook."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    # SIGALRM ends the process when its time is over.
    signal.setitimer(signal.ITIMER_REAL, request["timeout"])
    if "stdin" in request:
        with open(request["stdin"], "rb", buffering=0) as stdin:
            os.dup2(stdin.fileno(), 0)
    for number, path in ((1, request["stdout"]), (2, request["stderr"])):
        # A new file: what an earlier hook left running may still write to the old one.
        pathlib.Path(path).unlink(missing_ok=True)
        with open(path, "wb", buffering=0) as output:
            os.dup2(output.fileno(), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])


def _run_charm(request: dict[str, Any], connection: TextIO) -> None:
    _intercept_hook_commands(request["commands"], connection)
    directory = pathlib.Path(request["directory"])
    script = str(directory / request["entrypoint"])
    sys.path[:0] = [os.path.dirname(script), str(directory / "lib")]
    sys.argv = [script]
    if request["fake_machine"]:
        file, machine = pathlib.Path(request["fake_machine"]), pathlib.Path(request["machine"])
        fake_machine.call(file, machine, request["address"])
    runpy.run_path(script, run_name="__main__")


def _ask(connection: TextIO, request: dict[str, Any]) -> dict[str, Any]:
    """Have localjuju answer a hook command."""
    # Threads log too (pymongo's do), and each has to get its own answer.
    with ONE_AT_A_TIME:
        print(json.dumps(request), file=connection, flush=True)
        return json.loads(connection.readline())


def _intercept_hook_commands(commands: list[str], connection: TextIO) -> None:
    """Have ``subprocess.run`` of a hook command answered over the socket: no new process."""
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
            # What else the hook has started is left as it is, as on a controller.
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
