"""The databags of the peer interface `demo-replicas`, v0. All values are plain strings.

Charms copy `charm_models.py`: the same models without pydantic, so that the charm is pure Python.
"""

from __future__ import annotations

import ipaddress

import pydantic


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes in the databag."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class DemoReplicasApp(_Fields):
    """The databag of the application. The leader writes it, and every unit can read it."""

    leader_ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    """The leader's IP address."""


class DemoReplicasUnit(_Fields):
    """The databag of each unit."""

    unit_data: str | None = None
    """The unit's own name."""


class PeerSchema(pydantic.BaseModel):
    """The databags of the units."""

    app: DemoReplicasApp
    unit: DemoReplicasUnit


PLAIN_STRINGS = (DemoReplicasApp, DemoReplicasUnit)
