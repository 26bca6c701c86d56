"""What the charm of the recorded commands did."""

import ops


class FailingCharm(ops.CharmBase):
    """Fails where it is told to."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on["db"].relation_joined, self._on_db_joined)
        framework.observe(self.on.probe_action, self._on_probe)

    def _on_start(self, _: ops.StartEvent) -> None:
        self.unit.status = ops.ActiveStatus("up")

    def _on_config_changed(self, _: ops.ConfigChangedEvent) -> None:
        if self.config["fail"]:
            self.unit.status = ops.MaintenanceStatus("set before failing")
            self.unit.set_workload_version("9.9-fail")
            raise RuntimeError("told to")

    def _on_db_joined(self, event: ops.RelationJoinedEvent) -> None:
        secret = self.app.add_secret({"password": "abc"}, label=f"cred-{event.relation.id}")
        secret.grant(event.relation)
        assert secret.id
        event.relation.data[self.app]["secret-user"] = secret.id

    def _on_probe(self, event: ops.ActionEvent) -> None:
        op = event.params["op"]
        if op == "crash":
            raise RuntimeError("action boom")
        event.set_results({"nested": {"flag": "x"}, "r": "{}"})
        if op == "fail":
            event.fail("told to")


if __name__ == "__main__":
    ops.main(FailingCharm)
