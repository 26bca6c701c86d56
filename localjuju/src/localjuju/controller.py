"""The controller: its models, what they share, and the order in which their hooks run.

Commands change a model and return at once, as Juju's do; :meth:`Controller.settle` runs hooks
until no unit has any left to run.
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
from localjuju.hook_commands import names
from localjuju.hook_runner import HookRunner
from localjuju.machine import LoopbackNetwork
from localjuju.model import Model, new_uuid
from localjuju.model_runner import ModelRunner
from localjuju.turns import Alone
from localjuju.uniter import Uniter
from localjuju.versions import Behaviour

MOST_HOOKS = 5000
"""More hooks than this without settling are charms that wake each other for ever."""

MOST_HOOKS_FOR_A_PAIR = 10
"""The same for each pair of units: of many peers each is told of all others."""


class Controller:
    """The models on this computer that know of each other."""

    name = "localjuju"

    def __init__(
        self,
        behaviour: Behaviour,
        seed: int,
        folder: pathlib.Path,
        faults: Faults,
        turns: Alone | None = None,
    ):
        """Make a controller without models.

        Args:
            behaviour: the series of Juju whose behaviour is wanted.
            seed: chooses wherever Juju promises no order.
            folder: takes everything that the controller and the units keep.
            faults: what goes wrong on purpose.
            turns: whose turn it is, where hooks run in the background.
        """
        self.behaviour = behaviour
        self.folder = folder
        self.rng = random.Random(seed)
        self.faults = FaultInjector(faults, seed)
        self.clock = Clock()
        self.models: dict[str, ModelRunner] = {}
        self.current_model: str | None = None
        """The one that is meant where a command names none: ``juju switch`` sets it."""
        self.uuid = new_uuid(self.rng)
        self.cross_model = CrossModelRelations(self.rng)
        self.network = LoopbackNetwork()
        self.turns = turns or Alone()
        self.hook_runner = HookRunner(folder, seed, names(behaviour), self.turns)
        self._models_made = 0
        self._hooks_of_models_gone = 0
        self._runs_hooks = True

    def close(self) -> None:
        """End every process and remove every file."""
        with contextlib.ExitStack() as last_to_first:
            last_to_first.callback(shutil.rmtree, self.folder, ignore_errors=True)
            last_to_first.callback(self.network.close)
            last_to_first.callback(self.hook_runner.close)

    def add_model(self, name: str) -> ModelRunner:
        """Add an empty model.

        Args:
            name: a name that no other model has.
        """
        folder = self.folder / str(self._models_made)
        folder.mkdir()
        self._models_made += 1
        self.models[name] = ModelRunner(self, name, folder)
        return self.models[name]

    def destroy_model(
        self, runner: ModelRunner, force: bool = False, destroy_storage: bool = False
    ) -> None:
        """End a model and let its units run their last hooks; then it is gone.

        Where a hook fails it stays until that is mended, and goes with the hooks that follow.

        Args:
            runner: the model's.
            force: give up on hooks that fail.
            destroy_storage: with the storage that would stay.
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
            self._hooks_of_models_gone += runner.hooks_run
            shutil.rmtree(runner.folder, ignore_errors=True)
            if self.current_model == name:
                self.current_model = None

    @property
    def all_models(self) -> list[Model]:
        return [runner.model for runner in self.models.values()]

    @property
    def hooks_run(self) -> int:
        return self._hooks_of_models_gone + sum(r.hooks_run for r in self.models.values())

    def settle(self) -> int:
        """Run hooks until no unit has any left to run, and return how many ran.

        A hook that fails is run again after the other units have settled, until something
        succeeds or the operator changes something, or it has failed too often. A command
        that is given between two hooks (see ``History.on_event``) runs none: they go on after it.

        Raises:
            RuntimeError: the charms do not settle.
        """
        if not self._runs_hooks or self.turns.in_background:
            return 0
        before = self.hooks_run
        with self.held():
            while self._run_one():
                if self.hooks_run - before > self._most_hooks():
                    raise RuntimeError(self._described_as_restless())
        return self.hooks_run - before

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While this lasts, commands that would let the model settle do not."""
        before, self._runs_hooks = self._runs_hooks, False
        try:
            yield
        finally:
            self._runs_hooks = before

    def _most_hooks(self) -> int:
        units = sum(len(runner.uniters) for runner in self.models.values())
        return max(MOST_HOOKS, MOST_HOOKS_FOR_A_PAIR * units**2)

    def _described_as_restless(self) -> str:
        last = "".join(
            line
            for runner in self.models.values()
            for line in runner.history.timeline().splitlines(keepends=True)[-12:]
        )
        return f"not settled after {self._most_hooks()} hooks, the last of them:\n{last}"

    def _run_one(self) -> bool:
        """Run a hook or a task, if one is left to run, or let a fault happen instead."""
        self.follow_the_models()
        return self.run_hook() or self.faults.release() or self.run_task() or self._retry()

    def follow_the_models(self) -> None:
        """Do what Juju's own workers do between hooks, until they have no more to do."""
        while True:
            for runner in self.models.values():
                runner.follow_the_model()
            if not self.cross_model.follow(self.all_models):
                break
        self._drop_finished_models()

    def run_hook(self) -> bool:
        """Run a hook, if one that has not failed is left to run."""
        ready = [
            (runner, uniter)
            for runner in self.models.values()
            for uniter in runner.ready_uniters()
            if not self.faults.holds_up(uniter)
        ]
        if ready and self.faults.before_hook(self.models.values()):
            return True
        if ready:
            runner, uniter = self.rng.choice(ready)
            runner.run_hook(uniter, self.rng.choice(uniter.candidates()))
        return bool(ready)

    def run_task(self) -> bool:
        """Run a task, if one waits for it."""
        for runner in self.models.values():
            if (task := runner.waiting_task()) is not None:
                runner.run_task(task)
                return True
        return False

    def _retry(self) -> bool:
        failed = list(self._failed_uniters())
        if failed:
            runner, uniter = self.rng.choice(failed)
            runner.retry(uniter)
        return bool(failed)

    def _failed_uniters(self) -> Iterator[tuple[ModelRunner, Uniter]]:
        for runner in self.models.values():
            for uniter in runner.uniters_to_retry():
                yield runner, uniter

    def update_status(self) -> None:
        """Let time pass until update-status is due in a model, and run it on its well units."""
        due = {runner: runner.next_update_status for runner in self.models.values()}
        self.pass_time_until(min(due.values(), default=0.0))
        for runner, moment in due.items():
            if moment <= self.clock.now():
                runner.update_status()

    def pass_time_until(self, moment: float) -> None:
        self.clock.pass_time(max(0.0, moment - self.clock.now()))
