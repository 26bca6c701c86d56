"""What travels over a relation with the interface `mongodb`, v0.

The requirer's leader asks for a database in its application bag: the field `database` is the
request, with a name, or with null for the default. The provider's leader answers in its own
application bag, and hands over the credentials in a secret that is granted to this relation alone:
the bag carries only the secret's id. A requirer that does not write the field gets no database and
no user; it can read the provider's unit bags, as requirers did before v0. If the field vanishes
later, the relation keeps what it has.

The database user lives in the database `admin` (`authSource=admin`) and may use only the
relation's own database, in which it has the role `readWrite` and the extra roles that were asked
for.

A client may take `uris` from the secret as it is, or build its own connection string from
`endpoints`, `database` and `replset` of the bag and `username` and `password` of the secret.
`endpoints` always lists the present members. `uris` lists the members there were when its revision
was made, of which at least one is still there: a driver that is given `replicaSet` finds the
others by itself. A new revision of the secret means a new user; the old one works until every unit
of the requirer has refreshed.

Both sides keep a copy of this file, because a charm packs alone. Values are JSON (`Relation.load`
and `Relation.save` as they come), except in the provider's unit bags, which hold plain strings as
they always did: `relation.save(data, self.unit, encoder=str)` and
`relation.load(MongodbProviderUnit, unit, decoder=str)`. No field is mandatory: a reader accepts
what is absent, null or unknown to it.
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


class MongodbRequirerApp(_Fields):
    """The application bag of the requirer, written by its leader."""

    database: str | None = None
    """The request: name of the database wanted, or null for one named after the application."""

    extra_user_roles: SortedStrings | None = None
    """Roles wanted in that database beside `readWrite`, from the provider's short list."""


class MongodbProviderApp(_Fields):
    """The application bag of the provider, written by its leader once the database can be used."""

    database: str | None = None
    """Name of the database that the user may use."""

    endpoints: SortedStrings | None = None
    """`host:port` of each member of the replica set (`[host]:port` for IPv6)."""

    replset: str | None = None
    """Name of the replica set, for the option `replicaSet` of a connection string."""

    version: str | None = None
    """Version of the server, such as `8.0.4`."""

    secret_user: str | None = None
    """Id of the secret with the credentials: see `MongodbUserSecret`."""


class MongodbProviderUnit(_Fields):
    """The unit bag of the provider, as plain strings: what `mongodb` relations held before v0."""

    hostname: str | None = None
    """Address of the unit."""

    port: str | None = None
    """Port of the unit's mongod, in digits."""

    type: str | None = None
    """Always `database`."""

    replset: str | None = None
    """Name of the replica set."""

    version: str | None = None
    """Version of the server."""


class MongodbUserSecret(_Fields):
    """The content of the secret that `secret-user` names."""

    username: str | None = None
    """Name of the user, made for this relation."""

    password: str | None = None
    """Password of the user; needs no escaping in a URI."""

    uris: str | None = None
    """A connection string for a driver: members, credentials, `replicaSet` and `authSource`."""


# The schema in the form of the public registry. Charms copy only the part above.


class ProviderSchema(pydantic.BaseModel):
    """What the provider writes."""

    app: MongodbProviderApp
    unit: MongodbProviderUnit


class RequirerSchema(pydantic.BaseModel):
    """What the requirer writes."""

    app: MongodbRequirerApp


PLAIN_STRINGS = (MongodbProviderUnit,)
SECRETS = {"secret-user": MongodbUserSecret}
