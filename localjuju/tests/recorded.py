"""The recordings of real controllers, and what the comparison leaves out, and why."""

from __future__ import annotations

import json
import pathlib
from typing import Any

RECORDINGS = pathlib.Path(__file__).parent / "recordings"

Line = dict[str, Any]

COMMANDS_LEFT_OUT = {
    "exec --unit tprov/0 -- hostname": "localjuju's machines have no host names of their own.",
    "debug-log --replay --no-tail --limit 12": "A real log also has the agents' own lines.",
}
"""The reasons, by the beginning of the command. These commands are not run."""

COMMANDS_LEFT_OUT_OF_4_0 = {
    "show-secret usersecret": (
        "Juju 4 removes a user secret some time after the command; localjuju removes it at once."
    ),
}

NOT_SETTLED = "It was recorded while agents were still running hooks; localjuju runs them first."

NOTES_LEFT_OUT = {
    "just after deploy": NOT_SETTLED,
    "tprov scaled to zero, tsub removed": NOT_SETTLED,
    "all removed": NOT_SETTLED,
}
"""The reasons, by the recording's note. These commands are run, but not compared."""

MACHINE_GONE_FIRST = "Most were not recorded: the machine was removed with the principal."

HOOKS_LEFT_OUT_OF_4_0 = {
    ("tsub", "stop"): MACHINE_GONE_FIRST,
    ("tsub", "remove"): MACHINE_GONE_FIRST,
    ("tsub", "logging-relation-broken"): MACHINE_GONE_FIRST,
    ("tsub", "logging-relation-departed"): MACHINE_GONE_FIRST,
}
"""The reasons, by application and hook."""

NOT_COMPARED_OF_HOOKS = (
    "which unit is leader, and which units ran leader-elected: chance",
    "how often relation-changed ran for one unit and relation: timing",
    "the value of egress-subnets, and addresses",
)


def commands(series: str) -> list[Line]:
    """Return the commands on a controller in their order, with their output."""
    return _lines(f"commands-{series}.jsonl")


def hooks(series: str) -> list[Line]:
    """Return the steps of the operator, and the hooks after each step."""
    return _lines(f"hooks-{series}.jsonl")


def command_of(call: Line) -> str:
    """Return a command as typed, without its model."""
    return " ".join(argument for argument in call["args"] if argument not in ("-m", "cli"))


def why_not_run(call: Line, series: str) -> str | None:
    """Return why a command is not run here, or None if it is."""
    left_out = COMMANDS_LEFT_OUT | (COMMANDS_LEFT_OUT_OF_4_0 if series == "4.0" else {})
    command = command_of(call)
    return next((why for start, why in left_out.items() if command.startswith(start)), None)


def why_not_compared(call: Line) -> str | None:
    """Return why a command's output is not compared, or None if it is."""
    return NOTES_LEFT_OUT.get(call.get("note", ""))


def why_hook_is_left_out(hook: Line, series: str) -> str | None:
    """Return why a hook is not compared, or None if it is."""
    application = hook["unit"].partition("/")[0]
    left_out = HOOKS_LEFT_OUT_OF_4_0 if series == "4.0" else {}
    return left_out.get((application, hook["hook"]))


def _lines(name: str) -> list[Line]:
    return [json.loads(line) for line in (RECORDINGS / name).read_text().splitlines()]
