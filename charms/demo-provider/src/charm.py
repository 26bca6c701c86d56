#!/usr/bin/env python3
"""The charm: provides `demo`. Each unit and the leader write their databags."""

import logging
import uuid

import ops

from demo_interface import DemoProviderApp, DemoProviderUnit, DemoRequirerApp, encode

logger = logging.getLogger(__name__)


class DemoProviderCharm(ops.CharmBase):
    """Publishes the leader and the units, and keeps the tokens that requirers send."""

    # Stored state is on this unit's disk. Every unit reads the tokens itself.
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
        # The previous leader's UUID is in every relation. Loop over all of them:
        # get_relation("demo") raises if there are several.
        for relation in self.model.relations["demo"]:
            self._write_leader_uuid(relation)

    def _on_demo_relation_created(self, event: ops.RelationCreatedEvent) -> None:
        # Write early: then a remote unit finds the data in its first relation-changed event. A
        # unit that is added later also gets relation-created for every existing relation. A
        # subordinate must not write here: on Juju 4 this event also comes for relations to other
        # principals, and a write then fails the hook for ever. Write in relation-joined instead.
        databag = DemoProviderUnit(special_field=self.unit.name)
        event.relation.save(databag, self.unit, encoder=encode)
        # A new relation causes no election, so the leader writes here too.
        if self.unit.is_leader():
            self._write_leader_uuid(event.relation)

    def _on_demo_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # The token is in the application's databag, which every unit can read. The event may be
        # about that databag (event.unit is None) or about a unit's.
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
        # The status comes from the databags. On Kubernetes a new pod has an empty disk, and Juju
        # does not repeat old events. Juju has already removed a broken relation from this list.
        seen: list[str] = []
        for relation in sorted(self.model.relations["demo"], key=lambda relation: relation.id):
            name = relation.app.name
            try:
                token = relation.load(DemoRequirerApp, relation.app, decoder=str).token
            except ValueError as error:
                event.add_status(ops.BlockedStatus(f"demo: {name} sent an invalid {error}"))
                continue
            if not token:
                event.add_status(ops.WaitingStatus(f"demo: waiting for {name} to send token"))
            seen.append(f"{name} sent token {token}")
        # ops shows the most severe status. A provider without a relation is active.
        event.add_status(ops.ActiveStatus(", ".join(seen)))

    def _write_leader_uuid(self, relation: ops.Relation) -> None:
        """Write `leader-uuid`. Only the leader may do this."""
        # The UUID is derived from the unit's name, so it needs no storage. Writing an unchanged
        # value triggers no event.
        leader_uuid = str(uuid.uuid5(uuid.UUID(self.model.uuid), self.unit.name))
        relation.save(DemoProviderApp(leader_uuid=leader_uuid), self.app, encoder=encode)


if __name__ == "__main__":
    ops.main(DemoProviderCharm)  # pragma: no cover
