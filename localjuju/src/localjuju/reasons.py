"""Why a hook runs: a sentence, and the hooks and commands that triggered it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from localjuju.hook_record import Reason
from localjuju.model import Relation
from localjuju.model_changes import Change, databag_name
from localjuju.secret import Secret
from localjuju.uniter import Hook, Uniter

Name = Callable[[int], str]
"""Returns the name of the event at an index: ``in hook 36``, ``with `juju integrate a b` ``."""


class Reasons:
    """Remembers which event caused each change, and finds what triggered a hook."""

    def __init__(self, name_event: Name):
        self._name = name_event
        self._indices: dict[tuple[str, str], int] = {}
        """By kind of change and its object: the index of the last event that caused it."""
        self._writes: dict[str, list[tuple[int, int, str]]] = {}
        """By databag: the version, the index of the event that wrote it, and the keys."""
        self._former_leaders: dict[str, str] = {}

    # Noting events

    def note_changes(self, index: int, changes: Iterable[Change]) -> None:
        """Note the changes that an event made."""
        for change in changes:
            self._indices[change.kind, change.about] = index
            if change.kind == "databag-updated":
                keys = ", ".join(change.details["keys"])
                writes = self._writes.setdefault(change.about, [])
                writes.append((change.details["version"], index, keys))
            elif change.kind.endswith("-updated"):
                for name in change.details:
                    self._indices[name, change.about] = index
                if change.kind == "application-updated" and "leader" in change.details:
                    self._former_leaders[change.about] = change.details["leader"][0]

    def note_hook(self, index: int, unit: str, hook: Hook, failed: bool) -> None:
        """Note that a hook has run."""
        self._indices["ran", f"{unit} {hook}"] = index
        if not failed:
            self._indices["ran", f"{unit} {hook.kind}"] = index

    def note_command(self, index: int, command: str) -> None:
        """Note a command of the operator."""
        self._indices["command", command.partition(" ")[0]] = index

    # Why a hook runs

    def reason_for(self, uniter: Uniter, hook: Hook) -> Reason:
        """Return why a unit's hook runs. Call this before the hook starts."""
        if hook is uniter.failed:
            index = self._ran(uniter, hook)
            return self._reason("It failed", index, end=", and Juju runs it again.")
        if hook is uniter.interrupted:
            index = self._ran(uniter, hook)
            return self._reason("The machine restarted", index, end=", so the hook runs again.")
        if hook.relation:
            return self._relation_reason(uniter, hook, hook.relation)
        if hook.secret:
            return self._secret_reason(uniter, hook, hook.secret)
        if hook.storage:
            return self._storage_reason(uniter, hook, hook.storage.id)
        return self._LIFECYCLE[hook.kind](self, uniter, hook)

    def _task(self, _uniter: Uniter, hook: Hook) -> Reason:
        command = "run" if hook.kind == "action" else "exec"
        return self._reason("The operator ran it", self._index("command", command))

    def _install(self, uniter: Uniter, _hook: Hook) -> Reason:
        unit, principal = uniter.unit, uniter.unit.principal
        if principal is None:
            return self._reason("The unit was added", self._index("unit-added", unit.name))
        indices = [
            self._index("relation-added", str(relation.id))
            for relation in uniter.model.relations_of(unit.application)
            if relation.scope == "container"
            and relation.remote(unit.application).application is principal.application
        ]
        begin = f"It is a subordinate of {principal.name}. The applications were integrated"
        return self._reason(begin, *indices)

    def _leader_elected(self, uniter: Uniter, _hook: Hook) -> Reason:
        unit, application = uniter.unit.name, uniter.unit.application.name
        if former := self._former_leaders.get(application):
            begin = f"{former} was the previous leader of {application}. Juju chose {unit}"
            return self._reason(begin, self._index("leader", application))
        begin = f"Juju chose {unit} as the leader of {application}, which was deployed"
        return self._reason(begin, self._index("application-added", application))

    def _leader_settings_changed(self, uniter: Uniter, hook: Hook) -> Reason:
        if not hook.because:
            return Reason("Juju 3.6 runs it once on each unit that is not the leader.")
        index = self._index("leader-settings", uniter.unit.application.name)
        return self._reason("The leader changed the leader settings", index)

    def _upgrade_charm(self, uniter: Uniter, _hook: Hook) -> Reason:
        index = self._index("charm-version", uniter.unit.application.name)
        return self._reason("The application got a new charm or resource", index)

    def _config_changed(self, uniter: Uniter, hook: Hook) -> Reason:
        unit = uniter.unit
        if hook.because == "upgraded":
            return self._follows(unit.name, "upgrade-charm")
        if hook.because == "address":
            return Reason(f"The machine has a new address: {unit.machine.address}.")
        if hook.because == "options":
            index = self._index("config", unit.application.name)
            return self._reason("Options were changed", index)
        index = self._index("ran", f"{unit.name} install")
        begin = "Every unit runs it once after install, which ran"
        return self._reason(begin, index, end=", and before start.")

    def _start(self, uniter: Uniter, hook: Hook) -> Reason:
        if hook.because == "restarted":
            return Reason("The machine restarted.")
        return self._follows(uniter.unit.name, "config-changed")

    def _stop(self, uniter: Uniter, _hook: Hook) -> Reason:
        return self._removed(uniter.unit.name)

    def _remove(self, uniter: Uniter, _hook: Hook) -> Reason:
        return self._follows(uniter.unit.name, "stop")

    def _update_status(self, _uniter: Uniter, _hook: Hook) -> Reason:
        return Reason("Juju runs it at a regular interval.")

    _LIFECYCLE: ClassVar[dict[str, Callable[[Reasons, Uniter, Hook], Reason]]] = {
        "action": _task,
        "config-changed": _config_changed,
        "exec": _task,
        "install": _install,
        "leader-elected": _leader_elected,
        "leader-settings-changed": _leader_settings_changed,
        "remove": _remove,
        "start": _start,
        "stop": _stop,
        "update-status": _update_status,
        "upgrade-charm": _upgrade_charm,
    }

    def _relation_reason(self, uniter: Uniter, hook: Hook, relation: Relation) -> Reason:
        unit = uniter.unit
        added = self._index("relation-added", str(relation.id))
        if hook.kind == "relation-created":
            if relation.is_peer:
                index = self._index("unit-added", unit.name)
                begin = "Each new unit runs it for a peer relation. This unit was added"
                return self._reason(begin, index)
            return self._reason("The applications were integrated", added)
        if hook.kind == "relation-joined":
            if relation.other_model:
                where = f"of the model {relation.other_model.name}"
                return Reason(f"{hook.remote_unit} {where} joined the relation.")
            came = self._index("ran", f"{hook.remote_unit} install")
            own = self._index("ran", f"{unit.name} install")
            latest = max((p for p in (added, came, own) if p is not None), default=None)
            if latest is not None and latest == own:
                begin = f"{hook.remote_unit} was in the relation when {unit.name} joined it"
                return self._reason(begin, own)
            return self._reason(f"{hook.remote_unit} joined the relation", latest)
        if hook.kind == "relation-changed":
            return self._changed_reason(uniter, hook, relation)
        if unit.life == "dying":
            return self._removed(unit.name)
        if relation.life == "dying":
            index = self._index("life", str(relation.id))
            return self._reason("The relation was removed", index)
        if relation.other_model:
            where = f"of the model {relation.other_model.name}"
            return Reason(f"{hook.remote_unit} {where} left the relation.")
        gone = self._index("life", hook.remote_unit)
        if gone is None:
            gone = self._index("unit-removed", hook.remote_unit)
        return self._reason(f"{hook.remote_unit} left the relation", gone)

    def _changed_reason(self, uniter: Uniter, hook: Hook, relation: Relation) -> Reason:
        if hook.because == "joined":
            name = hook.name.removesuffix("changed") + "joined"
            ran = f"{name} {hook.reference} {hook.remote_unit}"
            return self._follows(uniter.unit.name, ran, "relation-joined")
        owner = hook.remote_unit or relation.remote(uniter.unit.application).application.name
        writes = [
            (index, keys)
            for version, index, keys in self._writes.get(databag_name(relation, owner), ())
            if version > hook.seen
        ]
        whose = owner if hook.remote_unit else f"the application {owner}"
        if relation.other_model:  # The history of the other model has the hooks that wrote it.
            keys = ", ".join(keys for _, keys in writes)
            where = f"in the model {relation.other_model.name}"
            return Reason(f"The databag of {whose} changed {where}: {keys}.")
        changed = ", and ".join(f"{keys} {self._name(index)}" for index, keys in writes)
        text = f"The databag of {whose} changed: {changed}."
        return Reason(text, tuple(index for index, _ in writes))

    def _secret_reason(self, uniter: Uniter, hook: Hook, secret: Secret) -> Reason:
        name = secret.label or secret.id
        owner = uniter.model.model_of_secret(secret)
        if hook.kind == "secret-changed" and owner is not uniter.model:
            got = f"got revision {secret.latest} in the model {owner.name}"
            return Reason(f"The secret {name} {got}.")
        if hook.kind == "secret-changed":
            index = self._index("revision", secret.id)
            return self._reason(f"The secret {name} got revision {secret.latest}", index)
        if hook.kind == "secret-rotate":
            return Reason(f"The secret {name} is due for rotation ({secret.rotation}).")
        if hook.kind == "secret-expired":
            return Reason(f"Revision {hook.secret_revision} of the secret {name} has expired.")
        text = f"No unit reads revision {hook.secret_revision} of the secret {name} any more."
        index = self._index("read", secret.id)
        if index is None:
            return Reason(text)
        return self._reason(f"{text} The readers last changed", index)

    def _storage_reason(self, uniter: Uniter, hook: Hook, instance: str) -> Reason:
        if hook.kind == "storage-detaching":
            if uniter.unit.life == "dying":
                return self._removed(uniter.unit.name)
            index = self._index("life", instance)
            return self._reason(f"The storage {instance} was detached", index)
        index = self._index("unit", instance)
        index = self._index("storage-added", instance) if index is None else index
        return self._reason(f"The storage {instance} was attached", index)

    # Making the sentence

    def _removed(self, unit: str) -> Reason:
        return self._reason(f"{unit} was removed", self._index("life", unit))

    def _follows(self, unit: str, hook: str, name: str = "") -> Reason:
        begin = f"It always follows {name or hook}, which ran"
        return self._reason(begin, self._index("ran", f"{unit} {hook}"))

    def _index(self, what: str, whom: str) -> int | None:
        return self._indices.get((what, whom))

    def _ran(self, uniter: Uniter, hook: Hook) -> int | None:
        return self._index("ran", f"{uniter.unit.name} {hook}")

    def _reason(self, begin: str, *indices: int | None, end: str = ".") -> Reason:
        """Return a sentence that names the events at some indices, if they are known."""
        known = sorted({index for index in indices if index is not None})
        names = " and ".join(map(self._name, known)) or "earlier"
        return Reason(f"{begin} {names}{end}", tuple(known))
