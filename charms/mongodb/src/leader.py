"""The leader's work on the replica set, in each of its hooks.

Every step first reads the current state, so it works after any event and after any other leader.
replica_set_rules.py decides about changes, and replica_set.py makes them.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

import ops
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from local_member import LocalMember
from mongod import UnusableMongodError
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit
from replica_set import ReplicaSet, fetch_config, force_config, holds_data, is_reachable
from replica_set_rules import (
    find_problem,
    forced_members,
    next_to_restart,
    oldest_series,
    upgrade_refusal,
    why_primary_waits,
)
from replicas import Replicas

logger = logging.getLogger(__name__)


class Leader:
    """The leader's work on the replica set.

    Args:
        app: the application that this unit leads.
        replicas: the databags of the peer relation.
        member: the leader's own member.
    """

    def __init__(self, app: ops.Application, replicas: Replicas, member: LocalMember):
        self._app = app
        self._replicas = replicas
        self._member = member

    def initialise_settings(self, version: str, port: int) -> MongodbReplicaSetApp:
        """Create the settings that all units need before they start mongod, and write them.

        Raises:
            UnusableMongodError: the storage holds data that this application cannot use.
        """
        saved = self._member.saved_credentials()
        if saved and not self._member.uses_resource and upgrade_refusal(saved.series, version):
            raise UnusableMongodError(
                f"storage data: it has data of MongoDB {saved.series}: "
                f"set version to {saved.series}"
            )
        content = {
            "keyfile": saved.keyfile if saved else secrets.token_hex(500),
            "password": saved.password if saved else secrets.token_urlsafe(32),
        }
        settings = MongodbReplicaSetApp(
            secret_admin=self._app.add_secret(content, label="admin").id,
            seed=self._member.unit,
            set_id=saved.set_id if saved else None,
            version=version,
            port=port,
        )
        self._replicas.write_settings(settings)
        return settings

    def replica_set_exists(self, settings: MongodbReplicaSetApp) -> bool:
        """Return whether a unit has data of a replica set.

        Raises:
            PyMongoError: a mongod that may have data does not answer.
        """
        units = self._replicas.units()
        if any(databag.has_data for databag in units.values()):
            return True
        if settings.seed in units and not settings.members:
            return False  # The initiator has not initiated it yet.
        # Ask every mongod, because a unit may have become a member since its last hook.
        password = self._member.password(settings)
        hosts = [databag.host for databag in units.values() if databag.host]
        return any(holds_data(host, password) for host in hosts)

    def choose_initiator(self, settings: MongodbReplicaSetApp) -> None:
        """Choose this unit as the new initiator of a replica set that does not exist.

        This unit becomes the initiator only if the old initiator and all members are gone, and
        every unit has written that it has no data. This prevents a second replica set.
        """
        units = self._replicas.units()
        if settings.seed in units and not settings.members:
            return  # The present initiator will initiate the replica set.
        # Juju shows the other units to a new leader one by one. So a unit whose databag is still
        # empty here may have data.
        all_have_written = all(databag.has_data is not None for databag in units.values())
        if self._replicas.leaving() or not all_have_written:
            return
        settings.seed = self._member.unit
        settings.members, settings.set_id = None, None
        self._replicas.write_settings(settings)

    def restore_primary(self, settings: MongodbReplicaSetApp) -> None:
        """Force a new configuration if the members cannot elect a primary.

        Raises:
            NeedsOperatorError: only the operator can decide how to continue.
            PyMongoError: the forced configuration fails, or has no effect in time.
        """
        try:
            with self._member.replica_set() as replica_set:
                replica_set.status()
                return
        except ServerSelectionTimeoutError as error:
            logger.warning("the replica set has no primary: %s", error)
        # Include the units that are being removed: they may have the newest data.
        hosts = {unit: databag.host for unit, databag in self._replicas.all_units().items()}
        password = self._member.password(settings)
        configs = _fetch_configs(hosts, password)
        if not configs:
            return
        newest = max(configs, key=lambda unit: (configs[unit]["term"], configs[unit]["version"]))
        members = forced_members(configs[newest]["members"], hosts, configs)
        if members:
            logger.warning("forcing these members of the replica set: %s", members)
            force_config(hosts[newest] or "", password, configs[newest], members)
            with self._member.replica_set() as replica_set:
                # Wait until the new configuration is in effect.
                replica_set.wait_until(lambda status: True, seconds=30)

    def reconcile_members(
        self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp
    ) -> list[str]:
        """Make the members equal to the units.

        Returns:
            The "host:port" of each member whose unit stays.
        """
        hosts = _hosts(self._replicas.units())
        staying = self._replicas.staying()
        members = {member["unit"] for member in replica_set.status()}
        # Leave out a new unit that does not answer: MongoDB cannot add it, and it would block the
        # other units.
        joining = {
            unit: host for unit, host in hosts.items() if unit in members or is_reachable(host)
        }
        # A member that this charm did not add has the unit "", and stays.
        replica_set.reconcile_members(leaving=members - staying - {""}, joining=joining)
        status = replica_set.status()
        # Write the members to the databag, so that every unit runs a hook when they change.
        settings.members = sorted(member["host"] for member in status)
        settings.set_id = replica_set.set_id()
        self._replicas.write_settings(settings)
        return [member["host"] for member in status if member["unit"] in staying]

    def allow_next_restart(self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp) -> str:
        """Choose the next unit that may restart its mongod, if the replica set is healthy.

        Returns:
            The progress, for the status; empty if no member has to restart.
        """
        units = self._replicas.units()
        waiting = {unit for unit, databag in units.items() if databag.restart}
        if not waiting:
            settings.restarting = None
            self._replicas.write_settings(settings)
            return ""
        replica_set.wait_until(lambda status: not find_problem(status), seconds=10)
        status = replica_set.status()
        problem = find_problem(status)
        if settings.restarting not in waiting:  # That unit has restarted, or is gone.
            targets = {unit: databag.target for unit, databag in units.items()}
            problem = problem or why_primary_waits(waiting, status, targets)
            settings.restarting = None if problem else next_to_restart(waiting, status)
            self._replicas.write_settings(settings)
        if not settings.restarting:
            return f"{_names(waiting)} cannot restart yet: {problem}"
        rest = waiting - {settings.restarting}
        then = f", then {_names(rest)}" if rest else ""
        now = f"restarting one member at a time: {settings.restarting} now{then}"
        return f"{now} ({problem})" if problem else now

    def upgrade_series(
        self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp, wanted: str
    ) -> None:
        """Start an upgrade to another series of MongoDB, or finish one.

        Does nothing while a member is not healthy, or has not written its version.

        Args:
            replica_set: the replica set.
            settings: the current settings.
            wanted: the series to upgrade to. It is ignored if MongoDB does not allow it.
        """
        versions = [databag.version for databag in self._replicas.units().values()]
        if not all(versions) or find_problem(replica_set.status()):
            return
        oldest = oldest_series(version for version in versions if version)
        replica_set.raise_compatibility_version(oldest)
        if settings.version != wanted and not upgrade_refusal(settings.version or wanted, wanted):
            settings.version = wanted
            self._replicas.write_settings(settings)


def _fetch_configs(hosts: Mapping[str, str | None], password: str) -> dict[str, dict[str, Any]]:
    """Return the replica set configuration of each mongod that answers and has one, by unit."""
    configs: dict[str, dict[str, Any]] = {}
    for unit, host in sorted(hosts.items()):
        if not host:
            continue
        try:
            config = fetch_config(host, password)
        except PyMongoError as error:
            logger.warning("%s at %s: %s", unit, host, error)
            continue
        if config:
            configs[unit] = config
    return configs


def _hosts(units: dict[str, MongodbReplicaSetUnit]) -> dict[str, str]:
    return {unit: databag.host for unit, databag in units.items() if databag.host}


def _names(units: set[str]) -> str:
    return ", ".join(sorted(units))
