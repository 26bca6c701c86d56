"""Detect changes that a status handler must not make."""

from __future__ import annotations

import gc
import os
import socket
import sys
import types
from typing import Any

import ops
from ops import testing

READ_ONLY = (("systemctl", "--quiet", "is-active"),)
"""Commands that a status handler may run: they answer quickly and change nothing."""

WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events of Python. Its documentation lists their names.
CHANGE_EVENTS = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
}
START_EVENTS = {
    "subprocess.Popen",
    "os.posix_spawn",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.system",
}
OTHER_EVENTS = {"os.kill": "signals", "os.killpg": "signals", "socket.bind": "binds a socket to"}


class Watch:
    """Records what status handlers do to the machine while they run."""

    def __init__(self) -> None:
        self.handlers_run = 0
        """The number of status handlers that have run."""
        self.problems: list[str] = []
        self._watching = False
        sys.addaudithook(self._on_audit_event)

    def handler(self, method: types.MethodType) -> types.MethodType:
        """Return the same status handler, and record what it does."""

        def watched(_: object, event: ops.CollectStatusEvent) -> None:
            self.handlers_run += 1
            gc.disable()  # Finalizers of other objects may remove files.
            self._watching = True
            try:
                method(event)
            finally:
                self._watching = False
                gc.enable()

        watched.__name__ = method.__name__
        return types.MethodType(watched, method.__self__)

    def _on_audit_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watching and (problem := problem_of(event, arguments)):
            self.problems.append(problem)


def problem_of(event: str, arguments: tuple[Any, ...]) -> str:
    """Return the problem with an audit event of Python, or an empty string."""
    if event == "open":
        path, _, flags = arguments
        is_file = not isinstance(path, int) and path != os.devnull
        return f"opens {path} to write" if is_file and (flags or 0) & WRITE_FLAGS else ""
    if event in CHANGE_EVENTS:
        return f"does {event} to {arguments[0]}"
    if event in START_EVENTS:
        command = arguments[1] if len(arguments) > 1 else arguments
        words = (command,) if isinstance(command, (str, bytes)) else tuple(map(str, command))
        read_only = any(words[: len(allowed)] == allowed for allowed in READ_ONLY)
        return "" if read_only else f"starts {' '.join(map(str, words))}"
    if event == "socket.connect":
        connection, address = arguments
        # Connecting to a Unix socket succeeds or fails immediately.
        unlimited = connection.family != socket.AF_UNIX and connection.gettimeout() is None
        return f"connects to {address} without a time limit" if unlimited else ""
    return f"{OTHER_EVENTS[event]} {arguments[-1]}" if event in OTHER_EVENTS else ""


def differences(before: testing.State, after: testing.State) -> list[str]:
    """Return the changes in a model, except the statuses."""
    found = []
    relations = {relation.id: relation for relation in before.relations}
    for relation in after.relations:
        for whose in ("local_app_data", "local_unit_data"):
            if getattr(relation, whose) != getattr(relations[relation.id], whose):
                found.append(f"writes {whose} of {relation.endpoint}")
    secrets = {secret.id: secret for secret in before.secrets}
    for secret in after.secrets:
        known = secrets.pop(secret.id, None)
        if known is None:
            found.append("adds a secret")
        elif secret.latest_content != known.latest_content:
            found.append("writes a secret")
        elif secret.tracked_content != known.tracked_content:
            found.append("refreshes a secret")
        elif secret != known:
            found.append("changes the metadata of a secret")
    found += ["removes a secret"] * bool(secrets)
    for name in ("opened_ports", "workload_version", "deferred", "storages"):
        if getattr(before, name) != getattr(after, name):
            found.append(f"changes {name}")
    if _stored(before) != _stored(after):
        found.append("writes a StoredState")
    return found


def _stored(state: testing.State) -> dict[tuple[str, str], Any]:
    """Return the charm's StoredState. The framework's own state has no owner."""
    return {
        (stored.owner_path, stored.name): stored.content
        for stored in state.stored_states
        if stored.owner_path
    }
