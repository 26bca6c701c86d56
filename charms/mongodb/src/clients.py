"""What the leader does for the `database` relations: users, secrets and answers."""

from __future__ import annotations

import json
import logging
import re
import reprlib
import secrets
from typing import Any

import ops
import pydantic

from mongod import ReplicaSet
from mongodb_interface import MongodbProviderApp, MongodbRequirerApp, MongodbUserSecret

logger = logging.getLogger(__name__)

# Roles in the relation's own database only. Not those that make users (dbOwner, userAdmin): such
# users would outlive the relation. Not those across databases: they show other requirers' data.
EXTRA_ROLES = ("dbAdmin",)
RESERVED_DATABASES = ("admin", "config", "local")


class Clients:
    """The `database` relations of an application, as its leader sees to them.

    A user, a revision of a secret and a relation share their numbers: the secret `database-7` of
    relation 7 holds in its revision 2 the user `relation-7-2`. So there is nothing to remember, a
    new leader finds what an old one made, and a hook that fails after it has made a user leaves
    nothing wrong.

    Args:
        charm: the charm whose relations these are.
    """

    def __init__(self, charm: ops.CharmBase):
        self._model = charm.model
        self._app = charm.app
        self._replset = charm.app.name

    def request(self, relation: ops.Relation) -> tuple[str, list[str]] | None:
        """Tell which database and extra roles a relation asks for; None if it has not asked yet.

        Raises:
            ValueError: naming the field that cannot be granted, and why.
        """
        if not relation.units:  # Its leader's request may still be on the way.
            return None
        try:
            request = relation.load(MongodbRequirerApp, relation.app, decoder=_decode)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{where}: {reprlib.repr(first['input'])}: {first['msg']}") from error
        database = request.database or _default_database(relation.app.name)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", database):
            raise ValueError(
                f"database: {reprlib.repr(database)} is not 1 to 63 of A-Z, a-z, 0-9, _ and -"
            )
        if database.lower() in RESERVED_DATABASES:
            raise ValueError(f"database: {database!r} is MongoDB's own")
        for other in self._model.relations["database"]:
            # Refused, not shared: no requirer sees another's data. First come, first served.
            served = other.load(MongodbProviderApp, self._app).database or ""
            if other.id != relation.id and served.lower() == database.lower():
                raise ValueError(f"database: {database!r} belongs to relation {other.id}")
        for role in request.extra_user_roles or []:
            if role not in EXTRA_ROLES:
                allowed = ", ".join(EXTRA_ROLES)
                raise ValueError(f"extra-user-roles: {reprlib.repr(role)} is not one of {allowed}")
        return database, request.extra_user_roles or []

    def serve(self, replica_set: ReplicaSet, endpoints: list[str], version: str) -> None:
        """Give every relation what it asks for, and clear away what is nobody's any more.

        Args:
            replica_set: where the users are.
            endpoints: "host:port" of each member.
            version: version of the server.
        """
        relations = {relation.id: relation for relation in self._model.relations["database"]}
        users = replica_set.users()
        for relation in sorted(relations.values(), key=lambda relation: relation.id):
            try:
                request = self.request(relation)
            except ValueError as error:  # What it had so far, it keeps.
                logger.error("relation %s (%s): %s", relation.id, relation.app.name, error)
                continue
            if not request:
                continue
            database, extra_roles = request
            roles = {(role, database) for role in ["readWrite", *extra_roles]}
            answer = relation.load(MongodbProviderApp, self._app)
            for user in users:
                # Old users too: none keeps a former database.
                if _relation_id(user) == relation.id and users[user] != roles:
                    replica_set.set_user(user, roles)
            usable = self._is_usable(answer.secret_user, set(users), endpoints)
            if answer.database != database or not usable:
                secret_id = self._issue(replica_set, relation, roles, endpoints)
                answer.secret_user = answer.secret_user or secret_id
            answer.database = database
            answer.endpoints = sorted(endpoints)
            answer.replset = self._replset
            answer.version = version
            relation.save(answer, self._app)

        # Found by name and label, so that a new leader clears away what an old one left.
        for user in users:
            if (relation_id := _relation_id(user)) is not None and relation_id not in relations:
                replica_set.drop_user(user)
        for secret_id in ops.hookcmds.secret_ids():
            secret = self._model.get_secret(id=secret_id)
            label = secret.get_info().label or ""
            if label.startswith("database-") and int(label[9:]) not in relations:
                secret.remove_all_revisions()

    def rotate(self, replica_set: ReplicaSet, relation_id: int | None) -> list[int]:
        """Give one relation, or every one, a new user and a new revision of its secret.

        Returns:
            The ids of the relations that have new credentials.

        Raises:
            ValueError: there is no such relation, or it has no user yet.
        """
        roles = {_relation_id(user): roles for user, roles in replica_set.users().items()}
        served = {r.id: r for r in self._model.relations["database"] if r.id in roles}
        if relation_id is not None and relation_id not in served:
            raise ValueError(f"relation-id: {relation_id} is not one of {sorted(served)}")
        if not served:
            raise ValueError("no relation has a user yet")
        chosen = sorted(served) if relation_id is None else [relation_id]
        for number in chosen:
            endpoints = served[number].load(MongodbProviderApp, self._app).endpoints or []
            self._issue(replica_set, served[number], roles[number], endpoints)
        return chosen

    def revoke(self, replica_set: ReplicaSet, label: str, revision: int) -> None:
        """Drop the user that a revision of the secret with this label was made for."""
        replica_set.drop_user(f"relation-{label.removeprefix('database-')}-{revision}")

    def _is_usable(self, secret_id: str | None, users: set[str], endpoints: list[str]) -> bool:
        """Whether the user in a secret is there, and its connection string names a member."""
        if not secret_id:
            return False
        content = self._model.get_secret(id=secret_id).get_content(refresh=True)
        named = content["uris"].partition("@")[2].partition("/")[0].split(",")
        return content["username"] in users and not set(named).isdisjoint(endpoints)

    def _issue(
        self,
        replica_set: ReplicaSet,
        relation: ops.Relation,
        roles: set[tuple[str, str]],
        endpoints: list[str],
    ) -> str | None:
        """Make a new user for a relation, and a revision of its secret; return its id if new."""
        label = f"database-{relation.id}"
        try:
            secret = self._model.get_secret(label=label)
            revision = secret.get_info().revision + 1
        except ops.SecretNotFoundError:
            secret, revision = None, 1
        username, password = f"relation-{relation.id}-{revision}", secrets.token_urlsafe(32)
        replica_set.set_user(username, roles, password)
        database = next(iter(roles))[1]
        content = MongodbUserSecret(
            username=username,
            password=password,
            uris=f"mongodb://{username}:{password}@{','.join(sorted(endpoints))}/{database}"
            f"?replicaSet={self._replset}&authSource=admin",
        ).model_dump()
        if secret:
            secret.set_content(content)
        else:
            secret = self._app.add_secret(content, label=label)
            secret.grant(relation)
        return secret.id


def _relation_id(user: str) -> int | None:
    """The id of the relation that a database user was made for; None for any other user."""
    found = re.fullmatch(r"relation-(\d+)-\d+", user)
    return int(found[1]) if found else None


def _default_database(app: str) -> str:
    # Names of applications are almost always fit to be names of databases.
    return f"app-{app}" if app in RESERVED_DATABASES else app[:63]


def _decode(value: str) -> Any:
    """Return what `value` says in JSON; what is no JSON becomes what no field takes."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # RecursionError: nested too deeply
        return {"not JSON": value}
