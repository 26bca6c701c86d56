"""The model: applications, units, relations, secrets and machines."""

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
from localjuju.secret import Secret, id_of, model_uuid_of
from localjuju.storage import ModelStorage
from localjuju.storage_directives import StorageDirective
from localjuju.versions import Behaviour

if TYPE_CHECKING:
    from localjuju.cross_model import Offer, RemoteApplication
    from localjuju.operations import Operation


@dataclasses.dataclass
class Status:
    """A status, as ``status-set`` sets it, and the time when it was set."""

    current: str
    message: str = ""
    since: float = 0.0


@dataclasses.dataclass(eq=False)
class Unit:
    """A unit, and what its agent reports about it."""

    name: str
    application: Application
    machine: Machine
    folder: pathlib.Path
    principal: Unit | None
    workload_status: Status
    agent_status: Status
    charm: Charm
    """The charm that it runs. After a refresh this is the old charm until the unit upgrades."""
    charm_version: int | None = None
    """The application's ``charm_version`` of this charm, None before the first hook."""
    workload_version: str = ""
    ports: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    """The open ports, and the endpoints of each. An empty name means all endpoints."""
    life: Life = "alive"

    @property
    def number(self) -> int:
        return int(self.name.rpartition("/")[2])

    @property
    def remote_name(self) -> str:
        """The name of the unit in other models."""
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
    storage: dict[str, StorageDirective] = dataclasses.field(default_factory=dict)
    """The storage that each new unit gets, as the operator requested it."""
    config_version: int = 1
    units: dict[str, Unit] = dataclasses.field(default_factory=dict)
    revision: int = 0
    """The revision of its charm. Each refresh increases it."""
    charm_version: int = 0
    """Each refresh and each new resource increases it, and then units run upgrade-charm."""
    next_unit: int = 0
    leader: Unit | None = None
    leader_settings: Databag = dataclasses.field(default_factory=Databag)
    status: Status | None = None
    workload_version: str = ""
    life: Life = "alive"
    exposed_to: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """By endpoint: the networks that it is exposed to. An empty name means all endpoints."""
    trusted: bool = False
    constraints: Constraints = dataclasses.field(default_factory=dict)
    """The constraints for the machines of its new units."""

    remote_name: str = ""
    """The name of the application in the models whose offers it uses."""

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
    def goal_state_name(self) -> str | None:
        return self.name

    @property
    def accepts_secret_grants(self) -> bool:
        return True

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that has a value: the one that was set, or the default."""
        defaults = {name: option.get("default") for name, option in self.charm.options.items()}
        merged = {**defaults, **self.config}
        return {name: value for name, value in merged.items() if value is not None}

    @property
    def sorted_units(self) -> list[Unit]:
        return sorted(self.units.values(), key=lambda unit: unit.number)

    def has_alive_unit(self, unit: str) -> bool:
        return unit in self.units and self.units[unit].life == "alive"


def new_uuid(rng: random.Random) -> str:
    """Return a UUID for a model or a controller."""
    return f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"


class Model:
    """Everything that a Juju controller stores about a model."""

    def __init__(
        self,
        behaviour: Behaviour,
        rng: random.Random,
        storage: ModelStorage,
        name: str = "local",
        all_models: Callable[[], Iterable[Model]] = tuple,
    ):
        """Make an empty model.

        Args:
            behaviour: how the version of Juju behaves.
            rng: decides the order if Juju guarantees none.
            storage: the storage of the model.
            name: the name of the model.
            all_models: returns all models of the controller. Units may read their secrets.
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
        self.operations: list[Operation] = []
        self.storage = storage
        self._all_models = all_models
        self.config: dict[str, str] = {}
        """The model options that the operator has set."""
        self.constraints: Constraints = {}
        """The constraints for new machines. The constraints of an application override them."""
        self._relation_ids = itertools.count()
        self._task_ids = itertools.count(1)

    def next_task_id(self) -> int:
        return next(self._task_ids)

    @property
    def units(self) -> dict[str, Unit]:
        """Every unit, by name."""
        return {unit.name: unit for app in self.applications.values() for unit in app.sorted_units}

    def find_unit(self, name: str) -> Unit | None:
        """Find a unit by its name, or the leader by ``app/leader``."""
        application, _, number = name.partition("/")
        if number == "leader":
            found = self.applications.get(application)
            return found.leader if found else None
        return self.units.get(name)

    def offers_of(self, application: Application) -> list[Offer]:
        return [offer for offer in self.offers.values() if offer.application is application]

    def find_related(self, name: str) -> RelatedApplication | None:
        """Find an application of the model, or a SAAS, that can be integrated."""
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
        """Let a unit enter a relation. From then on the other side can see it."""
        relation.in_scope.add(unit.name)
        self.publish_address(relation, unit)

    def publish_address(self, relation: Relation, unit: Unit) -> list[str]:
        """Publish a unit's address in its databag, and return the keys that changed."""
        address = unit.machine.address
        data = {"ingress-address": address, "egress-subnets": f"{address}/32"}
        if self.behaviour.legacy_leader_settings_and_private_address:
            data["private-address"] = address
        return relation.unit_databags.setdefault(unit.name, Databag()).update(data)

    def drop_relation_if_finished(self, relation: Relation) -> None:
        """Remove a dying relation, with its grants, when no unit is in it any more."""
        if relation.life == "alive" or relation.in_scope:
            return
        del self.relations[relation.id]
        for secret in self.secrets.values():
            secret.grants = {grant for grant in secret.grants if grant[0] != relation.id}

    def ensure_leader(self, application: Application) -> None:
        """Choose a leader if the application has none, or if the leader was removed."""
        if application.leader and application.leader.name in application.units:
            return
        candidates = [u for u in application.sorted_units if u.life == "alive"]
        candidates = candidates or application.sorted_units
        application.leader = self.rng.choice(candidates) if candidates else None

    def new_secret_id(self) -> str:
        return "".join(self.rng.choices(string.digits + "abcdefghijklmnopqrstuv", k=20))

    def find_secret(self, reference: str) -> Secret | None:
        """Find a secret by ``secret:<id>``, ``secret://<model-uuid>/<id>`` or the bare id."""
        secret_id, model_uuid = id_of(reference), model_uuid_of(reference)
        if model_uuid in ("", self.uuid):
            return self.secrets.get(secret_id)
        found = (model for model in self._all_models() if model.uuid == model_uuid)
        return next((model.secrets.get(secret_id) for model in found), None)

    def secrets_of_all_models(self) -> Iterator[Secret]:
        """Return the secrets of this model and of the others. Units may have grants for them."""
        yield from self.secrets.values()
        for model in self._all_models():
            if model is not self:
                yield from model.secrets.values()

    def model_of_secret(self, secret: Secret) -> Model:
        """Return the model that stores a secret."""
        owners = (model for model in self._all_models() if secret.id in model.secrets)
        return self if secret.id in self.secrets else next(owners, self)

    def reader_name(self, unit: Unit, secret: Secret) -> str:
        """Return the name that a unit of this model has in the secret's model."""
        return unit.name if self.model_of_secret(secret) is self else unit.remote_name

    def may_read(self, secret: Secret, unit: Unit) -> bool:
        """Whether a unit may read a secret: as a unit of the owner, or because of a grant."""
        owner = self.model_of_secret(secret)
        reader = self.reader_name(unit, secret)
        names = (reader, reader.rpartition("/")[0])
        if owner is self and secret.owner in names:
            return True
        return any(target in names and owner.grants_are_valid(by) for by, target in secret.grants)

    def grants_are_valid(self, relation_id: int | None) -> bool:
        """Whether grants for a relation are valid. They are invalid while it is suspended."""
        relation = self.relations.get(relation_id) if relation_id is not None else None
        return relation is None or not relation.suspended
