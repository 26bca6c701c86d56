"""The endpoint `database`, seen by its requirer: the way to the database, or what is missing."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from urllib.parse import quote

import ops
import pydantic

from inputs import NotReadyError, read_databag
from mongodb_interface import MongodbProviderApp, MongodbUserSecret


@dataclasses.dataclass(frozen=True)
class Database:
    """A database that a provider lets this application use."""

    name: str
    uri: str = dataclasses.field(repr=False)
    """Connection string of MongoDB, with the newest credentials."""
    secret: ops.Secret
    credentials: dict[str, str] = dataclasses.field(repr=False)
    """The content of the secret's newest revision."""

    def take_credentials(self) -> bool:
        """Tell Juju that this unit uses the newest credentials, and no older ones any more.

        The provider drops the old user as soon as every unit has done so.

        Returns whether they are still the newest: if not, they were changed a moment ago.
        """
        return self.secret.get_content(refresh=True) == self.credentials


class _Answer(MongodbProviderApp):
    """What a provider writes, limited to what the application's driver can use."""

    @pydantic.field_validator("database")
    @classmethod
    def _check_database(cls, name: str | None) -> str | None:
        if name and not re.fullmatch(r'[^\s/\\."$\x00]{1,63}', name):
            raise ValueError(f"{name[:80]!r} cannot be the name of one")
        return name

    @pydantic.field_validator("endpoints")
    @classmethod
    def _check_endpoints(cls, endpoints: list[str] | None) -> list[str] | None:
        for endpoint in endpoints or []:
            if not _is_endpoint(endpoint):
                raise ValueError(f"{endpoint[:80]!r} is not host:port")
        return endpoints


def find_database(model: ops.Model) -> Database:
    """Return the database that the endpoint `database` leads to.

    It takes no new revision of the secret: see `Database.take_credentials`.

    Raises:
        NotReadyError: there is none, or something of it is missing or wrong.
    """
    relations = model.relations["database"]
    if not relations:
        raise NotReadyError(ops.BlockedStatus("integrate database with a provider of mongodb"))
    if len(relations) > 1:  # which `limit` prevents, unless they are older than it
        names = ", ".join(sorted(relation.app.name for relation in relations))
        message = f"database: remove all but one relation of {names}"
        raise NotReadyError(ops.BlockedStatus(message))
    relation = relations[0]
    who = f"database: {relation.app.name}"
    answer = read_databag(relation, relation.app, _Answer)
    if not (answer.database and answer.endpoints and answer.replset and answer.secret_user):
        # One field is enough for a start; the others come with it, or show up next.
        found = answer.model_dump(by_alias=True)
        wanted = ("database", "endpoints", "replset", "secret-user")
        missing = ", ".join(field for field in wanted if not found[field])
        raise NotReadyError(ops.WaitingStatus(f"{who} has not sent {missing}"))
    try:
        secret = model.get_secret(id=answer.secret_user)
        credentials = secret.peek_content()
    except (ops.ModelError, ValueError) as error:  # not granted, not there, or no id at all
        raise NotReadyError(ops.WaitingStatus(f"{who} has not granted secret-user")) from error
    user = MongodbUserSecret.model_validate(credentials)
    if not (user.username and user.password):
        missing = "password" if user.username else "username"
        message = f"{who} sent an invalid secret-user: {missing} is missing"
        raise NotReadyError(ops.BlockedStatus(message))
    login = f"{quote(user.username, safe='')}:{quote(user.password, safe='')}"
    hosts = ",".join(answer.endpoints)
    replset = quote(answer.replset, safe="")
    uri = f"mongodb://{login}@{hosts}/?replicaSet={replset}&authSource=admin"
    return Database(answer.database, uri, secret, credentials)


def _is_endpoint(text: str) -> bool:
    pattern = r"(\[(?P<ipv6>[^]]+)\]|[\w.-]+):(?P<port>[0-9]{1,5})"
    match = re.fullmatch(pattern, text, re.ASCII)
    try:
        if match and match["ipv6"]:
            ipaddress.IPv6Address(match["ipv6"])
    except ValueError:
        return False
    return bool(match) and 1 <= int(match["port"]) <= 65535
