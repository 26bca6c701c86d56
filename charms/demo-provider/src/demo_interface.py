"""The `demo` interface, v0: two leaders exchange identifiers, and each unit shows its name.

All values are plain strings, as the documentation of Juju has them, so the models are loaded and
saved with `decoder=str` and `encoder=encode`. Dataclasses are enough for strings: there is nothing
to convert. Whoever reads may find any key absent. Nothing here is secret: what is belongs into a
Juju secret, with only its id in a databag.
"""

from __future__ import annotations

import dataclasses
import uuid


def encode(value: str | None) -> str:
    """Return `value` as it stands; None becomes "", which erases the key from the databag."""
    return value or ""


@dataclasses.dataclass(frozen=True)
class DemoProviderApp:
    """What the provider's leader writes into its application's bag."""

    # Which unit is the leader, as a UUID: another leader has another one.
    leader_uuid: str | None = dataclasses.field(default=None, metadata={"alias": "leader-uuid"})

    def __post_init__(self):
        _require_uuid("leader-uuid", self.leader_uuid)


@dataclasses.dataclass(frozen=True)
class DemoProviderUnit:
    """What each unit of the provider writes into its own bag."""

    # The unit's own name.
    special_field: str | None = dataclasses.field(
        default=None, metadata={"alias": "special-field"}
    )


@dataclasses.dataclass(frozen=True)
class DemoRequirerApp:
    """What the requirer's leader writes into its application's bag."""

    # A UUID that the provider may use as it likes. Once given, it stays for the relation's life.
    token: str | None = None

    def __post_init__(self):
        _require_uuid("token", self.token)


def _require_uuid(field: str, value: str | None) -> None:
    """Raise ValueError, which names the field, if there is a value and it is no UUID."""
    if value is None:
        return
    try:
        written = str(uuid.UUID(value))
    except ValueError:
        written = None
    if written != value.lower():  # UUID() takes other spellings too, line ends among them
        raise ValueError(f"{field}: it is not a UUID")
