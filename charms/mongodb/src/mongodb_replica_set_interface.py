"""The `mongodb-replica-set` interface, v0: what the units of one application write for each other.

This is a peer relation, so no other application reads its databags. Values are JSON.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

# Sorted, because another order would trigger relation-changed.
SortedStrings = Annotated[list[str], pydantic.AfterValidator(sorted)]
# Members compare versions, so a version begins with two numbers.
Version = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9]+\.[0-9]+(\.|$)")]


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes in the databag."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class MongodbReplicaSetApp(_Fields):
    """The databag of the application. The leader writes it."""

    secret_admin: str | None = None
    """The id of the application's secret with `keyfile` and `password`."""

    seed: str | None = None
    """The initiator: the name of the only unit that may initiate the replica set."""

    set_id: str | None = None
    """MongoDB's unique id of the replica set. Missing until the replica set exists."""

    version: Version | None = None
    """The series of MongoDB that every unit installs, such as `8.0`."""

    port: int | None = None
    """The port of every unit's mongod."""

    members: SortedStrings | None = None
    """The `host:port` of each member. Missing until the replica set exists."""

    restarting: str | None = None
    """The name of the only unit that may restart its mongod now."""


class MongodbReplicaSetUnit(_Fields):
    """The databag of each unit."""

    host: str | None = None
    """The `host:port` of the unit's mongod. Missing until it runs."""

    has_data: bool | None = None
    """Whether the unit has data of a replica set. If so, no unit may initiate another one."""

    version: Version | None = None
    """The version of the running mongod, such as `8.0.4`."""

    target: str | None = None
    """A digest of the program and the settings that the mongod should have."""

    restart: bool | None = None
    """Whether the mongod has to restart, and waits for its turn."""
