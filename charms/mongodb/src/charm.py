#!/usr/bin/env python3
"""The mongodb charm: each unit runs a mongod, and all units are one replica set.

Every unit runs its own mongod and says in its peer bag where. The leader keeps the members of the
replica set equal to the units, and makes a user, a secret and an answer for each `database`
relation (see clients.py). What there is to do is found out anew in every hook, from the model and
from MongoDB.
"""

from __future__ import annotations

import json
import logging
import pathlib
import secrets

import ops
import pydantic

from clients import Clients
from mongod import ERRORS, Mongod, MongodError, ReplicaSet, has_replica_set
from mongodb_interface import MongodbProviderUnit
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit

logger = logging.getLogger(__name__)
# ops logs what any library does, with a process for each line, and pymongo tells of every step.
logging.getLogger("pymongo").setLevel(logging.WARNING)


class MongodbConfig(pydantic.BaseModel):
    """The charm's options."""

    version: str = pydantic.Field(pattern=r"^[1-9][0-9]*\.[0-9]+$")
    port: int = pydantic.Field(ge=1024, le=65535)


class MongodbCharm(ops.CharmBase):
    """Runs one member of the replica set; the leader runs the set."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._mongod = Mongod()
        self._clients = Clients(self, self._replica_set)
        for event in (
            self.on.install,
            self.on.leader_elected,
            self.on.config_changed,
            self.on.start,
            self.on.update_status,
            self.on["replicas"].relation_created,
            self.on["replicas"].relation_changed,
            self.on["database"].relation_joined,
            self.on["database"].relation_changed,
            self.on["database"].relation_broken,
        ):
            framework.observe(event, self._reconcile)
        framework.observe(self.on.upgrade_charm, self._on_upgrade_charm)
        framework.observe(self.on["replicas"].relation_departed, self._on_replicas_departed)
        framework.observe(self.on.stop, self._on_stop)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.replica_set_status_action, self._on_replica_set_status)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)

    def _reconcile(self, _: ops.EventBase) -> None:
        peers = self.model.get_relation("replicas")
        if not peers:  # In install: relation-created of the peers comes next.
            return
        on_record = self._settings()
        settings = on_record or self._settle(peers)
        if not settings:
            return
        try:
            if not self._mongod.is_installed():
                self._install(settings)
            if not on_record:
                # Go on in the next hook (Juju tells the leader of its own change too): before
                # MongoDB does anything, what it needs is where no failing hook can discard it.
                return
            host = self._run(peers, settings)
            if settings.seed == self.unit.name and not settings.members:
                password = self._admin_secret(settings)["password"]
                self._mongod.initiate(self.app.name, self.unit.name, host, password)
            if self.unit.is_leader():
                self._lead(peers, settings)
            elif settings.members and not self._mongod.state():
                self._join_what_the_leader_leaves(host)
        except ERRORS as error:
            # Not a failed hook: update-status, if nothing else, tries again.
            logger.warning("going on in a later hook: %s", error)

    def _on_upgrade_charm(self, event: ops.UpgradeCharmEvent) -> None:
        # `juju attach-resource` comes as upgrade-charm too: there may be another mongod.
        settings = self._settings()
        try:
            if settings and self._install(settings):
                self._mongod.stop()
        except MongodError as error:
            logger.error("the mongod that there was stays: %s", error)
        self._reconcile(event)

    def _on_replicas_departed(self, event: ops.RelationDepartedEvent) -> None:
        if event.departing_unit == self.unit:
            self._leave()
        else:
            self._reconcile(event)

    def _on_stop(self, _: ops.StopEvent) -> None:
        self._leave()  # Again: what departed could not do in time may be possible now.
        self._mongod.stop()

    def _on_remove(self, _: ops.RemoveEvent) -> None:
        self._mongod.uninstall()

    def _on_replica_set_status(self, event: ops.ActionEvent) -> None:
        try:
            with self._replica_set() as replica_set:
                status = replica_set.status()
        except ERRORS as error:
            event.fail(f"the replica set cannot be reached now: {error}")
            return
        primary = [member["unit"] for member in status if member["state"] == "PRIMARY"]
        event.set_results({"members": json.dumps(status), "primary": "".join(primary)})

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        settings = self._settings()
        try:
            config = self.load_config(MongodbConfig)
        except ValueError as error:
            event.add_status(ops.BlockedStatus(f"config {_complaint(error)}"))
        else:
            for option, value in config:
                if settings and value != (settled := getattr(settings, option)):
                    event.add_status(
                        ops.BlockedStatus(
                            f"config {option}: {value} is not used; this application was deployed "
                            f"with {settled}, and keeps it"
                        )
                    )
        if not settings:
            event.add_status(ops.WaitingStatus("waiting for the leader to settle the replica set"))
        elif not self._mongod.is_installed():
            event.add_status(self._not_installed(settings))
        elif not self._mongod.is_running():
            event.add_status(ops.WaitingStatus("waiting for mongod to run"))
        elif state := self._mongod.state():
            event.add_status(ops.ActiveStatus(state))
        else:
            event.add_status(ops.WaitingStatus("waiting to be a synced member of the replica set"))

    def _on_collect_app_status(self, event: ops.CollectStatusEvent) -> None:
        self._clients.add_statuses(event)
        settings = self._settings()
        if settings and not self._mongod.is_installed():
            event.add_status(self._not_installed(settings))
        elif settings and settings.members and self._mongod.state():
            event.add_status(ops.ActiveStatus())
        else:
            event.add_status(ops.WaitingStatus("waiting for the replica set"))

    def _not_installed(self, settings: MongodbReplicaSetApp) -> ops.StatusBase:
        source = "resource mongod" if self._resource() else f"MongoDB {settings.version}"
        return ops.BlockedStatus(f"cannot install mongod from {source}: see juju debug-log")

    # Every unit: its own mongod.

    def _settings(self) -> MongodbReplicaSetApp | None:
        peers = self.model.get_relation("replicas")
        settings = peers.load(MongodbReplicaSetApp, self.app) if peers else None
        return settings if settings and settings.secret_admin else None

    def _admin_secret(self, settings: MongodbReplicaSetApp) -> dict[str, str]:
        return self.model.get_secret(id=settings.secret_admin).get_content()

    def _resource(self) -> pathlib.Path | None:
        try:
            path = self.model.resources.fetch("mongod")
        except ops.ModelError:  # None attached.
            return None
        return path if path.stat().st_size else None

    def _install(self, settings: MongodbReplicaSetApp) -> bool:
        assert settings.version
        return self._mongod.install(settings.version, self._resource())

    def _run(self, peers: ops.Relation, settings: MongodbReplicaSetApp) -> str:
        """Run mongod and publish where; return "host:port"."""
        assert settings.port
        binding = self.model.get_binding(peers)
        assert binding
        # The binding, because unit bags hold no private-address any more on Juju 4 (Q7).
        address = str(binding.network.bind_address)
        keyfile = self._admin_secret(settings)["keyfile"]
        self._mongod.run(address, settings.port, self.app.name, keyfile)
        host = f"[{address}]:{settings.port}" if ":" in address else f"{address}:{settings.port}"
        peers.save(MongodbReplicaSetUnit(host=host), self.unit)
        version = self._mongod.version()
        self.unit.set_workload_version(version)
        self.unit.set_ports(settings.port)
        classic = MongodbProviderUnit(
            hostname=address,
            port=str(settings.port),
            type="database",
            replset=self.app.name,
            version=version,
        )
        for relation in self.model.relations["database"]:
            relation.save(classic, self.unit, encoder=str)
        return host

    def _join_what_the_leader_leaves(self, host: str) -> None:
        """Become a member by itself while some unit is leaving.

        A leader that is leaving leads no more, and yet it may be the only member: then it waits
        until another has its data.
        """
        goals = ops.hookcmds.goal_state().units
        dying = {unit for unit, goal in goals.items() if goal.status == "dying"}
        if dying and self.unit.name not in dying:
            with self._replica_set() as replica_set:
                replica_set.align(leaving=set(), joining={self.unit.name: host})

    def _leave(self) -> None:
        """Hand over if this is the primary, and leave the replica set while that is possible.

        Raises:
            MongodError: the rest would have no majority.
        """
        if not self.app.planned_units():  # The whole application goes: nobody to hand over to.
            return
        if not self._settings():  # In stop, where departed came before.
            return
        try:
            with self._replica_set() as replica_set:
                replica_set.align(leaving={self.unit.name}, joining={}, seconds=30)
                members = {member["unit"] for member in replica_set.status()}
        except ERRORS as error:
            logger.warning("left to the leader to take this unit out: %s", error)
            return
        if self.unit.name in members:
            # A hook that fails is tried again: to go on would delete what may be the only copy.
            raise MongodError("the others cannot do without this unit's copy of the data yet")

    # The leader: the replica set.

    def _settle(self, peers: ops.Relation) -> MongodbReplicaSetApp | None:
        """Make and record what all units have to agree on before the first mongod runs."""
        if not self.unit.is_leader():
            return None
        try:
            config = self.load_config(MongodbConfig)
        except ValueError as error:
            logger.error("waiting for usable options: %s", _complaint(error))
            return None
        content = {"keyfile": secrets.token_hex(500), "password": secrets.token_urlsafe(32)}
        settings = MongodbReplicaSetApp(
            secret_admin=self.app.add_secret(content, label="admin").id,
            seed=self.unit.name,
            version=config.version,
            port=config.port,
        )
        peers.save(settings, self.app)
        return settings

    def _replica_set(self) -> ReplicaSet:
        peers, settings = self.model.get_relation("replicas"), self._settings()
        if not peers or not settings:
            raise MongodError("there is no replica set yet")
        hosts = {*self._hosts(peers).values(), *(settings.members or [])}
        return ReplicaSet(self.app.name, hosts, self._admin_secret(settings)["password"])

    def _hosts(self, peers: ops.Relation) -> dict[str, str]:
        """Where the units' mongods are, for those that run."""
        hosts = {}
        for unit in {*peers.units, self.unit}:
            try:
                host = peers.load(MongodbReplicaSetUnit, unit).host
            except ValueError as error:
                logger.error("relation %s, %s: %s", peers.id, unit.name, _complaint(error))
            else:
                hosts |= {unit.name: host} if host else {}
        return hosts

    def _lead(self, peers: ops.Relation, settings: MongodbReplicaSetApp) -> None:
        # goal-state, because on Juju 4 a removed unit stays in relation-list, and no departed
        # tells that it has gone (Q5).
        goals = ops.hookcmds.goal_state().units
        planned = {unit for unit, goal in goals.items() if goal.status != "dying"}
        # A leader that is leaving sees each of its relations break, though only it goes: what
        # there is to clear away is for the next leader to find.
        if self.unit.name not in planned:
            return
        hosts = {unit: host for unit, host in self._hosts(peers).items() if unit in planned}
        # All members may have gone with their units: the application was scaled to none. Only who
        # knows every unit's host can tell.
        everybody = planned == set(goals) == set(hosts)
        lost = everybody and set(settings.members or ()).isdisjoint(hosts.values())
        if (not settings.members or lost) and not any(map(has_replica_set, hosts.values())):
            # Only the seed initiates a set, and another seed is named only if that one has gone
            # and has left no set behind: so there are never two.
            if settings.seed not in planned:
                settings.seed, settings.members = self.unit.name, None
                peers.save(settings, self.app)
            return
        with self._replica_set() as replica_set:
            members = {member["unit"] for member in replica_set.status()}
            replica_set.align(leaving=members - planned - {""}, joining=hosts)
            status = replica_set.status()
            # On record too so that every unit has a hook when the set has changed.
            settings.members = sorted(member["host"] for member in status)
            peers.save(settings, self.app)
            endpoints = [member["host"] for member in status if member["unit"] in planned]
            if endpoints:  # There are none while only a unit that leaves is a member.
                self._clients.serve(replica_set, endpoints, self._mongod.version())


def _complaint(error: ValueError) -> str:
    """What is wrong with which option, in a line."""
    if isinstance(error, pydantic.ValidationError):
        first = error.errors()[0]
        return f"{first['loc'][0]}: {first['input']!r}: {first['msg']}"
    return str(error)


if __name__ == "__main__":
    ops.main(MongodbCharm)  # pragma: no cover
