"""Compares two runs of one scenario, unit by unit."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from localjuju.run_data import Data


@dataclasses.dataclass(frozen=True)
class Difference:
    """What happened in only one of the two runs after a command."""

    command: str
    who: str
    """A unit, the application of a leader hook, ``databags of <application>``, or the command."""
    only_first: str
    only_second: str


def differences(first: Data, second: Data) -> list[Difference]:
    """Return the differences between two runs, command by command.

    Two things are left to chance. How often relation-changed runs for one databag varies, so it
    counts once. Any unit can become the leader, so leader-elected counts for the application.
    """
    found: list[Difference] = []
    for one, other in _pairs(first, second):
        command = (one or other)[0]
        text = command["text"] if command["kind"] == "command" else "the beginning"
        for who, what, others in _compared(_facts(one), _facts(other)):
            found.append(Difference(f"juju {text}", who, what, others))
    return found


def hooks_in_only_one(first: Data, second: Data) -> list[str]:
    """Return the ids, in the page, of the hooks that ran in only one of the two runs."""
    marked: list[str] = []
    for one, other in _pairs(first, second):
        for prefix, events, others in (("", one, other), ("b-", other, one)):
            known = _facts(others)
            marked += [
                f"{prefix}hook-{event['number']}"
                for event in events
                if "why" in event and _label(event) not in known.get(_who(event), Counter())
            ]
    return marked


def _pairs(first: Data, second: Data) -> Iterator[tuple[list[Data], list[Data]]]:
    """Yield, for each command, the command and the hooks after it, of both runs."""
    phases = _phases(first), _phases(second)
    for index in range(max(map(len, phases))):
        one, other = (own[index] if index < len(own) else [] for own in phases)
        if one or other:
            yield one, other


def _phases(run: Data) -> list[list[Data]]:
    phases: list[list[Data]] = [[]]
    for event in run["events"]:
        if event["kind"] == "command":
            phases.append([])
        phases[-1].append(event)
    return phases


def _facts(events: list[Data]) -> dict[str, Counter[str]]:
    """Return what happened, by ``Difference.who``."""
    facts: dict[str, Counter[str]] = {}
    for event in events:
        if event["kind"] == "command" and event.get("error"):
            facts.setdefault("the command", Counter())[event["error"]] = 1
        if "why" not in event:
            continue
        facts.setdefault(_who(event), Counter())[_label(event)] += 1
        if event.get("error"):
            facts[_who(event)][f"{_label(event)} failed: {event['error']}"] += 1
        for change in (*event["changes"], *event.get("seen", ())):
            if change["kind"] == "databag-updated":
                whose = f"databags of {change['about'].partition(' ')[2].partition('/')[0]}"
                facts.setdefault(whose, Counter()).update(dict.fromkeys(change["keys"], 1))
    return facts


def _who(event: Data) -> str:
    leads = event["hook"].startswith("leader-elected")
    return event["unit"].partition("/")[0] if leads else event["unit"]


def _label(event: Data) -> str:
    return " ".join(filter(None, (event["hook"], event.get("remote-unit"))))


def _compared(
    one: dict[str, Counter[str]], other: dict[str, Counter[str]]
) -> Iterator[tuple[str, str, str]]:
    for who in sorted({*one, *other}):
        mine, theirs = one.get(who, Counter()), other.get(who, Counter())
        only_mine, only_theirs = sorted({*mine} - {*theirs}), sorted({*theirs} - {*mine})
        if only_mine or only_theirs:
            yield who, ", ".join(only_mine), ", ".join(only_theirs)
