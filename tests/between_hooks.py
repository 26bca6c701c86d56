"""Run an operator's commands between hooks, without waiting for the model to settle."""

from __future__ import annotations

import random
from collections.abc import Callable

from localjuju import LocalJuju
from localjuju.history import Event


class Operator:
    """Runs commands while hooks run, with a random number of hooks between two commands."""

    def __init__(self, juju: LocalJuju, rng: random.Random, max_hooks: int = 30):
        """Take the model, a random generator, and the limit of hooks between two commands."""
        self._juju, self._rng, self._max_hooks = juju, rng, max_hooks
        self._commands: list[Callable[[], None]] = []
        self._hooks_to_wait = 0
        juju.history.on_event = self._on_event

    def run(self, *commands: Callable[[], None]) -> None:
        """Run all of these commands, and then let the model settle."""
        self._commands = list(commands)
        while self._commands:
            self._run_next()
            self._juju.settle()  # While its hooks run, _on_event runs the next commands.

    def _run_next(self) -> None:
        self._hooks_to_wait = self._rng.randint(0, self._max_hooks)
        self._commands.pop(0)()

    def _on_event(self, event: Event) -> None:
        if event.hook and self._commands:
            self._hooks_to_wait -= 1
            if self._hooks_to_wait < 0:
                self._run_next()
