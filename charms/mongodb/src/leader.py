"""What the leader does for the replica set, in each of its hooks.

Every step finds out anew what there is to do, so it does not matter which hook it is, or who led
before. What the members should be is decided in members.py, and done by replica_set.py.
"""

from __future__ import annotations

import logging
import secrets

import ops
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from member import Member
from members import (
    forced_members,
    next_to_restart,
    not_all_aware,
    refused_move,
    series_of,
    unhealthy,
)
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit
from replica_set import ReplicaSet, force_config, holds_data, read_config
from replicas import Replicas

logger = logging.getLogger(__name__)


class Leader:
    """The leader's steps.

    Args:
        app: the application that this unit leads.
        replicas: what its units say.
        member: the leader's own mongod.
    """

    def __init__(self, app: ops.Application, replicas: Replicas, member: Member):
        self._app = app
        self._replicas = replicas
        self._member = member

    def settle(self, version: str, port: int) -> MongodbReplicaSetApp:
        """Make and record what all units have to agree on before the first mongod runs.

        Raises:
            UnusableMongodError: the storage has data that this application cannot take over.
        """
        kept = self._member.kept_credentials()
        content = {
            "keyfile": kept.keyfile if kept else secrets.token_hex(500),
            "password": kept.password if kept else secrets.token_urlsafe(32),
        }
        settings = MongodbReplicaSetApp(
            secret_admin=self._app.add_secret(content, label="admin").id,
            seed=self._member.unit,
            set_id=kept.set_id if kept else None,
            version=version,
            port=port,
        )
        self._replicas.settle(settings)
        return settings

    def name_a_seed(self, settings: MongodbReplicaSetApp) -> bool:
        """See to it that some unit may initiate a set, if there is none; return whether there is.

        Only the seed initiates a set. Another seed is named only if the last one has gone and no
        unit has data, so there are never two sets.
        """
        units = self._replicas.units()
        if any(said.has_data for said in units.values()):
            return True
        if settings.seed in units and not settings.members:
            return False
        # All members have gone with their units, as far as the units have said. A unit that has
        # not spoken yet may have data, and so may one that became a member after its last hook.
        hosts = [said.host for said in units.values() if said.host and said.has_data is not None]
        everybody = len(hosts) == len(units) and not self._replicas.leaving()
        if settings.members and not everybody:
            return False
        password = self._member.password(settings)
        if any(holds_data(host, password) for host in hosts):
            return True
        settings.seed = self._member.unit
        settings.members, settings.set_id = None, None
        self._replicas.settle(settings)
        return False

    def find_a_primary(self, settings: MongodbReplicaSetApp) -> None:
        """Give the set a primary by force, if it has none and no election can help.

        Raises:
            UndecidedError: only the operator can decide how to go on.
            PyMongoError: the set cannot be reached now.
        """
        try:
            with self._member.replica_set(settings) as replica_set:
                replica_set.status()
                return
        except ServerSelectionTimeoutError as error:
            logger.warning("the replica set has no primary: %s", error)
        # Units that are being removed count until they are gone: they may have the newest data.
        hosts, password = _hosts(self._replicas.all_units()), self._member.password(settings)
        configs = {}
        for unit, host in sorted(hosts.items()):
            try:
                config = read_config(host, password)
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
            force_config(hosts[newest], password, configs[newest], members)
            with self._member.replica_set(settings) as replica_set:
                replica_set.wait_until(lambda status: True, seconds=30)

    def align(self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp) -> list[str]:
        """Make the members equal to the units; return the "host:port" of each that stays."""
        hosts = _hosts(self._replicas.units())
        staying = self._replicas.staying()
        members = {member["unit"] for member in replica_set.status()}
        replica_set.align(leaving=members - staying - {""}, joining=hosts)
        status = replica_set.status()
        # On record too, so that every unit has a hook when the set has changed.
        settings.members = sorted(member["host"] for member in status)
        settings.set_id = replica_set.set_id()
        self._replicas.settle(settings)
        return [member["host"] for member in status if member["unit"] in staying]

    def restart_one(self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp) -> str:
        """Let the next unit restart its mongod that has to, if the set can do without it.

        Returns:
            How far it is, for the operator; empty if no member has to restart.
        """
        units = self._replicas.units()
        waiting = {unit for unit, said in units.items() if said.restart}
        problem = ""
        if settings.restarting not in waiting:  # The last one has restarted, or has gone.
            settings.restarting = None
            if waiting:
                replica_set.wait_until(lambda status: not unhealthy(status), seconds=10)
                status = replica_set.status()
                targets = {unit: said.target for unit, said in units.items()}
                problem = unhealthy(status) or not_all_aware(waiting, status, targets)
                settings.restarting = None if problem else next_to_restart(waiting, status)
            self._replicas.settle(settings)
        if problem:
            return f"{_names(waiting)} must restart, but not now: {problem}"
        if not settings.restarting:
            return ""
        rest = waiting - {settings.restarting}
        then = f", then {_names(rest)}" if rest else ""
        return f"restarting one member at a time: {settings.restarting} now{then}"

    def move_series(
        self, replica_set: ReplicaSet, settings: MongodbReplicaSetApp, wanted: str
    ) -> None:
        """Have the members move to another series of MongoDB, or finish such a move.

        Nothing is done before the last move is finished and while a member is not well.

        Args:
            replica_set: the set.
            settings: what the units have agreed on.
            wanted: the series; the present one stays if MongoDB cannot move to it.
        """
        versions = [said.version for said in self._replicas.units().values()]
        if not all(versions) or unhealthy(replica_set.status()):
            return
        oldest = min(
            (series_of(version) for version in versions if version),
            key=lambda series: [int(part) for part in series.split(".")],
        )
        replica_set.raise_compatibility(oldest)
        if settings.version != wanted and not refused_move(settings.version or wanted, wanted):
            settings.version = wanted
            self._replicas.settle(settings)


def _hosts(units: dict[str, MongodbReplicaSetUnit]) -> dict[str, str]:
    return {unit: said.host for unit, said in units.items() if said.host}


def _names(units: set[str]) -> str:
    return ", ".join(sorted(units))
