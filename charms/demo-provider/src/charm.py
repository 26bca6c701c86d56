#!/usr/bin/env python3
"""The charm: provides `demo`, publishes identifiers there, and stores the tokens that it gets."""

import logging
import uuid

import ops

from demo_interface import DemoProviderApp, DemoProviderUnit, DemoRequirerApp, encode

logger = logging.getLogger(__name__)


class DemoProviderCharm(ops.CharmBase):
    """Publishes an identifier of the leader and the units' names, and stores requirers' tokens."""

    # Stored state is on this unit's disk, so every unit stores the tokens itself.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(tokens={})  # {relation id: token}
        framework.observe(self.on.leader_elected, self._on_leader_elected)
        framework.observe(self.on.demo_relation_created, self._on_demo_relation_created)
        framework.observe(self.on.demo_relation_changed, self._on_demo_relation_changed)
        framework.observe(self.on.demo_relation_broken, self._on_demo_relation_broken)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_leader_elected(self, _: ops.LeaderElectedEvent) -> None:
        # Every relation has the previous leader's UUID, so write to all of them. Do not use
        # get_relation("demo"): it fails if there are several relations.
        for relation in self.model.relations["demo"]:
            self._write_leader_uuid(relation)

    def _on_demo_relation_created(self, event: ops.RelationCreatedEvent) -> None:
        # Write early: then a remote unit finds the data in its first relation-changed event. A
        # unit that is added later also gets relation-created for every existing relation.
        #
        # A subordinate must write in relation-joined instead. On Juju 4 it also gets
        # relation-created for relations to other principals, and a write there fails the hook
        # for ever.
        databag = DemoProviderUnit(special_field=self.unit.name)
        event.relation.save(databag, self.unit, encoder=encode)
        # A new relation triggers no leader-elected event, so the leader writes its UUID here too.
        if self.unit.is_leader():
            self._write_leader_uuid(event.relation)

    def _on_demo_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # The token is in the application's databag, which every unit can read. The event may be
        # about that databag (then event.unit is None) or about a unit's databag.
        name = event.app.name
        try:
            token = event.relation.load(DemoRequirerApp, event.app, decoder=str).token
        except ValueError as error:
            logger.warning("demo: %s sent an invalid %s", name, error)
            return  # Keep the last valid token.
        # The event also comes for other reasons, so check whether the token has changed.
        if token and token != self._stored.tokens.get(event.relation.id):
            self._stored.tokens[event.relation.id] = token
            logger.info("demo: %s sent the token %s", name, token)

    def _on_demo_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        if self._stored.tokens.pop(event.relation.id, None):
            logger.info("demo: forgot the token of relation %d", event.relation.id)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # The status comes from the databags, because the disk of a new pod on Kubernetes is empty,
        # and Juju does not repeat earlier events. In relation-broken, model.relations no longer
        # has the broken relation.
        received: list[str] = []
        for relation in sorted(self.model.relations["demo"], key=lambda relation: relation.id):
            name = relation.app.name
            try:
                token = relation.load(DemoRequirerApp, relation.app, decoder=str).token
            except ValueError as error:
                event.add_status(ops.BlockedStatus(f"demo: {name} sent an invalid {error}"))
                continue
            if token:
                received.append(f"{name} sent token {token}")
            else:
                event.add_status(ops.WaitingStatus(f"demo: waiting for {name} to send token"))
        # ops shows the most severe status. A provider without a relation is active.
        event.add_status(ops.ActiveStatus(", ".join(received)))

    def _write_leader_uuid(self, relation: ops.Relation) -> None:
        """Write `leader-uuid`. Only the leader may do this."""
        # The UUID is derived from the unit's name, so it needs no storage. Writing an unchanged
        # value triggers no event.
        leader_uuid = str(uuid.uuid5(uuid.UUID(self.model.uuid), self.unit.name))
        relation.save(DemoProviderApp(leader_uuid=leader_uuid), self.app, encoder=encode)


if __name__ == "__main__":
    ops.main(DemoProviderCharm)  # pragma: no cover
