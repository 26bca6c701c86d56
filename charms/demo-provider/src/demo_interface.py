"""The `demo` interface, v0: two leaders exchange identifiers, and each unit publishes its name.

All values are plain strings, as in Juju's documentation. Load them with `decoder=str` and save
them with `encoder=encode`. Dataclasses are enough, because strings need no conversion. Any key may
be missing. No value is secret: a real charm puts secret values into a Juju secret, and only the
secret's id into a databag.
"""

from __future__ import annotations

import dataclasses
import uuid


def encode(value: str | None) -> str:
    """Return `value` unchanged. None becomes "", which removes the key from the databag."""
    return value or ""


@dataclasses.dataclass(frozen=True)
class DemoProviderApp:
    """The databag of the provider's application. Its leader writes it."""

    # A UUID that stands for the unit that is the leader. Each leader has its own.
    leader_uuid: str | None = dataclasses.field(default=None, metadata={"alias": "leader-uuid"})

    def __post_init__(self):
        _require_uuid("leader-uuid", self.leader_uuid)


@dataclasses.dataclass(frozen=True)
class DemoProviderUnit:
    """The databag of each unit of the provider."""

    # The unit's own name.
    special_field: str | None = dataclasses.field(
        default=None, metadata={"alias": "special-field"}
    )


@dataclasses.dataclass(frozen=True)
class DemoRequirerApp:
    """The databag of the requirer's application. Its leader writes it."""

    # A UUID for the provider to use. It never changes while the relation exists.
    token: str | None = None

    def __post_init__(self):
        _require_uuid("token", self.token)


def _require_uuid(field: str, value: str | None) -> None:
    """Raise a ValueError that names the field if `value` is not a UUID. None is allowed."""
    if value is None:
        return
    try:
        usual_form = str(uuid.UUID(value))
    except ValueError:
        usual_form = None
    # UUID() also accepts other forms: with braces, and even with a line break.
    if value.lower() != usual_form:
        raise ValueError(f"{field}: it is not a UUID")
