"""What the leader does for the replica set, in each of its hooks.

Every step finds out anew what there is to do, so it does not matter which hook it is, or who led
before. What the members should be is decided in members.py, and done by replica_set.py.
"""

from __future__ import annotations

import logging
import secrets

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
    series_of,
    upgrade_refusal,
    why_primary_waits,
)
from replicas import Replicas

logger = logging.getLogger(__name__)


class Leader:
    """The leader's steps.

    Args:
        app: the application that this unit leads.
        replicas: what its units say.
        member: the leader's own mongod.
    """

    def __init__(self, app: ops.Application, replicas: Replicas, member: LocalMember):
        self._app = app
        self._replicas = replicas
        self._member = member

    def initialise_settings(self, version: str, port: int) -> MongodbReplicaSetApp:
        """Make and record what all units have to agree on before the first mongod runs.

        Raises:
            UnusableMongodError: the storage has data that this application cannot take over.
        """
        saved = self._member.saved_credentials()
        if saved and not self._member.uses_resource and upgrade_refusal(saved.series, version):
            raise UnusableMongodError(
                f"storage data: it is of MongoDB {saved.series}: set the option version to that"
            )
        content = {
            "keyfile": saved.keyfile if saved else secrets.token_hex(500),
            "password": saved.password if saved else secrets.token_urlsafe(32),
        }
        settings = MongodbReplicaSetApp(
            secret_admin=self._app.add_secret(content, label="admin").id,
            initiator=self._member.unit,
            set_id=saved.set_id if saved else None,
            version=version,
            port=port,
        )
        self._replicas.write_settings(settings)
        return settings

    def replica_set_exists(self, settings: MongodbReplicaSetApp) -> bool:
        """Whether a unit has the data of a replica set.

        Raises:
            PyMongoError: a mongod that may have them does not answer.
        """
        units = self._replicas.units()
        if any(databag.has_data for databag in units.values()):
            return True
        if settings.initiator in units and not settings.members:
            return False  # The seed has not initiated it yet.
        # A unit may have become a member since its last hook.
        password = self._member.password(settings)
        return any(
            holds_data(databag.host, password) for databag in units.values() if databag.host
        )

    def choose_initiator(self, settings: MongodbReplicaSetApp) -> None:
        """Name the unit that may initiate a set, where there is none.

        Only the initiator initiates a set. Another one is named only if the last one has gone, and
        all members with it, and every unit has written that it has no data. So there are never two sets.
        """
        units = self._replicas.units()
        if settings.initiator in units and not settings.members:
            return
        # Juju shows a new leader one unit after the other; those it has not shown may have data.
        everybody_has_spoken = all(databag.has_data is not None for databag in units.values())
        if self._replicas.leaving() or not everybody_has_spoken:
            return
        settings.initiator = self._member.unit
        settings.members, settings.set_id = None, None
        self._replicas.write_settings(settings)

    def restore_primary(self, settings: MongodbReplicaSetApp) -> None:
        """Give the set a primary by force, if it has none and no election can help.

        Raises:
            NeedsOperatorError: only the operator can decide how to go on.
            PyMongoError: the set cannot be reached now.
        """
        try:
            with self._member.replica_set() as replica_set:
                replica_set.status()
                return
        except ServerSelectionTimeoutError as error:
            logger.warning("the replica set has no primary: %s", error)
        # Units that are being removed count until they are gone: they may have the newest data.
        hosts = {unit: databag.host for unit, databag in self._replicas.all_units().items()}
        password = self._member.password(settings)
        configs = {}
        for unit, host in sorted(hosts.items()):
            if not host:
                continue
            try:
                config = fetch_config(host, password)
            except PyMongoError as error:
                logger.warning("%s at %s: %s", unit, host, error)
            else:
                configs |= {unit: config} if config else {}
        if not configs:
            return
        newest = max(configs, key=lambda unit: (configs[unit]["term"], configs[unit]["version"]))
        members = forced_members(configs[newest]["members"], hosts, configs)
        if members:
            logger.warning("forcing the members of the replica set: %s", members)
            force_config(hosts[newest] or "", password, configs[newest], members)
            with self._member.replica_set() as replica_set:
                replica_set.wait_until(lambda status: True, seconds=30)  # It has taken effect.

    def reconcile_members(
        self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp
    ) -> list[str]:
        """Make the members equal to the units; return the "host:port" of each that stays."""
        hosts = _hosts(self._replicas.units())
        staying = self._replicas.staying()
        members = {member["unit"] for member in replica_set.status()}
        # One that does not answer cannot be added, and must not keep out those after it.
        joining = {
            unit: host for unit, host in hosts.items() if unit in members or is_reachable(host)
        }
        replica_set.reconcile_members(leaving=members - staying - {""}, joining=joining)
        status = replica_set.status()
        # On record too, so that every unit has a hook when the set has changed.
        settings.members = sorted(member["host"] for member in status)
        settings.set_id = replica_set.set_id()
        self._replicas.write_settings(settings)
        return [member["host"] for member in status if member["unit"] in staying]

    def allow_next_restart(self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp) -> str:
        """Let the next unit restart its mongod that has to, if the set can do without it.

        Returns:
            How far it is, for the operator; empty if no member has to restart.
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
        if settings.restarting not in waiting:  # The last one has restarted, or has gone.
            targets = {unit: databag.target for unit, databag in units.items()}
            problem = problem or why_primary_waits(waiting, status, targets)
            settings.restarting = None if problem else next_to_restart(waiting, status)
            self._replicas.write_settings(settings)
        if not settings.restarting:
            return f"{_names(waiting)} must restart, but not now: {problem}"
        rest = waiting - {settings.restarting}
        then = f", then {_names(rest)}" if rest else ""
        now = f"restarting one member at a time: {settings.restarting} now{then}"
        return f"{now} ({problem})" if problem else now

    def upgrade_series(
        self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp, wanted: str
    ) -> None:
        """Have the members move to another series of MongoDB, or finish such a move.

        Nothing is done before the last move is finished and while a member is not well.

        Args:
            replica_set: the set.
            settings: what the units have agreed on.
            wanted: the series; the present one stays if MongoDB cannot move to it.
        """
        versions = [databag.version for databag in self._replicas.units().values()]
        if not all(versions) or find_problem(replica_set.status()):
            return
        oldest = min(
            (series_of(version) for version in versions if version),
            key=lambda series: [int(part) for part in series.split(".")],
        )
        replica_set.raise_compatibility_version(oldest)
        if settings.version != wanted and not upgrade_refusal(settings.version or wanted, wanted):
            settings.version = wanted
            self._replicas.write_settings(settings)


def _hosts(units: dict[str, MongodbReplicaSetUnit]) -> dict[str, str]:
    return {unit: databag.host for unit, databag in units.items() if databag.host}


def _names(units: set[str]) -> str:
    return ", ".join(sorted(units))
