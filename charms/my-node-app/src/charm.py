#!/usr/bin/env python3
"""The charm: runs the application while, and only while, it has a database."""

import logging

import ops
import pydantic

import node_app
from database import Database, find_database
from http_interface import HttpProviderUnit, encode
from inputs import NotReadyError, read_config
from logging_directory_interface import LoggingDirectoryProviderUnit
from mongodb_interface import MongodbRequirerApp

logger = logging.getLogger(__name__)


class Config(pydantic.BaseModel):
    """The charm's configuration, as charmcraft.yaml describes it."""

    port: int = pydantic.Field(default=3000, ge=1024, le=65535)
    database: str = pydantic.Field(default="", pattern=r"^[A-Za-z0-9_-]{0,63}$")


class MyNodeAppCharm(ops.CharmBase):
    """Keeps the application as the model wants it."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._node_app = node_app.NodeApp()
        self._stored.set_default(installed=False, problem=[])
        framework.observe(self.on.install, self._on_install)
        framework.observe(self.on.upgrade_charm, self._on_install)
        # What has changed does not matter: one function looks at everything, and may do so at any
        # time. It does in every hook, because each may be the one after a hook that failed.
        for event in (
            self.on.leader_elected,
            self.on.config_changed,  # also when the machine has another address
            self.on.start,
            self.on.update_status,
            self.on.secret_changed,  # the provider has rotated the credentials
        ):
            framework.observe(event, self._reconcile)
        for endpoint in ("database", "website", "logging"):
            relation = self.on[endpoint]
            framework.observe(relation.relation_created, self._reconcile)
            framework.observe(relation.relation_joined, self._reconcile)
            framework.observe(relation.relation_changed, self._reconcile)
            framework.observe(relation.relation_departed, self._on_relation_departed)
        framework.observe(self.on["database"].relation_broken, self._on_database_relation_broken)
        framework.observe(self.on["website"].relation_broken, self._reconcile)
        framework.observe(self.on["logging"].relation_broken, self._reconcile)
        framework.observe(self.on.stop, self._on_stop)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_install(self, event: ops.EventBase) -> None:
        self._stored.installed = False  # not this revision of the charm
        self._reconcile(event)

    def _reconcile(self, _: ops.EventBase) -> None:
        """Make the machine and our databags what the model says that they should be."""
        self._bring_in_order()
        self._publish()

    def _on_relation_departed(self, _: ops.RelationDepartedEvent) -> None:
        # Juju 4 may run it for a relation that is gone already, whose databags nobody can write.
        self._bring_in_order()

    def _on_database_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        # Its credentials end with it, also where another relation is there to take its place.
        self._node_app.unconfigure()
        self._reconcile(event)

    def _on_stop(self, _: ops.StopEvent) -> None:
        try:
            self._node_app.stop()
        except node_app.NodeAppError as error:  # a hook that fails would keep the unit from going
            logger.error("%s", error)

    def _on_remove(self, _: ops.RemoveEvent) -> None:
        try:
            self._node_app.uninstall()
        except node_app.NodeAppError as error:
            logger.error("%s", error)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # It tells what was found, and changes nothing. Were it to refresh the secret, say, the
        # provider would drop the user that the application still has.
        if self._stored.problem:
            event.add_status(ops.StatusBase.from_name(*self._stored.problem))
            return
        log = self._node_app.log_file
        health = self._node_app.health()
        if health == "ok":
            event.add_status(ops.ActiveStatus())
        elif health == "no database":
            event.add_status(ops.WaitingStatus("database: it does not answer the application"))
        elif not self._node_app.is_running():
            message = f"the application does not run: see journalctl -u {self._node_app.service}"
            event.add_status(ops.BlockedStatus(message))
        elif health == "old settings":
            message = f"the application does not take its new settings: see {log}"
            event.add_status(ops.BlockedStatus(message))
        else:
            event.add_status(ops.BlockedStatus(f"the application does not answer: see {log}"))

    def _bring_in_order(self) -> None:
        """Install, configure and run the application, as far as can be; keep what is wrong."""
        self._stored.problem = []
        database = None
        try:
            self._install()
            config = read_config(self, Config)
            self._request_database(config)
            database = find_database(self.model)
            self._node_app.configure(self._settings(config, database))
        except NotReadyError as error:  # the last good settings stay, if there are any
            logger.warning("%s", error)
            self._stored.problem = [error.status.name, error.status.message]
        try:
            runs = self._node_app.run()
        except node_app.NodeAppError as error:
            logger.warning("%s", error)
            return
        if runs and database and not database.take_credentials():
            self._bring_in_order()  # they were rotated once more, at this very moment

    def _install(self) -> None:
        """Install what this revision of the charm brought, or raise NotReadyError.

        What may pass, such as a network that is down, fails the hook, and Juju runs it again.
        """
        if self._stored.installed:
            return
        self.unit.status = ops.MaintenanceStatus("installing the application")
        try:
            self._node_app.install(self.charm_dir / "app")
        except node_app.UnusableNodeError as error:
            raise NotReadyError(ops.BlockedStatus(str(error))) from error
        self.unit.set_workload_version(self._node_app.version())
        self._stored.installed = True

    def _request_database(self, config: Config) -> None:
        if not self.unit.is_leader():  # only the leader may write the application's bag
            return
        for relation in self.model.relations["database"]:
            relation.save(MongodbRequirerApp(database=config.database or None), self.app)

    def _settings(self, config: Config, database: Database) -> node_app.Settings:
        """Return the settings that the application should have, or raise NotReadyError."""
        # Where the operator bound the endpoint `website` (to a space), and not every address. Q7:
        # the binding tells on each Juju, private-address in the databag does not.
        binding = self.model.get_binding("website")
        host = binding.network.bind_address if binding else None
        if not host:
            raise NotReadyError(
                ops.WaitingStatus("website: this machine has no address for it yet")
            )
        return node_app.Settings(str(host), config.port, database.uri, database.name)

    def _publish(self) -> None:
        """Tell others about the application: its address while it runs, its log always.

        Each unit writes its own bags, and those of every relation: Juju drops what is the same.
        """
        settings = self._node_app.settings() if self._node_app.is_running() else None
        self.unit.set_ports(*([settings.port] if settings else []))
        for relation in self.model.relations["website"]:
            website = HttpProviderUnit()
            binding = self.model.get_binding(relation)
            if settings and binding and binding.network.ingress_address:
                address = str(binding.network.ingress_address)
                website = HttpProviderUnit(hostname=address, port=settings.port)
            relation.save(website, self.unit, encoder=encode)
        log = self._node_app.log_file
        for relation in self.model.relations["logging"]:
            data = LoggingDirectoryProviderUnit(directory=str(log.parent), files=[log.name])
            relation.save(data, self.unit)


if __name__ == "__main__":
    ops.main(MyNodeAppCharm)  # pragma: no cover
