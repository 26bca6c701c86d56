"""A relation: its ends, who is in its scope, and the databags."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, Protocol

from localjuju.charm import Endpoint
from localjuju.versions import Behaviour

if TYPE_CHECKING:
    from localjuju.model import Model, Unit

Life = Literal["alive", "dying"]


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
    version: int = 0
    """Rises when something may have changed of which units are told."""
    _noticed: object = None

    def notice_changes(self) -> None:
        """Compare with the last look. Every unit's agent looks at the version alone."""
        units = [unit for side in self.sides for unit in side.application.units.values()]
        bags = (*self.unit_bags.values(), *self.app_bags.values())
        present = (
            self.is_active,
            frozenset(self.in_scope),
            [(unit.name, unit.life) for unit in units],
            [bag.version for bag in bags],
        )
        if present != self._noticed:
            self._noticed = present
            self.version += 1

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
        return sorted((n for n in self.in_scope if self.shows(unit, n)), key=unit_number)

    def shows(self, unit: Unit, name: str) -> bool:
        """Whether ``unit`` sees the unit of that name on the other side."""
        remote = self.remote(unit.application).application
        if name not in self.in_scope or name.partition("/")[0] != remote.name or name == unit.name:
            return False
        if self.behaviour.departure_is_seen_at_once and not remote.has_present(name):
            return False
        hides = self.scope == "container" and self.behaviour.container_scope_hides_other_machines
        return not hides or self._shares_machine(unit, name)

    def _shares_machine(self, unit: Unit, other: str) -> bool:
        if unit.principal and other == unit.principal.name:
            return True
        subordinate = self.remote(unit.application).application.units.get(other)
        return subordinate is not None and subordinate.principal is (unit.principal or unit)


def unit_number(name: str) -> int:
    """Sort key of unit names: ``app/10`` comes after ``app/9``."""
    return int(name.rpartition("/")[2])
