#!/usr/bin/env python3
"""The charm: requires `demo`. Its leader stores the providers' identifiers, and writes tokens."""

import logging
import uuid

import ops

from demo_interface import DemoProviderApp, DemoProviderUnit, DemoRequirerApp, encode

logger = logging.getLogger(__name__)


class SpecialCharm(ops.CharmBase):
    """Exchanges identifiers with every related application. Only the leader acts."""

    # Stored state is on this unit's disk. Later hooks can read it, but other units cannot. A new
    # leader reads everything that it needs from the databags.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(apps={})  # {relation id: {"name": …, "leader_uuid": …}}
        framework.observe(self.on.leader_elected, self._on_leader_elected)
        framework.observe(self.on.demo_relation_changed, self._on_demo_relation_changed)
        framework.observe(self.on.demo_relation_broken, self._on_demo_relation_broken)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_leader_elected(self, _: ops.LeaderElectedEvent) -> None:
        # This unit ignored earlier events, because it was not the leader. Juju does not repeat
        # them, so look at all relations. Do not use get_relation("demo"): it fails if there are
        # several relations.
        for relation in self.model.relations["demo"]:
            self._store_leader_uuid(relation)
            self._send_token(relation)

    def _on_demo_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # Every unit gets this event. Only the leader may write the application's databag.
        if not self.unit.is_leader():
            return
        self._store_leader_uuid(event.relation)
        # If the application's databag has changed, event.unit is None. That can happen before any
        # unit has joined. Otherwise event.unit is the unit whose databag has changed.
        if event.unit:
            databag = event.relation.load(DemoProviderUnit, event.unit, decoder=str)
            # %r escapes line breaks, so that a remote value cannot fake a log line.
            logger.info("demo: %s has special-field %r", event.unit.name, databag.special_field)
        self._send_token(event.relation)

    def _on_demo_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        # Every unit does this, because a former leader has a copy too. The key is the relation's
        # id, not the application's name: two relations can connect the same applications.
        if self._stored.apps.pop(event.relation.id, None):
            logger.info("demo: forgot relation %d", event.relation.id)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # The status comes from the databags, which followers can read too. Only the leader has
        # copies in `apps`. In relation-broken, model.relations no longer has the broken relation.
        relations = sorted(self.model.relations["demo"], key=lambda relation: relation.id)
        if not relations:
            event.add_status(ops.BlockedStatus("integrate demo with a charm that provides demo"))
        received: list[str] = []
        for relation in relations:
            name = relation.app.name
            try:
                leader_uuid = relation.load(DemoProviderApp, relation.app, decoder=str).leader_uuid
            except ValueError as error:
                event.add_status(ops.BlockedStatus(f"demo: {name} sent an invalid {error}"))
                continue
            if leader_uuid:
                received.append(f"{name} has leader-uuid {leader_uuid}")
            else:
                message = f"demo: waiting for {name} to send leader-uuid"
                event.add_status(ops.WaitingStatus(message))
        # ops shows the most severe status.
        event.add_status(ops.ActiveStatus(", ".join(received)))

    def _store_leader_uuid(self, relation: ops.Relation) -> None:
        """Store a copy of the remote application's `leader-uuid`."""
        name = relation.app.name
        try:
            leader_uuid = relation.load(DemoProviderApp, relation.app, decoder=str).leader_uuid
        except ValueError as error:
            logger.warning("demo: %s sent an invalid %s", name, error)
            return  # Keep the last valid copy.
        stored = self._stored.apps.get(relation.id)
        if stored is None or stored["leader_uuid"] != leader_uuid:
            self._stored.apps[relation.id] = {"name": name, "leader_uuid": leader_uuid}
            logger.info("demo: %s has leader-uuid %s", name, leader_uuid)

    def _send_token(self, relation: ops.Relation) -> None:
        """Write a new token for the remote application, unless there is one already."""
        # Keep an existing token, also if an earlier leader wrote it. If each event wrote a new
        # token, the two sides could trigger each other's relation-changed events without end.
        if relation.data[self.app].get("token"):
            return
        token = str(uuid.uuid4())
        relation.save(DemoRequirerApp(token=token), self.app, encoder=encode)
        logger.info("demo: sent %s the token %s", relation.app.name, token)


if __name__ == "__main__":
    ops.main(SpecialCharm)  # pragma: no cover
