#!/usr/bin/env python3
"""The charm: forwards the logs of its principal, for each relation with the principal."""

import logging
import os
from typing import Annotated, Literal

import ops
import pydantic

import rsyslog
from inputs import NotReadyError, read_config, read_databag
from logging_directory_interface import LoggingDirectoryProviderUnit
from snippets import Destination, Forward, LogFiles

logger = logging.getLogger(__name__)


def _parse_target(value: str) -> Destination | None:
    return Destination.parse(value) if value else None


class Config(pydantic.BaseModel):
    """The charm's configuration, as charmcraft.yaml describes it."""

    target: Annotated[Destination | None, pydantic.BeforeValidator(_parse_target)] = None
    protocol: Literal["udp", "tcp"] = "udp"


class RsyslogForwarderCharm(ops.CharmBase):
    """Configures the rsyslog of the machine. It writes no databag."""

    # The last hook's problem. The status shows it: a status handler must not configure rsyslog.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(problem="")
        self._rsyslog = rsyslog.Rsyslog(self.app.name)
        # The name of the principal unit. On Juju 4 the relations also contain other principals and
        # their units on other machines, so compare each unit with this name.
        self._principal = ops.JujuContext.from_environ(os.environ).principal_unit
        # One function handles all these events. It always checks everything. relation-joined is
        # not needed, because relation-changed always follows it.
        for event in (
            self.on.install,
            self.on.upgrade_charm,
            self.on.config_changed,
            self.on.start,
            self.on.update_status,
            self.on["logging"].relation_changed,
            self.on["logging"].relation_departed,
            self.on["logging"].relation_broken,
            self.on["juju-info"].relation_changed,
            self.on["juju-info"].relation_departed,
            self.on["juju-info"].relation_broken,
        ):
            framework.observe(event, self._reconcile)
        framework.observe(self.on.stop, self._on_remove)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _reconcile(self, _: ops.EventBase) -> None:
        """Install and configure rsyslog."""
        if not self._rsyslog.is_installed():
            self.unit.status = ops.MaintenanceStatus("installing rsyslog")
            self._rsyslog.install()  # An error fails the hook, and Juju retries the hook.
        streams, statuses = self._streams()
        for status in statuses:
            logger.warning("%s", status.message)
        problem = ""
        try:
            self.unit.set_workload_version(self._rsyslog.version())
            self._rsyslog.configure(streams)
        except rsyslog.RsyslogError as error:  # The next hook retries it.
            logger.warning("%s", error)
            problem = str(error)
        self._stored.problem = problem

    def _on_remove(self, _: ops.StopEvent | ops.RemoveEvent) -> None:
        # Juju 4 does not always run relation-departed or relation-broken before these events.
        try:
            self._rsyslog.uninstall()
        except rsyslog.RsyslogError as error:
            # Do not fail the hook: Juju would not remove the unit.
            logger.warning("%s", error)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        if not self._principal:  # Juju 4 allows `juju add-unit` of a subordinate.
            event.add_status(ops.BlockedStatus("remove this unit: it has no principal"))
            return
        # ops shows the most severe status.
        try:
            config = read_config(self, Config)
        except NotReadyError as error:
            event.add_status(error.status)
            return
        streams, statuses = self._streams()
        for status in statuses:
            event.add_status(status)
        if not streams and not statuses:
            event.add_status(
                ops.WaitingStatus(f"logging or juju-info: waiting for {self._principal} to join")
            )
        if self._stored.problem:
            event.add_status(ops.BlockedStatus(self._stored.problem))
        elif streams and not self._rsyslog.is_running():
            message = f"rsyslog has stopped: see journalctl -u {self._rsyslog.service}"
            event.add_status(ops.BlockedStatus(message))
        elif not self._rsyslog.runs_with(streams):
            event.add_status(
                ops.WaitingStatus("rsyslog: waiting for the next hook to configure it")
            )
        event.add_status(ops.ActiveStatus(self._summary(streams, config)))

    def _streams(
        self,
    ) -> tuple[dict[str, Forward | None], list[ops.BlockedStatus | ops.WaitingStatus]]:
        """Return what to forward for each relation with the principal, and the problems.

        None stands for a relation with invalid data. Its stream keeps its last valid settings.
        """
        streams: dict[str, Forward | None] = {}
        statuses: list[ops.BlockedStatus | ops.WaitingStatus] = []
        for relation in (*self.model.relations["logging"], *self.model.relations["juju-info"]):
            for unit in relation.units:
                if unit.name != self._principal:  # Juju 4 also shows units on other machines.
                    continue
                stream = f"{relation.name}-{relation.id}"
                try:
                    streams[stream] = self._forward(relation, unit)
                except NotReadyError as error:
                    statuses.append(error.status)
                    if isinstance(error.status, ops.BlockedStatus):
                        streams[stream] = None
        return streams, statuses

    def _forward(self, relation: ops.Relation, unit: ops.Unit) -> Forward:
        """Return what to forward for a relation.

        Raises:
            NotReadyError: data is missing or invalid.
        """
        files = self._files(relation, unit) if relation.name == "logging" else None
        config = read_config(self, Config)
        destination = config.target or self._address(relation, unit)
        return Forward(destination, config.protocol, files)

    def _files(self, relation: ops.Relation, unit: ops.Unit) -> LogFiles:
        """Return the log files that the principal publishes.

        Raises:
            NotReadyError: data is missing or invalid.
        """
        databag = read_databag(relation, unit, LoggingDirectoryProviderUnit)
        if not (databag.directory and databag.files):
            missing = "files" if databag.directory else "directory"
            message = f"{relation.name}: waiting for {unit.name} to send {missing}"
            raise NotReadyError(ops.WaitingStatus(message))
        try:
            return LogFiles(databag.directory, tuple(databag.files), tag=unit.app.name)
        except ValueError as error:
            message = f"{relation.name}: {unit.name} sent an invalid {error}"
            raise NotReadyError(ops.BlockedStatus(message)) from error

    def _address(self, relation: ops.Relation, unit: ops.Unit) -> Destination:
        """Return the principal unit as the destination.

        Raises:
            NotReadyError: its address is missing or invalid.
        """
        # Juju writes ingress-address into every unit's databag. Do not use private-address: Juju 4
        # does not write it. Do not use this charm's own binding either: its address on this
        # machine may not be in the network space that the principal's endpoint is bound to.
        address = relation.data[unit].get("ingress-address")
        if not address:
            message = f"{relation.name}: waiting for {unit.name} to send ingress-address"
            raise NotReadyError(ops.WaitingStatus(message))
        try:
            return Destination(address)
        except ValueError as error:
            message = f"{relation.name}: {unit.name} sent an invalid ingress-address: {error}"
            raise NotReadyError(ops.BlockedStatus(message)) from error

    def _summary(self, streams: dict[str, Forward | None], config: Config) -> str:
        """Return a summary: "forwarding syslog and /var/log/x to 10.1.2.3:514 (udp)".

        Without the option `target` the destination is the principal itself. Perhaps no syslog
        server listens there, so the summary says what to do.
        """
        owner = "" if config.target else f"{self._principal} itself at "
        advice = "" if config.target else ": set target to forward to a syslog server"
        logs_by_destination: dict[str, list[str]] = {}
        for _, forward in sorted(streams.items()):
            if forward:
                destination = f"{owner}{forward.destination} ({forward.protocol})"
                logs_by_destination.setdefault(destination, []).append(str(forward))
        parts = [f"{' and '.join(logs)} to {to}" for to, logs in logs_by_destination.items()]
        return f"forwarding {', '.join(parts)}{advice}"


if __name__ == "__main__":
    ops.main(RsyslogForwarderCharm)  # pragma: no cover
