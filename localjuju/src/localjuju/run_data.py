"""The data of a run: the input for a page, and the JSON that ``localjuju page`` reads and writes.

``run.schema.json`` in this folder describes it. It never contains the content of a secret.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable
from typing import Any

from localjuju.hiding import Hiding
from localjuju.history import Event, History
from localjuju.hook_record import CommandRun, HookRecord
from localjuju.model_changes import Change
from localjuju.uniter import Hook

FORMAT = "localjuju run"
VERSION = 1
SCHEMA = pathlib.Path(__file__).with_name("run.schema.json")

Data = dict[str, Any]

PENDING_COMMANDS = (
    "action-set",
    "close-port",
    "open-port",
    "relation-set",
    "secret-add",
    "secret-grant",
    "secret-remove",
    "secret-revoke",
    "secret-set",
    "state-delete",
    "state-set",
    "storage-add",
)
"""Hook commands that take effect only if the hook succeeds."""


class UnreadableRunError(ValueError):
    """A file is not a run, or has another version of the format. The message says which."""


def describe(history: History, title: str = "") -> Data:
    """Return the data of a run.

    Args:
        history: the history of the run.
        title: what the run shows.
    """
    contents = history.secret_contents  # This also records the changes of the last event.
    describer = _Describer(Hiding(contents, _names(history.events)))
    events = [describer.describe(event) for event in history.events]
    add_origins(events)
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": title,
        "juju": history.model.behaviour.version,
        "model": history.model.name,
        "source": "localjuju",
        "events": events,
        "commands": describer.commands,
    }


def read(text: str) -> Data:
    """Read a run from its JSON.

    Raises:
        UnreadableRunError: the text is not a run.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UnreadableRunError(f"it is not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UnreadableRunError(f'its "format" is not "{FORMAT}"')
    if data.get("version") != VERSION:
        raise UnreadableRunError(
            f"its version is {data.get('version')}, but this localjuju reads version {VERSION}"
        )
    return data


def add_origins(events: list[Data]) -> None:
    """Add to each hook the commands that led to it, directly or through other hooks."""
    origins: list[set[int]] = []
    for index, event in enumerate(events):
        if "why" not in event:
            origins.append({index} if event["kind"] == "command" else set())
            continue
        found: set[int] = set()
        for cause in event["why"]["events"]:
            found |= origins[cause]
        event["origins"] = sorted(found)
        origins.append(found)


class _Describer:
    """Describes events. The data contains each hook command with the same output only once."""

    def __init__(self, hiding: Hiding):
        self._hide = hiding
        self.commands: list[list[Any]] = []
        self._indices: dict[CommandRun, int] = {}

    def describe(self, event: Event) -> Data:
        described: Data = {
            "kind": "command",
            "number": event.number,
            "time": round(event.time, 2),
            "changes": [self._change(change) for change in event.changes],
        }
        if event.fault:
            text = self._hide.in_text(event.fault)
            return {**described, "kind": "fault", "unit": event.unit, "text": text}
        hook, record = event.ran, event.record
        if hook is None or record is None:
            failed = {"error": self._hide.in_text(event.error)} if event.error else {}
            return {**described, "text": self._hide.in_text(event.step), **failed}
        return {
            **described,
            "kind": hook.kind if event.task else "hook",
            "unit": event.unit,
            "hook": hook.name,
            **_about(hook),
            "leader": record.leader,
            "before": self._hide.in_data(record.status_before),
            "after": self._hide.in_data(record.status_after),
            "why": {
                "text": self._hide.in_text(record.reason.sentence),
                "events": list(record.reason.events),
            },
            "databags": record.databags,
            "commands": [self._command(command) for command in record.commands],
            "log": [
                [line.level, line.source, self._hide.in_text(line.message)] for line in record.log
            ],
            **self._failure(event, record),
        }

    def _change(self, change: Change) -> Data:
        details: Any = dict(change.details)
        if change.kind == "databag-updated" or "config" in details:
            details = self._hide.in_data(details)
        return {"kind": change.kind, "about": change.about, **details}

    def _command(self, command: CommandRun) -> int:
        if command not in self._indices:
            self._indices[command] = len(self.commands)
            texts = (command.stdout, command.stderr, command.stdin)
            shown = self._hide.in_data(command.command)
            self.commands.append([shown, command.status, *map(self._hide.in_text, texts)])
        return self._indices[command]

    def _failure(self, event: Event, record: HookRecord) -> Data:
        if not event.error:
            return {}
        discarded = [
            self._command(command)
            for command in record.commands
            if event.hook and command.command[0] in PENDING_COMMANDS and not command.status
        ]
        return {
            "error": self._hide.in_text(event.error),
            "traceback": self._hide.in_text(record.traceback),
            "discarded": discarded,
        }


def _about(hook: Hook) -> Data:
    """Return what a hook is about: the facts in its ``JUJU_*`` environment."""
    about: Data = {}
    if hook.relation:
        about = {
            "relation": hook.reference,
            "remote-application": hook.remote_application,
            "remote-unit": hook.remote_unit,
            "departing-unit": hook.departing_unit,
        }
    if hook.secret:
        about = {"secret": hook.secret.id, "secret-label": hook.secret.label}
        if hook.secret_revision:
            about["secret-revision"] = hook.secret_revision
    if hook.storage:
        about = {"storage": hook.storage.id}
    return about


def _names(events: Iterable[Event]) -> set[str]:
    """Return the names of applications, units and endpoints, which are never secret."""
    names: set[str] = set()
    for event in events:
        for change in event.changes:
            if change.kind in ("application-added", "unit-added"):
                names.add(change.about)
            elif change.kind == "relation-added":
                names.update(word for end in change.details["ends"] for word in end)
    return names
