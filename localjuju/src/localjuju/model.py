"""The model: applications, units, relations, secrets, machines. The only state there is."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import random
import string
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, Protocol

from localjuju.charm import Charm, Endpoint
from localjuju.constraints import Constraints
from localjuju.machine import Machine
from localjuju.secret import Secret, id_of, model_of
from localjuju.storage import Directive, Stores
from localjuju.versions import Behaviour

if TYPE_CHECKING:
    from localjuju.cross_model import Offer, RemoteApplication

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
    def remote_name(self) -> str:
        """What other models call it."""
        return f"{self.application.remote_name}/{self.number}"

    @property
    def is_leader(self) -> bool:
        return self.application.leader is self


class RelatedApplication(Protocol):
    """The application at an end of a relation, whether of this model or of another."""

    name: str
    units: dict[str, Unit]
    """Those of this model."""
    life: Life

    @property
    def endpoints(self) -> dict[str, Endpoint]: ...

    @property
    def subordinate(self) -> bool: ...

    @property
    def sorted_units(self) -> list[Unit]: ...

    @property
    def goal_name(self) -> str | None:
        """What goal-state calls it, None where it does not tell of it."""
        ...

    @property
    def takes_secrets(self) -> bool:
        """Whether it can be granted secrets of this model's applications."""
        ...

    def has_present(self, unit: str) -> bool:
        """Whether it has a unit of this name that does not go."""
        ...


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

    remote_name: str = ""
    """What the models call it whose offers it uses."""

    @property
    def exposed(self) -> bool:
        return bool(self.exposed_to)

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        return self.charm.endpoints

    @property
    def subordinate(self) -> bool:
        return self.charm.subordinate

    @property
    def goal_name(self) -> str | None:
        return self.name

    @property
    def takes_secrets(self) -> bool:
        return True

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that has a value: set, or by default."""
        defaults = {name: option.get("default") for name, option in self.charm.options.items()}
        merged = {**defaults, **self.config}
        return {name: value for name, value in merged.items() if value is not None}

    @property
    def sorted_units(self) -> list[Unit]:
        return sorted(self.units.values(), key=lambda unit: unit.number)

    def has_present(self, unit: str) -> bool:
        return unit in self.units and self.units[unit].life == "alive"


@dataclasses.dataclass
class Side:
    """One end of a relation: an application and its endpoint."""

    application: RelatedApplication
    endpoint: Endpoint


@dataclasses.dataclass(eq=False)
class Relation:
    """A relation: its ends, who is in its scope, and the databags."""

    id: int
    sides: tuple[Side, ...]
    behaviour: Behaviour
    life: Life = "alive"
    suspended: bool = False
    other_model: Model | None = None
    """Where the other end is, if not in this model."""
    in_scope: set[str] = dataclasses.field(default_factory=set)
    unit_bags: dict[str, Databag] = dataclasses.field(default_factory=dict)
    app_bags: dict[str, Databag] = dataclasses.field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        return len(self.sides) == 1

    @property
    def is_active(self) -> bool:
        return self.life == "alive" and not self.suspended

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

    def local(self, application: RelatedApplication) -> Side:
        return next(s for s in self.sides if s.application is application)

    def remote(self, application: RelatedApplication) -> Side:
        return next((s for s in self.sides if s.application is not application), self.sides[0])

    def app_bag(self, application: str) -> Databag:
        return self.app_bags.setdefault(application, Databag())

    def members_of(self, application: RelatedApplication) -> list[str]:
        """Return the names of an application's units that are in scope."""
        return [name for name in self.in_scope if name.partition("/")[0] == application.name]

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
        return own or remote.subordinate

    def _is_implicit_on(self, unit: Unit) -> bool:
        """A principal runs no hooks for a juju-info that it never declared."""
        endpoint = self.local(unit.application).endpoint
        return endpoint.name == "juju-info" and endpoint.role == "provides"

    def visible_to(self, unit: Unit) -> list[str]:
        """Return the names of the units that ``unit`` sees on the other side."""
        remote = self.remote(unit.application).application
        names = [name for name in self.members_of(remote) if name != unit.name]
        if self.behaviour.departure_is_seen_at_once:
            names = [name for name in names if remote.has_present(name)]
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
        self,
        behaviour: Behaviour,
        rng: random.Random,
        stores: Stores,
        name: str = "local",
        all_models: Callable[[], Iterable[Model]] = tuple,
    ):
        """Make an empty model.

        Args:
            behaviour: of the Juju version.
            rng: chooses wherever Juju promises no order.
            stores: for its storage.
            name: of the model.
            all_models: returns the models whose secrets may be read here, with this one.
        """
        self.name = name
        self.behaviour = behaviour
        self.rng = rng
        self.uuid = new_uuid(rng)
        self.applications: dict[str, Application] = {}
        self.relations: dict[int, Relation] = {}
        self.offers: dict[str, Offer] = {}
        self.remote_applications: dict[str, RemoteApplication] = {}
        self.secrets: dict[str, Secret] = {}
        self.machines: dict[str, Machine] = {}
        self.stores = stores
        self._all_models = all_models
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

    def find_related(self, name: str) -> RelatedApplication | None:
        """Find an application that the operator may name in a relation: the model's or a SAAS."""
        remote = self.remote_applications.get(name)
        saas = remote if remote and remote.is_saas else None
        return self.applications.get(name) or saas

    def relations_of(self, application: RelatedApplication) -> Iterator[Relation]:
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
        secret_id, model_uuid = id_of(reference), model_of(reference)
        if model_uuid in ("", self.uuid):
            return self.secrets.get(secret_id)
        found = (model for model in self._all_models() if model.uuid == model_uuid)
        return next((model.secrets.get(secret_id) for model in found), None)

    def secrets_of_all_models(self) -> Iterator[Secret]:
        """Return the model's own, and those of others, which its units may have been granted."""
        yield from self.secrets.values()
        for model in self._all_models():
            if model is not self:
                yield from model.secrets.values()

    def model_of_secret(self, secret: Secret) -> Model:
        owners = (model for model in self._all_models() if secret.id in model.secrets)
        return self if secret.id in self.secrets else next(owners, self)

    def reader_name(self, unit: Unit, secret: Secret) -> str:
        """Return what the secret's own model calls a unit of this model."""
        return unit.name if self.model_of_secret(secret) is self else unit.remote_name

    def may_read(self, secret: Secret, unit: Unit) -> bool:
        """Whether a unit may read a secret: its owner's units, and whoever it is granted to."""
        owner = self.model_of_secret(secret)
        reader = self.reader_name(unit, secret)
        names = (reader, reader.rpartition("/")[0])
        if owner is self and secret.owner in names:
            return True
        return any(target in names and owner.grants(by) for by, target in secret.grants)

    def grants(self, relation_id: int | None) -> bool:
        """Whether what has been granted for a relation holds: not while it is suspended."""
        relation = self.relations.get(relation_id) if relation_id is not None else None
        return relation is None or not relation.suspended
