"""Commands of the operator's that come between any two hooks, and wait for nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

from localjuju import LocalJuju
from localjuju.history import Event


class Operator:
    """Gives commands while hooks run, the next one after any number of them."""

    def __init__(self, juju: LocalJuju, chance: random.Random, most_hooks: int = 30):
        """Take the model, what chooses, and how many hooks may run between two commands."""
        self._juju, self._chance, self._most_hooks = juju, chance, most_hooks
        self._commands: list[Callable[[], None]] = []
        self._hooks_to_wait = 0
        juju.history.on_event = self._on_event

    def give(self, *commands: Callable[[], None]) -> None:
        """Give all of these commands, and then let the model settle."""
        self._commands = list(commands)
        while self._commands:
            self._give_next()
            self._juju.settle()  # Gives the others, unless the model runs out of hooks first.

    def _give_next(self) -> None:
        self._hooks_to_wait = self._chance.randint(0, self._most_hooks)
        self._commands.pop(0)()

    def _on_event(self, event: Event) -> None:
        if event.hook and self._commands:
            self._hooks_to_wait -= 1
            if self._hooks_to_wait < 0:
                self._give_next()
