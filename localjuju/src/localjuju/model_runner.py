"""One model of a controller: adds and removes its applications, units, relations and machines."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localjuju.charm import Charm
from localjuju.constraints import Constraints, merge_constraints
from localjuju.history import History
from localjuju.machine import Machine
from localjuju.machine_pool import MachinePool
from localjuju.model import Application, Model, Status, Unit
from localjuju.placement import NEW_MACHINE, Placement
from localjuju.relation import Life, Relation, Side
from localjuju.storage import ModelStorage
from localjuju.storage_directives import StorageDirective
from localjuju.unit_agents import UnitAgents
from localjuju.uniter import Uniter

if TYPE_CHECKING:
    from localjuju.controller import Controller


class ModelRunner:
    """Changes a model as the operator's commands and Juju's own workers do.

    Each change takes effect at once. The hooks that follow from it run later, in ``agents``.
    """

    def __init__(self, controller: Controller, name: str, folder: pathlib.Path):
        """Create an empty model.

        Args:
            controller: the controller of the model.
            name: the name of the model.
            folder: the folder for all files of the model's units.
        """
        self.controller = controller
        self.behaviour = controller.behaviour
        self.folder = folder
        self.clock = controller.clock
        storage = ModelStorage(folder / "storage", self.clock.now)
        self.model = Model(
            self.behaviour, controller.rng, storage, name, lambda: controller.all_models
        )
        self.history = History(self.clock, self.model)
        self.machines = MachinePool(
            self.model,
            folder / "machines",
            controller.network,
            controller.hook_runner,
            self.history,
        )
        self.agents = UnitAgents(controller, self.model, self.history, self.machines)
        self.created = self.clock.now()
        self.life: Life = "alive"
        self._uploads = 0

    def settle(self) -> int:
        """Let the controller run hooks until none is left, and return how many ran."""
        return self.controller.settle()

    # The operator's commands

    def deploy(
        self,
        charm: Charm,
        name: str,
        units: int,
        config: dict[str, Any],
        resources: dict[str, pathlib.Path],
        storage: dict[str, StorageDirective],
        attach: Sequence[str] = (),
        constraints: Constraints | None = None,
        placements: Sequence[Placement] = (),
    ) -> Application:
        """Add an application with its units. A subordinate gets its units with its relations.

        Args:
            charm: the copy that :meth:`upload_charm` returned.
            name: the name of the application, which is not in use.
            units: how many units to add.
            config: the values of options.
            resources: the files of resources. They are copied.
            storage: the storage directives, by the name of the storage.
            attach: the storage instances to attach to the unit, if there is only one.
            constraints: the constraints for the machines.
            placements: the machines of the first units.
        """
        application = Application(name, charm, {}, config, storage)
        application.constraints = constraints or {}
        self.model.applications[name] = application
        self._upload_resources(application, resources)
        self._add_peer_relations(application)
        self.add_units(application, 0 if charm.subordinate else units, attach, placements)
        return application

    def upload_charm(self, charm: Charm) -> Charm:
        """Copy a charm into the model, and return the copy.

        Raises:
            CharmError: a file of the charm cannot be read.
        """
        self._uploads += 1
        return charm.upload(self.folder / "charms" / f"{charm.name}-{self._uploads}")

    def _upload_resources(
        self, application: Application, resources: dict[str, pathlib.Path]
    ) -> None:
        """Copy files into the model, so that later changes to the originals have no effect."""
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
            charm: the copy of the new charm, which must fit the relations and the storage.
            resources: the new files of resources.
            force_units: also upgrade units in error, and retry their hooks with the new charm.
        """
        application.charm = charm
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
                self.model.storage.create_missing(unit, application.storage, only_required=True)
            if force_units and self.agents.uniters[unit.name].failed:
                self.agents.install_charm(unit)
                self.agents.allow_retry(unit)

    def attach_resources(
        self, application: Application, resources: dict[str, pathlib.Path]
    ) -> None:
        """Give an application other files for its resources. Its units then run upgrade-charm."""
        self._upload_resources(application, resources)
        application.charm_version += 1
        self.agents.allow_retries()

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
        constraints = merge_constraints(self.model.constraints, application.constraints)
        wanted = [*placements, *[NEW_MACHINE] * count][:count]
        for machine in [self.machines.machine_for(one, constraints) for one in wanted]:
            self._add_unit(application, machine, attach=attach)
        # Only after all units exist: Juju does not guarantee which of them becomes the leader.
        self.model.ensure_leader(application)

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
        self.agents.uniters[name] = Uniter(self.model, unit)
        for instance in attach:
            self.model.storage.attach(instance, unit)
        self.model.storage.create_missing(unit, application.storage)

    def integrate(self, *sides: Side) -> Relation:
        """Add a relation. If it is to an offer, add it to the offering model too."""
        self.agents.allow_retries()
        relation = self.model.add_relation(*sides)
        self.controller.cross_model.connect(self.model, relation)
        return relation

    def remove_relation(self, relation: Relation, force: bool = False) -> None:
        """Remove a relation. With ``force``, units in error leave it without a hook."""
        relation.life = "dying"
        self.agents.allow_retries()
        for uniter in self.agents.uniters.values():
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
                self.agents.uniters[one.name].forced |= force
                for instance in self.model.storage.of(one):
                    instance.remove_when_detached |= destroy_storage

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
        for uniter in list(self.agents.uniters.values()):
            if force and uniter.unit.machine in gone:
                uniter.force_removal()
                self._delete_unit(uniter.unit)
        self.machines.remove_unused(gone)

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
            self.agents.allow_retries()

    def secret_times(self) -> dict[tuple[str, str], float]:
        """Return the times at which secrets are due for rotation or expire."""
        return {
            what: time
            for secret in self.model.secrets.values()
            for what, time in secret.due_times().items()
        }

    # The work of Juju's own workers

    def run_workers(self) -> None:
        """Do the work that Juju's workers do between hooks.

        Units enter scopes, subordinates are created, and finished objects are removed.
        """
        for unit in list(self.model.units.values()):
            if not unit.application.charm.subordinate and unit.life == "alive":
                self._add_subordinates(unit)
        for secret in self.model.secrets.values():
            secret.mark_due(self.clock.now())
            secret.prune()
        # Subordinates first: their principals wait for them.
        for uniter in sorted(
            self.agents.uniters.values(), key=lambda one: one.unit.principal is None
        ):
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
        if not self.agents.uniters[principal.name].installed:
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
                self.model.ensure_leader(application)

    def _has_subordinates(self, unit: Unit) -> bool:
        """Whether a unit has subordinates. A principal is removed after them."""
        return any(other.principal is unit for other in self.model.units.values())

    def _delete_unit(self, unit: Unit) -> None:
        for instance in self.model.storage.of(unit):
            self.model.storage.finish_detaching(instance)
        del self.agents.uniters[unit.name]
        del unit.application.units[unit.name]
        for secret in list(self.model.secrets_of_all_models()):
            secret.tracked.pop(self.model.reader_name(unit, secret), None)
        for secret in list(self.model.secrets.values()):
            if secret.owner == unit.name:
                del self.model.secrets[secret.id]
        shutil.rmtree(unit.folder, ignore_errors=True)
        self.model.ensure_leader(unit.application)
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
