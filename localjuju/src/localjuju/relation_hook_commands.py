"""The hook commands for relations: their arguments, output, errors and writes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from localjuju.hook_arguments import Call, HookCommandError, Switch, ValueOption, usage_error
from localjuju.hook_output import SMART
from localjuju.relation import Databag, Relation
from localjuju.uniter import Hook, Uniter


@dataclasses.dataclass(frozen=True)
class DatabagWrite:
    """A change of a databag by a hook that succeeded."""

    relation: Relation
    owner: str
    keys: tuple[str, ...]
    seen_by: tuple[str, ...]
    """The units that run relation-changed for it."""


class RelationHookCommands:
    """Answers these commands in one hook of one unit.

    Writes take effect only if the hook succeeds.
    """

    def __init__(self, uniter: Uniter, hook: Hook):
        self._uniter = uniter
        self._hook = hook
        self._unit = uniter.unit
        self._application = uniter.unit.application
        self._model = uniter.model
        self._unit_writes: dict[int, dict[str, str]] = {}
        self._app_writes: dict[int, dict[str, str]] = {}

    # Finding the relation

    @property
    def relations(self) -> dict[int, Relation]:
        """The relations that the unit takes part in, by id."""
        return {view.relation.id: view.relation for view in self._uniter.views.values()}

    def option(self) -> ValueOption:
        """Return the option that names a relation, by default the hook's own."""
        return ValueOption("r", "relation", default=self._hook.relation, read=self._find)

    def _find(self, reference: str) -> Relation:
        number = reference.rpartition(":")[2]
        if not re.fullmatch(r"[+-]?\d+", number):
            raise ValueError("invalid relation id")
        if int(number) not in self.relations:
            raise ValueError("relation not found")
        return self.relations[int(number)]

    # The commands

    def ids(self, call: Call) -> str:
        options = call.parse(takes=["endpoint"], formats=SMART)
        endpoint = options.endpoint
        if endpoint is None and self._hook.relation:
            endpoint = self._hook.relation.local(self._application).endpoint.name
        if not endpoint:
            raise usage_error("no endpoint name specified")
        found = [
            f"{endpoint}:{relation.id}"
            for relation in self.relations.values()
            if relation.local(self._application).endpoint.name == endpoint
            # relation-ids does not show a relation in its own relation-broken hook.
            and not (self._hook.kind == "relation-broken" and relation is self._hook.relation)
        ]
        return options.printed(tuple(sorted(found)))

    def list_members(self, call: Call) -> str:
        options = call.parse(self.option(), Switch("app"), formats=SMART)
        relation = _required_relation(options.relation)
        if options.app:
            return options.printed(relation.remote(self._application).application.name)
        return options.printed(tuple(self._uniter.relation_members(relation)))

    def get(self, call: Call) -> str:
        options = call.parse(self.option(), Switch("app"), takes=["key", "member"], formats=SMART)
        relation = _required_relation(options.relation)
        owner = self._databag_owner(options.app, options.member)
        if "/" in owner:
            data = self._unit_data(relation, owner)
        else:
            data = self._app_data(relation, owner)
        everything = options.key in (None, "", "-")
        return options.printed(data if everything else data.get(options.key))

    def _databag_owner(self, app: bool, named: str | None) -> str:
        """Return the unit or application whose databag relation-get reads."""
        if named and app:
            return named.partition("/")[0]
        if named and not re.fullmatch(r"[a-z][a-z0-9-]*/\d+", named):
            if re.fullmatch(r"[a-z][a-z0-9-]*", named):
                raise usage_error(f'expected unit name, got application name "{named}"')
            raise usage_error(f'invalid unit name "{named}"')
        default = self._hook.remote_unit or self._hook.remote_application
        if app:
            default = self._hook.remote_application
        owner = named or default
        if not owner:
            raise usage_error("no unit or application specified")
        return owner

    def _app_data(self, relation: Relation, owner: str) -> dict[str, str]:
        if owner not in [side.application.name for side in relation.sides]:
            raise HookCommandError(f'application "{owner}" not found (not found)')
        own = owner == self._application.name
        if own and not relation.is_peer and not self._unit.is_leader:
            raise HookCommandError("permission denied")
        data = dict(relation.app_databag(owner).data)
        return _merged(data, self._app_writes.get(relation.id)) if own else data

    def _unit_data(self, relation: Relation, owner: str) -> dict[str, str]:
        databag = relation.unit_databags.get(owner)
        if owner == self._unit.name:
            data = dict(databag.data) if databag else {}
            return _merged(data, self._unit_writes.get(relation.id))
        sibling = owner.partition("/")[0] == self._application.name and not relation.is_peer
        if databag is None or sibling:
            raise HookCommandError("permission denied")
        return dict(databag.data)

    def model_get(self, call: Call) -> str:
        options = call.parse(self.option(), formats=SMART)
        model = _required_relation(options.relation).other_model or self._model
        return options.printed({"uuid": model.uuid})

    def set(self, call: Call) -> str:
        # Juju accepts --format here, and ignores it.
        options = call.parse(
            self.option(), Switch("app"), ValueOption("file"), ValueOption("format"), rest="pairs"
        )
        relation = _required_relation(options.relation)
        changes = call.settings(options.pairs, options.file)
        if options.app and not self._unit.is_leader:
            raise HookCommandError("cannot write relation settings")
        writes = self._app_writes if options.app else self._unit_writes
        writes.setdefault(relation.id, {}).update(changes)
        return ""

    # When the hook ends

    @property
    def writes_as_leader(self) -> bool:
        """Whether the hook has written to a databag of the application."""
        return bool(self._app_writes)

    def check(self) -> None:
        """Raise a HookCommandError if the controller refuses the writes (Q4)."""
        for relation_id in {*self._unit_writes, *self._app_writes}:
            relation = self.relations[relation_id]
            created = self._hook.kind == "relation-created" and self._hook.relation is relation
            if created and not relation.admits(self._unit):
                raise HookCommandError("relation unit/application not found")

    def apply(self) -> list[DatabagWrite]:
        """Write the databags, and return the changes."""
        writes = []
        for relation_id, changes in self._unit_writes.items():
            writes.append(self._write(relation_id, self._unit.name, changes))
        for relation_id, changes in self._app_writes.items():
            writes.append(self._write(relation_id, self._application.name, changes))
        if self._hook.kind == "config-changed":
            writes += self._publish_address()
        return [write for write in writes if write.keys]

    def _write(self, relation_id: int, owner: str, changes: dict[str, str]) -> DatabagWrite:
        relation = self.relations[relation_id]
        databags = relation.unit_databags if "/" in owner else relation.app_databags
        keys = databags.setdefault(owner, Databag()).update(changes)
        return self._databag_write(relation, owner, keys)

    def _publish_address(self) -> list[DatabagWrite]:
        """Update the unit's address in its databags, as Juju does at the end of config-changed."""
        return [
            self._databag_write(
                relation, self._unit.name, self._model.publish_address(relation, self._unit)
            )
            for relation in self._model.relations_of(self._application)
            if self._unit.name in relation.in_scope
        ]

    def _databag_write(self, relation: Relation, owner: str, keys: list[str]) -> DatabagWrite:
        readers = relation.remote(self._application).application.sorted_units
        seen_by = [
            reader.name
            for reader in readers
            if relation.involves(reader) and ("/" not in owner or relation.shows(reader, owner))
        ]
        return DatabagWrite(relation, owner, tuple(keys), tuple(seen_by))


COMMANDS: dict[str, Callable[[RelationHookCommands, Call], str]] = {
    "relation-get": RelationHookCommands.get,
    "relation-ids": RelationHookCommands.ids,
    "relation-list": RelationHookCommands.list_members,
    "relation-model-get": RelationHookCommands.model_get,
    "relation-set": RelationHookCommands.set,
}


def _required_relation(relation: Relation | None) -> Relation:
    if relation is None:
        raise usage_error("no relation id specified")
    return relation


def _merged(data: dict[str, str], writes: dict[str, str] | None) -> dict[str, str]:
    """Return a databag as its own hook reads it, with the writes of the hook."""
    return {key: value for key, value in {**data, **(writes or {})}.items() if value != ""}
