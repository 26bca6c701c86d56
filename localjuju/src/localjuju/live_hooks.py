"""Runs hooks in the background, in real time, as the agents of a controller do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from localjuju.controller import Controller
from localjuju.turns import SharedModels
from localjuju.unit_agents import UnitAgents
from localjuju.uniter import Uniter


class LiveHooks:
    """A thread that runs the hooks and actions of a controller, one at a time."""

    def __init__(
        self,
        controller: Controller,
        turns: SharedModels,
        on_failure: Callable[[BaseException], None],
    ):
        """Start the thread.

        Args:
            controller: the controller. It was made with ``turns``.
            turns: the lock of the models.
            on_failure: called in the thread with the error if no hook can run any more.
        """
        self._controller = controller
        self._turns = turns
        self._on_failure = on_failure
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="hooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, end every process and remove every file of the controller."""
        with self._turns:
            self._is_closing = True
        # This ends the current hook, so the thread no longer waits for it.
        self._controller.hook_runner.close()
        self._thread.join()
        self._controller.close()

    def _work(self) -> None:
        try:
            with self._turns:
                while not self._is_closing:
                    # While it waited for its turn, another thread may have called close.
                    if not self._run_one() and not self._is_closing:
                        self._turns.wait(self._seconds_to_wait())
        except BaseException as error:
            if not self._is_closing:
                self._on_failure(error)

    def _run_one(self) -> bool:
        """Run one hook or action that is due, and return whether there was one."""
        controller = self._controller
        with self._turns.my_turn():
            controller.run_workers()
            return (
                controller.run_task()
                or controller.run_hook()
                or self._retry()
                or self._update_status()
            )

    def _retry(self) -> bool:
        for agents, uniter, moment in self._failed():
            if moment <= self._controller.clock.now() and uniter.failed:
                agents.run_hook(uniter, uniter.failed)
                return True
        return False

    def _failed(self) -> Iterator[tuple[UnitAgents, Uniter, float]]:
        """Yield the agents whose hook failed, and the time of the next attempt."""
        for agents in self._controller.all_agents:
            for name, uniter in list(agents.uniters.items()):
                if uniter.failed:
                    yield agents, uniter, agents.retry_times.get(name, 0.0)

    def _update_status(self) -> bool:
        for agents in self._controller.all_agents:
            if agents.next_update_status <= self._controller.clock.now():
                agents.update_status()
                return True
        return False

    def _seconds_to_wait(self) -> float | None:
        """Return the seconds until something is due, if no command changes a model before."""
        now = self._controller.clock.now()
        moments = [moment for _, _, moment in self._failed()]
        for runner in self._controller.models.values():
            moments.append(runner.agents.next_update_status)
            # A time in the past waits for another event, for example for a failed hook.
            moments += [moment for moment in runner.secret_times().values() if moment > now]
        return max(0.0, min(moments) - now) if moments else None
