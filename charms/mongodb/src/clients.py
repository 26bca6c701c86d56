"""The provider's side of `database`: a database, a user and a secret for each relation.

A charm that provides another kind of database can copy this file. It needs only one thing from its
charm: a connection to the server as the administrator.
"""

from __future__ import annotations

import contextlib
import logging
import re
import reprlib
import secrets
from collections.abc import Callable, Mapping

import ops
import pydantic

from inputs import NotReadyError, read_databag
from mongod import ERRORS
from mongodb_interface import (
    MongodbProviderApp,
    MongodbProviderUnit,
    MongodbRequirerApp,
    MongodbUserSecret,
)
from replica_set import ReplicaSet

logger = logging.getLogger(__name__)

# The roles that a requirer may ask for, in its own database only. Roles that can create users
# (dbOwner, userAdmin) are not allowed, because such users would outlive the relation. Roles in all
# databases are not allowed, because they give access to other requirers' data.
EXTRA_ROLES = ("dbAdmin",)
RESERVED_DATABASES = ("admin", "config", "local")

Roles = set[tuple[str, str]]
"""The roles of a database user, as pairs of role and database."""


class RotatePassword(pydantic.BaseModel):
    """The parameters of the action `rotate-password`."""

    relation_id: int | None = None


class Clients(ops.Object):
    """The `database` relations of this application.

    The name of a user has the id of its relation and the revision of its secret. For example,
    relation 7 has the secret `database-7`, and revision 2 of this secret holds the user
    `relation-7-2`. So the charm stores no state: a new leader finds everything that the previous
    leader created, and also users that a failed hook created.

    Args:
        charm: the charm that has the relations.
        connect: returns a connection to the server as its administrator. This function and the
            methods of the connection may raise ERRORS.
    """

    def __init__(self, charm: ops.CharmBase, connect: Callable[[], ReplicaSet]):
        super().__init__(charm, "clients")
        self._app = charm.app
        self._connect = connect
        self.framework.observe(charm.on.rotate_password_action, self._on_rotate_password)
        self.framework.observe(charm.on.secret_changed, self._on_secret_changed)
        self.framework.observe(charm.on.secret_remove, self._on_secret_remove)

    def serve(self, replica_set: ReplicaSet, endpoints: list[str], version: str) -> None:
        """Create a user and a secret for each request, and remove those of removed relations.

        Only the leader may call this.

        Args:
            replica_set: the replica set, to manage its users.
            endpoints: the "host:port" of each member.
            version: the version of the server.
        """
        relations = {relation.id: relation for relation in self.model.relations["database"]}
        users = replica_set.users()
        for _, relation in sorted(relations.items()):
            self._serve_relation(replica_set, relation, users, endpoints, version)

        # Find users of removed relations by name, and secrets by label, because a previous leader
        # may have created them.
        for user in users:
            relation_id, _ = _parse_user_name(user)
            if relation_id is not None and relation_id not in relations:
                replica_set.drop_user(user)
        # secret_ids lists only existing secrets: see _on_secret_remove.
        for secret_id in ops.hookcmds.secret_ids():
            secret = self.model.get_secret(id=secret_id)
            relation_id = _parse_secret_label(secret.get_info().label)
            if relation_id is not None and relation_id not in relations:
                secret.remove_all_revisions()

    def publish(self, address: str, port: int, version: str) -> None:
        """Write this unit's databag in every relation: the classic fields, as plain strings."""
        classic = MongodbProviderUnit(
            hostname=address,
            port=str(port),
            type="database",
            replset=self._app.name,
            version=version,
        )
        for relation in self.model.relations["database"]:
            relation.save(classic, self.model.unit, encoder=str)

    def read_request(self, relation: ops.Relation) -> tuple[str, Roles] | None:
        """Return the requested database and the roles in it; None if there is no request.

        Raises:
            NotReadyError: the request is invalid, or is not allowed.
        """
        request = read_databag(relation, relation.app, MongodbRequirerApp)
        if "database" not in request.model_fields_set:
            return None  # The requirer has not asked yet, or reads only the unit databags.
        database = request.database or _default_database(relation.app.name)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", database):
            raise _invalid_request(
                relation,
                f"database: {reprlib.repr(database)} is not 1 to 63 characters of A-Z a-z 0-9 _ -",
            )
        if database.lower() in RESERVED_DATABASES:
            raise _invalid_request(relation, f"database: {database!r} is reserved by MongoDB")
        for other in self.model.relations["database"]:
            # The first relation that asks for a database gets it: requirers share no data.
            served = other.load(MongodbProviderApp, self._app).database or ""
            if other.id != relation.id and served.lower() == database.lower():
                raise _invalid_request(
                    relation, f"database: {database!r} belongs to {other.app.name}"
                )
        extra_roles = request.extra_user_roles or []
        for role in extra_roles:
            if role not in EXTRA_ROLES:
                allowed = ", ".join(EXTRA_ROLES)
                raise _invalid_request(
                    relation, f"extra-user-roles: {reprlib.repr(role)} is not one of {allowed}"
                )
        return database, {(role, database) for role in ["readWrite", *extra_roles]}

    def add_statuses(self, event: ops.CollectStatusEvent) -> None:
        """Add a status for each request that is refused."""
        for relation in self.model.relations["database"]:
            try:
                self.read_request(relation)
            except NotReadyError as error:
                event.add_status(error.status)

    def _on_rotate_password(self, event: ops.ActionEvent) -> None:
        params = event.load_params(RotatePassword, errors="fail")
        if not self.model.unit.is_leader():
            event.fail(f"only the leader can rotate passwords: use {self._app.name}/leader")
            return
        try:
            with self._connect() as replica_set:
                rotated = self._rotate(replica_set, params.relation_id)
        except ValueError as error:
            event.fail(str(error))
        except ERRORS as error:
            event.fail(f"cannot connect to the replica set: {error}")
        else:
            event.set_results({"rotated": ", ".join(map(str, rotated))})

    def _on_secret_changed(self, event: ops.SecretChangedEvent) -> None:
        # Each unit of this application that has read a secret is an observer too. So it must
        # refresh: Juju sends secret-remove only when no observer uses the old revision.
        with contextlib.suppress(ops.ModelError):  # The secret has been removed.
            event.secret.get_content(refresh=True)

    def _on_secret_remove(self, event: ops.SecretRemoveEvent) -> None:
        """Drop the replaced user, and the revision of the secret that held it."""
        if not self.model.unit.is_leader():  # The leader has changed since the event was deferred.
            return
        try:
            label = event.secret.get_info().label
        except ops.SecretNotFoundError:
            # The secret was removed with its relation, but Juju may still send the event (juju
            # issues 19036 and 20794). Removing a missing secret fails the hook in some versions.
            return
        relation_id = _parse_secret_label(label)
        try:
            if relation_id is not None:
                with self._connect() as replica_set:
                    replica_set.drop_user(_user_name(relation_id, event.revision))
        except ERRORS as error:
            logger.warning("cannot drop the replaced user; retrying later: %s", error)
            event.defer()
        else:
            event.remove_revision()

    def _serve_relation(
        self,
        replica_set: ReplicaSet,
        relation: ops.Relation,
        all_users: Mapping[str, Roles],
        endpoints: list[str],
        version: str,
    ) -> None:
        secret, revision = self._find_secret(relation)
        users: dict[str, Roles] = {}
        for user, user_roles in all_users.items():
            relation_id, user_revision = _parse_user_name(user)
            if relation_id == relation.id and user_revision <= revision:
                users[user] = user_roles
            elif relation_id == relation.id:
                # The hook that created this user failed, so Juju discarded its secret revision.
                replica_set.drop_user(user)

        databag = relation.load(MongodbProviderApp, self._app)
        to_serve = self._database_to_serve(relation, databag, users)
        if not to_serve:
            return
        database, roles = to_serve
        for user, user_roles in users.items():
            # Also change replaced users: they must lose access to a previous database.
            if user_roles != roles:
                replica_set.set_user(user, roles)
        if databag.database != database or not _is_usable(secret, users, endpoints):
            new_id = self._create_credentials(replica_set, relation, roles, endpoints)
            databag.secret_user = new_id or databag.secret_user
        databag.database = database
        databag.endpoints = sorted(endpoints)
        databag.replset = self._app.name
        databag.version = version
        relation.save(databag, self._app)

    def _database_to_serve(
        self, relation: ops.Relation, databag: MongodbProviderApp, users: Mapping[str, Roles]
    ) -> tuple[str, Roles] | None:
        """Return the database and roles for a relation.

        They come from the request if it is valid, or else from the last valid request.
        """
        request = None
        try:
            request = self.read_request(relation)
        except NotReadyError as error:
            logger.error("%s", error)
        if request or not databag.database:
            return request
        return databag.database, next(iter(users.values()), {("readWrite", databag.database)})

    def _rotate(self, replica_set: ReplicaSet, relation_id: int | None) -> list[int]:
        """Create a new user and a new revision of the secret, for one relation or for all.

        Returns:
            The ids of the relations with new credentials.

        Raises:
            ValueError: the relation does not exist or has no user yet.
        """
        users = replica_set.users().items()
        roles = {_parse_user_name(user)[0]: user_roles for user, user_roles in users}
        served = {r.id: r for r in self.model.relations["database"] if r.id in roles}
        if relation_id is not None and relation_id not in served:
            raise ValueError(f"relation-id: {relation_id} is not one of {sorted(served)}")
        if not served:
            raise ValueError("no relation has a user yet")
        chosen = sorted(served) if relation_id is None else [relation_id]
        for id in chosen:
            endpoints = served[id].load(MongodbProviderApp, self._app).endpoints or []
            self._create_credentials(replica_set, served[id], roles[id], endpoints)
        return chosen

    def _create_credentials(
        self, replica_set: ReplicaSet, relation: ops.Relation, roles: Roles, endpoints: list[str]
    ) -> str | None:
        """Create a user and a new revision of the secret.

        Returns:
            The id of the secret if this created it; None if it existed.
        """
        secret, revision = self._find_secret(relation)
        username, password = _user_name(relation.id, revision + 1), secrets.token_urlsafe(32)
        replica_set.set_user(username, roles, password)
        database = next(iter(roles))[1]
        content = MongodbUserSecret(
            username=username,
            password=password,
            uris=f"mongodb://{username}:{password}@{','.join(sorted(endpoints))}/{database}"
            f"?replicaSet={self._app.name}&authSource=admin",
        ).model_dump()
        if secret:
            secret.set_content(content)
            return None
        secret = self._app.add_secret(content, label=f"database-{relation.id}")
        secret.grant(relation)
        return secret.id

    def _find_secret(self, relation: ops.Relation) -> tuple[ops.Secret | None, int]:
        """Return a relation's secret and its latest revision; None and 0 without a secret."""
        try:
            secret = self.model.get_secret(label=f"database-{relation.id}")
            return secret, secret.get_info().revision
        except ops.SecretNotFoundError:
            return None, 0


def _is_usable(
    secret: ops.Secret | None, users: Mapping[str, Roles], endpoints: list[str]
) -> bool:
    """Return whether a secret's user exists, and its connection string names a member."""
    if not secret:
        return False
    content = secret.get_content(refresh=True)
    hosts = content["uris"].partition("@")[2].partition("/")[0].split(",")
    return content["username"] in users and not set(hosts).isdisjoint(endpoints)


def _user_name(relation_id: int, revision: int) -> str:
    return f"relation-{relation_id}-{revision}"


def _parse_user_name(user: str) -> tuple[int | None, int]:
    """Return the relation id and the revision in a user's name; None and 0 for another user."""
    found = re.fullmatch(r"relation-(\d+)-(\d+)", user)
    return (int(found[1]), int(found[2])) if found else (None, 0)


def _parse_secret_label(label: str | None) -> int | None:
    """Return the relation id in a secret's label; None for another secret."""
    found = re.fullmatch(r"database-(\d+)", label or "")
    return int(found[1]) if found else None


def _default_database(app: str) -> str:
    # An application's name is a valid name of a database, unless it is reserved or too long.
    return f"app-{app}" if app in RESERVED_DATABASES else app[:63]


def _invalid_request(relation: ops.Relation, problem: str) -> NotReadyError:
    message = f"{relation.name}: {relation.app.name} sent an invalid {problem}"
    return NotReadyError(ops.BlockedStatus(message))
