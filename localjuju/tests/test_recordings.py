"""The hooks of the recorded scenario, and what they see, are the same as on real controllers.

``recordings/hooks-*.jsonl`` has a line for each step of the operator and each hook that followed.
For each step, these tests compare how often each hook ran for an application. They also compare
what the last hook of each unit for a relation saw: the output of relation-list, and the keys in
the remote databags. Timing decides how often relation-changed ran, and chance decides which unit
is the leader, so the tests do not compare these.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections import Counter
from typing import Any

import recorded

from localjuju import LocalJuju

HERE = pathlib.Path(__file__).parent
CHARMS = HERE / "charms"

Lines = list[dict[str, Any]]


def test_hooks_are_the_same_as_on_real_controllers(juju: LocalJuju, series: str) -> None:
    real = _recorded(series)
    ran = _run_scenario(juju, list(real))
    assert not [event for event in juju.history.events if event.error]
    for step, hooks in ran.items():
        assert _counts(hooks) == _counts(real[step]), step


def test_hooks_see_the_same_as_on_real_controllers(juju: LocalJuju, series: str) -> None:
    real = _recorded(series)
    for step, hooks in _run_scenario(juju, list(real)).items():
        assert _seen_last(hooks) == _seen_last(real[step]), step


def _recorded(series: str) -> dict[str, Lines]:
    steps: dict[str, Lines] = {}
    hooks: Lines = []
    for line in recorded.hooks(series):
        if "step" in line:
            hooks = steps.setdefault(line["step"], [])
        elif not recorded.why_hook_is_left_out(line, series):
            hooks.append(line)
    del steps["end"]
    return steps


def _run_scenario(juju: LocalJuju, steps: list[str]) -> dict[str, Lines]:
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
        before = len(juju.history.lines)
        action()
        juju.settle()
        lines = [line.partition(" hook {") for line in juju.history.lines[before:]]
        hooks = [json.loads("{" + rest) for _, found, rest in lines if found]
        ran[step] = [h for h in hooks if not recorded.why_hook_is_left_out(h, juju.series)]
    return ran


def _counts(hooks: Lines) -> dict[str, int]:
    counts = Counter(_describe(hook) for hook in hooks if hook["hook"] != "leader-elected")
    return {d: 1 if d.endswith(("changed", " app", " unit")) else n for d, n in counts.items()}


def _describe(hook: dict[str, Any]) -> str:
    described = f"{_application(hook)} {hook['hook']}"
    if hook["hook"].endswith("departed"):
        described += " self" if hook["departing"] == hook["unit"] else " remote"
    if hook["hook"].endswith("relation-changed"):
        described += " unit" if hook["remote_unit"] else " app"
    return described


def _application(hook: dict[str, Any]) -> str:
    return hook["unit"].partition("/")[0]


def _seen_last(hooks: Lines) -> dict[str, int]:
    lists, databags = {}, {}  # By unit and relation; databags also by remote unit.
    for hook in hooks:
        if relation := hook.get("relation"):
            lists[hook["unit"], relation] = hook["relation_list"]
        if hook["hook"].endswith("relation-changed") and hook["remote_unit"]:
            databags[hook["unit"], relation, hook["remote_unit"]] = hook["remote_unit_bag"]
    seen = [
        f"{_without_numbers(unit)} {relation} {len(names)}"
        for (unit, relation), names in lists.items()
    ]
    seen += [
        f"{_without_numbers(' '.join(where))} {_keys(databag)}"
        for where, databag in databags.items()
    ]
    return Counter(seen)


def _keys(databag: dict[str, str]) -> str:
    return " ".join(sorted(_without_numbers(key) for key in databag if key != "egress-subnets"))


def _without_numbers(unit: str) -> str:
    return re.sub(r"\d+", "N", unit)
