#!/usr/bin/env python3
"""The charm: on each event of the relation `demo` its leader reads, remembers and answers."""

import logging
import uuid

import ops

from demo_interface import DemoProviderApp, DemoProviderUnit, DemoRequirerApp, encode

logger = logging.getLogger(__name__)


class SpecialCharm(ops.CharmBase):
    """Has the leader exchange identifiers with every application that it is integrated with."""

    # On this unit's own disk: it outlives the hook, but no other unit ever sees it. So it holds
    # nothing that a later leader must know; that is in the databag.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(apps={})  # {relation id: {"name": …, "leader_uuid": …}}
        framework.observe(self.on.leader_elected, self._on_leader_elected)
        framework.observe(self.on.demo_relation_changed, self._on_demo_relation_changed)
        framework.observe(self.on.demo_relation_broken, self._on_demo_relation_broken)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_leader_elected(self, _: ops.LeaderElectedEvent) -> None:
        # What changed before this unit became the leader was not its business, and Juju does not
        # tell it again. get_relation("demo") would raise where there are several: walk them.
        for relation in self.model.relations["demo"]:
            self._remember(relation)
            self._give_token(relation)

    def _on_demo_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        # Every unit gets this event; only the leader may write the application's bag.
        if not self.unit.is_leader():
            return
        self._remember(event.relation)
        # There is a unit if its bag changed, or if it just joined. There is none if it was the
        # bag of the application, which may come before any unit has joined.
        if event.unit:
            unit_bag = event.relation.load(DemoProviderUnit, event.unit, decoder=str)
            # %r, here and below: what others send cannot pretend to be lines of its own.
            logger.info("demo: %s has special-field %r", event.unit.name, unit_bag.special_field)
        self._give_token(event.relation)

    def _on_demo_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        # On every unit: one that led earlier remembers something too. The id, and not the name of
        # the application, because two relations may lead to the same one.
        if self._stored.apps.pop(event.relation.id, None):
            logger.info("demo: forgot relation %d", event.relation.id)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # From the databags, which followers may read too; `apps` is the leader's only. A broken
        # relation is not among these any more.
        relations = sorted(self.model.relations["demo"], key=lambda relation: relation.id)
        if not relations:
            event.add_status(ops.BlockedStatus("integrate demo with a provider of demo"))
        seen: list[str] = []
        for relation in relations:
            who = f"demo: {relation.app.name}"
            try:
                bag = relation.load(DemoProviderApp, relation.app, decoder=str)
            except ValueError as error:
                event.add_status(ops.BlockedStatus(f"{who} sent a bad {error}"))
                continue
            if not bag.leader_uuid:
                event.add_status(ops.WaitingStatus(f"{who} has not sent leader-uuid"))
            seen.append(f"{relation.app.name} has leader-uuid {bag.leader_uuid}")
        event.add_status(ops.ActiveStatus(", ".join(seen)))  # The most severe of all is shown.

    def _remember(self, relation: ops.Relation) -> None:
        """Keep the `leader-uuid` of the application at the other end."""
        name = relation.app.name
        try:
            leader_uuid = relation.load(DemoProviderApp, relation.app, decoder=str).leader_uuid
        except ValueError as error:
            logger.warning("demo: %s sent a bad %s", name, error)
            return  # The last good one stays.
        known = self._stored.apps.get(relation.id)
        if known is None or known["leader_uuid"] != leader_uuid:
            self._stored.apps[relation.id] = {"name": name, "leader_uuid": leader_uuid}
            logger.info("demo: %s has leader-uuid %s", name, leader_uuid)

    def _give_token(self, relation: ops.Relation) -> None:
        """Write a fresh token for the other application to use, unless one has been given."""
        # Whatever stands there stays, no matter which leader wrote it: with a new token for each
        # event the other side would get a changed for each of ours, and we one for its answer.
        if relation.data[self.app].get("token"):
            return
        token = str(uuid.uuid4())
        relation.save(DemoRequirerApp(token=token), self.app, encoder=encode)
        logger.info("demo: gave %s the token %s", relation.app.name, token)


if __name__ == "__main__":
    ops.main(SpecialCharm)  # pragma: no cover
