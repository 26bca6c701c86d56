"""The record of a hook: its hook commands and their output, the databags, and why it ran."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from localjuju.model_changes import databag_name
from localjuju.uniter import Hook, Uniter

HIDDEN = "(hidden)"
"""Replaces the content of a secret."""


@dataclasses.dataclass(frozen=True)
class CommandRun:
    """A hook command that a hook ran, and its output, without the content of secrets."""

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    stdin: str = ""


@dataclasses.dataclass(frozen=True)
class LogLine:
    """A line that a hook wrote to the log."""

    level: str
    source: str
    message: str


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a hook ran."""

    sentence: str
    events: tuple[int, ...] = ()
    """The indices in ``History.events`` of the events that triggered it, the first one first."""


@dataclasses.dataclass
class HookRecord:
    """A hook of a unit, an action, or a command of ``juju exec``."""

    reason: Reason
    leader: bool
    status_before: tuple[str, str]
    """The unit's workload status and its message."""
    databags: list[str] = dataclasses.field(default_factory=list)
    """The databags that it could read, named as in ``model_changes.databag_name``."""
    status_after: tuple[str, str] = ("", "")
    commands: list[CommandRun] = dataclasses.field(default_factory=list)
    log: list[LogLine] = dataclasses.field(default_factory=list)

    def add_command(
        self, command: Sequence[str], stdin: str, result: tuple[int, str, str]
    ) -> None:
        """Record a hook command and its output, without the content of secrets."""
        status, stdout, stderr = result
        if command[0] in ("secret-add", "secret-set"):
            command, stdin = without_content(command), ""
        elif command[0] == "secret-get" and status == 0:
            stdout = _without_values(stdout)
        self.commands.append(CommandRun(tuple(command), status, stdout, stderr, stdin))

    @property
    def traceback(self) -> str:
        """Python's traceback if the charm failed, otherwise an empty text."""
        for line in self.log:
            _, found, rest = line.message.partition("Traceback (most recent call last)")
            if found:
                return f"{found}{rest}"
        return ""


def without_content(command: Sequence[str]) -> list[str]:
    """Return a command on secrets with its ``key=value`` pairs hidden."""
    return [
        f"{word.partition('=')[0]}={HIDDEN}" if "=" in word and not word.startswith("-") else word
        for word in command
    ]


def _without_values(answer: str) -> str:
    try:
        content = json.loads(answer)
    except ValueError:
        return HIDDEN
    return json.dumps(dict.fromkeys(content, HIDDEN)) if isinstance(content, dict) else HIDDEN


def readable_databags(uniter: Uniter, hook: Hook) -> list[str]:
    """Return the names of the databags that a hook of a unit may read."""
    unit, names = uniter.unit, []
    for view in uniter.views.values():
        relation = view.relation
        remote = relation.remote(unit.application).application.name
        units = {unit.name, *view.members}
        if hook.relation is relation and hook.remote_unit:
            units.add(hook.remote_unit)  # A hook can still read a departing unit's databag.
        owners = [*sorted(units & relation.unit_databags.keys()), remote]
        if unit.is_leader and remote != unit.application.name:
            owners.append(unit.application.name)
        names += [databag_name(relation, owner) for owner in owners]
    return names
