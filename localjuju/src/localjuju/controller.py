"""The controller: its models, the things that they share, and the order of their hooks.

Commands change a model and return at once, as in Juju. :meth:`Controller.settle` runs hooks until
no unit has a hook left to run.
"""

from __future__ import annotations

import contextlib
import pathlib
import random
import shutil
from collections.abc import Iterator

from localjuju.cross_model import CrossModelRelations
from localjuju.faults import FaultInjector, Faults
from localjuju.history import Clock
from localjuju.hook_commands import hook_command_names
from localjuju.hook_runner import HookRunner
from localjuju.machine import LoopbackNetwork
from localjuju.model import Model, new_uuid
from localjuju.model_runner import ModelRunner
from localjuju.turns import SingleThread
from localjuju.unit_agents import UnitAgents
from localjuju.versions import Behaviour

MOST_HOOKS = 5000
"""If more hooks than this run without a pause, the charms trigger each other for ever."""

MOST_HOOKS_PER_PAIR = 10
"""The limit for each pair of units in a large model: a peer runs hooks for all the others."""


class Controller:
    """A controller with its models. They can be related to each other."""

    name = "localjuju"

    def __init__(
        self,
        behaviour: Behaviour,
        seed: int,
        folder: pathlib.Path,
        faults: Faults,
        turns: SingleThread | None = None,
    ):
        """Create a controller without models.

        Args:
            behaviour: how the wanted series of Juju behaves.
            seed: decides the order if Juju guarantees none.
            folder: the folder for all files of the controller and the units.
            faults: the faults to inject.
            turns: the lock that threads share if hooks run in the background.
        """
        self.behaviour = behaviour
        self.folder = folder
        self.rng = random.Random(seed)
        self.faults = FaultInjector(faults, seed)
        self.clock = Clock()
        self.models: dict[str, ModelRunner] = {}
        self.current_model: str | None = None
        """The model for commands that name none. ``juju switch`` sets it."""
        self.uuid = new_uuid(self.rng)
        self.cross_model = CrossModelRelations(self.rng)
        self.network = LoopbackNetwork()
        self.turns = turns or SingleThread()
        self.hook_runner = HookRunner(folder, seed, hook_command_names(behaviour), self.turns)
        self._models_added = 0
        self._hooks_of_removed_models = 0
        self._runs_hooks = True

    def close(self) -> None:
        """End every process and remove every file."""
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
            cleanup.callback(self.network.close)
            cleanup.callback(self.hook_runner.close)

    def add_model(self, name: str) -> ModelRunner:
        """Add an empty model.

        Args:
            name: the name of the model. No other model has this name.
        """
        folder = self.folder / str(self._models_added)
        folder.mkdir()
        self._models_added += 1
        self.models[name] = ModelRunner(self, name, folder)
        return self.models[name]

    def destroy_model(
        self, runner: ModelRunner, force: bool = False, destroy_storage: bool = False
    ) -> None:
        """Let the units of a model run their last hooks, then remove the model.

        If a hook fails, the model stays until the hook succeeds or is resolved.

        Args:
            runner: the runner of the model.
            force: remove units whose hooks fail.
            destroy_storage: also remove storage that would otherwise stay.
        """
        runner.destroy(force, destroy_storage)
        self.settle()
        self._drop_finished_models()
        self.turns.wait_until(lambda: runner not in self.models.values())

    def _drop_finished_models(self) -> None:
        for name, runner in list(self.models.items()):
            if runner.life == "alive" or runner.model.applications or runner.model.machines:
                continue
            del self.models[name]
            self._hooks_of_removed_models += runner.agents.hooks_run
            shutil.rmtree(runner.folder, ignore_errors=True)
            if self.current_model == name:
                self.current_model = None

    @property
    def all_models(self) -> list[Model]:
        return [runner.model for runner in self.models.values()]

    @property
    def all_agents(self) -> list[UnitAgents]:
        """The agents of each model."""
        return [runner.agents for runner in self.models.values()]

    @property
    def hooks_run(self) -> int:
        """How many hooks have run so far, in all models."""
        return self._hooks_of_removed_models + sum(agents.hooks_run for agents in self.all_agents)

    def settle(self) -> int:
        """Run hooks until no unit has a hook left to run, and return how many ran.

        A failed hook runs again after the other units have settled, until it succeeds or has
        failed too often. A listener of ``History.on_event`` may call commands between two hooks.
        Those commands run no hooks.

        Raises:
            RuntimeError: the charms do not settle.
        """
        if not self._runs_hooks or self.turns.in_background:
            return 0
        before = self.hooks_run
        with self.without_running_hooks():
            while self._run_one():
                if self.hooks_run - before > self._most_hooks():
                    raise RuntimeError(self._describe_last_hooks())
        return self.hooks_run - before

    @contextlib.contextmanager
    def without_running_hooks(self) -> Iterator[None]:
        """In this context, commands run no hooks."""
        before, self._runs_hooks = self._runs_hooks, False
        try:
            yield
        finally:
            self._runs_hooks = before

    def _most_hooks(self) -> int:
        units = sum(len(agents.uniters) for agents in self.all_agents)
        return max(MOST_HOOKS, MOST_HOOKS_PER_PAIR * units**2)

    def _describe_last_hooks(self) -> str:
        last = "".join(
            line
            for runner in self.models.values()
            for line in runner.history.timeline().splitlines(keepends=True)[-12:]
        )
        return f"not settled after {self._most_hooks()} hooks, the last of them:\n{last}"

    def _run_one(self) -> bool:
        """Run a hook or a task, if one is left to run, or inject a fault instead."""
        self.run_workers()
        return self.run_hook() or self.faults.release() or self.run_task() or self._retry()

    def run_workers(self) -> None:
        """Do the work of Juju's own workers between hooks, until none is left."""
        while True:
            for runner in self.models.values():
                runner.run_workers()
            if not self.cross_model.synchronise(self.all_models):
                break
        self._drop_finished_models()

    def run_hook(self) -> bool:
        """Run a hook that has not failed, if one is ready. Return whether there was one."""
        ready = [
            (agents, uniter)
            for agents in self.all_agents
            for uniter in agents.ready_uniters()
            if not self.faults.holds_up(uniter)
        ]
        if ready and self.faults.before_hook(self.all_agents):
            return True
        if ready:
            agents, uniter = self.rng.choice(ready)
            agents.run_hook(uniter, self.rng.choice(uniter.candidates()))
        return bool(ready)

    def run_task(self) -> bool:
        """Run a task, if one is waiting. Return whether there was one."""
        for agents in self.all_agents:
            if (task := agents.waiting_task()) is not None:
                agents.run_task(task)
                return True
        return False

    def _retry(self) -> bool:
        failed = [
            (agents, uniter) for agents in self.all_agents for uniter in agents.uniters_to_retry()
        ]
        if failed:
            agents, uniter = self.rng.choice(failed)
            agents.retry(uniter)
        return bool(failed)

    def update_status(self) -> None:
        """Advance the clock until update-status is due in a model, and run it there."""
        due = {agents: agents.next_update_status for agents in self.all_agents}
        self.pass_time_until(min(due.values(), default=0.0))
        for agents, moment in due.items():
            if moment <= self.clock.now():
                agents.update_status()

    def pass_time_until(self, moment: float) -> None:
        """Advance the clock to a time, in seconds since the epoch. It never goes back."""
        self.clock.pass_time(max(0.0, moment - self.clock.now()))
