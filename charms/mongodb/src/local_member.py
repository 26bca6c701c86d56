"""This unit's member of the replica set: install and run mongod, restart it, join, and leave."""

from __future__ import annotations

import logging
import os
import pathlib

import ops
from pymongo.errors import PyMongoError

from mongod import Credentials, Mongod, MongodError, UnusableMongodError
from mongodb_replica_set_interface import MongodbReplicaSetApp
from replica_set import ReplicaSet
from replica_set_rules import find_problem, oldest_series
from replicas import Replicas

logger = logging.getLogger(__name__)

NO_PRIMARY = "no primary: writes are unavailable until most members run"


class LocalMember(ops.Object):
    """This unit's mongod, as a member of the replica set.

    Args:
        charm: the charm of this unit.
        replicas: the databags of the peer relation.
    """

    _stored = ops.StoredState()

    def __init__(self, charm: ops.CharmBase, replicas: Replicas):
        super().__init__(charm, "member")
        # Size and modification time of the installed resource file; empty without one.
        self._stored.set_default(file=[])
        self.unit = charm.unit.name
        self._charm = charm
        self._replicas = replicas
        # None before Juju has attached the storage, and after Juju has detached it.
        self.storage = next(iter(self.model.storages["data"]), None)
        self.mongod = Mongod(self.storage.location) if self.storage else Mongod()
        self.mongod.proxies = _model_proxies()

    def status(self) -> ops.StatusBase:
        """Return the status of this unit."""
        if not self.storage:
            return ops.BlockedStatus(
                "storage data: none is attached: use juju attach-storage or juju add-storage"
            )
        if not self._replicas.settings():
            return ops.WaitingStatus("replicas: waiting for the leader to send the settings")
        if not self.mongod.is_installed():
            return ops.WaitingStatus("waiting to install mongod")
        if not self.mongod.is_running():
            message = f"waiting for mongod to start: see journalctl -u {self.mongod.service}"
            return ops.WaitingStatus(message)
        state = self.mongod.state()
        if not state:
            return ops.WaitingStatus("waiting for mongod to join the replica set and to sync")
        if state == "no primary":
            return ops.WaitingStatus(NO_PRIMARY)
        if self._replicas.own_data().restart:
            return ops.MaintenanceStatus(f"{state}; waiting for its turn to restart")
        return ops.ActiveStatus(state)

    @property
    def uses_resource(self) -> bool:
        """Whether mongod was installed from the resource. This downloads nothing."""
        return bool(self._stored.file)

    def resource_file(self) -> pathlib.Path | None:
        """Download the resource mongod, and return its path; None if none is attached."""
        try:
            path = self.model.resources.fetch("mongod")
        except ops.ModelError:
            return None
        return path if path.stat().st_size else None

    def install(self, settings: MongodbReplicaSetApp) -> None:
        """Install mongod if it is missing, or if the resource has another file.

        Raises:
            UnusableMongodError: the operator has to fix a problem. The installed mongod stays.
            MongodError: mongod cannot be installed now.
        """
        file = self.resource_file()
        stat = file.stat() if file else None
        stamp = [stat.st_size, stat.st_mtime_ns] if stat else []
        if self.mongod.is_installed() and (not stamp or stamp == list(self._stored.file)):
            return
        self._charm.unit.status = ops.MaintenanceStatus("installing mongod")
        versions = [databag.version for databag in self._replicas.units().values()]
        members_series = oldest_series(version for version in versions if version)
        try:
            self.mongod.install(settings.version or "", file, members_series)
        except UnusableMongodError as error:
            raise UnusableMongodError(
                f"resource mongod: {error}" if file else str(error)
            ) from error
        self._stored.file = stamp

    def run(self, settings: MongodbReplicaSetApp) -> None:
        """Configure and run mongod, publish its state, and initiate the replica set if chosen.

        Raises:
            UnusableMongodError: the storage has data that do not belong to this replica set.
            MongodError, PyMongoError: mongod does not start or does not answer.
        """
        credentials = self._credentials(settings)
        self._check_storage(credentials)
        own = self._replicas.own_data()
        host = f"{self._bracketed_address()}:{settings.port}"
        self.mongod.configure(
            self.address(), settings.port or 0, credentials.keyfile, credentials.replset
        )
        if self._must_restart(settings):
            # Restart at once if the replica set does not use this mongod: it is not a member, or
            # has a new address.
            if not self.mongod.is_member() or own.host != host:
                self._restart(settings)
            elif settings.restarting == self.unit:
                self._hand_over_and_restart(settings)
        own.host, own.has_data = host, self.mongod.holds_data()
        own.target = self.mongod.target_digest(settings.version or "")
        own.restart = self._must_restart(settings) or None
        if not own.restart:  # Otherwise the old version still runs.
            own.version = self.mongod.version()
        self._replicas.write_own_data(own)
        is_initiator = settings.seed == self.unit and not settings.members
        if is_initiator and not self._another_unit_has_data():
            self.mongod.initiate(credentials.replset, self.unit, host, credentials.password)
            own.has_data = True
            self._replicas.write_own_data(own)
        if own.has_data and settings.set_id:
            self.mongod.save_credentials(credentials)

    def add_self_to_replica_set(self) -> None:
        """Add this unit to the replica set if another unit is leaving.

        Normally the leader adds the members, but a leader that is being removed does not. If it is
        the only member, it can leave only after another unit has joined and has its data.
        """
        leaving, host = self._replicas.leaving(), self._replicas.own_data().host
        if leaving and self.unit not in leaving and host and not self.mongod.state():
            with self.replica_set() as replica_set:
                replica_set.reconcile_members(leaving=set(), joining={self.unit: host})

    def leave_replica_set(self) -> None:
        """Remove this unit from the replica set. If it is the primary, it hands over first.

        Raises:
            MongodError: the other members would have no majority, or there is no primary. The
                hook must fail then, so that Juju retries it: this unit may have the only copy of
                the data.
        """
        settings = self._replicas.settings()
        # If the whole application is removed, no other unit can take over.
        if not settings or not self._charm.app.planned_units():
            return
        try:
            with self.replica_set() as replica_set:
                replica_set.reconcile_members(leaving={self.unit}, joining={}, seconds=30)
                members = {member["unit"] for member in replica_set.status()}
        except (MongodError, PyMongoError) as error:
            if not self._replicas.own_data().has_data or not self.storage:
                logger.warning("the leader must remove this unit from the replica set: %s", error)
                return
            raise MongodError(f"cannot leave the replica set now: {error}") from error
        if self.unit in members:
            raise MongodError(
                "cannot leave the replica set yet: the other members still need this unit's data"
            )

    def replica_set(self) -> ReplicaSet:
        """Return the replica set, with all known addresses of its members.

        Raises:
            MongodError: the leader has not written the settings yet.
        """
        settings = self._replicas.settings()
        if not settings:
            raise MongodError("there is no replica set yet")
        hosts = {databag.host for databag in self._replicas.units().values() if databag.host}
        credentials = self._credentials(settings)
        hosts |= set(settings.members or [])
        return ReplicaSet(credentials.replset, hosts, credentials.password)

    def address(self) -> str:
        """Return the address of this machine for the other members and the clients.

        Raises:
            MongodError: the machine has no address yet.
        """
        # The address comes from the binding: Juju 4 writes no private-address to unit databags.
        binding = self.model.get_binding("replicas")
        address = binding.network.bind_address if binding else None
        if not address:
            raise MongodError("replicas: this machine has no address yet")
        return str(address)

    def saved_credentials(self) -> Credentials | None:
        """Return the credentials of the data in the storage; None if the storage is empty.

        Raises:
            UnusableMongodError: the data belong to an application with another name, or the file
                with the credentials cannot be read.
        """
        saved = self.mongod.saved_credentials()
        if saved and saved.replset != self._charm.app.name:
            raise UnusableMongodError(
                f"storage data: it belongs to the application {saved.replset}: "
                f"deploy the charm under that name"
            )
        return saved

    def password(self, settings: MongodbReplicaSetApp) -> str:
        """Return the administrator's password."""
        return self._credentials(settings).password

    def _credentials(self, settings: MongodbReplicaSetApp) -> Credentials:
        content = self.model.get_secret(id=settings.secret_admin).get_content()
        name = self._charm.app.name
        return Credentials(
            replset=name,
            set_id=settings.set_id or "",
            series=settings.version or "",
            keyfile=content["keyfile"],
            password=content["password"],
        )

    def _check_storage(self, credentials: Credentials) -> None:
        if self.mongod.has_data_outside_storage():
            raise UnusableMongodError(
                f"storage data: it is empty, but {self.mongod.old_data_dir} has data: "
                f"stop mongod, and move the data to {self.mongod.data_dir}"
            )
        saved = self.saved_credentials()
        if not saved:
            return
        has_other_id = credentials.set_id and saved.set_id != credentials.set_id
        if has_other_id or saved.keyfile != credentials.keyfile:
            raise UnusableMongodError(
                "storage data: it belongs to another replica set: "
                "remove this unit, add one with new storage"
            )

    def _bracketed_address(self) -> str:
        address = self.address()
        return f"[{address}]" if ":" in address else address

    def _must_restart(self, settings: MongodbReplicaSetApp) -> bool:
        return not self.mongod.is_up_to_date() or self._must_upgrade(settings)

    def _must_upgrade(self, settings: MongodbReplicaSetApp) -> bool:
        return not self.uses_resource and self.mongod.package_series() != settings.version

    def _restart(self, settings: MongodbReplicaSetApp) -> None:
        if self._must_upgrade(settings):
            self._charm.unit.status = ops.MaintenanceStatus(
                f"installing MongoDB {settings.version}"
            )
            self.mongod.install(settings.version or "", None)
        self._charm.unit.status = ops.MaintenanceStatus("starting mongod")
        self.mongod.start()
        self.mongod.wait_until_it_answers()

    def _hand_over_and_restart(self, settings: MongodbReplicaSetApp) -> None:
        with self.replica_set() as replica_set:
            # The replica set may have become unhealthy since the leader chose this unit.
            problem = find_problem(replica_set.status())
            if problem:
                raise MongodError(f"cannot restart yet: {problem}")
            if not replica_set.hand_over(self.unit):
                raise MongodError("cannot restart yet: no other member can become the primary")
        self._restart(settings)
        self.mongod.wait_until_it_is_a_member()

    def _another_unit_has_data(self) -> bool:
        others = self._replicas.units().items()
        return any(databag.has_data for unit, databag in others if unit != self.unit)


def _model_proxies() -> dict[str, str]:
    """Return the model's proxies, which Juju passes to hooks in the variables JUJU_CHARM_*."""
    names = {kind: f"JUJU_CHARM_{kind.upper()}_PROXY" for kind in ("http", "https", "no")}
    return {kind: os.environ[name] for kind, name in names.items() if os.environ.get(name)}
