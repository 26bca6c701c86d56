"""One model of a controller: the operator's commands, and the hooks of the units."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from localjuju import model_config
from localjuju.action_hook_commands import Action
from localjuju.charm import Charm
from localjuju.constraints import Constraints, merge
from localjuju.history import History
from localjuju.hook_arguments import HookCommandError
from localjuju.hook_commands import HookContext
from localjuju.hook_environment import hook_environment
from localjuju.hook_runner import HookResult
from localjuju.machine import Machine
from localjuju.machine_pool import MachinePool
from localjuju.model import Application, Model, Status, Unit
from localjuju.operations import Operation, Task
from localjuju.placement import NEW_MACHINE, Placement
from localjuju.relation import Life, Relation, Side
from localjuju.relation_hook_commands import DatabagWrite
from localjuju.storage import Directive, Stores
from localjuju.uniter import Hook, Uniter

if TYPE_CHECKING:
    from localjuju.controller import Controller

RETRIES = 3
"""How often a failed hook runs again if nothing else changes."""

LONGEST_PAUSE = 300.0
"""The longest time, in seconds, that Juju waits before it retries a failed hook."""


class ModelRunner:
    """Carries out commands on a model at once. Runs hooks only when the controller asks for it."""

    def __init__(self, controller: Controller, name: str, folder: pathlib.Path):
        """Make an empty model.

        Args:
            controller: the controller of the model.
            name: the name of the model.
            folder: the folder for all files of the model's units.
        """
        self.controller = controller
        self.behaviour = controller.behaviour
        self.folder = folder
        self.rng = controller.rng
        self.clock = controller.clock
        stores = Stores(folder / "storage", self.clock.now)
        self.model = Model(self.behaviour, self.rng, stores, name, lambda: controller.all_models)
        self.history = History(self.clock, self.model)
        self.uniters: dict[str, Uniter] = {}
        self.operations: list[Operation] = []
        self.hooks_run = 0
        self.made = self._status_updated = self.clock.now()
        self.life: Life = "alive"
        self._hook_runner = controller.hook_runner
        self.machines = MachinePool(
            self.model, folder / "machines", controller.network, self._hook_runner, self.history
        )
        self._uploads = 0
        self._retries: dict[str, int] = {}
        self.retry_times: dict[str, float] = {}
        """By unit: the earliest time to retry its failed hook, if hooks run in real time."""

    # The operator's commands

    def deploy(
        self,
        charm: Charm,
        name: str,
        units: int,
        config: dict[str, Any],
        resources: dict[str, pathlib.Path],
        storage: dict[str, Directive],
        attach: Sequence[str] = (),
        constraints: Constraints | None = None,
        placements: Sequence[Placement] = (),
    ) -> Application:
        """Add an application with its units. A subordinate gets its units with its relations."""
        application = Application(name, self._upload(charm), {}, config, storage)
        application.constraints = constraints or {}
        self.model.applications[name] = application
        self._upload_resources(application, resources)
        self._add_peer_relations(application)
        self.add_units(application, 0 if charm.subordinate else units, attach, placements)
        return application

    def _upload(self, charm: Charm) -> Charm:
        self._uploads += 1
        return charm.upload(self.folder / "charms" / f"{charm.name}-{self._uploads}")

    def _upload_resources(
        self, application: Application, resources: dict[str, pathlib.Path]
    ) -> None:
        """Copy the files, so that later changes to the originals have no effect."""
        for name, file in resources.items():
            self._uploads += 1
            copy = self.folder / "resources" / f"{self._uploads}"
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(file, copy)
            application.resources[name] = copy

    def _add_peer_relations(self, application: Application) -> None:
        present = [
            r.local(application).endpoint.name for r in self.model.relations_of(application)
        ]
        for endpoint in application.charm.endpoints.values():
            if endpoint.role == "peers" and endpoint.name not in present:
                self.model.add_relation(Side(application, endpoint))

    def refresh(
        self,
        application: Application,
        charm: Charm,
        resources: dict[str, pathlib.Path],
        force_units: bool = False,
    ) -> None:
        """Give an application another charm. Its units upgrade to it.

        Args:
            application: the application to refresh.
            charm: the new charm. It must fit the relations and the storage.
            resources: the new files of resources.
            force_units: also upgrade units in error, and retry their hooks with the new charm.
        """
        application.charm = self._upload(charm)
        application.revision += 1
        application.charm_version += 1
        self._upload_resources(application, resources)
        for relation in self.model.relations_of(application):
            side = relation.local(application)
            side.endpoint = application.charm.endpoints[side.endpoint.name]
        self._add_peer_relations(application)
        for name in [name for name in application.config if name not in charm.options]:
            del application.config[name]
        for unit in application.units.values():
            if unit.life == "alive":
                self.model.stores.fill(unit, application.storage, only_required=True)
            if force_units and self.uniters[unit.name].failed:
                self._install_charm(unit)
                self._retry_soon(unit)

    def attach_resources(
        self, application: Application, resources: dict[str, pathlib.Path]
    ) -> None:
        """Give an application other files for its resources. Its units then run upgrade-charm."""
        self._upload_resources(application, resources)
        application.charm_version += 1
        self.retry_failed()

    def _install_charm(self, unit: Unit) -> None:
        """Replace the charm in a unit's folder with the application's charm."""
        folder = unit.folder / "charm"
        if unit.charm_version is not None:
            unit.charm.take_out(folder)
        unit.charm, unit.charm_version = unit.application.charm, unit.application.charm_version
        unit.charm.unpack(folder)

    def add_units(
        self,
        application: Application,
        count: int,
        attach: Sequence[str] = (),
        placements: Sequence[Placement] = (),
    ) -> None:
        """Add units.

        Args:
            application: the application of the units.
            count: how many units to add.
            attach: the storage instances to attach to a new unit.
            placements: the machines of the first units. Each of the others gets a new machine.
        """
        constraints = merge(self.model.constraints, application.constraints)
        wanted = [*placements, *[NEW_MACHINE] * count][:count]
        for machine in [self.machines.at(one, constraints) for one in wanted]:
            self._add_unit(application, machine, attach=attach)
        # Only after all units exist: Juju does not guarantee which of them becomes the leader.
        self.model.choose_leader(application)

    def _add_unit(
        self,
        application: Application,
        machine: Machine,
        principal: Unit | None = None,
        attach: Sequence[str] = (),
    ) -> None:
        name = f"{application.name}/{application.next_unit}"
        application.next_unit += 1
        folder = self.folder / "units" / name.replace("/", "-")
        status = Status("waiting", "waiting for machine", self.clock.now())
        agent = Status("allocating", "", self.clock.now())
        unit = Unit(
            name, application, machine, folder, principal, status, agent, application.charm
        )
        application.units[name] = unit
        self.uniters[name] = Uniter(self.model, unit)
        for instance in attach:
            self.model.stores.attach(instance, unit)
        self.model.stores.fill(unit, application.storage)

    def integrate(self, *sides: Side) -> Relation:
        self.retry_failed()
        relation = self.model.add_relation(*sides)
        self.controller.cross_model.extend(self.model, relation)
        return relation

    def remove_relation(self, relation: Relation, force: bool = False) -> None:
        """Remove a relation. With ``force``, units in error leave it without a hook."""
        relation.life = "dying"
        self.retry_failed()
        for uniter in self.uniters.values():
            if force and uniter.failed:
                uniter.abandon(relation)

    def remove_unit(self, unit: Unit, force: bool = False, destroy_storage: bool = False) -> None:
        """Remove a unit and its subordinates.

        Args:
            unit: the unit to remove.
            force: remove it even if a hook fails.
            destroy_storage: also remove storage that would otherwise stay.
        """
        for one in self.model.units.values():
            if unit in (one, one.principal):
                one.life = "dying"
                self.uniters[one.name].forced |= force
                for instance in self.model.stores.of(one):
                    instance.destroyed |= destroy_storage

    def remove_application(
        self, application: Application, force: bool = False, destroy_storage: bool = False
    ) -> None:
        """Remove an application, its units and relations, as in :meth:`remove_unit`."""
        application.life = "dying"
        for offer in self.model.offers_of(application):
            del self.model.offers[offer.name]
        for unit in application.sorted_units:
            self.remove_unit(unit, force, destroy_storage)
        for relation in self.model.relations_of(application):
            self.remove_relation(relation, force)

    def destroy(self, force: bool = False, destroy_storage: bool = False) -> None:
        """Remove the model and everything in it, as in :meth:`remove_unit`."""
        self.life = "dying"
        for application in list(self.model.applications.values()):
            self.remove_application(application, force, destroy_storage)

    def remove_machine(self, machine: Machine, force: bool) -> None:
        """Remove a machine and its containers.

        Args:
            machine: a machine without units, unless ``force`` is set.
            force: also remove its units, at once and without hooks.
        """
        gone = self.machines.with_containers(machine)
        for uniter in list(self.uniters.values()):
            if force and uniter.unit.machine in gone:
                uniter.force_removal()
                self._delete_unit(uniter.unit)
        self.machines.remove_unused(gone)

    def restart_machines(self, machines: Collection[Machine], new_addresses: bool) -> None:
        """Kill all processes on machines at the same moment, and start their units' agents again.

        Args:
            machines: the machines to restart.
            new_addresses: give each an address that no machine of the model had before.
        """
        self.machines.restart(machines, new_addresses)
        for uniter in self.uniters.values():
            if uniter.unit.machine in machines:
                uniter.reboot()

    def move_leadership(self, unit: Unit) -> None:
        """Make a unit the leader of its application."""
        if former := unit.application.leader:
            self.uniters[former.name].resign()
        unit.application.leader = unit

    def set_config(self, application: Application, values: dict[str, Any]) -> None:
        """Set options. None resets an option to its default.

        If no value changes, no config-changed runs.
        """
        before = application.settings
        for name, value in values.items():
            application.config.pop(name, None)
            if value is not None:
                application.config[name] = value
        if application.settings != before:
            application.config_version += 1
            self.retry_failed()

    def retry_failed(self) -> None:
        """Allow failed hooks to run again, because something has changed."""
        self._retries.clear()
        self.retry_times.clear()

    def _retry_soon(self, unit: Unit) -> None:
        self._retries[unit.name] = 0
        self.retry_times.pop(unit.name, None)

    def resolve(self, unit: Unit, retry: bool) -> None:
        """Retry a failed hook, or continue as if it had succeeded."""
        uniter = self.uniters[unit.name]
        self._retry_soon(unit)
        if uniter.failed and not retry:
            uniter.finish(uniter.failed)

    def in_error(self, unit: Unit) -> bool:
        return self.uniters[unit.name].failed is not None

    # Letting the agents run

    def settle(self) -> int:
        """Let the controller run hooks until none is left, and return how many ran."""
        return self.controller.settle()

    def ready_uniters(self) -> list[Uniter]:
        """Return the agents that have a hook to run, sorted by name."""
        for relation in self.model.relations.values():
            relation.notice_changes()
        return [uniter for _, uniter in sorted(self.uniters.items()) if uniter.is_ready()]

    def uniters_to_retry(self) -> list[Uniter]:
        """Return the agents whose failed hook may be retried, sorted by name."""
        return [
            uniter
            for name, uniter in sorted(self.uniters.items())
            if uniter.failed and self._retries.get(name, 0) < RETRIES
        ]

    def retry(self, uniter: Uniter) -> None:
        """Retry a failed hook, after the time that Juju waits."""
        name = uniter.unit.name
        self.clock.pass_time(5.0 * 2 ** self._retries.get(name, 0))
        self._retries[name] = self._retries.get(name, 0) + 1
        if uniter.failed:
            self.run_hook(uniter, uniter.failed)

    @property
    def next_update_status(self) -> float:
        """The time of the next update-status, in seconds since the epoch."""
        return self._status_updated + model_config.update_status_interval(self.model.config)

    def update_status(self) -> None:
        """Run update-status on every unit that is not in error, in random order."""
        self._status_updated = self.clock.now()
        names = sorted(self.uniters)
        self.rng.shuffle(names)
        for name in names:
            uniter = self.uniters.get(name)
            if uniter and uniter.started and not uniter.failed and uniter.unit.life == "alive":
                self.run_hook(uniter, Hook("update-status", "update-status"))

    def secret_times(self) -> dict[tuple[str, str], float]:
        """Return the times at which secrets are due for rotation or expire."""
        return {
            what: time
            for secret in self.model.secrets.values()
            for what, time in secret.timetable().items()
        }

    def run_task(self, task: Task) -> None:
        """Run a pending action. A unit in error runs actions too."""
        uniter = self._uniter_of(task)
        if uniter is None:
            task.finish("cancelled", "unit removed", self.clock.now())
            return
        task.status, task.started = "running", self.clock.now()
        if task.problem:
            refused = "error" if self.behaviour.unit_judges_parameters else "failed"
            task.finish(refused, task.problem, self.clock.now())
            return
        action = Action(task.action, task.id, task.parameters)
        hook = Hook(action.name, "action")
        context = self._context(uniter, hook, action)
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

    def waiting_task(self) -> Task | None:
        """Return the first pending task whose unit can run it."""
        tasks = (task for operation in self.operations for task in operation.tasks)
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

    def finish(self, tasks: Sequence[Task]) -> None:
        """Run tasks. If hooks run in the background, wait for the tasks up to their timeout."""
        if not self.controller.turns.in_background:
            for task in tasks:
                self.run_task(task)
            return
        seconds = max((task.timeout for task in tasks), default=0) or None
        for task in tasks:
            task.timeout = 0  # Only the client stops waiting. The action continues.
        ended = self.controller.turns.wait_until(lambda: all(t.ended for t in tasks), seconds)
        for task in tasks:
            task.timed_out = not (ended or task.ended)

    def run_shell(self, unit: Unit, command: str, timeout: float) -> HookResult:
        """Run a shell command on a unit's machine."""
        with self.controller.turns.my_turn():
            hook = Hook("juju-exec", "exec")
            uniter = self.uniters[unit.name]
            context = self._context(uniter, hook)
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

    def run_workers(self) -> None:
        """Do the work of Juju's own workers between hooks.

        Units enter scopes, subordinates are created, and finished objects are removed.
        """
        for unit in list(self.model.units.values()):
            if not unit.application.charm.subordinate and unit.life == "alive":
                self._add_subordinates(unit)
        for secret in self.model.secrets.values():
            secret.notice(self.clock.now())
            secret.prune()
        # Subordinates first: their principals wait for them.
        for uniter in sorted(self.uniters.values(), key=lambda one: one.unit.principal is None):
            if uniter.failed and uniter.forced:
                uniter.force_removal()
            uniter.leave_without_hooks()
            uniter.die_without_principal_relation()
            if uniter.removed and not self._has_subordinates(uniter.unit):
                self._delete_unit(uniter.unit)
            elif uniter.unit.life == "alive":
                uniter.enter_scopes()
        for relation in list(self.model.relations.values()):
            self.model.drop_relation_if_finished(relation)
        for application in list(self.model.applications.values()):
            self._delete_application_if_finished(application)
        if self.life == "dying":
            self.machines.remove_unused(list(self.model.machines.values()))

    def _add_subordinates(self, principal: Unit) -> None:
        if not self.uniters[principal.name].installed:
            return
        for relation in list(self.model.relations_of(principal.application)):
            if relation.is_peer or relation.scope != "container" or relation.life == "dying":
                continue
            application = self.model.applications[
                relation.remote(principal.application).application.name
            ]
            if not application.subordinate:
                continue
            if not any(u.principal is principal for u in application.units.values()):
                self._add_unit(application, principal.machine, principal)
                self.model.choose_leader(application)

    def _has_subordinates(self, unit: Unit) -> bool:
        """Whether a unit has subordinates. A principal is removed after them."""
        return any(other.principal is unit for other in self.model.units.values())

    def _delete_unit(self, unit: Unit) -> None:
        for instance in self.model.stores.of(unit):
            self.model.stores.release(instance)
        del self.uniters[unit.name]
        del unit.application.units[unit.name]
        for secret in list(self.model.secrets_of_all_models()):
            secret.tracked.pop(self.model.reader_name(unit, secret), None)
        for secret in list(self.model.secrets.values()):
            if secret.owner == unit.name:
                del self.model.secrets[secret.id]
        shutil.rmtree(unit.folder, ignore_errors=True)
        self.model.choose_leader(unit.application)
        # Remove a machine with its last unit, unless there are containers on it.
        if len(self.machines.with_containers(unit.machine)) == 1:
            self.machines.remove_unused([unit.machine])

    def _delete_application_if_finished(self, application: Application) -> None:
        if application.life == "alive" or application.units:
            return
        others = [r for r in self.model.relations_of(application) if not r.is_peer]
        if others:
            return
        for relation in list(self.model.relations_of(application)):
            del self.model.relations[relation.id]
        for secret in list(self.model.secrets.values()):
            if secret.owner_application == application.name:
                del self.model.secrets[secret.id]
            secret.grants = {one for one in secret.grants if one[1] != application.name}
        del self.model.applications[application.name]

    # Running one hook

    def run_hook(self, uniter: Uniter, hook: Hook) -> None:
        unit = uniter.unit
        # Before uniter.begin(), because the context records why the hook runs.
        context = self._context(uniter, hook)
        if hook is not uniter.failed and hook is not uniter.interrupted:
            uniter.begin(hook)
            if hook.kind == "install":  # The status was "waiting for machine" until now.
                unit.workload_status = Status("unknown", "", self.clock.now())
        if self._is_skipped(hook, uniter):
            uniter.finish(hook)
            return
        if unit.charm_version is None or hook.kind == "upgrade-charm":
            self._install_charm(unit)
        context.before_command = functools.partial(
            self.controller.faults.before_command, self, context
        )
        result, writes = self._execute(context)
        self.hooks_run += 1
        interrupted = context.machine.reboots_now
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
            pause = min(5.0 * 2 ** (uniter.failures - 1), LONGEST_PAUSE)
            self.retry_times[unit.name] = self.clock.now() + pause
            self._log_unit(unit, "ERROR", f'hook "{hook.name}" failed: {error}')
        self._reboot_if_asked(context, result)

    def _is_skipped(self, hook: Hook, uniter: Uniter) -> bool:
        if hook.kind == "leader-elected" and not uniter.unit.is_leader:
            text = 'unit is no longer the leader; skipping "leader-elected" execution'
            self._log_unit(uniter.unit, "INFO", text)
            return True
        return hook.kind == "remove" and not uniter.installed

    def _reboot_if_asked(self, context: HookContext, result: HookResult) -> None:
        """Restart the machine if the hook has called juju-reboot."""
        asked = context.machine
        if asked.reboots_now or (asked.reboots and result.error is None):
            self.restart_machines([context.unit.machine], new_addresses=False)

    def _execute(
        self, context: HookContext, timeout: float = 0
    ) -> tuple[HookResult, list[DatabagWrite]]:
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

    def _context(self, uniter: Uniter, hook: Hook, action: Action | None = None) -> HookContext:
        unit = uniter.unit

        def log(level: str, message: str) -> None:
            where = f"{hook.reference}: " if hook.relation else ""
            source = f"unit.{unit.name}.juju-log"
            self.history.log(_entity(unit), level, source, f"{where}{message}")

        record = self.history.begin_hook(uniter, hook)
        return HookContext(uniter, hook, log, self.clock.now, action, record)

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
