"""The uniter: compares the model with the state that its unit has seen, and picks the next hook.

As in Juju, there is no queue of events. Only the current state counts, so several changes can
result in one hook.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

from localjuju.model import Model, Unit
from localjuju.relation import Relation
from localjuju.secret import Secret
from localjuju.storage import StorageInstance

NOT_SHOWN = -1
"""The version of a databag that the unit has not seen yet."""


@dataclasses.dataclass(frozen=True)
class Hook:
    """One hook to run, with the facts for its ``JUJU_*`` environment."""

    name: str
    kind: str
    """``name`` without the name of the endpoint: ``relation-joined``, ``install``."""
    relation: Relation | None = None
    remote_application: str = ""
    remote_unit: str = ""
    departing_unit: str = ""
    secret: Secret | None = None
    secret_revision: int | None = None
    storage: StorageInstance | None = None
    because: str = dataclasses.field(default="", compare=False)
    """Why it runs, if hooks of this kind can have several reasons: ``upgraded``, ``options``."""
    seen: int = dataclasses.field(default=0, compare=False)
    """For relation-changed: the version of the databag that the unit saw last."""

    def __str__(self) -> str:
        about = self.storage.id if self.storage else self.remote_unit
        return f"{self.name}{f' {self.reference}' * bool(self.relation)} {about}".rstrip()

    @property
    def reference(self) -> str:
        """The name of the relation in hook commands: ``database:1``."""
        number = self.relation.id if self.relation else ""
        return f"{self.name.partition('-relation-')[0]}:{number}"


@dataclasses.dataclass
class RelationView:
    """What a unit has seen of a relation: the remote units, and the versions of their databags."""

    relation: Relation
    created: bool = False
    """Whether the unit has started to run relation-created."""
    members: dict[str, int] = dataclasses.field(default_factory=dict)
    """By unit: the version of its databag that was seen, ``NOT_SHOWN`` before relation-changed."""
    app_version: int = 0
    """The version of the remote application's databag that was seen."""
    settled_version: int = -1
    """The version of the relation at which the unit had no hooks left to run for it."""


class Uniter:
    """The agent of one unit."""

    def __init__(self, model: Model, unit: Unit):
        self.model = model
        self.unit = unit
        self.views: dict[int, RelationView] = {}
        self.installed = False
        self.started = False
        self.stopped = False
        self.removed = False
        self.failed: Hook | None = None
        self.failures = 0
        """How often in a row the hook has failed."""
        self.interrupted: Hook | None = None
        """The hook that runs again after the restart of the machine."""
        self.forced = False
        """Whether the unit is removed with force. It then runs no hook after one that fails."""
        self.charm_state: dict[str, str] = {}
        self._has_entered = False
        self._config_version = 0
        self._address = ""
        self._has_upgraded = False
        self._has_rebooted = False
        self._has_run_leader_elected = False
        self._announced_leader_settings: int | None = None
        self._announced_revisions: dict[str, int] = {}
        self._announced_obsolete: set[tuple[str, int]] = set()
        self._rotated_from = 0
        """The latest revision of the secret when its secret-rotate started."""

    # Entering and leaving relations

    def enter_scopes(self) -> None:
        """Enter new relations, as an agent does after its charm is installed."""
        if not self.installed:
            return
        for relation in self.model.relations_of(self.unit.application):
            if not relation.is_active or relation.id in self.views:
                continue
            admitted = relation.admits(self.unit)
            if admitted and self.unit.name not in relation.in_scope:
                self.model.enter_scope(relation, self.unit)
            # Q3: Juju 4 shows a subordinate unit those relations to other principals that existed
            # before the unit.
            if relation.involves(self.unit) and (admitted or not self._has_entered):
                self.views[relation.id] = RelationView(relation)
        self._has_entered = True

    def leave_without_hooks(self) -> None:
        """Leave the relations that have ended and for which no more hooks run."""
        if self.failed:  # The failed hook may run again.
            return
        for relation in self.model.relations_of(self.unit.application):
            implicit = relation.id not in self.views and not relation.is_peer
            if implicit and self._has_ended(relation):
                relation.in_scope.discard(self.unit.name)
        for view in list(self.views.values()):
            if not self._has_ended(view.relation):
                continue
            # No relation-created ran, or a peer relation ends without relation-broken (Q6).
            unseen = not view.created
            if unseen or (
                view.relation.is_peer and not view.members and not self._peer_relation_breaks()
            ):
                self._leave(view.relation)

    def die_without_principal_relation(self) -> None:
        """Let a subordinate unit die if no relation to its principal's application is left."""
        principal = self.unit.principal
        if principal and not any(
            (relation.life == "alive" or relation.id in self.views)
            and relation.scope == "container"
            and relation.remote(self.unit.application).application is principal.application
            for relation in self.model.relations_of(self.unit.application)
        ):
            self.unit.life = "dying"

    def abandon(self, relation: Relation) -> None:
        """Leave a relation without a hook, and forget its failed hook."""
        relation.in_scope.discard(self.unit.name)
        self.views.pop(relation.id, None)
        if self.failed and self.failed.relation is relation:
            self.failed = None
        if self.interrupted and self.interrupted.relation is relation:
            self.interrupted = None

    def force_removal(self) -> None:
        """Remove the unit without another hook."""
        for relation in self.model.relations_of(self.unit.application):
            self.abandon(relation)
        self.failed = None
        self.removed = True

    def consume(self, secret: Secret) -> None:
        """Note that the unit reads a secret. It gets secret-changed for later revisions."""
        self._announced_revisions.setdefault(secret.id, secret.latest)

    def reboot(self) -> None:
        """Note that the machine restarted. A unit that had started runs start again."""
        self._has_rebooted = self.started and not self.stopped

    def resign(self) -> None:
        """Note that another unit is the leader. The next election of this unit runs a hook."""
        self._has_run_leader_elected = False

    def relation_members(self, relation: Relation) -> list[str]:
        """Return the units that have joined and not departed, as relation-list prints them."""
        view = self.views.get(relation.id)
        return sorted(view.members) if view else []

    # Choosing the next hook

    def candidates(self) -> list[Hook]:
        """Return the possible next hooks. Juju guarantees no order among them."""
        if self.failed or self.removed:
            return []
        return self._hooks_before_relations() or self._relation_hooks()

    def is_ready(self) -> bool:
        """Whether there is a candidate. This is faster than making all candidates."""
        if self.failed or self.removed:
            return False
        return bool(self._hooks_before_relations()) or any(
            True for view in self.views.values() for _ in self._unseen_changes(view)
        )

    def _hooks_before_relations(self) -> list[Hook]:
        """Return the candidates that come before relation hooks."""
        if self.interrupted:
            return [self.interrupted]
        if self._has_rebooted:
            return [Hook("start", "start", because="restarted")]
        if self.unit.life == "dying":
            return self._hooks_before_removal()
        if not self.installed:
            return self._storage_hooks() or [Hook("install", "install")]
        return (
            self._created_hooks()
            or self._leadership_hooks()
            or self._hooks_after_upgrade()
            or self._secret_hooks()
            or self._storage_hooks()
            or self._lifecycle_hooks()
        )

    def _hooks_before_removal(self) -> list[Hook]:
        if hooks := self._storage_hooks():
            return hooks
        if not self.installed:
            return [Hook("remove", "remove")]
        if hooks := self._relation_hooks():
            return hooks
        return [Hook("remove", "remove") if self.stopped else Hook("stop", "stop")]

    def _hooks_after_upgrade(self) -> list[Hook]:
        hook = Hook("config-changed", "config-changed", because="upgraded")
        return [hook] if self._has_upgraded else []

    def _lifecycle_hooks(self) -> list[Hook]:
        if self.unit.charm_version != self.unit.application.charm_version:
            return [Hook("upgrade-charm", "upgrade-charm")]
        if because := self._configuration_change():
            return [Hook("config-changed", "config-changed", because=because)]
        if not self.started:
            return [Hook("start", "start")]
        return []

    def _configuration_change(self) -> str:
        """Return why config-changed is due, an empty text if it is not."""
        if self._config_version == 0:
            return "first"
        if self.unit.application.config_version != self._config_version:
            return "options"
        return "address" if self.unit.machine.address != self._address else ""

    def _created_hooks(self) -> list[Hook]:
        return [
            self._relation_hook(view.relation, "created")
            for view in self.views.values()
            if not view.created and not self._has_ended(view.relation)
        ]

    def _leadership_hooks(self) -> list[Hook]:
        if self.unit.is_leader and not self._has_run_leader_elected:
            return [Hook("leader-elected", "leader-elected")]
        legacy = self.model.behaviour.legacy_leader_settings_and_private_address
        settings = self.unit.application.leader_settings.version
        if legacy and settings != self._announced_leader_settings and not self.unit.is_leader:
            because = "settings" if self._announced_leader_settings is not None else ""
            name = "leader-settings-changed"
            return [Hook(name, name, because=because)]
        return []

    def _secret_hooks(self) -> list[Hook]:
        hooks = []
        for secret in self.model.secrets_of_all_models():
            # The unit may already read the latest revision. Only the hooks that ran count.
            announced = self._announced_revisions.get(secret.id)
            changed = announced is not None and secret.latest > announced
            if changed and self.model.may_read(secret, self.unit):
                hooks.append(Hook("secret-changed", "secret-changed", secret=secret))
            owns = secret.owner == self.unit.name or (
                secret.owner == self.unit.application.name and self.unit.is_leader
            )
            if owns and secret.id in self.model.secrets:
                hooks.extend(self._secret_hooks_of_owner(secret))
        return hooks

    def _secret_hooks_of_owner(self, secret: Secret) -> list[Hook]:
        hooks = []
        if secret.rotation_is_due:
            hooks.append(Hook("secret-rotate", "secret-rotate", secret=secret))
        numbered = [("secret-expired", r) for r in sorted(secret.expired)]
        numbered += [
            ("secret-remove", r)
            for r in secret.obsolete()
            if (secret.id, r) not in self._announced_obsolete
        ]
        hooks += [Hook(n, n, secret=secret, secret_revision=r) for n, r in numbered]
        return hooks

    def _storage_hooks(self) -> list[Hook]:
        """Return the hooks for new storage, and for storage to detach.

        A dying unit detaches all its storage.
        """
        dying = self.unit.life == "dying"
        hooks = []
        for instance in self.model.storage.of(self.unit):
            if instance.announced and (dying or instance.detaching):
                kind = "storage-detaching"
            elif not instance.announced and not dying:
                kind = "storage-attached"
            else:
                continue
            hooks.append(Hook(f"{instance.name}-{kind}", kind, storage=instance))
        return hooks

    def _relation_hooks(self) -> list[Hook]:
        return [hook for view in self.views.values() for hook in self._hooks_of(view)]

    def _hooks_of(self, view: RelationView) -> list[Hook]:
        return [
            self._relation_hook(view.relation, kind, unit)
            for kind, units in self._unseen_changes(view)
            for unit in sorted(units)
        ]

    def _unseen_changes(self, view: RelationView) -> Iterator[tuple[str, Collection[str]]]:
        """Yield the kinds of hooks that a relation needs, each with its remote units.

        Departed comes first, then broken, then joined and changed.
        """
        relation = view.relation
        over = self._has_ended(relation)
        if not over and view.settled_version == relation.version:
            return
        visible = set() if over else set(relation.visible_to(self.unit))
        if gone := view.members.keys() - visible:
            yield "departed", gone
            return
        if over:
            yield "broken", [""]
            return
        if joined := visible - view.members.keys():
            yield "joined", joined
        databags = relation.unit_databags
        changed = [unit for unit, seen in view.members.items() if databags[unit].version != seen]
        if changed:
            yield "changed", changed
        app_changed = self._app_version(relation) != view.app_version
        if app_changed:
            yield "changed", [""]
        if not (joined or changed or app_changed):
            view.settled_version = relation.version

    def _relation_hook(self, relation: Relation, kind: str, remote_unit: str = "") -> Hook:
        endpoint = relation.local(self.unit.application).endpoint.name
        application = relation.remote(self.unit.application).application.name
        departing = ""
        view = self.views[relation.id]
        seen = view.members.get(remote_unit, 0) if remote_unit else view.app_version
        if kind == "departed":
            departing = self.unit.name if self.unit.life == "dying" else remote_unit
        if kind == "broken" and relation.is_peer:
            application = ""  # Q6: JUJU_REMOTE_APP is empty in relation-broken of a peer relation.
        return Hook(
            f"{endpoint}-relation-{kind}",
            f"relation-{kind}",
            relation,
            application,
            remote_unit,
            departing,
            because="joined" if kind == "changed" and seen == NOT_SHOWN else "",
            seen=seen,
        )

    def _has_ended(self, relation: Relation) -> bool:
        """Whether a relation has ended for the unit: because of the relation, or of the unit."""
        gone = relation.id not in self.model.relations
        return gone or not relation.is_active or self.unit.life == "dying"

    def _peer_relation_breaks(self) -> bool:
        """Whether relation-broken runs for a peer relation.

        Q6: only on Juju 3.6, and only when the application is removed.
        """
        dying = self.unit.application.life == "dying"
        return dying and self.model.behaviour.peer_relation_breaks_with_application

    def _app_version(self, relation: Relation) -> int:
        return relation.app_databag(
            relation.remote(self.unit.application).application.name
        ).version

    # Noting what the unit has seen

    def begin(self, hook: Hook) -> None:
        """Note what the unit sees in the hook. This counts even if the hook fails."""
        if hook.relation:
            view = self.views[hook.relation.id]
            if hook.kind == "relation-created":
                view.created = True
            elif hook.kind == "relation-joined":
                view.members[hook.remote_unit] = NOT_SHOWN
            elif hook.kind == "relation-departed":
                view.members.pop(hook.remote_unit, None)
            elif hook.kind == "relation-changed" and hook.remote_unit:
                view.members[hook.remote_unit] = hook.relation.unit_databags[
                    hook.remote_unit
                ].version
            elif hook.kind == "relation-changed":
                view.app_version = self._app_version(hook.relation)
        elif hook.storage:
            hook.storage.announced = True
            hook.storage.detaching = hook.kind == "storage-detaching"
        elif hook.kind == "config-changed":
            self._config_version = self.unit.application.config_version
            self._address = self.unit.machine.address
            self._has_upgraded = False
        elif hook.kind == "start":
            self._has_rebooted = False
        elif hook.kind == "leader-elected":
            self._has_run_leader_elected = True
        elif hook.kind == "leader-settings-changed":
            self._announced_leader_settings = self.unit.application.leader_settings.version
        elif hook.kind == "secret-changed" and hook.secret:
            self._announced_revisions[hook.secret.id] = hook.secret.latest
        elif hook.kind == "secret-rotate" and hook.secret:
            self._rotated_from = hook.secret.latest
        elif hook.kind == "secret-expired" and hook.secret and hook.secret_revision:
            hook.secret.expired.discard(hook.secret_revision)
        elif hook.kind == "secret-remove" and hook.secret and hook.secret_revision:
            self._announced_obsolete.add((hook.secret.id, hook.secret_revision))

    def finish(self, hook: Hook) -> None:
        """Note that a hook has succeeded."""
        self.failed = self.interrupted = None
        self.failures = 0
        if hook.kind == "install":
            self.installed = True
        elif hook.kind == "upgrade-charm":
            self._has_upgraded = True
        elif hook.kind == "start":
            self.started = True
        elif hook.kind == "stop":
            self.stopped = True
        elif hook.kind == "remove":
            self.removed = True
        elif hook.kind == "secret-rotate" and hook.secret:
            hook.secret.finish_rotation(self._rotated_from)
        elif hook.kind == "storage-detaching" and hook.storage:
            self.model.storage.finish_detaching(hook.storage)
        elif hook.kind == "relation-broken" and hook.relation:
            self._leave(hook.relation)

    def fail(self, hook: Hook) -> None:
        """Note that a hook has failed."""
        self.failed, self.interrupted = hook, None
        self.failures += 1

    def interrupt(self, hook: Hook) -> None:
        """Note that the machine restarts during a hook."""
        self.failed, self.interrupted = None, hook

    def _leave(self, relation: Relation) -> None:
        self.views.pop(relation.id, None)
        # Q5: on Juju 4 a removed unit stays in the relation-list of its peers.
        stays = relation.is_peer and not self.model.behaviour.peers_see_removed_unit_depart
        if not stays:
            relation.in_scope.discard(self.unit.name)
