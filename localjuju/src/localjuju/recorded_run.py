"""Converts the recording of a run on a controller to the data of a page.

Each line of a recording is one JSON object. The lines are in order of time. A line is either
``{"t": seconds, "step": "…"}``, a command of the operator, or a hook, with ``unit``, ``hook``,
``leader`` and ``principal``. A relation hook also has ``relation``, ``remote_unit``,
``remote_app``, ``departing``, ``relation_list``, ``remote_unit_bag`` and ``remote_app_bag``. A
recording contains what a hook read, but not what it wrote. From that, this module concludes what
triggered a hook, if only one answer is possible.
"""

from __future__ import annotations

import json
import re

from localjuju.model_changes import compare
from localjuju.run_data import FORMAT, VERSION, Data, UnreadableRunError, add_origins


def read(text: str, name: str) -> Data:
    """Read a recording.

    Args:
        text: the text of the recording.
        name: the name of the file, which contains the version of Juju.

    Raises:
        UnreadableRunError: the text is not a recording.
    """
    version = re.search(r"\d+\.\d+(?:\.\d+)?", name)
    reader = _Reader(_lines(text))
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": f"Recorded on a controller: {name}",
        "juju": version[0] if version else "of an unknown version",
        "model": "",
        "source": "recording",
        "events": reader.events(),
        "commands": [],
    }


def _lines(text: str) -> list[Data]:
    lines: list[Data] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise UnreadableRunError(f"line {number} is not JSON: {error}") from None
        if not isinstance(entry, dict) or not ("step" in entry or {"unit", "hook"} <= set(entry)):
            raise UnreadableRunError(f'line {number} needs a "step", or a "unit" and a "hook"')
        lines.append(entry)
    return lines


class _Reader:
    """Reads a recording once, and remembers what the hooks have seen so far."""

    def __init__(self, lines: list[Data]):
        self._lines = lines
        self._ends = _ends_of(lines)
        self._last_use = {_relation_of(line): n for n, line in enumerate(lines)}
        self._events: list[Data] = []
        self._step: int | None = None
        self._units: set[str] = set()
        self._leaders: dict[str, str] = {}
        self._databags: dict[str, dict[str, str]] = {}
        self._seen_at: dict[tuple[str, str], int] = {}
        """By reader and databag: the index of the last hook that read it."""
        self._ran: dict[str, int] = {}
        self._added: dict[str, int] = {}
        """By relation: the index of its first hook."""

    def events(self) -> list[Data]:
        numbers = {"command": 0, "hook": 0}
        for number, line in enumerate(self._lines):
            kind = "command" if "step" in line else "hook"
            numbers[kind] += 1
            event: Data = {"kind": kind, "number": numbers[kind], "time": line.get("t", 0)}
            if kind == "command":
                self._step = len(self._events)
                event |= {"text": line["step"], "changes": []}
            else:
                event |= self._hook(number, line)
            self._events.append(event)
        add_origins(self._events)
        return self._events

    def _hook(self, number: int, line: Data) -> Data:
        event: Data = {"unit": line["unit"], "hook": line["hook"], "leader": line.get("leader")}
        event["changes"] = self._additions(line) + self._removals(number, line)
        databags: dict[str, dict[str, str]] = {}
        if relation := _relation_of(line):
            event |= {
                "relation": line["relation"],
                "remote-unit": line.get("remote_unit", ""),
                "remote-application": line.get("remote_app", ""),
                "departing-unit": line.get("departing", ""),
            }
            for owner, databag in (
                ("remote_unit", "remote_unit_bag"),
                ("remote_app", "remote_app_bag"),
            ):
                if line.get(owner) and databag in line:
                    databags[f"{relation} {line[owner]}"] = line[databag] or {}
        event["databags"] = sorted(databags)
        event["seen"] = [
            {"kind": "databag-updated", "about": name, "keys": keys}
            for name, databag in databags.items()
            if (keys := compare(self._databags.get(name, {}), databag))
        ]
        event["why"] = self._why(line, {change["about"]: change for change in event["seen"]})
        self._databags |= databags
        for name in databags:
            self._seen_at[line["unit"], name] = len(self._events)
        self._ran[f"{line['unit']} {line['hook']} {line.get('remote_unit', '')}"] = len(
            self._events
        )
        return event

    # Conclusions about the model

    def _additions(self, line: Data) -> list[Data]:
        """Return the application, the unit, the leader and the relation that are new."""
        changes: list[Data] = []
        unit, relation = line["unit"], _relation_of(line)
        application = unit.partition("/")[0]
        if unit not in self._units:
            if application not in {one.partition("/")[0] for one in self._units}:
                changes.append(_application(application, bool(line.get("principal"))))
            self._units.add(unit)
            principal = line.get("principal") or ""
            added = {"machine": "", "address": "", "principal": principal, "life": "alive"}
            changes.append({"kind": "unit-added", "about": unit, **added})
        if line.get("leader") and self._leaders.get(application) != unit:
            pair = [self._leaders.get(application, ""), unit]
            changes.append({"kind": "application-updated", "about": application, "leader": pair})
            self._leaders[application] = unit
        if relation in self._ends:
            ends = [[one, endpoint, ""] for one, endpoint in self._ends.pop(relation).items()]
            self._added[relation] = len(self._events)
            added = {"interface": "", "scope": "", "ends": ends, "units": [], "life": "alive"}
            changes.append({"kind": "relation-added", "about": relation, **added})
        return changes

    def _removals(self, number: int, line: Data) -> list[Data]:
        changes: list[Data] = []
        relation = _relation_of(line)
        if line["hook"].endswith("-relation-broken") and self._last_use[relation] == number:
            changes.append({"kind": "relation-removed", "about": relation})
        if line["hook"] == "remove":
            self._units.discard(line["unit"])
            changes.append({"kind": "unit-removed", "about": line["unit"]})
            application = line["unit"].partition("/")[0]
            if application not in {one.partition("/")[0] for one in self._units}:
                changes.append({"kind": "application-removed", "about": application})
        return changes

    # Conclusions about the reason

    def _why(self, line: Data, seen: dict[str, Data]) -> Data:
        hook, unit = line["hook"], line["unit"]
        kind = hook.rpartition("-relation-")[2]
        after = [] if self._step is None else [self._step]
        text = f"It ran after `juju {self._events[after[0]]['text']}`." if after else ""
        if not line.get("relation") or kind != "changed":
            return {"text": text, "events": after}
        remote = line.get("remote_unit") or line.get("remote_app", "")
        joined = hook.replace("-relation-changed", "-relation-joined")
        name = f"{_relation_of(line)} {remote}"
        if line.get("remote_unit") and (unit, name) in self._seen_at:
            index = self._ran.get(f"{unit} {joined} {remote}")
            if index is not None and index == self._seen_at[unit, name]:
                number = self._events[index]["number"]
                text = f"It always follows relation-joined, which ran in hook {number}."
                return {"text": text, "events": [index]}
        keys = ", ".join(seen[name]["keys"]) if name in seen else ""
        writers = self._writers(remote, _relation_of(line), self._seen_at.get((unit, name), 0))
        text = f"The databag of {remote} changed{f': {keys}' if keys else ''}."
        if len(writers) == 1:
            number = self._events[writers[0]]["number"]
            text += f" Only hook {number} can have written it."
            return {"text": text, "events": writers}
        return {"text": f"{text} The recording does not say which hook wrote it.", "events": after}

    def _writers(self, owner: str, relation: str, since: int) -> list[int]:
        """Return the indices of the hooks, from ``since`` on, that can have written a databag."""
        return [
            index
            for index, event in enumerate(self._events)
            if index >= max(since, self._added.get(relation, 0))
            and event["kind"] == "hook"
            and (
                event["unit"] == owner
                or (event["leader"] and event["unit"].partition("/")[0] == owner)
            )
        ]


def _application(name: str, subordinate: bool) -> Data:
    facts = {"charm": name, "subordinate": subordinate, "leader": "", "life": "alive"}
    return {"kind": "application-added", "about": name, **facts}


def _relation_of(line: Data) -> str:
    return line.get("relation", "").partition(":")[2]


def _ends_of(lines: list[Data]) -> dict[str, dict[str, str]]:
    """Return the endpoints of each relation, by its id and then by application."""
    ends: dict[str, dict[str, str]] = {}
    for line in lines:
        if relation := _relation_of(line):
            application = line["unit"].partition("/")[0]
            ends.setdefault(relation, {})[application] = line["relation"].partition(":")[0]
    for line in lines:
        # An application whose units ran no hook, for example that of an implicit juju-info.
        if (relation := _relation_of(line)) and (remote := line.get("remote_app")):
            ends[relation].setdefault(remote, line["relation"].partition(":")[0])
    return ends
