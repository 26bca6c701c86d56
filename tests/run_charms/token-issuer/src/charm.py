#!/usr/bin/env python3
"""Owns a secret that rotates, for the page of a run in docs/runs."""

import ops

LABEL = "token"


class TokenIssuer(ops.CharmBase):
    """Publishes the id of a secret, and sets new content in secret-rotate."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on["tokens"].relation_created, self._on_relation_created)
        framework.observe(self.on.secret_rotate, self._on_secret_rotate)
        framework.observe(self.on.secret_remove, self._on_secret_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_status)

    def _on_relation_created(self, event: ops.RelationCreatedEvent) -> None:
        if not self.unit.is_leader():
            return
        content = {"token": "first-of-the-tokens"}
        secret = self.app.add_secret(content, label=LABEL, rotate=ops.SecretRotate.DAILY)
        secret.grant(event.relation)
        event.relation.data[self.app]["token"] = secret.id or ""

    def _on_secret_rotate(self, event: ops.SecretRotateEvent) -> None:
        event.secret.set_content({"token": "second-of-the-tokens"})

    def _on_secret_remove(self, event: ops.SecretRemoveEvent) -> None:
        event.remove_revision()

    def _on_collect_status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(ops.ActiveStatus())


if __name__ == "__main__":
    ops.main(TokenIssuer)
