"""Finds what has changed in a model since the last call: units, relations, databags, secrets.

It compares the model with a copy of its last state, so the code that changes a model does not have
to report the changes.
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
"""By key: the old value and the new value, None if there is none."""


@dataclasses.dataclass(frozen=True)
class Change:
    """One difference between two states of a model."""

    kind: str
    """``unit-added``, ``unit-updated``, ``unit-removed``, and the same for the other objects."""
    about: str
    """The name of a unit, an application or a databag, or the id of a relation or a secret."""
    details: Mapping[str, Any]
    """All facts of an object that was added or removed; only the differences of a changed one."""


Facts = dict[str, Any]


class ModelWatcher:
    """Remembers the last state of a model, to find changes."""

    def __init__(self, model: Model):
        self._model = model
        self._before: dict[str, dict[str, Facts]] = {}
        self._databags: dict[str, tuple[int, dict[str, str]]] = {}
        self.secret_contents: set[str] = set()
        """Every value that a secret has ever had. No view of a run may show them."""

    def changes(self) -> list[Change]:
        """Return the changes since the last call."""
        found: list[Change] = []
        for secret in self._model.secrets_of_all_models():
            for revision in secret.revisions.values():
                self.secret_contents.update(revision.content.values())
        for kind, describe, objects in self._objects():
            before = self._before.get(kind, {})
            now = {key: describe(one) for key, one in objects.items()}
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

    def _objects(self) -> Iterator[tuple[str, Callable[[Any], Facts], dict[str, Any]]]:
        model = self._model
        yield "application", _application, model.applications
        yield "unit", _unit, model.units
        yield "relation", _relation, {str(one): r for one, r in model.relations.items()}
        yield "secret", _secret, model.secrets
        yield "storage", _storage, model.storage.instances

    def _databag_changes(self) -> Iterator[Change]:
        for relation in self._model.relations.values():
            databags = {**relation.unit_databags, **relation.app_databags}
            for owner, databag in databags.items():
                name = databag_name(relation, owner)
                version, data = self._databags.get(name, (0, {}))
                if databag.version != version:
                    self._databags[name] = databag.version, dict(databag.data)
                    yield _databag_change(name, databag, data)


def databag_name(relation: Relation, owner: str) -> str:
    """Return the name of a databag: the relation's id and the owner, as in ``1 mongodb/0``."""
    return f"{relation.id} {owner}"


def _databag_change(name: str, databag: Databag, before: dict[str, str]) -> Change:
    keys = compare(before, databag.data)
    return Change("databag-updated", name, {"keys": keys, "version": databag.version})


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> KeyChanges:
    """Return the keys whose values differ, sorted by name."""
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
