"""What was recorded on real controllers, and what of it is left out of the comparison, and why."""

from __future__ import annotations

import json
import pathlib
from typing import Any

RECORDINGS = pathlib.Path(__file__).parent / "recordings"

Line = dict[str, Any]

COMMANDS_LEFT_OUT = {
    "exec --unit tprov/0 -- hostname": "The machines here have no host names of their own.",
    "debug-log --replay --no-tail --limit 12": "A real log has the agents' own lines too.",
}
"""By how they begin. They are not given."""

COMMANDS_LEFT_OUT_OF_4_0 = {
    "show-secret usersecret": (
        "Juju 4 removes a user's secret some time after the command; here it is gone at once."
    ),
}

NOT_SETTLED = "Agents still ran when it was recorded; here they have come to their end."

NOTES_LEFT_OUT = {
    "just after deploy": NOT_SETTLED,
    "tprov scaled to zero, tsub removed": NOT_SETTLED,
    "all removed": NOT_SETTLED,
}
"""By the recording's note. These are given, and what they print is not compared."""

MACHINE_GONE_FIRST = "Most went unrecorded: the machine had gone with the principal."

HOOKS_LEFT_OUT_OF_4_0 = {
    ("tsub", "stop"): MACHINE_GONE_FIRST,
    ("tsub", "remove"): MACHINE_GONE_FIRST,
    ("tsub", "logging-relation-broken"): MACHINE_GONE_FIRST,
    ("tsub", "logging-relation-departed"): MACHINE_GONE_FIRST,
}
"""By application and hook."""

NOT_COMPARED_OF_HOOKS = (
    "which unit leads, and so who ran leader-elected: chance",
    "how often relation-changed ran for one unit and relation: timing",
    "the value of egress-subnets, and addresses",
)


def commands(series: str) -> list[Line]:
    """Return the calls on a controller in their order, and what was said."""
    return _lines(f"commands-{series}.jsonl")


def hooks(series: str) -> list[Line]:
    """Return the steps of the operator, and each hook that followed."""
    return _lines(f"hooks-{series}.jsonl")


def command_of(call: Line) -> str:
    """Return a call as it is typed, without its model."""
    return " ".join(argument for argument in call["args"] if argument not in ("-m", "cli"))


def why_not_given(call: Line, series: str) -> str | None:
    """Return why a command is not given here; None if it is."""
    left_out = COMMANDS_LEFT_OUT | (COMMANDS_LEFT_OUT_OF_4_0 if series == "4.0" else {})
    command = command_of(call)
    return next((why for start, why in left_out.items() if command.startswith(start)), None)


def why_not_compared(call: Line) -> str | None:
    """Return why what a command prints is not compared; None if it is."""
    return NOTES_LEFT_OUT.get(call.get("note", ""))


def why_hook_is_left_out(hook: Line, series: str) -> str | None:
    """Return why a hook is left out of the comparison; None if it is not."""
    application = hook["unit"].partition("/")[0]
    left_out = HOOKS_LEFT_OUT_OF_4_0 if series == "4.0" else {}
    return left_out.get((application, hook["hook"]))


def _lines(name: str) -> list[Line]:
    return [json.loads(line) for line in (RECORDINGS / name).read_text().splitlines()]
