"""The model: applications, units, relations, secrets, machines. The only state there is."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import random
import string
from collections.abc import Iterator
from typing import Any, Literal

from localjuju.charm import Charm, Endpoint
from localjuju.constraints import Constraints
from localjuju.machine import Machine
from localjuju.secret import Secret, id_of
from localjuju.storage import Directive, Stores
from localjuju.versions import Behaviour

Life = Literal["alive", "dying"]


@dataclasses.dataclass
class Status:
    """A status as ``status-set`` gives it, and since when."""

    current: str
    message: str = ""
    since: float = 0.0


@dataclasses.dataclass
class Databag:
    """One side's data of a relation. The version rises when the data changes."""

    data: dict[str, str] = dataclasses.field(default_factory=dict)
    version: int = 0

    def update(self, changes: dict[str, str]) -> list[str]:
        """Set keys, erase those with an empty value, and return the keys that changed."""
        changed = []
        for key, value in changes.items():
            if value == "" and key in self.data:
                del self.data[key]
                changed.append(key)
            elif value != "" and self.data.get(key) != value:
                self.data[key] = value
                changed.append(key)
        if changed:
            self.version += 1
        return changed


@dataclasses.dataclass(eq=False)
class Unit:
    """A unit, and what its agent reports of it."""

    name: str
    application: Application
    machine: Machine
    folder: pathlib.Path
    principal: Unit | None
    workload_status: Status
    agent_status: Status
    charm: Charm
    """What it runs: the application's, but for the time until its agent has upgraded."""
    charm_version: int | None = None
    """Which of the application's that was, None before the agent has begun."""
    workload_version: str = ""
    ports: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    """Those that are open, and for which endpoints: an empty name stands for all."""
    life: Life = "alive"

    @property
    def number(self) -> int:
        return int(self.name.rpartition("/")[2])

    @property
    def is_leader(self) -> bool:
        return self.application.leader is self


@dataclasses.dataclass(eq=False)
class Application:
    """A deployed charm."""

    name: str
    charm: Charm
    resources: dict[str, pathlib.Path]
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    storage: dict[str, Directive] = dataclasses.field(default_factory=dict)
    """What the operator has asked for, for each new unit."""
    config_version: int = 1
    units: dict[str, Unit] = dataclasses.field(default_factory=dict)
    revision: int = 0
    """Of its charm: rises with each refresh."""
    charm_version: int = 0
    """Rises with each refresh and each resource: units upgrade when it does."""
    next_unit: int = 0
    leader: Unit | None = None
    leader_settings: Databag = dataclasses.field(default_factory=Databag)
    status: Status | None = None
    workload_version: str = ""
    life: Life = "alive"
    exposed_to: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """By endpoint the networks that it is exposed to; an empty name stands for all endpoints."""
    trusted: bool = False
    constraints: Constraints = dataclasses.field(default_factory=dict)
    """For the machines of its new units."""

    @property
    def exposed(self) -> bool:
        return bool(self.exposed_to)

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that has a value: set, or by default."""
        defaults = {name: option.get("default") for name, option in self.charm.options.items()}
        merged = {**defaults, **self.config}
        return {name: value for name, value in merged.items() if value is not None}

    @property
    def sorted_units(self) -> list[Unit]:
        return sorted(self.units.values(), key=lambda unit: unit.number)


@dataclasses.dataclass
class Side:
    """One end of a relation: an application and its endpoint."""

    application: Application
    endpoint: Endpoint


@dataclasses.dataclass(eq=False)
class Relation:
    """A relation: its ends, who is in its scope, and the databags."""

    id: int
    sides: tuple[Side, ...]
    behaviour: Behaviour
    life: Life = "alive"
    in_scope: set[str] = dataclasses.field(default_factory=set)
    unit_bags: dict[str, Databag] = dataclasses.field(default_factory=dict)
    app_bags: dict[str, Databag] = dataclasses.field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        return len(self.sides) == 1

    @property
    def scope(self) -> str:
        """Container as soon as one end says so, as Juju has it."""
        scopes = {side.endpoint.scope for side in self.sides}
        return "container" if "container" in scopes else "global"

    @property
    def interface(self) -> str:
        return self.sides[0].endpoint.interface

    @property
    def key(self) -> str:
        """The relation as the command line names it, the requirer first."""
        sides = sorted(self.sides, key=lambda side: side.endpoint.role != "requires")
        return " ".join(f"{s.application.name}:{s.endpoint.name}" for s in sides)

    def local(self, application: Application) -> Side:
        return next(s for s in self.sides if s.application is application)

    def remote(self, application: Application) -> Side:
        return next((s for s in self.sides if s.application is not application), self.sides[0])

    def app_bag(self, application: str) -> Databag:
        return self.app_bags.setdefault(application, Databag())

    def involves(self, unit: Unit) -> bool:
        """Whether a unit takes part: gets hooks, sees the other side."""
        if unit.application not in [side.application for side in self.sides]:
            return False
        if self._is_implicit_on(unit):
            return False
        if self.scope == "container" and unit.principal:
            own = self._is_between_neighbours(unit)
            return own or not self.behaviour.subordinate_sees_own_principal_only
        return True

    def admits(self, unit: Unit) -> bool:
        """Whether a unit enters the scope, so that the other side sees it (Q4: not all do)."""
        if unit.application not in [side.application for side in self.sides]:
            return False
        if self.scope == "container" and unit.application.charm.subordinate:
            return unit.principal is not None and self._is_between_neighbours(unit)
        return True

    def _is_between_neighbours(self, unit: Unit) -> bool:
        """Whether the other end of a subordinate unit can be on its machine."""
        remote = self.remote(unit.application).application
        own = unit.principal is not None and remote is unit.principal.application
        return own or remote.charm.subordinate

    def _is_implicit_on(self, unit: Unit) -> bool:
        """A principal runs no hooks for a juju-info that it never declared."""
        endpoint = self.local(unit.application).endpoint
        return endpoint.name == "juju-info" and endpoint.role == "provides"

    def visible_to(self, unit: Unit) -> list[str]:
        """Return the names of the units that ``unit`` sees on the other side."""
        remote = self.remote(unit.application).application
        names = [n for n in self.in_scope if n.partition("/")[0] == remote.name and n != unit.name]
        if self.behaviour.departure_is_seen_at_once:
            names = [n for n in names if n in remote.units and remote.units[n].life == "alive"]
        if self.scope == "container" and self.behaviour.container_scope_hides_other_machines:
            names = [n for n in names if self._shares_machine(unit, n)]
        return sorted(names, key=unit_number)

    def _shares_machine(self, unit: Unit, other: str) -> bool:
        if unit.principal and other == unit.principal.name:
            return True
        subordinate = self.remote(unit.application).application.units.get(other)
        return subordinate is not None and subordinate.principal is (unit.principal or unit)


def new_uuid(rng: random.Random) -> str:
    """Return a UUID, of a model or a controller."""
    return f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"


def unit_number(name: str) -> int:
    """Sort key of unit names: ``app/10`` comes after ``app/9``."""
    return int(name.rpartition("/")[2])


class Model:
    """All that Juju's controller would know."""

    def __init__(
        self, behaviour: Behaviour, rng: random.Random, stores: Stores, name: str = "local"
    ):
        self.name = name
        self.behaviour = behaviour
        self.rng = rng
        self.uuid = new_uuid(rng)
        self.applications: dict[str, Application] = {}
        self.relations: dict[int, Relation] = {}
        self.secrets: dict[str, Secret] = {}
        self.machines: dict[str, Machine] = {}
        self.stores = stores
        self.config: dict[str, str] = {}
        """What the operator has set of the model's own options."""
        self.constraints: Constraints = {}
        """For new machines, where an application says nothing else."""
        self._relation_ids = itertools.count()
        self._task_ids = itertools.count(1)

    def next_task_id(self) -> int:
        return next(self._task_ids)

    @property
    def units(self) -> dict[str, Unit]:
        """Every unit, by name."""
        return {unit.name: unit for app in self.applications.values() for unit in app.sorted_units}

    def find_unit(self, name: str) -> Unit | None:
        """Find a unit by its name, or as ``app/leader``."""
        application, _, number = name.partition("/")
        if number == "leader":
            found = self.applications.get(application)
            return found.leader if found else None
        return self.units.get(name)

    def relations_of(self, application: Application) -> Iterator[Relation]:
        for relation in self.relations.values():
            if application in [side.application for side in relation.sides]:
                yield relation

    def count_relations(self, side: Side) -> int:
        """Return how many relations an endpoint has."""
        return sum(
            relation.local(side.application).endpoint.name == side.endpoint.name
            for relation in self.relations_of(side.application)
        )

    def add_relation(self, *sides: Side) -> Relation:
        relation = Relation(next(self._relation_ids), sides, self.behaviour)
        self.relations[relation.id] = relation
        return relation

    def enter_scope(self, relation: Relation, unit: Unit) -> None:
        """A unit's agent enters a relation: the other side can see it from here on."""
        relation.in_scope.add(unit.name)
        self.publish_address(relation, unit)

    def publish_address(self, relation: Relation, unit: Unit) -> list[str]:
        """Write a unit's address to its databag, and return the keys that changed."""
        address = unit.machine.address
        data = {"ingress-address": address, "egress-subnets": f"{address}/32"}
        if self.behaviour.legacy_leader_settings_and_private_address:
            data["private-address"] = address
        return relation.unit_bags.setdefault(unit.name, Databag()).update(data)

    def drop_relation_if_finished(self, relation: Relation) -> None:
        """Remove a dying relation that no unit is in any more. Its grants go with it."""
        if relation.life == "alive" or relation.in_scope:
            return
        del self.relations[relation.id]
        for secret in self.secrets.values():
            secret.grants = {grant for grant in secret.grants if grant[0] != relation.id}

    def choose_leader(self, application: Application) -> None:
        """Give the leadership to another unit when its holder is gone."""
        if application.leader and application.leader.name in application.units:
            return
        candidates = [u for u in application.sorted_units if u.life == "alive"]
        candidates = candidates or application.sorted_units
        application.leader = self.rng.choice(candidates) if candidates else None

    def new_secret_id(self) -> str:
        return "".join(self.rng.choices(string.digits + "abcdefghijklmnopqrstuv", k=20))

    def find_secret(self, reference: str) -> Secret | None:
        """Find a secret by ``secret:<id>``, ``secret://<model-uuid>/<id>`` or the bare id."""
        return self.secrets.get(id_of(reference))

    def may_read(self, secret: Secret, unit: Unit) -> bool:
        """Whether a unit may read a secret: its owner's units, and whoever it is granted to."""
        if secret.owner in (unit.application.name, unit.name):
            return True
        return any(target in (unit.application.name, unit.name) for _, target in secret.grants)
