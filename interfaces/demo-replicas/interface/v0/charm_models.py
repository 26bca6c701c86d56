"""The `demo-replicas` interface, v0: what the units of replicas-demo tell each other.

All values are plain strings, as the documentation of Juju has them, so the models are loaded and
saved with `decoder=str` and `encoder=encode`. Dataclasses are enough for strings: there is nothing
to convert. Whoever reads may find any key absent.
"""

from __future__ import annotations

import dataclasses
import ipaddress


def encode(value: str | None) -> str:
    """Return `value` as it stands; None becomes "", which erases the key from the databag."""
    return value or ""


@dataclasses.dataclass(frozen=True)
class DemoReplicasApp:
    """What the leader writes into the application's bag, which all its units may read."""

    # The address of the unit that leads.
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
    """What each unit writes into its own bag."""

    # The unit's own name.
    unit_data: str | None = dataclasses.field(default=None, metadata={"alias": "unit-data"})
