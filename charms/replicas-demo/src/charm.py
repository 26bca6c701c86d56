#!/usr/bin/env python3
"""The charm: units of one application greet each other and learn who leads them."""

import json
import logging

import ops

from demo_replicas_interface import DemoReplicasApp, DemoReplicasUnit, encode

logger = logging.getLogger(__name__)


class DemoCharm(ops.CharmBase):
    """Shows each event of a peer relation in the log, and what the databags hold."""

    # On this unit's own disk: what this unit has been told so far.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(leader_ip="", peers=[])
        framework.observe(self.on.leader_elected, self._on_leader_elected)
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on.update_status, self._on_update_status)
        replicas = self.on["replicas"]
        framework.observe(replicas.relation_created, self._on_replicas_relation_created)
        framework.observe(replicas.relation_joined, self._on_replicas_relation_joined)
        framework.observe(replicas.relation_departed, self._on_replicas_relation_departed)
        framework.observe(replicas.relation_changed, self._on_replicas_relation_changed)
        framework.observe(self.on.show_relation_data_action, self._on_show_relation_data)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_leader_elected(self, _: ops.LeaderElectedEvent) -> None:
        # The first leader, or another: the address that the old one wrote is not true any more.
        self._write_leader_ip()
        self._say_goodbye_to_missing_peers()

    def _on_config_changed(self, _: ops.ConfigChangedEvent) -> None:
        # Juju runs this when the machine or the pod has another address too; there is no
        # configuration here.
        if self.unit.is_leader():
            self._write_leader_ip()
        for relation in self.model.relations["replicas"]:
            self._remember(relation)  # A new pod has a new disk, and is not told again.

    def _on_update_status(self, _: ops.UpdateStatusEvent) -> None:
        self._say_goodbye_to_missing_peers()

    def _on_replicas_relation_created(self, event: ops.RelationCreatedEvent) -> None:
        # Even a unit without peers gets this, once. Whoever meets it later finds everything in its
        # first changed; if this waited for joined, those that came first would be run once more.
        unit_bag = DemoReplicasUnit(unit_data=self.unit.name)
        event.relation.save(unit_bag, self.unit, encoder=encode)

    def _on_replicas_relation_joined(self, event: ops.RelationJoinedEvent) -> None:
        # INFO, because `juju debug-log` shows no DEBUG unless the model is told to log it.
        logger.info("Hello from %s to %s", self.unit.name, event.unit.name)
        self._stored.peers = sorted({*self._stored.peers, event.unit.name})

    def _on_replicas_relation_departed(self, event: ops.RelationDepartedEvent) -> None:
        # Either that unit leaves, or this one does: it is told of each of its peers then, and
        # event.departing_unit is the unit itself.
        self._say_goodbye(event.unit.name)

    def _on_replicas_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # About a peer's bag, or about the application's (event.unit is None). Of what the leader
        # writes every unit is told, the leader itself too; of its own bag no unit is.
        seen = json.dumps(self._seen(event.relation))
        logger.info("Unit %s can see the following data: %s", self.unit.name, seen)
        self._remember(event.relation)
        self._say_goodbye_to_missing_peers()

    def _on_show_relation_data(self, event: ops.ActionEvent) -> None:
        for relation in self.model.relations["replicas"]:  # one, as every peer relation is
            seen, listed = self._seen(relation), {unit.name for unit in relation.units}
            event.set_results(
                {
                    "application-data": json.dumps(seen.pop(self.app.name)),
                    "unit-data": json.dumps(seen),
                    "leader-ip": self._stored.leader_ip,
                    # Q5: on Juju 4 units that were removed, which relation-list still names.
                    "listed-but-gone": json.dumps(sorted(listed - seen.keys())),
                }
            )

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        leader_ip = None
        for relation in self.model.relations["replicas"]:
            try:
                leader_ip = relation.load(DemoReplicasApp, self.app, decoder=str).leader_ip
            except ValueError as error:
                event.add_status(ops.BlockedStatus(f"replicas: the leader sent a bad {error}"))
                return
        if not leader_ip:
            event.add_status(ops.WaitingStatus("replicas: the leader has not sent leader-ip"))
        event.add_status(ops.ActiveStatus(f"leader-ip is {leader_ip}"))  # The worst is shown.

    def _write_leader_ip(self) -> None:
        """Write this unit's address into the application's bag; only the leader may."""
        for relation in self.model.relations["replicas"]:
            # From the binding: it follows the space that the operator bound the endpoint to, and
            # Juju 4 writes no private-address into the bag any more (Q7).
            binding = self.model.get_binding(relation)
            address = binding.network.bind_address if binding else None
            if address is None or isinstance(address, str):  # none yet, or a host name
                logger.warning("replicas: %r is no address for leader-ip", address)
                continue
            # The same once more is no change to Juju, and wakes nobody.
            relation.save(DemoReplicasApp(leader_ip=str(address)), self.app, encoder=encode)
            logger.info("Leader %s wrote leader-ip %s", self.unit.name, address)

    def _remember(self, relation: ops.Relation) -> None:
        """Keep the leader's address, once this unit can see it."""
        try:
            leader_ip = relation.load(DemoReplicasApp, self.app, decoder=str).leader_ip
        except ValueError as error:
            logger.warning("replicas: the leader sent a bad %s", error)
            return  # The last good one stays.
        if leader_ip and leader_ip != self._stored.leader_ip:
            self._stored.leader_ip = leader_ip
            logger.info("Unit %s knows the leader's address: %s", self.unit.name, leader_ip)

    def _say_goodbye(self, peer: str) -> None:
        if peer in self._stored.peers:  # once to each, however this unit has learnt of it
            self._stored.peers.remove(peer)
            logger.info("Goodbye from %s to %s", self.unit.name, peer)

    def _say_goodbye_to_missing_peers(self) -> None:
        """Say goodbye to those that left unannounced.

        Q5: on Juju 4 the peers of a removed unit get no departed. goal-state knows better, but
        there is no event of it: look when there is another one, update-status at the latest.
        """
        goals = ops.hookcmds.goal_state().units
        for peer in list(self._stored.peers):
            if peer not in goals:
                self._say_goodbye(peer)

    def _seen(self, relation: ops.Relation) -> dict[str, dict[str, str]]:
        """Return what this unit can read, by the name of whose bag it is."""
        # Q5: on Juju 4 relation.units has units that are gone, and their bags still read.
        goals = ops.hookcmds.goal_state().units
        units = [unit for unit in relation.units if unit.name in goals] + [self.unit]
        bags = (self.app, *sorted(units, key=lambda unit: unit.name))
        return {owner.name: dict(sorted(relation.data[owner].items())) for owner in bags}


if __name__ == "__main__":
    ops.main(DemoCharm)  # pragma: no cover
