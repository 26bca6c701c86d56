#!/usr/bin/env python3
"""The mongodb charm: each unit runs a mongod, and all units form one replica set.

Each unit publishes its address in its peer databag (local_member.py). The leader keeps the members
of the replica set equal to the units (leader.py), and creates a user and a secret for each
`database` relation (clients.py). Every hook compares MongoDB with the model, and corrects MongoDB.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable

import ops
import pydantic

from clients import Clients
from inputs import NotReadyError, read_config
from leader import Leader
from local_member import NO_PRIMARY, LocalMember
from mongod import ERRORS, InstallError, MongodError, UnusableMongodError
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit
from mongodb_repository import install_refusal
from replica_set_rules import NeedsOperatorError, upgrade_refusal
from replicas import Replicas

logger = logging.getLogger(__name__)
# ops sends the logs of all libraries to Juju, and starts a process for each line. pymongo logs
# every step, so log only its warnings.
logging.getLogger("pymongo").setLevel(logging.WARNING)


class MongodbConfig(pydantic.BaseModel):
    """The charm's options."""

    version: str = pydantic.Field(pattern=r"^[1-9][0-9]*\.[0-9]+$")
    port: int = pydantic.Field(ge=1024, le=65535)


class MongodbCharm(ops.CharmBase):
    """Runs one member of the replica set. The leader also manages the replica set."""

    # The results of the last hook, for the status handlers. The operator has to fix the problems.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(unit_problem="", replica_set_problem="", restart_progress="")
        self._replicas = Replicas(self)
        self._member = LocalMember(self, self._replicas)
        self._leader = Leader(self.app, self._replicas, self._member)
        self._clients = Clients(self, self._member.replica_set)
        for event in (
            self.on.leader_elected,
            self.on.config_changed,  # Juju also sends it when the machine has a new address.
            self.on.start,
            self.on.update_status,
            self.on.upgrade_charm,  # Juju also sends it when the resource has a new file.
            self.on["data"].storage_attached,
            self.on["replicas"].relation_created,
            self.on["replicas"].relation_changed,
            self.on["database"].relation_joined,
            self.on["database"].relation_changed,
            self.on["database"].relation_broken,
        ):
            framework.observe(event, self._reconcile)
        framework.observe(self.on["replicas"].relation_departed, self._on_replicas_departed)
        framework.observe(self.on["data"].storage_detaching, self._on_data_storage_detaching)
        framework.observe(self.on.stop, self._on_stop)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.replica_set_status_action, self._on_replica_set_status)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)

    def _reconcile(self, _: ops.EventBase) -> None:
        self._stored.unit_problem = self._stored.replica_set_problem = ""
        self._stored.restart_progress = ""
        # Wait until both exist. Juju sends an event for each.
        if not self._replicas.relation or not self._member.storage:
            return
        settings = self._replicas.settings()
        try:
            settings_to_install = settings or self._initialise_settings()
            if settings_to_install:
                # A temporary error fails the hook, so that Juju retries it.
                self._member.install(settings_to_install)
        except UnusableMongodError as error:
            self._stored.unit_problem = str(error)
        # `settings` is None if the leader has written them in this hook. Then it runs mongod in a
        # later hook, because a failure in this hook would roll the settings back. The write
        # triggers relation-changed for the leader too.
        if settings and self._member.mongod.is_installed():
            self._attempt(self._run_mongod, settings)
            # The leader does its work even if its own mongod fails: the other units need it.
            if self.unit.is_leader():
                self._attempt(self._manage_replica_set, settings)
            else:
                self._attempt(self._member.add_self_to_replica_set)

    def _attempt(self, step: Callable[..., None], *arguments: object) -> None:
        """Call `step`. Keep its error for the statuses or the log, so that the hook goes on."""
        try:
            step(*arguments)
        except InstallError:  # Fail the hook, so that Juju retries it.
            raise
        except UnusableMongodError as error:
            self._stored.unit_problem = str(error)
        except NeedsOperatorError as error:
            self._stored.replica_set_problem = str(error)
        except ERRORS as error:  # update-status retries, if no other hook comes before it.
            logger.warning("retrying in a later hook: %s", error)

    def _run_mongod(self, settings: MongodbReplicaSetApp) -> None:
        self._member.run(settings)
        version = self._replicas.own_data().version or ""
        self.unit.set_workload_version(version)
        self.unit.set_ports(settings.port or 0)
        self._clients.publish(self._member.address(), settings.port or 0, version)

    def _on_replicas_departed(self, event: ops.RelationDepartedEvent) -> None:
        if event.departing_unit == self.unit:
            self._member.leave_replica_set()
        else:
            self._reconcile(event)

    def _on_data_storage_detaching(self, _: ops.StorageDetachingEvent) -> None:
        # When a unit is removed, this event comes before relation-departed.
        self._member.leave_replica_set()
        self._member.mongod.stop()
        self._replicas.write_own_data(MongodbReplicaSetUnit())

    def _on_stop(self, _: ops.StopEvent) -> None:
        # Try again: relation-departed does not fail if a unit without data cannot leave.
        self._member.leave_replica_set()
        self._member.mongod.stop()

    def _on_remove(self, _: ops.RemoveEvent) -> None:
        try:
            self._member.mongod.uninstall()
        except MongodError as error:  # A failed hook would keep Juju from removing the unit.
            logger.error("%s", error)

    def _on_replica_set_status(self, event: ops.ActionEvent) -> None:
        try:
            with self._member.replica_set() as replica_set:
                status = replica_set.status()
        except ERRORS as error:
            event.fail(f"cannot connect to the replica set: {error}")
            return
        primary = next((m["unit"] for m in status if m["state"] == "PRIMARY"), "")
        event.set_results({"members": json.dumps(status), "primary": primary})

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        self._add_blocked_statuses(event)
        event.add_status(self._member.status())

    def _on_collect_app_status(self, event: ops.CollectStatusEvent) -> None:
        self._add_blocked_statuses(event)
        self._clients.add_statuses(event)
        if self._stored.replica_set_problem:
            event.add_status(ops.BlockedStatus(self._stored.replica_set_problem))
        if self._stored.restart_progress:
            event.add_status(ops.MaintenanceStatus(self._stored.restart_progress))
        settings = self._replicas.settings()
        state = self._member.mongod.state() if settings and settings.members else ""
        if state == "no primary":
            event.add_status(ops.WaitingStatus(NO_PRIMARY))
        elif not state:
            message = "waiting for the leader's mongod to join the replica set"
            event.add_status(ops.WaitingStatus(message))
        event.add_status(ops.ActiveStatus())  # ops shows the most severe status.

    def _add_blocked_statuses(self, event: ops.CollectStatusEvent) -> None:
        """Add the problems that the operator has to fix, to the unit and to the application."""
        try:
            self._check_options(self._replicas.settings(), self._member.uses_resource)
        except NotReadyError as error:
            event.add_status(error.status)
        if self._stored.unit_problem:
            event.add_status(ops.BlockedStatus(str(self._stored.unit_problem)))

    def _check_options(
        self, settings: MongodbReplicaSetApp | None, uses_resource: bool
    ) -> MongodbConfig:
        """Return the options.

        Raises:
            NotReadyError: an option is invalid, or its new value is not allowed.
        """
        config = read_config(self, MongodbConfig)
        if settings and config.port != settings.port:
            message = "config option port: it cannot change after deployment"
            raise NotReadyError(ops.BlockedStatus(f"{message}: set it to {settings.port}"))
        present = settings.version if settings else None
        if config.version != present and not uses_resource:
            refusal = present and upgrade_refusal(present, config.version)
            refusal = refusal or install_refusal(config.version)
            if refusal:
                raise NotReadyError(ops.BlockedStatus(f"config option version: {refusal}"))
        return config

    def _initialise_settings(self) -> MongodbReplicaSetApp | None:
        if not self.unit.is_leader():
            return None
        try:
            config = self._check_options(None, self._member.resource_file() is not None)
        except NotReadyError as error:
            logger.error("%s", error)
            return None
        return self._leader.initialise_settings(config.version, config.port)

    def _manage_replica_set(self, settings: MongodbReplicaSetApp) -> None:
        # A leader that is being removed sees every relation break, although the relations stay for
        # the other units. So it must not remove users and secrets. The next leader does that.
        if self.unit.name not in self._replicas.staying():
            return
        if not self._leader.replica_set_exists(settings):
            self._leader.choose_initiator(settings)
            return
        self._leader.restore_primary(settings)
        with self._member.replica_set() as replica_set:
            endpoints = self._leader.reconcile_members(replica_set, settings)
            if endpoints:  # Empty while the only member is a unit that is being removed.
                version = self._replicas.own_data().version or ""
                self._clients.serve(replica_set, endpoints, version)
            self._stored.restart_progress = self._leader.allow_next_restart(replica_set, settings)
            if not self._stored.restart_progress:
                wanted = settings.version or ""
                if not self._member.uses_resource:
                    with contextlib.suppress(NotReadyError):  # The status shows the reason.
                        wanted = self._check_options(settings, uses_resource=False).version
                self._leader.upgrade_series(replica_set, settings, wanted)


if __name__ == "__main__":
    ops.main(MongodbCharm)  # pragma: no cover
