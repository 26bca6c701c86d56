"""What has changed in a model since it was last looked at: units, relations, databags, secrets.

The model is compared with what it was, so that whoever changes it needs to tell nobody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localjuju.model import Application, Model
from localjuju.relation import Databag, Relation
from localjuju.secret import Secret
from localjuju.storage import StorageInstance

KeyChanges = dict[str, list[Any]]
"""By key: the old value and the new one, None where there is none."""


@dataclasses.dataclass(frozen=True)
class Change:
    """One difference between two moments of a model."""

    kind: str
    """``unit-added``, ``unit-updated``, ``unit-removed``, and so on for what a model has."""
    about: str
    """What has changed: a unit's name, an application's, a relation's or a secret's id."""
    details: Mapping[str, Any]
    """All of it where it was added or removed; what differs where it changed."""


Facts = dict[str, Any]


class ModelWatcher:
    """Remembers a model as it was when it was last looked at."""

    def __init__(self, model: Model):
        self._model = model
        self._before: dict[str, dict[str, Facts]] = {}
        self._bags: dict[str, tuple[int, dict[str, str]]] = {}
        self.secret_contents: set[str] = set()
        """Every value that a secret has ever had: no view of a run may show it."""

    def changes(self) -> list[Change]:
        """Return what has changed since the last call."""
        found: list[Change] = []
        for secret in self._model.secrets_of_all_models():
            for revision in secret.revisions.values():
                self.secret_contents.update(revision.content.values())
        for kind, describe, things in self._things():
            before = self._before.get(kind, {})
            now = {key: describe(thing) for key, thing in things.items()}
            self._before[kind] = now
            if now == before:
                continue
            for key, facts in now.items():
                if key not in before:
                    found.append(Change(f"{kind}-added", key, facts))
                elif facts != before[key]:
                    found.append(Change(f"{kind}-updated", key, compare(before[key], facts)))
            gone = [key for key in before if key not in now]
            found += [Change(f"{kind}-removed", key, before[key]) for key in gone]
        found += self._databag_changes()
        return found

    def _things(self) -> Iterator[tuple[str, Callable[[Any], Facts], dict[str, Any]]]:
        model = self._model
        yield "application", _application, model.applications
        yield "unit", _unit, model.units
        yield "relation", _relation, {str(one): r for one, r in model.relations.items()}
        yield "secret", _secret, model.secrets
        yield "storage", _storage, model.stores.instances

    def _databag_changes(self) -> Iterator[Change]:
        for relation in self._model.relations.values():
            for owner, bag in (*relation.unit_bags.items(), *relation.app_bags.items()):
                name = databag_name(relation, owner)
                version, data = self._bags.get(name, (0, {}))
                if bag.version != version:
                    self._bags[name] = bag.version, dict(bag.data)
                    yield _databag_change(name, bag, data)


def databag_name(relation: Relation, owner: str) -> str:
    """Name one side's data of a relation: ``1 mongodb/0`` or ``1 mongodb``."""
    return f"{relation.id} {owner}"


def _databag_change(name: str, bag: Databag, before: dict[str, str]) -> Change:
    keys = compare(before, bag.data)
    return Change("databag-updated", name, {"keys": keys, "version": bag.version})


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> KeyChanges:
    """Return the keys whose values differ, in the order of their names."""
    return {
        key: [before.get(key), after.get(key)]
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def _application(application: Application) -> Facts:
    return {
        "charm": application.charm.name,
        "subordinate": application.charm.subordinate,
        "leader": application.leader.name if application.leader else "",
        "life": application.life,
        "config": {key: str(value) for key, value in application.settings.items()},
        "charm-version": application.charm_version,
        "leader-settings": application.leader_settings.version,
    }


def _unit(unit: Any) -> Facts:
    return {
        "machine": unit.machine.number,
        "address": unit.machine.address,
        "principal": unit.principal.name if unit.principal else "",
        "life": unit.life,
    }


def _relation(relation: Relation) -> Facts:
    return {
        "interface": relation.interface,
        "scope": relation.scope,
        "ends": [
            [side.application.name, side.endpoint.name, side.endpoint.role]
            for side in relation.sides
        ],
        "units": sorted(relation.in_scope),
        "life": relation.life,
    }


def _secret(secret: Secret) -> Facts:
    return {
        "owner": secret.owner,
        "label": secret.label,
        "revision": secret.latest if secret.revisions else 0,
        "revisions": sorted(secret.revisions),
        "granted-to": sorted(target for _, target in secret.grants),
        "read": dict(sorted(secret.tracked.items())),
    }


def _storage(instance: StorageInstance) -> Facts:
    return {
        "unit": instance.unit.name if instance.unit else "",
        "life": "dying" if instance.detaching else "alive",
    }
