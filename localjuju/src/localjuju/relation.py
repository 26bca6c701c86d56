"""A relation: its ends, the units in its scope, and the databags."""

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
    """The data of one unit or application in a relation. Each change increases the version."""

    data: dict[str, str] = dataclasses.field(default_factory=dict)
    version: int = 0

    def update(self, changes: dict[str, str]) -> list[str]:
        """Set keys, delete those with an empty value, and return the keys that changed."""
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
    """The application at an end of a relation, in this model or in another."""

    name: str
    units: dict[str, Unit]
    """The units in this model."""
    life: Life

    @property
    def endpoints(self) -> dict[str, Endpoint]: ...

    @property
    def subordinate(self) -> bool: ...

    @property
    def sorted_units(self) -> list[Unit]: ...

    @property
    def goal_state_name(self) -> str | None:
        """The name in the output of goal-state, None if goal-state omits the application."""
        ...

    @property
    def accepts_secret_grants(self) -> bool:
        """Whether applications of this model can grant secrets to it."""
        ...

    def has_alive_unit(self, unit: str) -> bool:
        """Whether it has a unit of this name that is not dying."""
        ...


@dataclasses.dataclass
class Side:
    """One end of a relation: an application and its endpoint."""

    application: RelatedApplication
    endpoint: Endpoint


@dataclasses.dataclass(eq=False)
class Relation:
    """A relation: its ends, the units in its scope, and the databags."""

    id: int
    sides: tuple[Side, ...]
    behaviour: Behaviour
    life: Life = "alive"
    suspended: bool = False
    other_model: Model | None = None
    """The model of the other end, if it is not this model."""
    in_scope: set[str] = dataclasses.field(default_factory=set)
    """The names of the units that have entered the relation and not left it."""
    unit_databags: dict[str, Databag] = dataclasses.field(default_factory=dict)
    """By the unit's name. A databag stays when its unit leaves."""
    app_databags: dict[str, Databag] = dataclasses.field(default_factory=dict)
    """By the application's name."""
    version: int = 0
    """It increases when something has changed, and units may have to run hooks."""
    _noticed: object = None

    def notice_changes(self) -> None:
        """Increase the version if the relation has changed since the last call.

        Agents then compare only the version, which is faster.
        """
        units = [unit for side in self.sides for unit in side.application.units.values()]
        databags = (*self.unit_databags.values(), *self.app_databags.values())
        present = (
            self.is_active,
            frozenset(self.in_scope),
            [(unit.name, unit.life) for unit in units],
            [databag.version for databag in databags],
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
        """``container`` if at least one end declares it, as in Juju, otherwise ``global``."""
        scopes = {side.endpoint.scope for side in self.sides}
        return "container" if "container" in scopes else "global"

    @property
    def interface(self) -> str:
        return self.sides[0].endpoint.interface

    @property
    def key(self) -> str:
        """The name of the relation on the command line, with the requirer first."""
        sides = sorted(self.sides, key=lambda side: side.endpoint.role != "requires")
        return " ".join(f"{s.application.name}:{s.endpoint.name}" for s in sides)

    def local(self, application: RelatedApplication) -> Side:
        return next(s for s in self.sides if s.application is application)

    def remote(self, application: RelatedApplication) -> Side:
        return next((s for s in self.sides if s.application is not application), self.sides[0])

    def app_databag(self, application: str) -> Databag:
        return self.app_databags.setdefault(application, Databag())

    def members_of(self, application: RelatedApplication) -> list[str]:
        """Return the names of an application's units that are in scope."""
        return [name for name in self.in_scope if name.partition("/")[0] == application.name]

    def involves(self, unit: Unit) -> bool:
        """Whether a unit runs hooks for the relation and sees the units of the other side."""
        if unit.application not in [side.application for side in self.sides]:
            return False
        if self._is_implicit_on(unit):
            return False
        if self.scope == "container" and unit.principal:
            own = self._can_share_machine(unit)
            return own or not self.behaviour.subordinate_sees_own_principal_only
        return True

    def admits(self, unit: Unit) -> bool:
        """Whether a unit enters the scope, so that the other side sees it.

        On Juju 4 a subordinate unit can run the hooks of a relation that does not admit it (Q4).
        """
        if unit.application not in [side.application for side in self.sides]:
            return False
        if self.scope == "container" and unit.application.charm.subordinate:
            return unit.principal is not None and self._can_share_machine(unit)
        return True

    def _can_share_machine(self, unit: Unit) -> bool:
        """Whether units of the other end can be on the machine of a subordinate unit."""
        remote = self.remote(unit.application).application
        own = unit.principal is not None and remote is unit.principal.application
        return own or remote.subordinate

    def _is_implicit_on(self, unit: Unit) -> bool:
        """Whether a unit provides the implicit juju-info here. Then it runs no hooks for it."""
        endpoint = self.local(unit.application).endpoint
        return endpoint.name == "juju-info" and endpoint.role == "provides"

    def visible_to(self, unit: Unit) -> list[str]:
        """Return the names of the units that ``unit`` sees on the other side, in order."""
        return sorted((n for n in self.in_scope if self.shows(unit, n)), key=unit_number)

    def shows(self, unit: Unit, name: str) -> bool:
        """Whether ``unit`` sees the unit with this name on the other side."""
        remote = self.remote(unit.application).application
        if name not in self.in_scope or name.partition("/")[0] != remote.name or name == unit.name:
            return False
        if self.behaviour.departure_is_seen_at_once and not remote.has_alive_unit(name):
            return False
        hides = self.scope == "container" and self.behaviour.container_scope_hides_other_machines
        return not hides or self._shares_machine(unit, name)

    def _shares_machine(self, unit: Unit, other: str) -> bool:
        if unit.principal and other == unit.principal.name:
            return True
        subordinate = self.remote(unit.application).application.units.get(other)
        return subordinate is not None and subordinate.principal is (unit.principal or unit)


def unit_number(name: str) -> int:
    """Return the number of a unit. As a sort key it puts ``app/10`` after ``app/9``."""
    return int(name.rpartition("/")[2])
