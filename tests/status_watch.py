"""What a status handler must not do, and how it is noticed."""

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
"""Commands that a status may start: systemd answers at once, and changes nothing."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# By the names that Python's documentation gives to audit events.
CHANGES = {
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
}
STARTS = {"subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty", "os.system"}
OTHERS = {"os.kill": "signals", "os.killpg": "signals", "socket.bind": "binds a socket to"}


class Watch:
    """Notes what status handlers do to the machine, while one runs."""

    def __init__(self) -> None:
        self.handlers = 0
        """How many have run."""
        self.found: list[str] = []
        self._watching = False
        sys.addaudithook(self._heard)

    def handler(self, method: types.MethodType) -> types.MethodType:
        """Return a status handler that is watched."""

        def watched(_: object, event: ops.CollectStatusEvent) -> None:
            self.handlers += 1
            gc.disable()  # Or it may remove what others have left, and the charm be blamed.
            self._watching = True
            try:
                method(event)
            finally:
                self._watching = False
                gc.enable()

        watched.__name__ = method.__name__
        return types.MethodType(watched, method.__self__)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watching and (complaint := complaint_of(event, arguments)):
            self.found.append(complaint)


def complaint_of(event: str, arguments: tuple[Any, ...]) -> str:
    """Return what is wrong with an audit event of Python, or ""."""
    if event == "open":
        path, _, flags = arguments
        is_file = not isinstance(path, int) and path != os.devnull
        return f"opens {path} to write" if is_file and (flags or 0) & WRITES else ""
    if event in CHANGES:
        return f"does {event} to {arguments[0]}"
    if event in STARTS:
        command = arguments[1] if len(arguments) > 1 else arguments
        words = (command,) if isinstance(command, (str, bytes)) else tuple(map(str, command))
        read_only = any(words[: len(allowed)] == allowed for allowed in READ_ONLY)
        return "" if read_only else f"starts {' '.join(map(str, words))}"
    if event == "socket.connect":
        connection, address = arguments
        # Of a Unix socket's server the kernel knows at once whether it is there.
        unlimited = connection.family != socket.AF_UNIX and connection.gettimeout() is None
        return f"connects to {address} without a time limit" if unlimited else ""
    return f"{OTHERS[event]} {arguments[-1]}" if event in OTHERS else ""


def differences(before: testing.State, after: testing.State) -> list[str]:
    """Return what has changed in a model besides the statuses, a line for each thing."""
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
            found.append("takes the new revision of a secret")
        elif secret != known:
            found.append("changes what is known of a secret")
    found += ["removes a secret"] * bool(secrets)
    for name in ("opened_ports", "workload_version", "deferred", "storages"):
        if getattr(before, name) != getattr(after, name):
            found.append(f"changes {name}")
    if _stored(before) != _stored(after):
        found.append("writes a StoredState")
    return found


def _stored(state: testing.State) -> dict[tuple[str, str], Any]:
    """Return what the charm keeps; what has no owner is the framework's."""
    return {
        (stored.owner_path, stored.name): stored.content
        for stored in state.stored_states
        if stored.owner_path
    }
