"""The endpoint `database`: finds out how to connect to the database, or what is missing."""

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
    """A database that this application may use."""

    name: str
    uri: str = dataclasses.field(repr=False)
    """MongoDB connection string with the newest credentials."""
    secret: ops.Secret
    credentials: dict[str, str] = dataclasses.field(repr=False)
    """The content of the secret's newest revision."""

    def acknowledge_credentials(self) -> bool:
        """Tell Juju that this unit now uses the newest credentials.

        When every unit has done so, the provider removes the previous user.

        Returns False if the credentials have changed again since they were read.
        """
        return self.secret.get_content(refresh=True) == self.credentials


class _ProviderDatabag(MongodbProviderApp):
    """The provider's databag, with the checks that the application's driver needs."""

    @pydantic.field_validator("database")
    @classmethod
    def _check_database(cls, name: str | None) -> str | None:
        if name and not re.fullmatch(r'[^\s/\\."$\x00]{1,63}', name):
            raise ValueError(f"{name[:80]!r} is not a valid database name")
        return name

    @pydantic.field_validator("endpoints")
    @classmethod
    def _check_endpoints(cls, endpoints: list[str] | None) -> list[str] | None:
        for endpoint in endpoints or []:
            if not _is_endpoint(endpoint):
                raise ValueError(f"{endpoint[:80]!r} is not host:port")
        return endpoints


def find_database(model: ops.Model) -> Database:
    """Return the database of the relation `database`.

    It only peeks at the secret. `Database.acknowledge_credentials` refreshes it later.

    Raises:
        NotReadyError: there is no relation, or data is missing or invalid.
    """
    relations = model.relations["database"]
    if not relations:
        raise NotReadyError(
            ops.BlockedStatus("integrate database with a charm that provides mongodb")
        )
    if len(relations) > 1:  # `limit` prevents new relations, but an older charm may have had two.
        names = ", ".join(sorted(relation.app.name for relation in relations))
        message = f"database: remove all relations but one (to {names})"
        raise NotReadyError(ops.BlockedStatus(message))
    relation = relations[0]
    provider = relation.app.name
    databag = read_databag(relation, relation.app, _ProviderDatabag)
    if not (databag.database and databag.endpoints and databag.replset and databag.secret_user):
        found = databag.model_dump(by_alias=True)
        wanted = ("database", "endpoints", "replset", "secret-user")
        missing = ", ".join(field for field in wanted if not found[field])
        raise NotReadyError(
            ops.WaitingStatus(f"database: waiting for {provider} to send {missing}")
        )
    try:
        secret = model.get_secret(id=databag.secret_user)
        credentials = secret.peek_content()
    except (ops.ModelError, ValueError) as error:  # not granted, removed, or not a secret id
        message = f"database: waiting for {provider} to grant access to secret-user"
        raise NotReadyError(ops.WaitingStatus(message)) from error
    user = MongodbUserSecret.model_validate(credentials)
    if not (user.username and user.password):
        missing = "password" if user.username else "username"
        message = f"database: {provider} sent an invalid secret-user: {missing} is missing"
        raise NotReadyError(ops.BlockedStatus(message))
    login = f"{quote(user.username, safe='')}:{quote(user.password, safe='')}"
    hosts = ",".join(databag.endpoints)
    replset = quote(databag.replset, safe="")
    uri = f"mongodb://{login}@{hosts}/?replicaSet={replset}&authSource=admin"
    return Database(databag.database, uri, secret, credentials)


def _is_endpoint(text: str) -> bool:
    pattern = r"(\[(?P<ipv6>[^]]+)\]|[\w.-]+):(?P<port>[0-9]{1,5})"
    match = re.fullmatch(pattern, text, re.ASCII)
    try:
        if match and match["ipv6"]:
            ipaddress.IPv6Address(match["ipv6"])
    except ValueError:
        return False
    return bool(match) and 1 <= int(match["port"]) <= 65535
