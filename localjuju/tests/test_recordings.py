"""The hooks of the recorded scenario are those that real controllers ran.

``recordings/hooks-*.json`` counts them for each step: application, hook, and whether a departed is
the unit's own or another's. Counts of relation-changed depend on timing, so these are compared by
kind. Leadership moves by chance.
"""

from __future__ import annotations

import json
import pathlib
from collections import Counter

from localjuju import LocalJuju
from localjuju.history import Event

HERE = pathlib.Path(__file__).parent
CHARMS = HERE / "charms"

MACHINE_GONE_FIRST = ("stop", "remove", "logging-relation-broken", "logging-relation-departed")
"""Juju 4's subordinates ran these unrecorded: their machine went with the principal."""


def test_hooks_are_those_of_real_controllers(juju: LocalJuju, series: str) -> None:
    recorded = json.loads((HERE / "recordings" / f"hooks-{series}.json").read_text())
    ran = _scenario(juju, list(recorded))
    assert not [event for event in juju.history.events if event.error]
    for step, hooks in ran.items():
        assert _comparable(hooks, series) == _comparable(Counter(recorded[step]), series), step


def _scenario(juju: LocalJuju, steps: list[str]) -> dict[str, Counter[str]]:
    def leader() -> str:
        units = juju.status().apps["tprov"].units
        return next(name for name, unit in units.items() if unit.leader)

    def deploy() -> None:
        juju.deploy(CHARMS / "tprov", num_units=2)
        juju.deploy(CHARMS / "treq", num_units=2)
        juju.deploy(CHARMS / "tsub")

    ends = "treq:database", "tprov:database"
    actions = [
        deploy,
        lambda: juju.integrate(*ends),
        lambda: juju.integrate("treq:logging", "tsub:logging"),
        lambda: juju.integrate("tprov:juju-info", "tsub:juju-info"),
        lambda: juju.add_unit("tprov"),
        lambda: juju.remove_unit("treq/1"),
        lambda: juju.remove_relation(*ends),
        lambda: juju.integrate(*ends),
        lambda: juju.remove_unit(leader()),
        lambda: juju.remove_application("tprov"),
        lambda: juju.remove_application("treq", "tsub"),
    ]
    ran = {}
    for step, action in zip(steps, actions, strict=True):
        before = len(juju.history.events)
        action()
        juju.settle()
        ran[step] = Counter(_describe(e) for e in juju.history.events[before:] if e.hook)
    return ran


def _describe(event: Event) -> str:
    assert event.hook
    described = f"{event.unit.partition('/')[0]} {event.hook.name}"
    if event.hook.kind == "relation-departed":
        described += " self" if event.hook.departing_unit == event.unit else " remote"
    if event.hook.kind == "relation-changed":
        described += " unit" if event.hook.remote_unit else " app"
    return described


def _comparable(hooks: Counter[str], series: str) -> dict[str, int]:
    comparable = {}
    for described, count in hooks.items():
        application, hook, *_ = described.split()
        if hook == "leader-elected":
            continue
        if series == "4.0" and application == "tsub" and hook in MACHINE_GONE_FIRST:
            continue
        comparable[described] = 1 if hook.endswith("changed") else count
    return comparable
