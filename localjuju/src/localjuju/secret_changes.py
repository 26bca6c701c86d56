"""The changes that a hook makes to secrets. They take effect when the hook succeeds.

As in Juju, the owner can read new content in the same hook. The number of the revision rises by
one when the hook ends, even if the hook sets the content several times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from localjuju.hook_arguments import HookCommandError
from localjuju.model import Model, Unit
from localjuju.secret import Grant, Secret

Content = dict[str, str]


@dataclasses.dataclass
class SecretUpdate:
    """The changes of one secret. None means no change."""

    content: Content | None = None
    label: str | None = None
    description: str | None = None
    rotation: str | None = None
    expires: float | None = None

    def merge(self, later: SecretUpdate) -> None:
        for field in dataclasses.fields(self):
            value = getattr(later, field.name)
            if value is not None:
                setattr(self, field.name, value)

    def apply_metadata(self, secret: Secret, now: float) -> None:
        """Apply all changes except the content."""
        for name in ("label", "description"):
            value = getattr(self, name)
            if value is not None:
                setattr(secret, name, value)
        if self.rotation is not None:
            secret.set_rotation(self.rotation, now)
        if self.expires is not None:
            latest = secret.revisions[secret.latest]
            secret.revisions[secret.latest] = latest.with_expiry(self.expires)


class SecretChanges:
    """The changes of one hook of one unit."""

    def __init__(self, model: Model, unit: Unit, now: Callable[[], float]):
        self._model = model
        self._unit = unit
        self._now = now
        self._created: dict[str, Secret] = {}
        self._updates: dict[str, SecretUpdate] = {}
        self._removals: dict[str, set[int] | None] = {}
        """The revisions to remove, by secret. None means the whole secret."""
        self._access: list[tuple[str, Grant | str]] = []
        """By secret, in order: a grant, or for a revocation the name of the target."""
        self._refreshed: set[str] = set()
        """The secrets whose new content the hook has read with ``--refresh``."""
        self.contents: set[str] = set()
        """Every value that the hook has stored in a secret."""

    # Reading

    def find(self, secret_id: str) -> Secret | None:
        """Find a secret that this hook created, or one that already exists."""
        return self._created.get(secret_id) or self._model.secrets.get(secret_id)

    def owned(self) -> dict[str, Secret]:
        """Return the secrets of the unit and its application, with this hook's changes."""
        owners = (self._unit.name, self._unit.application.name)
        found = dict(self._created)
        for secret in self._model.secrets.values():
            if secret.owner in owners and secret.id not in self._removals:
                described = dataclasses.replace(secret, revisions=dict(secret.revisions))
                self._updates.get(secret.id, SecretUpdate()).apply_metadata(described, self._now())
                found[secret.id] = described
        return found

    def pending_content(self, secret_id: str, refresh: bool, peek: bool) -> Content | None:
        """Return the content that this hook set, or None if the hook reads another revision."""
        if secret_id in self._created:
            return self._created[secret_id].revisions[1].content
        if secret_id not in self._updates or not (refresh or peek):
            return None
        if refresh:
            self._refreshed.add(secret_id)
        return self._updates[secret_id].content

    def grants_of(self, secret_id: str) -> list[Grant]:
        """Return the grants of a secret, with this hook's changes."""
        secret = self.find(secret_id)
        grants = set(secret.grants) if secret else set()
        for changed, change in self._access:
            if changed == secret_id and isinstance(change, tuple):
                grants.add(change)
            elif changed == secret_id:
                grants = {grant for grant in grants if grant[1] != change}
        return sorted(grants, key=str)

    # Changing

    def create(self, secret: Secret) -> None:
        self._created[secret.id] = secret
        self.contents.update(secret.revisions[1].content.values())

    def update(self, secret_id: str, update: SecretUpdate) -> None:
        """Change a secret. :meth:`check` finds out later whether it exists."""
        self.contents.update((update.content or {}).values())
        self._removals.pop(secret_id, None)
        if secret := self._created.get(secret_id):
            update.apply_metadata(secret, self._now())
            secret.revisions[1].content = update.content or secret.revisions[1].content
            return
        secret = self._model.secrets.get(secret_id)
        if secret and update.content == secret.revisions[secret.latest].content:
            update.content = None
        if update != SecretUpdate():
            self._updates.setdefault(secret_id, SecretUpdate()).merge(update)

    def remove(self, secret_id: str, revision: int | None) -> None:
        """Remove a secret or one of its revisions. It is no error if it does not exist."""
        for changes in (self._created, self._updates):
            changes.pop(secret_id, None)
        self._refreshed.discard(secret_id)
        self._access = [change for change in self._access if change[0] != secret_id]
        if revision is None:
            self._removals[secret_id] = None
        elif (revisions := self._removals.setdefault(secret_id, set())) is not None:
            revisions.add(revision)

    def grant(self, secret_id: str, grant: Grant) -> None:
        self._access.append((secret_id, grant))

    def revoke(self, secret_id: str, target: str) -> None:
        """Revoke all grants of a secret for an application or a unit."""
        self._access.append((secret_id, target))

    # When the hook ends

    def check(self) -> None:
        """Raise a HookCommandError if a changed secret does not exist."""
        changed = [*self._updates, *(secret_id for secret_id, _ in self._access)]
        for secret_id in changed:
            if self.find(secret_id) is None:
                raise HookCommandError(f'secret "{secret_id}" not found')

    def need_leadership(self) -> bool:
        """Whether the changes need leadership, because the application owns a secret."""
        granted = [secret_id for secret_id, _ in self._access]
        changed = {*self._created, *self._updates, *self._removals, *granted}
        secrets = filter(None, map(self.find, changed))
        return any(secret.owner == self._unit.application.name for secret in secrets)

    def apply(self) -> list[Secret]:
        """Apply the changes, and return the secrets that the hook refreshed."""
        secrets = self._model.secrets
        secrets.update(self._created)
        for secret_id, update in self._updates.items():
            secret = secrets[secret_id]
            if update.content:
                secret.add_revision(update.content, self._now())
            update.apply_metadata(secret, self._now())
        refreshed = [secrets[one] for one in sorted(self._refreshed)]
        for secret in refreshed:
            secret.tracked[self._unit.name] = secret.latest
        for secret_id in {secret_id for secret_id, _ in self._access}:
            secrets[secret_id].grants = set(self.grants_of(secret_id))
        for secret_id, revisions in self._removals.items():
            self._remove(secret_id, revisions)
        return refreshed

    def _remove(self, secret_id: str, revisions: set[int] | None) -> None:
        secret = self._model.secrets.get(secret_id)
        if secret is None:
            return
        for revision in list(secret.revisions) if revisions is None else revisions:
            secret.revisions.pop(revision, None)
        if not secret.revisions:
            del self._model.secrets[secret_id]
