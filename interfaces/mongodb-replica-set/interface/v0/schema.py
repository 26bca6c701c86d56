"""What travels between the units of this application: the interface `mongodb-replica-set`, v0.

These are peers, so nobody else reads these bags. Values are JSON.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

# In order, or relation-changed fires for nothing.
SortedStrings = Annotated[list[str], pydantic.AfterValidator(sorted)]


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes on the wire."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class MongodbReplicaSetApp(_Fields):
    """The application bag, written by the leader."""

    secret_admin: str | None = None
    """Id of the application's secret with `keyfile` and `password`."""

    seed: str | None = None
    """Name of the one unit that may initiate the replica set."""

    set_id: str | None = None
    """What MongoDB tells this replica set by from every other; absent until there is one."""

    version: str | None = None
    """Series of MongoDB that every unit installs, such as `8.0`."""

    port: int | None = None
    """Port of every unit's mongod."""

    members: SortedStrings | None = None
    """`host:port` of each member of the replica set; absent until there is one."""

    restarting: str | None = None
    """Name of the one unit that may restart its mongod now."""


class MongodbReplicaSetUnit(_Fields):
    """The unit bag."""

    host: str | None = None
    """`host:port` of the unit's mongod, written once it runs."""

    has_data: bool | None = None
    """Whether the unit has the data of a replica set: while any has, none initiates another."""

    version: str | None = None
    """Version of the mongod that runs, such as `8.0.4`."""

    target: str | None = None
    """What the mongod should be: equal on all units once all have taken up a change."""

    restart: bool | None = None
    """Whether the mongod has to be restarted, and waits for its turn."""


# The schema in the form of the public registry. Charms copy only the part above.


class MongodbAdminSecret(_Fields):
    """The content of the secret that `secret-admin` names, which only the application reads."""

    keyfile: str | None = None
    """What the members of the replica set know each other by."""

    password: str | None = None
    """Password of the administrator of the replica set."""


class PeerSchema(pydantic.BaseModel):
    """What the units write."""

    app: MongodbReplicaSetApp
    unit: MongodbReplicaSetUnit


SECRETS = {"secret-admin": MongodbAdminSecret}
