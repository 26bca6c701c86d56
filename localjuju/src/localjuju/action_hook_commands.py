"""The hook commands of actions: their arguments, output and errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from localjuju import action_parameters
from localjuju.hook_arguments import Call, HookCommandError, usage_error
from localjuju.hook_output import SMART

RESERVED_RESULTS = ("stdout", "stdout-encoding", "stderr", "stderr-encoding")


@dataclasses.dataclass
class Action:
    """An action's parameters, and its results so far."""

    name: str
    task: int
    parameters: dict[str, Any]
    results: dict[str, Any] = dataclasses.field(default_factory=dict)
    failure: str | None = None
    """The message of action-fail, which may be empty. None if the charm did not call it."""
    log: list[tuple[float, str]] = dataclasses.field(default_factory=list)


class ActionHookCommands:
    """Answers these commands in an action. In a hook they fail."""

    def __init__(self, action: Action | None, now: Callable[[], float]):
        self._running = action
        self._now = now

    @property
    def _action(self) -> Action:
        if self._running is None:
            raise HookCommandError("not running an action")
        return self._running

    def get(self, call: Call) -> str:
        options = call.parse(takes=["key"], formats=SMART)
        value: Any = self._action.parameters
        for part in options.key.split(".") if options.key is not None else []:
            value = value.get(part) if isinstance(value, dict) else None
        return options.printed(value)

    def set(self, call: Call) -> str:
        pairs = [_result(argument) for argument in call.parse(rest="pairs").pairs]
        for keys, value in pairs:
            action_parameters.set_nested(self._action.results, keys, value)
        return ""

    def fail(self, call: Call) -> str:
        message = call.parse(takes=["message"]).message
        default = "action failed without reason given, check action for errors"
        self._action.failure = default if message is None else message
        return ""

    def log(self, call: Call) -> str:
        words = call.parse(rest="words").words
        if not words:
            raise usage_error("no message specified")
        self._action.log.append((self._now(), " ".join(words)))
        return ""


COMMANDS: dict[str, Callable[[ActionHookCommands, Call], str]] = {
    "action-fail": ActionHookCommands.fail,
    "action-get": ActionHookCommands.get,
    "action-log": ActionHookCommands.log,
    "action-set": ActionHookCommands.set,
}


def _result(argument: str) -> tuple[list[str], str]:
    """Split an argument of ``action-set``, such as ``key.key=value``, into keys and value."""
    key, separator, value = argument.partition("=")
    if not separator:
        raise usage_error(f'argument "{argument}" must be of the form key...=value')
    keys = key.split(".")
    for part in keys:
        if not action_parameters.NAME.fullmatch(part):
            raise usage_error(
                f'key "{part}" must start and end with lowercase alphanumeric, and contain only '
                "lowercase alphanumeric, hyphens and periods"
            )
        if part in RESERVED_RESULTS:
            raise usage_error(f'cannot set reserved action key "{part}"')
    return keys, value
