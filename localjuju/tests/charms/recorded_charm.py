"""What the charms of the recorded scenario did: write in created, joined and leader-elected.

They log each hook as the recording has it, so that the two can be compared.
"""

import json
import os

import ops
from ops import hookcmds


class RecordedCharm(ops.CharmBase):
    """Writes where the recorded scenario's charms wrote, but not where Juju 4 refuses it (Q4)."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        for name in self.meta.relations:
            framework.observe(self.on[name].relation_created, self._on_created)
            framework.observe(self.on[name].relation_joined, self._on_joined)
        framework.observe(self.on.leader_elected, self._on_leader_elected)
        hook = os.environ["JUJU_HOOK_NAME"]
        self.unit.status = ops.ActiveStatus(hook)
        if hook:
            print("hook", json.dumps({"unit": self.unit.name, "hook": hook, **self._seen()}))

    def _seen(self) -> dict[str, object]:
        """What the recording says of a relation hook."""
        if "-relation-" not in os.environ["JUJU_HOOK_NAME"]:
            return {}
        remote = os.environ["JUJU_REMOTE_UNIT"]
        return {
            "relation": os.environ["JUJU_RELATION_ID"],
            "remote_unit": remote,
            "departing": os.environ.get("JUJU_DEPARTING_UNIT", ""),
            "relation_list": hookcmds.relation_list(),
            "remote_unit_bag": hookcmds.relation_get(unit=remote) if remote else {},
        }

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


if __name__ == "__main__":
    ops.main(RecordedCharm)
