#!/usr/bin/env python3
"""The charm: forwards what its principal logs, for each relation that the two have."""

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
    """Keeps the machine's rsyslog as the model wants it; writes into no databag."""

    # What the last hook could not do: status tells it, and must not try it once more.
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(problem="")
        self._rsyslog = rsyslog.Rsyslog(self.app.name)
        # The unit that this one is subordinate to. Nothing else tells: Juju 4 shows the units of
        # every principal, in relations with other principals too (Q2, Q3).
        self._principal = ops.JujuContext.from_environ(os.environ).principal_unit
        # What has changed does not matter: one function looks at everything, and may do so at any
        # time. relation-joined is left out: relation-changed follows it.
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
        """Make the machine what the model says that it should be."""
        if not self._rsyslog.is_installed():
            self.unit.status = ops.MaintenanceStatus("installing rsyslog")
            self._rsyslog.install()  # If that fails, so does the hook, and Juju runs it again.
        streams, statuses = self._streams()
        for status in statuses:
            logger.warning("%s", status.message)
        problem = ""
        try:
            self.unit.set_workload_version(self._rsyslog.version())
            self._rsyslog.configure(streams)
        except rsyslog.RsyslogError as error:  # Each later hook tries again.
            logger.warning("%s", error)
            problem = str(error)
        self._stored.problem = problem

    def _on_remove(self, _: ops.StopEvent | ops.RemoveEvent) -> None:
        # What relation-departed has not removed yet, whichever hooks came before (Q5, Q6).
        try:
            self._rsyslog.uninstall()
        except rsyslog.RsyslogError as error:  # the files have gone, and so may the unit
            logger.warning("%s", error)

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        if not self._principal:  # Juju 4 lets `juju add-unit` of a subordinate through
            event.add_status(ops.BlockedStatus("has no principal: remove this unit"))
            return
        # The most severe of those added is shown.
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
                ops.WaitingStatus(f"logging or juju-info: {self._principal} has not joined")
            )
        if self._stored.problem:
            event.add_status(ops.BlockedStatus(self._stored.problem))
        elif streams and not self._rsyslog.is_running():
            message = f"rsyslog does not run: see journalctl -u {self._rsyslog.service}"
            event.add_status(ops.BlockedStatus(message))
        elif not self._rsyslog.runs_with(streams):
            event.add_status(ops.WaitingStatus("rsyslog: the next hook configures it"))
        event.add_status(ops.ActiveStatus(self._summary(streams, config)))

    def _streams(
        self,
    ) -> tuple[dict[str, Forward | None], list[ops.BlockedStatus | ops.WaitingStatus]]:
        """Return what to forward, for each relation with our principal, and what is in the way.

        A relation that something is wrong with has None: its last good settings stay.
        """
        streams: dict[str, Forward | None] = {}
        statuses: list[ops.BlockedStatus | ops.WaitingStatus] = []
        for relation in (*self.model.relations["logging"], *self.model.relations["juju-info"]):
            for unit in relation.units:
                if unit.name != self._principal:  # Q2, Q3: another machine's
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
        """Return what to forward for a relation, or raise NotReadyError."""
        files = self._files(relation, unit) if relation.name == "logging" else None
        config = read_config(self, Config)
        destination = config.target or self._address(relation, unit)
        return Forward(destination, config.protocol, files)

    def _files(self, relation: ops.Relation, unit: ops.Unit) -> LogFiles:
        """Return the log files that our principal says it writes, or raise NotReadyError."""
        who = f"{relation.name}: {unit.name}"
        bag = read_databag(relation, unit, LoggingDirectoryProviderUnit)
        if not (bag.directory and bag.files):
            missing = "files" if bag.directory else "directory"
            raise NotReadyError(ops.WaitingStatus(f"{who} has not sent {missing}"))
        try:
            return LogFiles(bag.directory, tuple(bag.files), tag=unit.app.name)
        except ValueError as error:
            raise NotReadyError(ops.BlockedStatus(f"{who} sent an invalid {error}")) from error

    def _address(self, relation: ops.Relation, unit: ops.Unit) -> Destination:
        """Return our principal itself as the destination, or raise NotReadyError."""
        # Juju writes it into every unit's bag, that of a charm without data too (private-address
        # is there on Juju 3 only, Q7). Our own binding would tell of the same machine, but not of
        # the space that the principal's end is bound to.
        address = relation.data[unit].get("ingress-address")
        who = f"{relation.name}: {unit.name}"
        if not address:
            raise NotReadyError(ops.WaitingStatus(f"{who} has not sent ingress-address"))
        try:
            return Destination(address)
        except ValueError as error:
            message = f"{who} sent an invalid ingress-address: {error}"
            raise NotReadyError(ops.BlockedStatus(message)) from error

    def _summary(self, streams: dict[str, Forward | None], config: Config) -> str:
        """Say what is forwarded where: "forwarding syslog and /var/log/x to 10.1.2.3:514 (udp)".

        Without a target it is the principal itself, where nothing may listen: say that too.
        """
        whose = "" if config.target else f"{self._principal} itself at "
        advice = "" if config.target else ": set target to forward to a syslog server"
        by_place: dict[str, list[str]] = {}
        for _, forward in sorted(streams.items()):
            if forward:
                place = f"{whose}{forward.destination} ({forward.protocol})"
                by_place.setdefault(place, []).append(str(forward))
        parts = [f"{' and '.join(names)} to {place}" for place, names in by_place.items()]
        return f"forwarding {', '.join(parts)}{advice}"


if __name__ == "__main__":
    ops.main(RsyslogForwarderCharm)  # pragma: no cover
