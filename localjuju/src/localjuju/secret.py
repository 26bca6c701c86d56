"""A secret: its revisions, who may read it, and when it is to rotate and to expire."""

from __future__ import annotations

import calendar
import dataclasses
import datetime

MODEL_OWNER = "<model>"
"""The owner of the secrets of users, as Juju prints it."""

RETRY_DELAY = 300.0
"""Seconds until the owner is told again, where it did nothing about it."""

MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
SECONDS = {"hourly": 3600.0, "daily": 86400.0, "weekly": 7 * 86400.0}
POLICIES = ("never", *SECONDS, *MONTHS)

Grant = tuple[int | None, str]
"""Relation id, None for a secret of the model, and the application or unit that may read."""


@dataclasses.dataclass
class Revision:
    """What a secret holds from one change to the next. Times are seconds since the epoch."""

    content: dict[str, str]
    created: float = 0.0
    expires: float | None = None
    tell_expired: float | None = None
    """When secret-expired comes: again after a while, until the owner removes the revision."""

    def expiring(self, moment: float) -> Revision:
        """Return the same, with another end."""
        return dataclasses.replace(self, expires=moment, tell_expired=moment)


@dataclasses.dataclass(eq=False)
class Secret:
    """A secret, its revisions, who may read it, and who has read which revision."""

    id: str
    owner: str
    """Name of an application or of a unit, or ``MODEL_OWNER``."""
    label: str = ""
    """The owner's; of a user's secret it is the name."""
    description: str = ""
    rotation: str = "never"
    revisions: dict[int, Revision] = dataclasses.field(default_factory=dict)
    grants: set[Grant] = dataclasses.field(default_factory=set)
    tracked: dict[str, int] = dataclasses.field(default_factory=dict)
    """By unit: the revision that it reads until it refreshes."""
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    """By observing unit: its own label."""
    created: float = 0.0
    updated: float = 0.0
    rotates: float | None = None
    """When secret-rotate comes next."""
    auto_prune: bool = False
    """Of a user's secret: a revision goes as soon as nobody reads it any more."""
    rotation_is_due: bool = False
    expired: set[int] = dataclasses.field(default_factory=set)
    """Revisions of which secret-expired is to tell."""

    @property
    def latest(self) -> int:
        return max(self.revisions)

    @property
    def owner_application(self) -> str:
        return self.owner.partition("/")[0]

    @property
    def is_of_user(self) -> bool:
        return self.owner == MODEL_OWNER

    def obsolete(self) -> list[int]:
        """Revisions older than the latest that nobody reads any more."""
        read = set(self.tracked.values())
        return [r for r in self.revisions if r < self.latest and r not in read]

    def add_revision(self, content: dict[str, str], now: float) -> None:
        """Add the next revision, which does not expire unless that is said anew."""
        self.revisions[self.latest + 1] = Revision(content, now)
        self.updated = now

    def rotate_by(self, policy: str, now: float) -> None:
        """Take a policy of rotation: the next comes no later than it would have without."""
        self.rotation = policy
        due = next_rotation(policy, now)
        self.rotates = min(due, self.rotates or due) if due else None
        self.rotation_is_due = self.rotation_is_due and due is not None

    def prune(self) -> None:
        """Drop the revisions that nobody reads, where the user wants it so."""
        for revision in self.obsolete() if self.auto_prune else []:
            del self.revisions[revision]

    # What time brings

    def timetable(self) -> dict[tuple[str, str], float]:
        """Return when the owner is next to be told of what, by the secret's id and its name."""
        times = {(self.id, "rotation"): self.rotates}
        for number, revision in self.revisions.items():
            times[self.id, f"end of revision {number}"] = revision.tell_expired
        return {what: time for what, time in times.items() if time is not None}

    def notice(self, now: float) -> None:
        """Note what is due by now."""
        self.rotation_is_due |= self.rotates is not None and self.rotates <= now
        for number, revision in self.revisions.items():
            if revision.tell_expired is not None and revision.tell_expired <= now:
                self.expired.add(number)
                revision.tell_expired = now + RETRY_DELAY
        self.expired &= set(self.revisions)

    def rotated(self, from_revision: int) -> None:
        """Plan the next rotation: soon, where the owner did not set new content.

        Args:
            from_revision: the latest when secret-rotate began.
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
    """Return when a secret rotates next by a policy, None where it does not."""
    if policy in SECONDS:
        return since + SECONDS[policy]
    if policy not in MONTHS:
        return None
    moment = datetime.datetime.fromtimestamp(since, datetime.timezone.utc)
    months = moment.month - 1 + MONTHS[policy]
    year, month = moment.year + months // 12, months % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day).timestamp()


def model_of(reference: str) -> str:
    """Return the model's UUID in ``secret://<model-uuid>/<id>``, nothing of other forms."""
    return reference.removeprefix("secret:").removeprefix("//").rpartition("/")[0]


def id_of(reference: str) -> str:
    """Return the bare id of ``secret:<id>``, ``secret://<model-uuid>/<id>`` or the id itself."""
    return reference.removeprefix("secret:").rpartition("/")[2]
