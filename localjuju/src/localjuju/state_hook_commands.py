"""The hook commands for a charm's own state, which the controller stores for each unit."""

from __future__ import annotations

from collections.abc import Callable

from localjuju.hook_arguments import Call, HookCommandError, Switch, ValueOption
from localjuju.hook_output import SMART
from localjuju.uniter import Uniter


class StateHookCommands:
    """Answers these commands in one hook of one unit.

    They take effect only if the hook succeeds.
    """

    def __init__(self, uniter: Uniter):
        self._uniter = uniter
        self._state = dict(uniter.charm_state)

    def apply(self) -> None:
        """Store the state."""
        self._uniter.charm_state = self._state

    def get(self, call: Call) -> str:
        options = call.parse(Switch("strict"), takes=["key"], formats=SMART)
        if options.key in (None, "", "-"):
            return options.printed(self._state)
        if options.strict and options.key not in self._state:
            raise HookCommandError(f'"{options.key}" not found')
        return options.printed(self._state.get(options.key, ""))

    def set(self, call: Call) -> str:
        options = call.parse(ValueOption("file"), rest="pairs")
        self._state.update(call.settings(options.pairs, options.file))
        return ""

    def delete(self, call: Call) -> str:
        options = call.parse(takes=["key"])
        self._state.pop(options.key, None)
        return ""


COMMANDS: dict[str, Callable[[StateHookCommands, Call], str]] = {
    "state-delete": StateHookCommands.delete,
    "state-get": StateHookCommands.get,
    "state-set": StateHookCommands.set,
}
