"""What travels between the units of one application with the interface `demo-replicas`, v0.

These are peers, and the values are plain strings. Charms keep `charm_models.py`, the same without
pydantic, so that they are pure Python.
"""

from __future__ import annotations

import ipaddress

import pydantic


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes on the wire."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class DemoReplicasApp(_Fields):
    """The application bag, written by the leader, which all its units may read."""

    leader_ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    """The address of the unit that leads."""


class DemoReplicasUnit(_Fields):
    """The unit bag."""

    unit_data: str | None = None
    """The unit's own name."""


class PeerSchema(pydantic.BaseModel):
    """What the units write."""

    app: DemoReplicasApp
    unit: DemoReplicasUnit


PLAIN_STRINGS = (DemoReplicasApp, DemoReplicasUnit)
