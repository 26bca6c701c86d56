"""Relations between applications of two models: offers, and what each model knows of the other.

Each model has its own relation, with its own id. One end is the model's own application. The other
end is a :class:`RemoteApplication`, which represents the application of the other model.
:meth:`CrossModelRelation.synchronise` copies changes between the two relations, as Juju's remote
relations worker does.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Container

from localjuju.charm import Endpoint
from localjuju.model import Application, Model, Unit
from localjuju.model_reference import qualified
from localjuju.relation import Life, Relation, Side


@dataclasses.dataclass(eq=False)
class Offer:
    """Endpoints of an application that other models can use."""

    name: str
    uuid: str
    model: Model
    application: Application
    endpoint_names: list[str]

    @property
    def url(self) -> str:
        return f"{qualified(self.model.name)}.{self.name}"

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        declared = self.application.endpoints
        return {name: declared[name] for name in self.endpoint_names if name in declared}

    @property
    def exists(self) -> bool:
        return self.model.offers.get(self.name) is self


@dataclasses.dataclass(eq=False)
class RemoteApplication:
    """An application of another model, as a model knows it.

    In the consuming model it is the offer, with the name that the operator chose (SAAS). In the
    offering model it is the application that uses the offer, with a random name.
    """

    name: str
    offer: Offer
    endpoints: dict[str, Endpoint]
    is_saas: bool
    life: Life = "alive"

    units: dict[str, Unit] = dataclasses.field(default_factory=dict)
    """Always empty: the units belong to the other model."""

    subordinate = False

    @property
    def sorted_units(self) -> list[Unit]:
        return []

    @property
    def goal_state_name(self) -> str | None:
        return self.offer.url if self.is_saas else None

    @property
    def accepts_secret_grants(self) -> bool:
        return not self.is_saas

    def has_alive_unit(self, unit: str) -> bool:
        """Return True, because :class:`End` has already removed dying units from the scope."""
        del unit
        return True


@dataclasses.dataclass(eq=False)
class End:
    """One end of a cross-model relation, in one of the two models."""

    model: Model
    relation: Relation
    application: Application
    remote: RemoteApplication

    @property
    def endpoint_name(self) -> str:
        return self.relation.local(self.application).endpoint.name

    @property
    def has_relation(self) -> bool:
        return self.relation.id in self.model.relations

    def shown_units(self) -> list[str]:
        """Return the names of the model's own units that the other model sees."""
        at_once = self.model.behaviour.departure_is_seen_at_once
        return [
            name
            for name in self.relation.members_of(self.application)
            if not at_once or self.application.has_alive_unit(name)
        ]

    def set_remote_units(self, shown: list[str], other: End) -> bool:
        """Make these units the only remote units in scope.

        Both models share the databag of a unit.

        Args:
            shown: the names of the units in the other model.
            other: the other end of the relation.

        Returns:
            Whether anything has changed.
        """
        names = {f"{self.remote.name}/{name.rpartition('/')[2]}": name for name in shown}
        before = set(self.relation.members_of(self.remote))
        self.relation.in_scope -= before - set(names)
        self.relation.in_scope |= set(names)
        for name, at_home in names.items():
            self.relation.unit_databags[name] = other.relation.unit_databags[at_home]
        return before != set(names)


class CrossModelRelation:
    """Two relations, one in each model, with the same content."""

    def __init__(self, offer: Offer, offering: End, consuming: End):
        self.offer = offer
        self.offering = offering
        self.consuming = consuming
        for end, other in self._both_ways():
            databag = end.relation.app_databag(end.application.name)
            other.relation.app_databags[other.remote.name] = databag

    def _both_ways(self) -> list[tuple[End, End]]:
        return [(self.offering, self.consuming), (self.consuming, self.offering)]

    @property
    def is_finished(self) -> bool:
        """Whether both models have removed it."""
        return not any(end.has_relation for end in (self.offering, self.consuming))

    @property
    def status(self) -> str:
        """The status that Juju prints."""
        if self.offering.relation.suspended:
            return "suspended"
        return "joined" if self.offering.relation.in_scope else "joining"

    def remove(self) -> None:
        """Remove it in both models."""
        self.offering.relation.life = self.consuming.relation.life = "dying"

    def set_suspended(self, suspended: bool) -> None:
        """Suspend or resume it in both models. Units leave a suspended relation."""
        self.offering.relation.suspended = self.consuming.relation.suspended = suspended

    def synchronise(self, models: Container[Model]) -> bool:
        """Copy the changes of each model to the other, and return whether there were any.

        Args:
            models: all models of the controller.
        """
        alive = [end.relation.life == "alive" for end in (self.offering, self.consuming)]
        over = any(
            not end.has_relation or end.relation.life == "dying" or end.model not in models
            for end in (self.offering, self.consuming)
        )
        if over:
            self.remove()
        changed = over and any(alive)
        for end, other in self._both_ways():
            shown = end.shown_units() if end.model in models else []
            changed |= other.set_remote_units(shown, end)
        return changed


class CrossModelRelations:
    """All cross-model relations of a controller."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._relations: list[CrossModelRelation] = []

    def of(self, offer: Offer) -> list[CrossModelRelation]:
        """Return the relations to an offer, in the order of their creation."""
        return [one for one in self._relations if one.offer is offer]

    def with_relation(self, model: Model, relation: Relation) -> CrossModelRelation | None:
        """Return the cross-model relation that a model's relation is a part of, if any."""
        for one in self._relations:
            for end in (one.offering, one.consuming):
                if end.model is model and end.relation is relation:
                    return one
        return None

    def connect(self, model: Model, relation: Relation) -> None:
        """If a relation is to an offer, create its other half in the offering model."""
        for side in relation.sides:
            if isinstance(side.application, RemoteApplication):
                self._connect(model, relation, side.application, side.endpoint)

    def _connect(
        self, model: Model, relation: Relation, saas: RemoteApplication, endpoint: Endpoint
    ) -> None:
        own = next(side for side in relation.sides if side.application is not saas)
        consumer = model.applications[own.application.name]
        consumer.remote_name = consumer.remote_name or f"remote-{self._rng.getrandbits(128):032x}"
        offer = saas.offer
        known = offer.model.remote_applications
        remote = known.setdefault(
            consumer.remote_name, RemoteApplication(consumer.remote_name, offer, {}, False)
        )
        remote.endpoints[own.endpoint.name] = own.endpoint
        offered = offer.model.add_relation(
            Side(offer.application, endpoint), Side(remote, own.endpoint)
        )
        offered.other_model, relation.other_model = model, offer.model
        self._relations.append(
            CrossModelRelation(
                offer,
                End(offer.model, offered, offer.application, remote),
                End(model, relation, consumer, saas),
            )
        )

    def synchronise(self, models: list[Model]) -> bool:
        """Copy changes between all models, and return whether there were any.

        Args:
            models: all models of the controller.
        """
        changed = False
        for relation in list(self._relations):
            changed |= relation.synchronise(models)
            if relation.is_finished:
                self._relations.remove(relation)
        for model in models:
            for remote in list(model.remote_applications.values()):
                if remote.offer.model not in models:
                    remote.offer.model.offers.clear()
                used = any(model.relations_of(remote))
                if not used and (remote.life == "dying" or not remote.is_saas):
                    del model.remote_applications[remote.name]
        return changed
