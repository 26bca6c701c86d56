"""The `demo-replicas` interface, v0: what the units of replicas-demo write for each other.

All values are plain strings, as in Juju's documentation. Load them with `decoder=str` and save
them with `encoder=encode`. Dataclasses are enough, because strings need no conversion. Any key may
be missing.
"""

from __future__ import annotations

import dataclasses
import ipaddress


def encode(value: str | None) -> str:
    """Return `value` unchanged. None becomes "", which removes the key from the databag."""
    return value or ""


@dataclasses.dataclass(frozen=True)
class DemoReplicasApp:
    """The databag of the application. The leader writes it, and every unit can read it."""

    # The leader's IP address.
    leader_ip: str | None = dataclasses.field(default=None, metadata={"alias": "leader-ip"})

    def __post_init__(self):
        if self.leader_ip is None:
            return
        try:
            ipaddress.ip_address(self.leader_ip)
        except ValueError:
            raise ValueError("leader-ip: it is not an IP address") from None


@dataclasses.dataclass(frozen=True)
class DemoReplicasUnit:
    """The databag of each unit."""

    # The unit's own name.
    unit_data: str | None = dataclasses.field(default=None, metadata={"alias": "unit-data"})
