"""The agents of a model's units: they run hooks, actions and commands, and retry failed hooks."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from localjuju import model_config
from localjuju.action_hook_commands import Action
from localjuju.history import History
from localjuju.hook_arguments import HookCommandError
from localjuju.hook_commands import HookContext
from localjuju.hook_environment import hook_environment
from localjuju.hook_runner import HookResult
from localjuju.machine import Machine
from localjuju.machine_pool import MachinePool
from localjuju.model import Model, Status, Unit
from localjuju.operations import Task
from localjuju.relation_hook_commands import DatabagWrite
from localjuju.uniter import Hook, Uniter

if TYPE_CHECKING:
    from localjuju.controller import Controller

MOST_RETRIES = 3
"""How often a failed hook runs again if nothing else changes."""

LONGEST_RETRY_DELAY = 300.0
"""The longest time, in seconds, that Juju waits before it retries a failed hook."""


class UnitAgents:
    """The agents of one model. They run hooks only when the controller asks for it."""

    def __init__(
        self, controller: Controller, model: Model, history: History, machines: MachinePool
    ):
        """Create the agents of a model that has no units yet.

        Args:
            controller: the controller of the model.
            model: the model.
            history: records what the agents run.
            machines: the machines of the model.
        """
        self.model = model
        self.history = history
        self.clock = controller.clock
        self.uniters: dict[str, Uniter] = {}
        """By unit: the part of its agent that chooses the next hook."""
        self.hooks_run = 0
        self.retry_times: dict[str, float] = {}
        """By unit: the earliest time to retry its failed hook, if hooks run in real time."""
        self._faults = controller.faults
        self._hook_runner = controller.hook_runner
        self._turns = controller.turns
        self._machines = machines
        self._retries: dict[str, int] = {}
        self._status_updated = self.clock.now()

    # The state of the agents

    def ready_uniters(self) -> list[Uniter]:
        """Return the agents that have a hook to run, sorted by name."""
        for relation in self.model.relations.values():
            relation.notice_changes()
        return [uniter for _, uniter in sorted(self.uniters.items()) if uniter.is_ready()]

    def in_error(self, unit: Unit) -> bool:
        """Whether the last hook of a unit failed."""
        return self.uniters[unit.name].failed is not None

    @property
    def next_update_status(self) -> float:
        """The time of the next update-status, in seconds since the epoch."""
        return self._status_updated + model_config.update_status_interval(self.model.config)

    # Hooks

    def run_hook(self, uniter: Uniter, hook: Hook) -> None:
        """Run a hook of a unit, and record how it ended.

        Args:
            uniter: the unit's agent.
            hook: one of its candidates, or the hook that has failed or was interrupted.
        """
        unit = uniter.unit
        # Before uniter.begin(), because the context records why the hook runs.
        context = self._new_context(uniter, hook)
        if hook is not uniter.failed and hook is not uniter.interrupted:
            uniter.begin(hook)
            if hook.kind == "install":  # The status was "waiting for machine" until now.
                unit.workload_status = Status("unknown", "", self.clock.now())
        if self._is_skipped(hook, uniter):
            uniter.finish(hook)
            return
        if unit.charm_version is None or hook.kind == "upgrade-charm":
            self.install_charm(unit)
        context.before_command = functools.partial(self._faults.before_command, self, context)
        result, writes = self._execute(context)
        self.hooks_run += 1
        interrupted = context.unit_commands.reboots_now
        error = "interrupted by juju-reboot --now" if interrupted else result.error
        self.history.add_hook(uniter, hook, context.record, error, writes)
        if interrupted:
            uniter.interrupt(hook)
        elif error is None:
            uniter.finish(hook)
            self._retries.clear()
            self.retry_times.pop(unit.name, None)
        else:
            uniter.fail(hook)
            pause = min(5.0 * 2 ** (uniter.failures - 1), LONGEST_RETRY_DELAY)
            self.retry_times[unit.name] = self.clock.now() + pause
            self._log_unit(unit, "ERROR", f'hook "{hook.name}" failed: {error}')
        self._reboot_if_asked(context, result)

    def _is_skipped(self, hook: Hook, uniter: Uniter) -> bool:
        if hook.kind == "leader-elected" and not uniter.unit.is_leader:
            text = 'unit is no longer the leader; skipping "leader-elected" execution'
            self._log_unit(uniter.unit, "INFO", text)
            return True
        return hook.kind == "remove" and not uniter.installed

    def install_charm(self, unit: Unit) -> None:
        """Replace the charm in a unit's folder with the application's charm."""
        folder = unit.folder / "charm"
        if unit.charm_version is not None:
            unit.charm.remove_unpacked(folder)
        unit.charm, unit.charm_version = unit.application.charm, unit.application.charm_version
        unit.charm.unpack(folder)

    def update_status(self) -> None:
        """Run update-status on every unit that is not in error, in random order."""
        self._status_updated = self.clock.now()
        names = sorted(self.uniters)
        self.model.rng.shuffle(names)
        for name in names:
            uniter = self.uniters.get(name)
            if uniter and uniter.started and not uniter.failed and uniter.unit.life == "alive":
                self.run_hook(uniter, Hook("update-status", "update-status"))

    # Failed hooks

    def uniters_to_retry(self) -> list[Uniter]:
        """Return the agents whose failed hook may be retried, sorted by name."""
        return [
            uniter
            for name, uniter in sorted(self.uniters.items())
            if uniter.failed and self._retries.get(name, 0) < MOST_RETRIES
        ]

    def retry(self, uniter: Uniter) -> None:
        """Retry a failed hook, after the time that Juju waits."""
        name = uniter.unit.name
        self.clock.pass_time(5.0 * 2 ** self._retries.get(name, 0))
        self._retries[name] = self._retries.get(name, 0) + 1
        if uniter.failed:
            self.run_hook(uniter, uniter.failed)

    def allow_retries(self) -> None:
        """Allow all failed hooks to run again at once, because something has changed."""
        self._retries.clear()
        self.retry_times.clear()

    def allow_retry(self, unit: Unit) -> None:
        """Allow the failed hook of one unit to run again, at once."""
        self._retries.pop(unit.name, None)
        self.retry_times.pop(unit.name, None)

    def resolve(self, unit: Unit, retry: bool) -> None:
        """Retry a failed hook, or continue as if it had succeeded."""
        uniter = self.uniters[unit.name]
        self.allow_retry(unit)
        if uniter.failed and not retry:
            uniter.finish(uniter.failed)

    # Actions and commands

    def waiting_task(self) -> Task | None:
        """Return the first pending task whose unit can run it."""
        tasks = (task for operation in self.model.operations for task in operation.tasks)
        return next(
            (task for task in tasks if task.status == "pending" and self._can_start(task)), None
        )

    def _can_start(self, task: Task) -> bool:
        uniter = self._uniter_of(task)
        return uniter is None or uniter.installed or uniter.failed is not None

    def _uniter_of(self, task: Task) -> Uniter | None:
        """Return the agent of a task's unit, None if the unit is gone."""
        uniter = self.uniters.get(task.unit.name)
        return uniter if uniter and uniter.unit is task.unit else None

    def run_task(self, task: Task) -> None:
        """Run a pending action, and keep its results in the task.

        A unit in error runs actions too.
        """
        uniter = self._uniter_of(task)
        if uniter is None:
            task.finish("cancelled", "unit removed", self.clock.now())
            return
        task.status, task.started = "running", self.clock.now()
        if task.problem:
            refused = "error" if self.model.behaviour.agent_validates_parameters else "failed"
            task.finish(refused, task.problem, self.clock.now())
            return
        action = Action(task.action, task.id, task.parameters)
        hook = Hook(action.name, "action")
        context = self._new_context(uniter, hook, action)
        result, writes = self._execute(context, task.timeout)
        returncode = max(result.status, int(result.error is not None))
        task.results = {**action.results, "return-code": returncode}
        task.results.update({"stdout": result.stdout} if result.stdout else {})
        task.results.update({"stderr": result.stderr} if result.stderr else {})
        task.log, task.timed_out = action.log, result.timed_out
        # If the charm itself failed, its error replaces the message of action-fail.
        message = action.failure if result.error is None else result.error
        status = "completed" if message is None else "failed"
        self.history.add_hook(uniter, hook, context.record, message, writes)
        task.finish(status, message or "", self.clock.now())

    def finish_tasks(self, tasks: Sequence[Task]) -> None:
        """Run tasks. If hooks run in the background, wait for the tasks up to their timeout."""
        if not self._turns.in_background:
            for task in tasks:
                self.run_task(task)
            return
        seconds = max((task.timeout for task in tasks), default=0) or None
        for task in tasks:
            task.timeout = 0  # Only the client stops waiting. The action continues.
        ended = self._turns.wait_until(lambda: all(t.ended for t in tasks), seconds)
        for task in tasks:
            task.timed_out = not (ended or task.ended)

    def run_shell(self, unit: Unit, command: str, timeout: float) -> HookResult:
        """Run a shell command on a unit's machine, with the hook commands on its PATH.

        Args:
            unit: the unit.
            command: the command, for ``bash -c``.
            timeout: seconds until it is killed.
        """
        with self._turns.my_turn():
            hook = Hook("juju-exec", "exec")
            uniter = self.uniters[unit.name]
            context = self._new_context(uniter, hook)
            environment = hook_environment(self.model, unit, hook, None, self.hooks_run)
            shell, folder = ["/bin/bash", "-c", command], unit.machine.folder
            result = self._hook_runner.run_program(
                unit, shell, folder, context, environment, timeout
            )
            result, writes = _flush(context, result)
            self.history.hide(context.secret_contents)
            self.history.add_hook(uniter, hook, context.record, result.error, writes)
            self._reboot_if_asked(context, result)
            return result

    # Machines and leadership

    def restart_machines(self, machines: Collection[Machine], new_addresses: bool) -> None:
        """Kill all processes on machines at the same moment, and start their units' agents again.

        Args:
            machines: the machines to restart.
            new_addresses: give each an address that no machine of the model had before.
        """
        self._machines.restart(machines, new_addresses)
        for uniter in self.uniters.values():
            if uniter.unit.machine in machines:
                uniter.reboot()

    def move_leadership(self, unit: Unit) -> None:
        """Make a unit the leader of its application."""
        if former := unit.application.leader:
            self.uniters[former.name].resign()
        unit.application.leader = unit

    # One run of a hook, an action or a command

    def _new_context(
        self, uniter: Uniter, hook: Hook, action: Action | None = None
    ) -> HookContext:
        """Return the context that answers the hook commands, and begin to record the hook."""
        unit = uniter.unit

        def log(level: str, message: str) -> None:
            where = f"{hook.reference}: " if hook.relation else ""
            source = f"unit.{unit.name}.juju-log"
            self.history.log(_entity(unit), level, source, f"{where}{message}")

        record = self.history.begin_hook(uniter, hook)
        return HookContext(uniter, hook, log, self.clock.now, action, record)

    def _execute(
        self, context: HookContext, timeout: float = 0
    ) -> tuple[HookResult, list[DatabagWrite]]:
        """Run a hook or an action, and return its result and the databags that it changed."""
        unit, hook, action = context.unit, context.hook, context.action
        environment = hook_environment(self.model, unit, hook, action, self.hooks_run)
        doing = f"running action {hook.name}" if action else f"running {hook.name} hook"
        unit.agent_status = Status("executing", doing, self.clock.now())
        result = self._hook_runner.run_hook(unit, context, environment, timeout)
        unit.agent_status = Status("idle", "", self.clock.now())
        for level, text in (("INFO", result.stdout), ("WARNING", result.stderr)):
            for line in text.splitlines():
                self.history.log(_entity(unit), level, f"unit.{unit.name}.{hook.name}", line)
        result, writes = _flush(context, result)
        self.history.hide(context.secret_contents)
        if result.error is None:
            what = f'"{hook.name}" {"action" if action else "hook"}'
            self._log_unit(unit, "INFO", f"ran {what} (via hook dispatching script: dispatch)")
        return result, writes

    def _reboot_if_asked(self, context: HookContext, result: HookResult) -> None:
        """Restart the machine if the hook has called juju-reboot."""
        asked = context.unit_commands
        if asked.reboots_now or (asked.reboots and result.error is None):
            self.restart_machines([context.unit.machine], new_addresses=False)

    def _log_unit(self, unit: Unit, level: str, message: str) -> None:
        self.history.log(_entity(unit), level, "juju.worker.uniter.operation", message)


def _flush(context: HookContext, result: HookResult) -> tuple[HookResult, list[DatabagWrite]]:
    """Apply what a hook wrote, if it succeeded. If the controller refuses it, the hook fails."""
    if result.error is not None:
        return result, []
    try:
        return result, context.flush()
    except HookCommandError as refusal:
        return dataclasses.replace(result, problem=f"cannot flush: {refusal}"), []


def _entity(unit: Unit) -> str:
    return f"unit-{unit.name.replace('/', '-')}"
