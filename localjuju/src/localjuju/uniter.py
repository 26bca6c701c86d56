"""The uniter: compares the model with what its unit has seen, and picks the next hook.

The choice is level-triggered, as Juju's is: there is no queue of events, so changes coalesce.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

from localjuju.model import Model, Unit
from localjuju.relation import Relation
from localjuju.secret import Secret
from localjuju.storage import StorageInstance

NOT_SHOWN = -1
"""A version of a databag before any."""


@dataclasses.dataclass(frozen=True)
class Hook:
    """One hook to run, and what its ``JUJU_*`` environment will say."""

    name: str
    kind: str
    """What ``name`` is without the endpoint's name: ``relation-joined``, ``install``."""
    relation: Relation | None = None
    remote_application: str = ""
    remote_unit: str = ""
    departing_unit: str = ""
    secret: Secret | None = None
    secret_revision: int | None = None
    storage: StorageInstance | None = None
    because: str = dataclasses.field(default="", compare=False)
    """What called for it, where its kind may have several reasons."""
    seen: int = dataclasses.field(default=0, compare=False)
    """Of relation-changed: the version of the databag that the unit was shown before."""

    def __str__(self) -> str:
        about = self.storage.id if self.storage else self.remote_unit
        return f"{self.name}{f' {self.reference}' * bool(self.relation)} {about}".rstrip()

    @property
    def reference(self) -> str:
        """The relation as hook commands name it: ``database:1``."""
        number = self.relation.id if self.relation else ""
        return f"{self.name.partition('-relation-')[0]}:{number}"


@dataclasses.dataclass
class RelationView:
    """What a unit has seen of a relation: whom, and which version of their data."""

    relation: Relation
    created: bool = False
    members: dict[str, int] = dataclasses.field(default_factory=dict)
    """By unit: the version of its bag that was shown, ``NOT_SHOWN`` between joined and changed."""
    app_version: int = 0
    quiet_at: int = -1
    """The relation's version at which there was nothing to tell of it."""


class Uniter:
    """One unit's agent."""

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
        """How often in a row."""
        self.interrupted: Hook | None = None
        """Runs again as soon as the machine has started anew."""
        self.forced = False
        """Removed with force: a hook that fails is the last."""
        self.charm_state: dict[str, str] = {}
        self._has_entered = False
        self._config_version = 0
        self._address = ""
        self._has_upgraded = False
        self._has_rebooted = False
        self._leads = False
        self._leader_settings_told: int | None = None
        self._secret_revisions_told: dict[str, int] = {}
        self._obsolete_told: set[tuple[str, int]] = set()
        self._rotated_from = 0

    # What the unit takes part in

    def enter_scopes(self) -> None:
        """Enter the relations that have come, as an agent does once its charm is installed."""
        if not self.installed:
            return
        for relation in self.model.relations_of(self.unit.application):
            if not relation.is_active or relation.id in self.views:
                continue
            admitted = relation.admits(self.unit)
            if admitted and self.unit.name not in relation.in_scope:
                self.model.enter_scope(relation, self.unit)
            # Q3: Juju 4 shows a subordinate the relations to other principals that were there
            # before it, not those that come later.
            if relation.involves(self.unit) and (admitted or not self._has_entered):
                self.views[relation.id] = RelationView(relation)
        self._has_entered = True

    def leave_without_hooks(self) -> None:
        """Leave relations that are over and of which there is nothing to tell."""
        if self.failed:  # It may still be asked to tell it again.
            return
        for relation in self.model.relations_of(self.unit.application):
            implicit = relation.id not in self.views and not relation.is_peer
            if implicit and self._is_over(relation):
                relation.in_scope.discard(self.unit.name)
        for view in list(self.views.values()):
            if not self._is_over(view.relation):
                continue
            # Never heard of, or a peer relation that ends without relation-broken (Q6).
            unheard = not view.created
            if unheard or (view.relation.is_peer and not view.members and not self._peer_breaks()):
                self._leave(view.relation)

    def die_without_principal_relation(self) -> None:
        """A subordinate unit goes with the last relation to its principal's application."""
        principal = self.unit.principal
        if principal and not any(
            (relation.life == "alive" or relation.id in self.views)
            and relation.scope == "container"
            and relation.remote(self.unit.application).application is principal.application
            for relation in self.model.relations_of(self.unit.application)
        ):
            self.unit.life = "dying"

    def abandon(self, relation: Relation) -> None:
        """Leave a relation without a hook, and forget the one that failed for it."""
        relation.in_scope.discard(self.unit.name)
        self.views.pop(relation.id, None)
        if self.failed and self.failed.relation is relation:
            self.failed = None
        if self.interrupted and self.interrupted.relation is relation:
            self.interrupted = None

    def give_up(self) -> None:
        """Be removed without another hook."""
        for relation in self.model.relations_of(self.unit.application):
            self.abandon(relation)
        self.failed = None
        self.removed = True

    def consume(self, secret: Secret) -> None:
        """Note that the unit reads a secret: it will be told of later revisions."""
        self._secret_revisions_told.setdefault(secret.id, secret.latest)

    def reboot(self) -> None:
        """Note that the machine has started anew: a unit that had started runs start again."""
        self._has_rebooted = self.started and not self.stopped

    def resign(self) -> None:
        """Note that another unit leads: once this one does again, it runs leader-elected again."""
        self._leads = False

    def relation_members(self, relation: Relation) -> list[str]:
        """Return what relation-list prints: those who joined and have not departed."""
        view = self.views.get(relation.id)
        return sorted(view.members) if view else []

    # Which hook is next

    def candidates(self) -> list[Hook]:
        """Return the hooks that may be next, any of them: Juju promises no order among these."""
        if self.failed or self.removed:
            return []
        return self._hooks_before_relations() or self._relation_hooks()

    def is_ready(self) -> bool:
        """Whether there is any candidate, told without making the many that there may be."""
        if self.failed or self.removed:
            return False
        return bool(self._hooks_before_relations()) or any(
            True for view in self.views.values() for _ in self._news_of(view)
        )

    def _hooks_before_relations(self) -> list[Hook]:
        """The candidates, but for those that relation hooks come before or instead of."""
        if self.interrupted:
            return [self.interrupted]
        if self._has_rebooted:
            return [Hook("start", "start", because="restarted")]
        if self.unit.life == "dying":
            return self._parting_hooks()
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

    def _parting_hooks(self) -> list[Hook]:
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
        if because := self._configuration_news():
            return [Hook("config-changed", "config-changed", because=because)]
        if not self.started:
            return [Hook("start", "start")]
        return []

    def _configuration_news(self) -> str:
        """Say what the unit has not been told of with config-changed; nothing if it has been."""
        if self._config_version == 0:
            return "first"
        if self.unit.application.config_version != self._config_version:
            return "options"
        return "address" if self.unit.machine.address != self._address else ""

    def _created_hooks(self) -> list[Hook]:
        return [
            self._relation_hook(view.relation, "created")
            for view in self.views.values()
            if not view.created and not self._is_over(view.relation)
        ]

    def _leadership_hooks(self) -> list[Hook]:
        if self.unit.is_leader and not self._leads:
            return [Hook("leader-elected", "leader-elected")]
        legacy = self.model.behaviour.legacy_leader_settings_and_private_address
        settings = self.unit.application.leader_settings.version
        if legacy and settings != self._leader_settings_told and not self.unit.is_leader:
            because = "settings" if self._leader_settings_told is not None else ""
            name = "leader-settings-changed"
            return [Hook(name, name, because=because)]
        return []

    def _secret_hooks(self) -> list[Hook]:
        hooks = []
        for secret in self.model.secrets_of_all_models():
            # What has been told counts, not what the unit reads: it may have refreshed before.
            told = self._secret_revisions_told.get(secret.id)
            changed = told is not None and secret.latest > told
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
            if (secret.id, r) not in self._obsolete_told
        ]
        hooks += [Hook(n, n, secret=secret, secret_revision=r) for n, r in numbered]
        return hooks

    def _storage_hooks(self) -> list[Hook]:
        """Tell of storage that has come; or that goes, as all does that a dying unit has."""
        dying = self.unit.life == "dying"
        hooks = []
        for instance in self.model.stores.of(self.unit):
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
            for kind, units in self._news_of(view)
            for unit in sorted(units)
        ]

    def _news_of(self, view: RelationView) -> Iterator[tuple[str, Collection[str]]]:
        """What there is to tell of a relation, of which units: departed, broken, then changes."""
        relation = view.relation
        over = self._is_over(relation)
        if not over and view.quiet_at == relation.version:
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
        bags = relation.unit_bags
        if changed := [u for u, version in view.members.items() if bags[u].version != version]:
            yield "changed", changed
        has_app_news = self._app_version(relation) != view.app_version
        if has_app_news:
            yield "changed", [""]
        if not (joined or changed or has_app_news):
            view.quiet_at = relation.version

    def _relation_hook(self, relation: Relation, kind: str, remote_unit: str = "") -> Hook:
        endpoint = relation.local(self.unit.application).endpoint.name
        application = relation.remote(self.unit.application).application.name
        departing = ""
        view = self.views[relation.id]
        seen = view.members.get(remote_unit, 0) if remote_unit else view.app_version
        if kind == "departed":
            departing = self.unit.name if self.unit.life == "dying" else remote_unit
        if kind == "broken" and relation.is_peer:
            application = ""  # Q6
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

    def _is_over(self, relation: Relation) -> bool:
        gone = relation.id not in self.model.relations
        return gone or not relation.is_active or self.unit.life == "dying"

    def _peer_breaks(self) -> bool:
        """Q6: with the application, and on Juju 3.6 only."""
        dying = self.unit.application.life == "dying"
        return dying and self.model.behaviour.peer_relation_breaks_with_application

    def _app_version(self, relation: Relation) -> int:
        return relation.app_bag(relation.remote(self.unit.application).application.name).version

    # What a hook does to what the unit has seen

    def begin(self, hook: Hook) -> None:
        """Note what the hook is about to show: even one that fails has been told."""
        if hook.relation:
            view = self.views[hook.relation.id]
            if hook.kind == "relation-created":
                view.created = True
            elif hook.kind == "relation-joined":
                view.members[hook.remote_unit] = NOT_SHOWN
            elif hook.kind == "relation-departed":
                view.members.pop(hook.remote_unit, None)
            elif hook.kind == "relation-changed" and hook.remote_unit:
                view.members[hook.remote_unit] = hook.relation.unit_bags[hook.remote_unit].version
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
            self._leads = True
        elif hook.kind == "leader-settings-changed":
            self._leader_settings_told = self.unit.application.leader_settings.version
        elif hook.kind == "secret-changed" and hook.secret:
            self._secret_revisions_told[hook.secret.id] = hook.secret.latest
        elif hook.kind == "secret-rotate" and hook.secret:
            self._rotated_from = hook.secret.latest
        elif hook.kind == "secret-expired" and hook.secret and hook.secret_revision:
            hook.secret.expired.discard(hook.secret_revision)
        elif hook.kind == "secret-remove" and hook.secret and hook.secret_revision:
            self._obsolete_told.add((hook.secret.id, hook.secret_revision))

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
            hook.secret.rotated(self._rotated_from)
        elif hook.kind == "storage-detaching" and hook.storage:
            self.model.stores.release(hook.storage)
        elif hook.kind == "relation-broken" and hook.relation:
            self._leave(hook.relation)

    def fail(self, hook: Hook) -> None:
        """Note that a hook has failed."""
        self.failed, self.interrupted = hook, None
        self.failures += 1

    def interrupt(self, hook: Hook) -> None:
        """Note that the machine starts anew in the middle of a hook."""
        self.failed, self.interrupted = None, hook

    def _leave(self, relation: Relation) -> None:
        self.views.pop(relation.id, None)
        ghost = relation.is_peer and not self.model.behaviour.peers_see_removed_unit_depart
        if not ghost:
            relation.in_scope.discard(self.unit.name)
