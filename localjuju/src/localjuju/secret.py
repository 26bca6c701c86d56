"""A secret: its revisions, its grants, and its times of rotation and expiry."""

from __future__ import annotations

import calendar
import dataclasses
import datetime

MODEL_OWNER = "<model>"
"""The owner of user secrets, as Juju prints it."""

RETRY_DELAY = 300.0
"""Seconds until secret-rotate or secret-expired runs again if the owner did not react."""

MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
SECONDS = {"hourly": 3600.0, "daily": 86400.0, "weekly": 7 * 86400.0}
POLICIES = ("never", *SECONDS, *MONTHS)

Grant = tuple[int | None, str]
"""The relation id (None for a user secret), and the application or unit that may read."""


@dataclasses.dataclass
class Revision:
    """One revision of a secret. Times are in seconds since the epoch."""

    content: dict[str, str]
    created: float = 0.0
    expires: float | None = None
    next_expired_hook: float | None = None
    """When secret-expired runs next. It repeats until the owner removes the revision."""

    def with_expiry(self, moment: float) -> Revision:
        """Return a copy of the revision that expires at ``moment``."""
        return dataclasses.replace(self, expires=moment, next_expired_hook=moment)


@dataclasses.dataclass(eq=False)
class Secret:
    """A secret with its revisions and grants, and the revision that each unit tracks."""

    id: str
    owner: str
    """The name of an application or a unit, or ``MODEL_OWNER``."""
    label: str = ""
    """The owner's label. For a user secret it is the name."""
    description: str = ""
    rotation: str = "never"
    revisions: dict[int, Revision] = dataclasses.field(default_factory=dict)
    grants: set[Grant] = dataclasses.field(default_factory=set)
    tracked: dict[str, int] = dataclasses.field(default_factory=dict)
    """The revision that a unit reads until it refreshes, by the unit's name."""
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    """The label that an observing unit gave to the secret, by the unit's name."""
    created: float = 0.0
    updated: float = 0.0
    rotates: float | None = None
    """When secret-rotate runs next."""
    auto_prune: bool = False
    """For a user secret: whether to remove revisions that no unit tracks any more."""
    rotation_is_due: bool = False
    expired: set[int] = dataclasses.field(default_factory=set)
    """Revisions for which secret-expired is due."""

    @property
    def latest(self) -> int:
        return max(self.revisions)

    @property
    def owner_application(self) -> str:
        return self.owner.partition("/")[0]

    @property
    def is_user_secret(self) -> bool:
        return self.owner == MODEL_OWNER

    def obsolete(self) -> list[int]:
        """Return the older revisions that no unit tracks any more."""
        read = set(self.tracked.values())
        return [r for r in self.revisions if r < self.latest and r not in read]

    def add_revision(self, content: dict[str, str], now: float) -> None:
        """Add a revision. It does not inherit the time of expiry."""
        self.revisions[self.latest + 1] = Revision(content, now)
        self.updated = now

    def set_rotation(self, policy: str, now: float) -> None:
        """Set the rotation policy. It can make the next rotation earlier, but not later."""
        self.rotation = policy
        due = next_rotation(policy, now)
        self.rotates = min(due, self.rotates or due) if due else None
        self.rotation_is_due = self.rotation_is_due and due is not None

    def prune(self) -> None:
        """Remove the obsolete revisions if the user enabled auto-prune."""
        for revision in self.obsolete() if self.auto_prune else []:
            del self.revisions[revision]

    # Rotation and expiry

    def due_times(self) -> dict[tuple[str, str], float]:
        """Return when the rotation and the expiries are due, by the secret's id and a name."""
        times = {(self.id, "rotation"): self.rotates}
        for number, revision in self.revisions.items():
            times[self.id, f"end of revision {number}"] = revision.next_expired_hook
        return {what: time for what, time in times.items() if time is not None}

    def mark_due(self, now: float) -> None:
        """Mark the rotation and the expiries that are due, so that the owner runs their hooks."""
        self.rotation_is_due |= self.rotates is not None and self.rotates <= now
        for number, revision in self.revisions.items():
            if revision.next_expired_hook is not None and revision.next_expired_hook <= now:
                self.expired.add(number)
                revision.next_expired_hook = now + RETRY_DELAY
        self.expired &= set(self.revisions)

    def finish_rotation(self, from_revision: int) -> None:
        """Plan the next rotation, after secret-rotate has run.

        It comes soon if the owner did not set new content.

        Args:
            from_revision: the latest revision when secret-rotate started.
        """
        self.rotation_is_due = False
        if self.rotates is None:
            return
        due = next_rotation(self.rotation, self.rotates)
        soon = self.rotates + RETRY_DELAY
        expires = self.revisions[self.latest].expires
        expires_before = expires is not None and due is not None and soon < expires < due
        self.rotates = soon if expires_before or self.latest == from_revision else due


def next_rotation(policy: str, since: float) -> float | None:
    """Return the time of the next rotation, or None if the policy has none."""
    if policy in SECONDS:
        return since + SECONDS[policy]
    if policy not in MONTHS:
        return None
    moment = datetime.datetime.fromtimestamp(since, datetime.timezone.utc)
    months = moment.month - 1 + MONTHS[policy]
    year, month = moment.year + months // 12, months % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day).timestamp()


def model_uuid_of(reference: str) -> str:
    """Return the model's UUID in ``secret://<model-uuid>/<id>``, or "" for other forms."""
    return reference.removeprefix("secret:").removeprefix("//").rpartition("/")[0]


def id_of(reference: str) -> str:
    """Return the id in ``secret:<id>``, ``secret://<model-uuid>/<id>`` or ``<id>``."""
    return reference.removeprefix("secret:").rpartition("/")[2]
