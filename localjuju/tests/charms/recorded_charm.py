"""What the charms of the recorded scenario did: write in created, joined and leader-elected."""

import os

import ops


class RecordedCharm(ops.CharmBase):
    """Writes where the recorded scenario's charms wrote, but not where Juju 4 refuses it (Q4)."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        for name in self.meta.relations:
            framework.observe(self.on[name].relation_created, self._on_created)
            framework.observe(self.on[name].relation_joined, self._on_joined)
        framework.observe(self.on.leader_elected, self._on_leader_elected)
        for event in self.on.events().values():
            framework.observe(event, self._set_status)

    def _on_created(self, event: ops.RelationCreatedEvent) -> None:
        principal = os.environ.get("JUJU_PRINCIPAL_UNIT", "").partition("/")[0]
        if principal in ("", event.app.name):
            event.relation.data[self.unit]["created-by"] = self.unit.name
            if self.unit.is_leader():
                event.relation.data[self.app]["app-from"] = self.unit.name

    def _on_joined(self, event: ops.RelationJoinedEvent) -> None:
        event.relation.data[self.unit]["joined-" + event.unit.name.replace("/", "-")] = "1"

    def _on_leader_elected(self, _: ops.EventBase) -> None:
        for relation in self.model.relations.get("replicas", []):
            relation.data[self.app]["leader"] = self.unit.name

    def _set_status(self, event: ops.EventBase) -> None:
        self.unit.status = ops.ActiveStatus(type(event).__name__)


if __name__ == "__main__":
    ops.main(RecordedCharm)
