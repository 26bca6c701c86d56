#!/usr/bin/env python3
"""The charm: runs the application while, and only while, it has a database."""

import ipaddress
import json
import logging
import re
from typing import Any
from urllib.parse import quote

import ops
import pydantic

import node_app
from http_interface import HttpProviderUnit, encode
from logging_directory_interface import LoggingDirectoryProviderUnit
from mongodb_interface import MongodbProviderApp, MongodbRequirerApp, MongodbUserSecret

logger = logging.getLogger(__name__)

# What the driver takes: the application ends at its next start if it is given anything else.
_DATABASE = re.compile(r'[^\s/\\."$\x00]{1,63}')
_ENDPOINT = re.compile(r"(\[(?P<ipv6>[^]]+)\]|[\w.-]+):(?P<port>[0-9]{1,5})", re.ASCII)


class Config(pydantic.BaseModel):
    """The charm's configuration, as charmcraft.yaml describes it."""

    port: int = pydantic.Field(default=3000, ge=1024, le=65535)
    database: str = pydantic.Field(default="", pattern=r"^[A-Za-z0-9_-]{0,63}$")


class NotReadyError(Exception):
    """The application cannot have settings now; `status` tells the operator why."""

    def __init__(self, status: ops.BlockedStatus | ops.WaitingStatus):
        super().__init__(status.message)
        self.status = status


class MyNodeAppCharm(ops.CharmBase):
    """Keeps the application as the model wants it."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._node_app = node_app.NodeApp()
        framework.observe(self.on.install, self._on_install)
        framework.observe(self.on.upgrade_charm, self._on_install)
        # What has changed does not matter: one function looks at everything, and may do so at any
        # time. Juju promises no order of relations, and merges changes into one event.
        # relation-joined is left out: relation-changed follows it.
        for event in (
            self.on.leader_elected,
            self.on.config_changed,  # also when the machine has another address
            self.on.start,
            self.on.update_status,
            self.on.secret_changed,  # the provider has rotated the credentials
            self.on["database"].relation_created,
            self.on["database"].relation_changed,
            self.on["website"].relation_changed,
            self.on["logging"].relation_changed,
        ):
            framework.observe(event, self._reconcile)
        framework.observe(self.on["database"].relation_broken, self._on_database_relation_broken)
        framework.observe(self.on.stop, self._on_stop)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_install(self, event: ops.EventBase) -> None:
        # If there is no Node.js to be had, the hook fails, and Juju tries it again and again.
        self._node_app.install(self.charm_dir / "app")
        self.unit.set_workload_version(self._node_app.version())
        self._node_app.stop()  # an upgrade: the new code is started
        self._reconcile(event)

    def _reconcile(self, _: ops.EventBase) -> None:
        """Make the machine and our databags what the model says that they should be."""
        changed = False
        try:
            config = self._config()
            self._request_database(config)
            changed = self._node_app.configure(self._settings(config))
        except NotReadyError as error:  # the last good settings stay, if there are any
            logger.warning("%s", error)
        try:
            self._run(changed)
        except node_app.NodeAppError as error:
            logger.warning("%s", error)
        self._publish()

    def _on_database_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        # Its credentials end with it, also where another relation is there to take its place.
        self._node_app.stop()
        self._node_app.unconfigure()
        self._reconcile(event)

    def _on_stop(self, _: ops.StopEvent) -> None:
        self._node_app.stop()

    def _on_remove(self, _: ops.RemoveEvent) -> None:
        self._node_app.uninstall()

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        try:
            settings = self._settings(self._config())
        except NotReadyError as error:
            event.add_status(error.status)
            return
        health = self._node_app.health()
        if health == "ok":
            event.add_status(ops.ActiveStatus())
        elif health == "no database":
            event.add_status(ops.WaitingStatus("database: it does not answer the application"))
        elif self._node_app.is_running():
            address = f"{settings.host} port {settings.port}"
            event.add_status(ops.BlockedStatus(f"no answer at {address}: see the log"))
        else:
            event.add_status(ops.BlockedStatus("the application does not run: see the log"))

    def _config(self) -> Config:
        """Return the configuration, or raise NotReadyError if it cannot be used."""
        try:
            return self.load_config(Config)
        except pydantic.ValidationError as error:
            option = _describe(error)
            raise NotReadyError(ops.BlockedStatus(f"config option {option}")) from error

    def _request_database(self, config: Config) -> None:
        if not self.unit.is_leader():  # only the leader may write the application's bag
            return
        for relation in self.model.relations["database"]:
            relation.save(MongodbRequirerApp(database=config.database or None), self.app)

    def _settings(self, config: Config) -> node_app.Settings:
        """Return the settings that the application should have, or raise NotReadyError."""
        database, uri = self._database()
        # Where the operator bound the endpoint `website` (to a space), and not every address. Q7:
        # the binding tells on each Juju, private-address in the databag does not.
        binding = self.model.get_binding("website")
        host = binding.network.bind_address if binding else None
        if not host:
            raise NotReadyError(
                ops.WaitingStatus("website: this machine has no address for it yet")
            )
        return node_app.Settings(host=str(host), port=config.port, uri=uri, database=database)

    def _database(self) -> tuple[str, str]:
        """Return the name of the database and the URI to reach it, or raise NotReadyError."""
        relations = self.model.relations["database"]
        if not relations:
            raise NotReadyError(ops.BlockedStatus("integrate database with a provider of mongodb"))
        if len(relations) > 1:
            names = ", ".join(sorted(relation.app.name for relation in relations))
            raise NotReadyError(
                ops.BlockedStatus(f"database: remove all but one relation of {names}")
            )
        relation = relations[0]
        who = f"database: {relation.app.name}"
        try:
            bag = relation.load(MongodbProviderApp, relation.app, decoder=_decode)
        except pydantic.ValidationError as error:
            raise NotReadyError(
                ops.BlockedStatus(f"{who} sent a bad {_describe(error)}")
            ) from error
        if not (bag.database and bag.endpoints and bag.replset and bag.secret_user):
            # One field is enough for a start; the others come with it, or show up next.
            found = bag.model_dump(by_alias=True)
            wanted = ("database", "endpoints", "replset", "secret-user")
            missing = ", ".join(field for field in wanted if not found[field])
            raise NotReadyError(ops.WaitingStatus(f"{who} has not sent {missing}"))
        if not _DATABASE.fullmatch(bag.database):
            message = f"{who} sent a bad database: {bag.database[:80]!r} cannot be the name of one"
            raise NotReadyError(ops.BlockedStatus(message))
        for endpoint in bag.endpoints:
            if not _is_endpoint(endpoint):
                message = f"{who} sent a bad endpoints: {endpoint!r} is not host:port"
                raise NotReadyError(ops.BlockedStatus(message))
        username, password = self._credentials(who, bag.secret_user)
        user = f"{quote(username, safe='')}:{quote(password, safe='')}"
        hosts = ",".join(bag.endpoints)
        replset = quote(bag.replset, safe="")
        uri = f"mongodb://{user}@{hosts}/?replicaSet={replset}&authSource=admin"
        return bag.database, uri

    def _credentials(self, who: str, secret_id: str) -> tuple[str, str]:
        """Return the name and the password of our user, or raise NotReadyError."""
        try:
            # Without refresh it would be the credentials of the first time for ever.
            content = self.model.get_secret(id=secret_id).get_content(refresh=True)
        except (ops.ModelError, ValueError) as error:  # not granted, not there, or no id at all
            message = f"{who} lets nobody read the secret of secret-user"
            raise NotReadyError(ops.WaitingStatus(message)) from error
        secret = MongodbUserSecret.model_validate(content)
        if not (secret.username and secret.password):
            missing = "password" if secret.username else "username"
            message = f"{who} sent a bad secret-user: {missing} is missing"
            raise NotReadyError(ops.BlockedStatus(message))
        return secret.username, secret.password

    def _run(self, changed: bool) -> None:
        """Run the application with the settings that there are, if any."""
        if not self._node_app.settings():
            return
        if not self._node_app.is_running():
            self._node_app.start()
        elif changed or self._node_app.health() == "no answer":  # perhaps its port was in use
            self._node_app.reload()
        else:
            return
        self._node_app.wait_until_it_answers()

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


def _is_endpoint(text: str) -> bool:
    match = _ENDPOINT.fullmatch(text)
    try:
        if match and match["ipv6"]:
            ipaddress.IPv6Address(match["ipv6"])
    except ValueError:
        return False
    return bool(match) and 1 <= int(match["port"]) <= 65535


def _decode(value: str) -> Any:
    """Return what `value` says in JSON; what is no JSON stays text, for the model to judge."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return value


def _describe(error: pydantic.ValidationError) -> str:
    """Return the name of the first field that is wrong and what is wrong, without its value."""
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


if __name__ == "__main__":
    ops.main(MyNodeAppCharm)  # pragma: no cover
