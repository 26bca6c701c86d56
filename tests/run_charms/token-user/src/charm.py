#!/usr/bin/env python3
"""Reads a secret that rotates, for the page of a run in docs/runs."""

import ops

LABEL = "my-token"


class TokenUser(ops.CharmBase):
    """Reads the secret when it gets the id, and again when there is a new revision."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on["tokens"].relation_changed, self._on_relation_changed)
        framework.observe(self.on.secret_changed, self._on_secret_changed)

    def _on_relation_changed(self, event: ops.RelationChangedEvent) -> None:
        if secret_id := event.relation.data[event.app].get("token"):
            self.model.get_secret(id=secret_id, label=LABEL).get_content()
            self.unit.status = ops.ActiveStatus("uses a token")

    def _on_secret_changed(self, event: ops.SecretChangedEvent) -> None:
        event.secret.get_content(refresh=True)
        self.unit.status = ops.ActiveStatus("uses a new token")


if __name__ == "__main__":
    ops.main(TokenUser)
