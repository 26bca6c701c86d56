"""The model: applications, units, relations, secrets, machines. The only state there is."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import random
import string
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from localjuju.charm import Charm, Endpoint
from localjuju.constraints import Constraints
from localjuju.machine import Machine
from localjuju.relation import Databag, Life, RelatedApplication, Relation, Side
from localjuju.secret import Secret, id_of, model_of
from localjuju.storage import Directive, Stores
from localjuju.versions import Behaviour

if TYPE_CHECKING:
    from localjuju.cross_model import Offer, RemoteApplication


@dataclasses.dataclass
class Status:
    """A status as ``status-set`` gives it, and since when."""

    current: str
    message: str = ""
    since: float = 0.0


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


def new_uuid(rng: random.Random) -> str:
    """Return a UUID, of a model or a controller."""
    return f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"


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

    def offers_of(self, application: Application) -> list[Offer]:
        return [offer for offer in self.offers.values() if offer.application is application]

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
