#!/usr/bin/env python3
"""The charm: the other end of `demo`, which each unit and the leader write their part of."""

import logging
import uuid

import ops

from demo_interface import DemoProviderApp, DemoProviderUnit, DemoRequirerApp, encode

logger = logging.getLogger(__name__)


class DemoProviderCharm(ops.CharmBase):
    """Shows who leads and which units there are, and keeps the tokens that come back."""

    # On this unit's own disk. Every unit reads the tokens for itself, so nobody misses anything.
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
        # A new leader: what the old one wrote is no longer true, in any of the relations.
        # get_relation("demo") would raise where there are several.
        for relation in self.model.relations["demo"]:
            self._write_leader_uuid(relation)

    def _on_demo_relation_created(self, event: ops.RelationCreatedEvent) -> None:
        # As early as can be: whoever meets this unit later finds everything in its first changed,
        # and Juju has no need to run another. A unit that is added later gets this event too, for
        # every relation that is there. (A subordinate may not always write here: Q4.)
        unit_bag = DemoProviderUnit(special_field=self.unit.name)
        event.relation.save(unit_bag, self.unit, encoder=encode)
        # On a relation that comes later nobody is elected again.
        if self.unit.is_leader():
            self._write_leader_uuid(event.relation)

    def _on_demo_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # The token is in the bag of the application, which every unit may read, whether the event
        # is about that bag (event.unit is None) or about a unit.
        name = event.app.name
        try:
            token = event.relation.load(DemoRequirerApp, event.app, decoder=str).token
        except ValueError as error:
            logger.warning("demo: %s sent a bad %s", name, error)
            return  # The last good one stays.
        # The event comes for other reasons too, so look whether this is what has changed.
        if token and token != self._stored.tokens.get(event.relation.id):
            self._stored.tokens[event.relation.id] = token
            logger.info("demo: %s gave the token %s", name, token)

    def _on_demo_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        if self._stored.tokens.pop(event.relation.id, None):
            logger.info("demo: forgot the token of relation %d", event.relation.id)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # From the databags: on Kubernetes this unit's disk is a new one whenever its pod is, and
        # Juju does not say again what it has said. A broken relation is not among these any more.
        seen: list[str] = []
        for relation in sorted(self.model.relations["demo"], key=lambda relation: relation.id):
            name = relation.app.name
            try:
                token = relation.load(DemoRequirerApp, relation.app, decoder=str).token
            except ValueError as error:
                event.add_status(ops.BlockedStatus(f"demo: {name} sent a bad {error}"))
                continue
            if not token:
                event.add_status(ops.WaitingStatus(f"demo: {name} has not sent token"))
            seen.append(f"{name} gave token {token}")
        # The most severe of all is shown. To have no relation is all right for a provider.
        event.add_status(ops.ActiveStatus(", ".join(seen)))

    def _write_leader_uuid(self, relation: ops.Relation) -> None:
        """Write `leader-uuid`; only the leader may."""
        # Made from the unit's name, so it need not be kept anywhere: a leader that writes it again
        # writes the same, which is no change to Juju, and wakes nobody.
        leader_uuid = str(uuid.uuid5(uuid.UUID(self.model.uuid), self.unit.name))
        relation.save(DemoProviderApp(leader_uuid=leader_uuid), self.app, encoder=encode)


if __name__ == "__main__":
    ops.main(DemoProviderCharm)  # pragma: no cover
