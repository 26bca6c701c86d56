#!/usr/bin/env python3
"""The charm: the units of one application greet each other and learn the leader's address."""

import json
import logging

import ops

from demo_replicas_interface import DemoReplicasApp, DemoReplicasUnit, encode

logger = logging.getLogger(__name__)


class DemoCharm(ops.CharmBase):
    """Logs each event of the peer relation, with the data that the unit can read."""

    # Stored state is on this unit's disk. It contains the leader's last valid address, and the
    # peers that this unit has greeted.
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
        # The databag is empty, or has the address of the previous leader.
        self._write_leader_ip()
        self._say_goodbye_to_missing_peers()

    def _on_config_changed(self, _: ops.ConfigChangedEvent) -> None:
        # The charm has no options. But Juju also sends this event when the unit's address changes.
        if self.unit.is_leader():
            self._write_leader_ip()
        for relation in self.model.relations["replicas"]:
            # A new pod has an empty disk, and Juju does not repeat earlier events.
            self._store_leader_ip(relation)

    def _on_update_status(self, _: ops.UpdateStatusEvent) -> None:
        self._say_goodbye_to_missing_peers()

    def _on_replicas_relation_created(self, event: ops.RelationCreatedEvent) -> None:
        # Write early: then each peer finds the data in its first relation-changed event. If this
        # unit wrote in relation-joined, the existing peers would get a second relation-changed
        # event.
        databag = DemoReplicasUnit(unit_data=self.unit.name)
        event.relation.save(databag, self.unit, encoder=encode)

    def _on_replicas_relation_joined(self, event: ops.RelationJoinedEvent) -> None:
        # Log at INFO: by default `juju debug-log` does not show DEBUG.
        logger.info("Hello from %s to %s", self.unit.name, event.unit.name)
        self._stored.peers = sorted({*self._stored.peers, event.unit.name})

    def _on_replicas_relation_departed(self, event: ops.RelationDepartedEvent) -> None:
        # Either the peer leaves or this unit leaves. A unit that leaves gets this event for each
        # of its peers. Then event.departing_unit is the unit itself.
        self._say_goodbye(event.unit.name)

    def _on_replicas_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # A unit's databag has changed, or the application's databag (then event.unit is None).
        # When a unit writes its own databag, only its peers get this event. When the leader writes
        # the application's databag, every unit gets it, also the leader.
        databags = json.dumps(self._readable_databags(event.relation))
        logger.info("Unit %s can see the following data: %s", self.unit.name, databags)
        self._store_leader_ip(event.relation)
        self._say_goodbye_to_missing_peers()

    def _on_show_relation_data(self, event: ops.ActionEvent) -> None:
        for relation in self.model.relations["replicas"]:  # There is exactly one.
            databags = self._readable_databags(relation)
            app_databag = databags.pop(self.app.name)
            # Juju 4 still lists units that were removed (juju issue 23326).
            listed = {unit.name for unit in relation.units}
            event.set_results(
                {
                    "application-data": json.dumps(app_databag),
                    "unit-data": json.dumps(databags),
                    "leader-ip": self._stored.leader_ip,
                    "listed-but-gone": json.dumps(sorted(listed - databags.keys())),
                }
            )

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        leader_ip = None
        for relation in self.model.relations["replicas"]:
            try:
                leader_ip = relation.load(DemoReplicasApp, self.app, decoder=str).leader_ip
            except ValueError as error:
                event.add_status(
                    ops.BlockedStatus(f"replicas: the leader sent an invalid {error}")
                )
                return
        if leader_ip:
            event.add_status(ops.ActiveStatus(f"leader-ip is {leader_ip}"))
        else:
            event.add_status(
                ops.WaitingStatus("replicas: waiting for the leader to send leader-ip")
            )

    def _write_leader_ip(self) -> None:
        """Write this unit's address to the application's databag. Only the leader may do this."""
        for relation in self.model.relations["replicas"]:
            # The binding's address is in the network space that the operator bound the endpoint
            # to. Do not read private-address from a databag: Juju 4 does not write it.
            binding = self.model.get_binding(relation)
            address = binding.network.bind_address if binding else None
            # There is no address yet, or it is a host name.
            if address is None or isinstance(address, str):
                logger.warning("replicas: cannot publish %r as leader-ip", address)
                continue
            # Writing an unchanged value triggers no event.
            relation.save(DemoReplicasApp(leader_ip=str(address)), self.app, encoder=encode)
            logger.info("Leader %s wrote leader-ip %s", self.unit.name, address)

    def _store_leader_ip(self, relation: ops.Relation) -> None:
        """Store a copy of the leader's address, if the leader has published it."""
        try:
            leader_ip = relation.load(DemoReplicasApp, self.app, decoder=str).leader_ip
        except ValueError as error:
            logger.warning("replicas: the leader sent an invalid %s", error)
            return  # Keep the last valid address.
        if leader_ip and leader_ip != self._stored.leader_ip:
            self._stored.leader_ip = leader_ip
            logger.info("Unit %s knows the leader's address: %s", self.unit.name, leader_ip)

    def _say_goodbye(self, peer: str) -> None:
        # Several events can show that a peer has left. Say goodbye only once.
        if peer in self._stored.peers:
            self._stored.peers.remove(peer)
            logger.info("Goodbye from %s to %s", self.unit.name, peer)

    def _say_goodbye_to_missing_peers(self) -> None:
        """Say goodbye to peers that left without an event.

        On Juju 4 the peers of a removed unit get no relation-departed event (juju issue 23326).
        goal-state lists only the units that still exist, but Juju sends no event when this list
        changes. So the charm checks it in other events, at the latest in update-status.
        """
        existing = ops.hookcmds.goal_state().units
        for peer in list(self._stored.peers):
            if peer not in existing:
                self._say_goodbye(peer)

    def _readable_databags(self, relation: ops.Relation) -> dict[str, dict[str, str]]:
        """Return the databags that this unit can read, by the names of their owners."""
        # Leave out removed units. On Juju 4 relation.units still contains them.
        existing = ops.hookcmds.goal_state().units
        units = [unit for unit in relation.units if unit.name in existing] + [self.unit]
        owners = (self.app, *sorted(units, key=lambda unit: unit.name))
        return {owner.name: dict(sorted(relation.data[owner].items())) for owner in owners}


if __name__ == "__main__":
    ops.main(DemoCharm)  # pragma: no cover
