"""The server of hooks: how it ends."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import sys

SIGTERM_DURING_FORK = """
import os, signal, socket, sys
from localjuju import hook_server
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
hook_server.serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
"""


def test_sigterm_during_a_fork_ends_the_server_and_the_hook(tmp_path: pathlib.Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, open(tmp_path / "stderr", "w+") as errors:
        server = subprocess.Popen(
            [sys.executable, "-c", SIGTERM_DURING_FORK, str(theirs.fileno()), str(tmp_path)],
            pass_fds=[theirs.fileno()],
            stderr=errors,
        )
        request = {
            "program": ["/bin/sleep", "infinity"],
            "directory": str(tmp_path),
            "environment": {},
            "stdout": str(tmp_path / "stdout"),
            "stderr": str(tmp_path / "stderr"),
            "timeout": 60,
        }
        ours.sendall(json.dumps(request).encode() + b"\n")
        try:
            assert server.wait(timeout=30) == 0
        finally:
            server.kill()
        errors.seek(0)
        assert errors.read() == ""
