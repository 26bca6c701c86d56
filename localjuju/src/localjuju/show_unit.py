"""The data of ``juju show-unit``."""

from __future__ import annotations

from typing import Any

from localjuju.model import Model, Unit
from localjuju.relation import Relation


def describe_unit(model: Model, unit: Unit) -> dict[str, Any]:
    """Return the data of one unit, with its relations and the databags that it can read."""
    return {
        unit.name: {
            "machine": unit.machine.number,
            "opened-ports": sorted(unit.ports) or None,
            "public-address": unit.machine.address,
            "charm": f"local:{unit.application.charm.name}-{unit.application.revision}",
            **({"workload-version": unit.workload_version} if unit.workload_version else {}),
            "leader": unit.is_leader,
            "life": unit.life,
            "relation-info": [
                _relation(model, relation, unit)
                for relation in model.relations_of(unit.application)
            ],
        }
    }


def _relation(model: Model, relation: Relation, unit: Unit) -> dict[str, Any]:
    remote = relation.remote(unit.application)
    own = model.behaviour.show_unit_shows_own_application_data
    shown = unit.application if own else remote.application
    described: dict[str, Any] = {
        "relation-id": relation.id,
        "endpoint": relation.local(unit.application).endpoint.name,
        "related-endpoint": remote.endpoint.name,
        **({"cross-model": True} if relation.other_model else {}),
        "application-data": dict(relation.app_databag(shown.name).data),
        "local-unit": {"in-scope": False, "data": None},
    }
    if relation.is_peer:
        described["local-unit"] = _databag(relation, unit.name)
    units = [u for u in remote.application.sorted_units if u is not unit]
    related = {u.name: _related_unit(relation, unit, u) for u in units}
    if relation.other_model:
        related = {n: _databag(relation, n) for n in relation.visible_to(unit)}
    if related:
        described["related-units"] = related
    return described


def _related_unit(relation: Relation, unit: Unit, other: Unit) -> dict[str, Any]:
    """Describe a related unit. Subordinates of other principals have no data."""
    subordinate = other.application.charm.subordinate
    elsewhere = other.principal is not (unit.principal or unit)
    if relation.scope == "container" and subordinate and elsewhere:
        return {"in-scope": False, "data": {}}
    return _databag(relation, other.name)


def _databag(relation: Relation, unit: str) -> dict[str, Any]:
    if unit not in relation.in_scope:
        return {"in-scope": False, "data": {}}
    return {"in-scope": True, "data": dict(relation.unit_databags[unit].data)}
