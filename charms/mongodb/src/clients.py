"""The provider's part of this charm: a database, a user and a secret for each `database` relation.

A charm that provides a database of another kind can copy this file: it asks its charm for one
thing, a connection to the server as its administrator.
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

# Roles in the relation's own database only. Not those that make users (dbOwner, userAdmin): such
# users would outlive the relation. Not those across databases: they show other requirers' data.
EXTRA_ROLES = ("dbAdmin",)
RESERVED_DATABASES = ("admin", "config", "local")

Roles = set[tuple[str, str]]
"""What a database user may do: pairs of role and database."""


class RotatePassword(pydantic.BaseModel):
    """Parameters of the action `rotate-password`."""

    relation_id: int | None = None


class Clients(ops.Object):
    """The `database` relations of an application, as its leader sees to them.

    A user, a revision of a secret and a relation share their numbers: the secret `database-7` of
    relation 7 holds in its revision 2 the user `relation-7-2`. So there is nothing to remember, a
    new leader finds what an old one made, and a hook that fails after it has made a user leaves
    nothing wrong.

    Args:
        charm: the charm whose relations these are.
        administer: connects to the server as its administrator. It may raise one of ERRORS, and
            so may each method of what it returns.
    """

    def __init__(self, charm: ops.CharmBase, administer: Callable[[], ReplicaSet]):
        super().__init__(charm, "clients")
        self._app = charm.app
        self._administer = administer
        self.framework.observe(charm.on.rotate_password_action, self._on_rotate_password)
        self.framework.observe(charm.on.secret_changed, self._on_secret_changed)
        self.framework.observe(charm.on.secret_remove, self._on_secret_remove)

    def serve(self, replica_set: ReplicaSet, endpoints: list[str], version: str) -> None:
        """Give every relation what it asks for, and clear away what is nobody's any more.

        Only the leader may call this.

        Args:
            replica_set: where the users are.
            endpoints: "host:port" of each member.
            version: version of the server.
        """
        relations = {relation.id: relation for relation in self.model.relations["database"]}
        users = replica_set.users()
        for _, relation in sorted(relations.items()):
            self._serve_relation(replica_set, relation, users, endpoints, version)

        # Found by name and label, so that a new leader clears away what an old one left.
        for user in users:
            if (numbers := _parse_user_name(user)) and numbers[0] not in relations:
                replica_set.drop_user(user)
        for secret_id in ops.hookcmds.secret_ids():  # Those that there are: see _on_secret_remove.
            secret = self.model.get_secret(id=secret_id)
            relation_id = _parse_secret_label(secret.get_info().label)
            if relation_id is not None and relation_id not in relations:
                secret.remove_all_revisions()

    def publish(self, address: str, port: int, version: str) -> None:
        """Say in every relation where this unit's mongod is: the classic plain strings."""
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
        """Tell which database a relation asks for, with which roles; None if it has not asked.

        Raises:
            NotReadyError: what it asks for cannot be granted.
        """
        request = read_databag(relation, relation.app, MongodbRequirerApp)
        if "database" not in request.model_fields_set:
            return None  # Its leader has not written yet, or it only wants the unit databags.
        database = request.database or _default_database(relation.app.name)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", database):
            raise _invalid_request(
                relation, f"database: {reprlib.repr(database)} is not 1 to 63 of A-Z a-z 0-9 _ -"
            )
        if database.lower() in RESERVED_DATABASES:
            raise _invalid_request(relation, f"database: {database!r} is MongoDB's own")
        for other in self.model.relations["database"]:
            # Refused, not shared: no requirer sees another's data. First come, first served.
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
        """Tell in the application's status of each request that is refused."""
        for relation in self.model.relations["database"]:
            try:
                self.read_request(relation)
            except NotReadyError as error:
                event.add_status(error.status)

    def _on_rotate_password(self, event: ops.ActionEvent) -> None:
        params = event.load_params(RotatePassword, errors="fail")
        if not self.model.unit.is_leader():
            event.fail(f"only the leader can do this: use {self._app.name}/leader")
            return
        try:
            with self._administer() as replica_set:
                rotated = self._rotate(replica_set, params.relation_id)
        except ValueError as error:
            event.fail(str(error))
        except ERRORS as error:
            event.fail(f"the replica set cannot be reached now: {error}")
        else:
            event.set_results({"rotated": ", ".join(map(str, rotated))})

    def _on_secret_changed(self, event: ops.SecretChangedEvent) -> None:
        # Juju counts the owner's units among the observers once they have read a secret. One that
        # kept to an old revision would hold back secret-remove for ever.
        with contextlib.suppress(ops.ModelError):  # Removed meanwhile.
            event.secret.get_content(refresh=True)

    def _on_secret_remove(self, event: ops.SecretRemoveEvent) -> None:
        """Drop the user that nobody uses any more, and the revision that named it."""
        if not self.model.unit.is_leader():  # Put off, and another leads by now.
            return
        try:
            label = event.secret.get_info().label
        except ops.SecretNotFoundError:
            # Gone with its relation, and Juju may tell of its revisions all the same (juju issues
            # 19036, 20794). Some versions fail a hook, after its end, that removes what is gone.
            return
        relation_id = _parse_secret_label(label)
        try:
            if relation_id is not None:
                with self._administer() as replica_set:
                    replica_set.drop_user(_user_name(relation_id, event.revision))
        except ERRORS as error:
            logger.warning("the replaced user is dropped later: %s", error)
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
        for user, has in all_users.items():
            relation_id, number = _parse_user_name(user) or (None, 0)
            if relation_id == relation.id and number <= revision:
                users[user] = has
            elif relation_id == relation.id:  # Made by a hook that failed: its secret is lost.
                replica_set.drop_user(user)

        answer = relation.load(MongodbProviderApp, self._app)
        granted = self._database_to_serve(relation, answer, users)
        if not granted:
            return
        database, roles = granted
        for user, has in users.items():
            if has != roles:  # Old users too: none keeps a former database.
                replica_set.set_user(user, roles)
        if answer.database != database or not _is_usable(secret, users, endpoints):
            new_id = self._create_credentials(replica_set, relation, roles, endpoints)
            answer.secret_user = new_id or answer.secret_user
        answer.database = database
        answer.endpoints = sorted(endpoints)
        answer.replset = self._app.name
        answer.version = version
        relation.save(answer, self._app)

    def _database_to_serve(
        self, relation: ops.Relation, answer: MongodbProviderApp, users: Mapping[str, Roles]
    ) -> tuple[str, Roles] | None:
        """Tell what a relation gets: what it asks for, or else what it has had so far."""
        request = None
        try:
            request = self.read_request(relation)
        except NotReadyError as error:
            logger.error("%s", error)
        if request or not answer.database:
            return request
        return answer.database, next(iter(users.values()), {("readWrite", answer.database)})

    def _rotate(self, replica_set: ReplicaSet, relation_id: int | None) -> list[int]:
        """Give one relation, or every one, a new user and a new revision of its secret.

        Returns:
            The ids of the relations that have new credentials.

        Raises:
            ValueError: there is no such relation, or it has no user yet.
        """
        roles = {
            numbers[0]: roles
            for user, roles in replica_set.users().items()
            if (numbers := _parse_user_name(user))
        }
        served = {r.id: r for r in self.model.relations["database"] if r.id in roles}
        if relation_id is not None and relation_id not in served:
            raise ValueError(f"relation-id: {relation_id} is not one of {sorted(served)}")
        if not served:
            raise ValueError("no relation has a user yet")
        chosen = sorted(served) if relation_id is None else [relation_id]
        for number in chosen:
            endpoints = served[number].load(MongodbProviderApp, self._app).endpoints or []
            self._create_credentials(replica_set, served[number], roles[number], endpoints)
        return chosen

    def _create_credentials(
        self, replica_set: ReplicaSet, relation: ops.Relation, roles: Roles, endpoints: list[str]
    ) -> str | None:
        """Make a new user for a relation, and a revision of its secret; return its id if new."""
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
        """Return the secret of a relation and its latest revision; None and 0 if there is none."""
        try:
            secret = self.model.get_secret(label=f"database-{relation.id}")
            return secret, secret.get_info().revision
        except ops.SecretNotFoundError:
            return None, 0


def _is_usable(
    secret: ops.Secret | None, users: Mapping[str, Roles], endpoints: list[str]
) -> bool:
    """Whether the user in a secret is there, and its connection string names a member."""
    if not secret:
        return False
    content = secret.get_content(refresh=True)
    named = content["uris"].partition("@")[2].partition("/")[0].split(",")
    return content["username"] in users and not set(named).isdisjoint(endpoints)


def _user_name(relation_id: int, revision: int) -> str:
    return f"relation-{relation_id}-{revision}"


def _parse_user_name(user: str) -> tuple[int, int] | None:
    """The relation and the revision that a user was made for; None for a user of another kind."""
    found = re.fullmatch(r"relation-(\d+)-(\d+)", user)
    return (int(found[1]), int(found[2])) if found else None


def _parse_secret_label(label: str | None) -> int | None:
    """The relation that a secret with this label was made for; None for another secret."""
    found = re.fullmatch(r"database-(\d+)", label or "")
    return int(found[1]) if found else None


def _default_database(app: str) -> str:
    # Names of applications are almost always fit to be names of databases.
    return f"app-{app}" if app in RESERVED_DATABASES else app[:63]


def _invalid_request(relation: ops.Relation, complaint: str) -> NotReadyError:
    message = f"{relation.name}: {relation.app.name} sent an invalid {complaint}"
    return NotReadyError(ops.BlockedStatus(message))
