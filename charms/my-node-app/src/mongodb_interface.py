"""The `mongodb` interface, v0: a database for an application, with credentials in a secret.

The requirer's leader asks for a database: it writes the field `database` to its application's
databag, with a name, or with null for the default. The provider's leader answers in the databag of
its own application. It puts the credentials into a secret, grants the secret to this relation
only, and writes only the secret's id to the databag. A requirer that does not write the field gets
no database and no user. It can still read the provider's unit databags, as all requirers did
before v0. If the field is removed later, the relation keeps its database.

The database user is defined in the database `admin` (`authSource=admin`). It can use only the
relation's own database, with the role `readWrite` and the extra roles that the requirer asked for.

A client can use `uris` from the secret. Or it builds a connection string from `endpoints`,
`database` and `replset` in the databag and `username` and `password` in the secret. `endpoints`
always lists the current members. `uris` lists the members that existed when its revision was
created. At least one of them still exists, and a driver with the option `replicaSet` finds the
others. A new revision of the secret has a new user. The replaced user works until every unit of
the requirer has refreshed the secret.

Both charms have a copy of this file, because a packed charm has only its own files. Values are
JSON, the default of `Relation.load` and `Relation.save`. Only the provider's unit databags have
plain strings, as before v0: `relation.save(data, self.unit, encoder=str)` and
`relation.load(MongodbProviderUnit, unit, decoder=str)`. Any field may be missing or null, and
there may be unknown fields.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

# Sorted, because another order would trigger relation-changed.
SortedStrings = Annotated[list[str], pydantic.AfterValidator(sorted)]


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes in the databag."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class MongodbRequirerApp(_Fields):
    """The databag of the requirer's application. Its leader writes it."""

    database: str | None = None
    """The request: the name of the database, or null for the name of the application."""

    extra_user_roles: SortedStrings | None = None
    """Roles in that database in addition to `readWrite`. The provider allows only some roles."""


class MongodbProviderApp(_Fields):
    """The databag of the provider's application. Its leader writes it when the database exists."""

    database: str | None = None
    """The name of the database that the user can use."""

    endpoints: SortedStrings | None = None
    """The `host:port` of each member of the replica set (`[host]:port` for IPv6)."""

    replset: str | None = None
    """The name of the replica set, for the option `replicaSet` of a connection string."""

    version: str | None = None
    """The version of the server, such as `8.0.4`."""

    secret_user: str | None = None
    """The id of the secret with the credentials: see `MongodbUserSecret`."""


class MongodbProviderUnit(_Fields):
    """The databag of each unit of the provider: the fields from before v0, as plain strings."""

    hostname: str | None = None
    """The address of the unit."""

    port: str | None = None
    """The port of the unit's mongod, in digits."""

    type: str | None = None
    """Always `database`."""

    replset: str | None = None
    """The name of the replica set."""

    version: str | None = None
    """The version of the server."""


class MongodbUserSecret(_Fields):
    """The content of the secret that `secret-user` names."""

    username: str | None = None
    """The name of the user, which belongs to this relation."""

    password: str | None = None
    """The password of the user. It needs no escaping in a URI."""

    uris: str | None = None
    """A connection string with the members, the credentials, `replicaSet` and `authSource`."""
