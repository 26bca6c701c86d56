#!/usr/bin/env python3
"""The charm: runs the application while it has a database."""

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
    """Keeps the application, its settings and its databags up to date."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._node_app = node_app.NodeApp()
        self._stored.set_default(installed=False, problem=[])
        framework.observe(self.on.install, self._on_install)
        framework.observe(self.on.upgrade_charm, self._on_install)
        # One function handles all these events. It always checks everything, because an earlier
        # hook may have failed.
        for event in (
            self.on.leader_elected,
            self.on.config_changed,  # This also comes when the machine's address changes.
            self.on.start,
            self.on.update_status,
            self.on.secret_changed,  # The provider has rotated the credentials.
        ):
            framework.observe(event, self._reconcile)
        for endpoint in ("database", "website", "logging"):
            events = self.on[endpoint]
            framework.observe(events.relation_created, self._reconcile)
            framework.observe(events.relation_joined, self._reconcile)
            framework.observe(events.relation_changed, self._reconcile)
            framework.observe(events.relation_departed, self._on_relation_departed)
        framework.observe(self.on["database"].relation_broken, self._on_database_relation_broken)
        framework.observe(self.on["website"].relation_broken, self._reconcile)
        framework.observe(self.on["logging"].relation_broken, self._reconcile)
        framework.observe(self.on.stop, self._on_stop)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_install(self, event: ops.EventBase) -> None:
        self._stored.installed = False  # This revision of the charm is not installed yet.
        self._reconcile(event)

    def _reconcile(self, _: ops.EventBase) -> None:
        """Update the application, then the databags."""
        self._update_application()
        self._publish()

    def _on_relation_departed(self, _: ops.RelationDepartedEvent) -> None:
        # Write no databag here: Juju 4 may send this event after the relation is removed, and then
        # a write fails.
        self._update_application()

    def _on_database_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        # The credentials of this relation are no longer valid, even if there is another relation.
        self._node_app.unconfigure()
        self._reconcile(event)

    def _on_stop(self, _: ops.StopEvent) -> None:
        try:
            self._node_app.stop()
        except node_app.NodeAppError as error:
            # Do not fail the hook: Juju would not remove the unit.
            logger.error("%s", error)

    def _on_remove(self, _: ops.RemoveEvent) -> None:
        try:
            self._node_app.uninstall()
        except node_app.NodeAppError as error:
            logger.error("%s", error)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        # A status handler must change nothing. For example, if it refreshed the secret, the
        # provider would remove the user that the application still uses.
        if self._stored.problem:
            event.add_status(ops.StatusBase.from_name(*self._stored.problem))
            return
        log = self._node_app.log_file
        health = self._node_app.health()
        if health == "ok":
            event.add_status(ops.ActiveStatus())
        elif health == "no database":
            event.add_status(
                ops.WaitingStatus("database: waiting for the database to answer the application")
            )
        elif not self._node_app.is_running():
            message = f"the application has stopped: see journalctl -u {self._node_app.service}"
            event.add_status(ops.BlockedStatus(message))
        elif health == "old settings":
            message = f"the application cannot use its new settings: see {log}"
            event.add_status(ops.BlockedStatus(message))
        else:
            event.add_status(ops.BlockedStatus(f"the application does not answer: see {log}"))

    def _update_application(self) -> None:
        """Install, configure and run the application. Store the problem if a step fails."""
        self._stored.problem = []
        database = None
        try:
            self._install()
            config = read_config(self, Config)
            self._request_database(config)
            database = find_database(self.model)
            self._node_app.configure(self._settings(config, database))
        except NotReadyError as error:  # The application keeps its last valid settings.
            logger.warning("%s", error)
            self._stored.problem = [error.status.name, error.status.message]
        try:
            uses_settings = self._node_app.run()
        except node_app.NodeAppError as error:
            logger.warning("%s", error)
            return
        if uses_settings and database and not database.acknowledge_credentials():
            self._update_application()  # The provider has just rotated the credentials again.

    def _install(self) -> None:
        """Install the application of this revision of the charm, if it is not installed yet.

        Raises:
            NotReadyError: the operator must replace the machine's Node.js.
            node_app.NodeAppError: a temporary problem, such as a network that is down. It fails
                the hook, and Juju retries the hook.
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
        if not self.unit.is_leader():
            return  # Only the leader may write the application's databag.
        for relation in self.model.relations["database"]:
            relation.save(MongodbRequirerApp(database=config.database or None), self.app)

    def _settings(self, config: Config, database: Database) -> node_app.Settings:
        """Return the settings that the application should have.

        Raises:
            NotReadyError: the machine has no address yet.
        """
        # Listen only in the network space that the operator bound the endpoint `website` to. Take
        # the address from the binding: Juju 4 writes no private-address into databags.
        binding = self.model.get_binding("website")
        host = binding.network.bind_address if binding else None
        if not host:
            raise NotReadyError(
                ops.WaitingStatus("website: waiting for an address of this machine")
            )
        return node_app.Settings(str(host), config.port, database.uri, database.name)

    def _publish(self) -> None:
        """Publish the application's address while the application runs, and the path of its log.

        The unit writes its databag in every relation. Writing an unchanged value triggers no
        event.
        """
        settings = self._node_app.settings() if self._node_app.is_running() else None
        self.unit.set_ports(*([settings.port] if settings else []))
        for relation in self.model.relations["website"]:
            website = HttpProviderUnit()  # Without values: the address is removed.
            binding = self.model.get_binding(relation)
            if settings and binding and binding.network.ingress_address:
                address = str(binding.network.ingress_address)
                website = HttpProviderUnit(hostname=address, port=settings.port)
            relation.save(website, self.unit, encoder=encode)
        log = self._node_app.log_file
        for relation in self.model.relations["logging"]:
            logs = LoggingDirectoryProviderUnit(directory=str(log.parent), files=[log.name])
            relation.save(logs, self.unit)


if __name__ == "__main__":
    ops.main(MyNodeAppCharm)  # pragma: no cover
