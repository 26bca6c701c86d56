#!/usr/bin/env python3
"""The charm: forwards what its principal logs, for each relation that the two have."""

import json
import logging
import os
from typing import Annotated, Any, Literal

import ops
import pydantic

import rsyslog
from logging_directory_interface import LoggingDirectoryProviderUnit

logger = logging.getLogger(__name__)


def _parse_target(value: str) -> rsyslog.Destination | None:
    return rsyslog.Destination.parse(value) if value else None


class Config(pydantic.BaseModel):
    """The charm's configuration, as charmcraft.yaml describes it."""

    target: Annotated[rsyslog.Destination | None, pydantic.BeforeValidator(_parse_target)] = None
    protocol: Literal["udp", "tcp"] = "udp"


class NotReadyError(Exception):
    """A relation has nothing that can be forwarded now; `status` tells the operator why."""

    def __init__(self, status: ops.BlockedStatus | ops.WaitingStatus):
        super().__init__(status.message)
        self.status = status


class RsyslogForwarderCharm(ops.CharmBase):
    """Keeps the machine's rsyslog as the model wants it; writes into no databag."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._rsyslog = rsyslog.Rsyslog(self.app.name)
        # The unit that this one is subordinate to. Nothing else tells: Juju 4 shows the units of
        # every principal, in relations with other principals too (Q2, Q3).
        self._principal = ops.JujuContext.from_environ(os.environ).principal_unit
        framework.observe(self.on.install, self._on_install)
        framework.observe(self.on.upgrade_charm, self._on_install)
        # What has changed does not matter: one function looks at everything, and may do so at any
        # time. relation-joined is left out: relation-changed follows it.
        for event in (
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

    def _on_install(self, event: ops.EventBase) -> None:
        # If there is no rsyslog to be had, the hook fails, and Juju tries it again and again.
        self._rsyslog.install()
        self.unit.set_workload_version(self._rsyslog.version())
        self._reconcile(event)

    def _reconcile(self, _: ops.EventBase) -> None:
        """Make the machine what the model says that it should be."""
        streams, statuses = self._streams()
        for status in statuses:
            logger.warning("%s", status.message)
        try:
            self._rsyslog.configure(streams)
        except rsyslog.RsyslogError as error:
            logger.warning("%s", error)

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
            self._config()
        except NotReadyError as error:
            event.add_status(error.status)
        streams, statuses = self._streams()
        for status in statuses:
            event.add_status(status)
        if not streams and not statuses:
            event.add_status(
                ops.WaitingStatus(f"logging or juju-info: {self._principal} has not joined")
            )
        problem = self._rsyslog.problem(streams)
        if problem:
            event.add_status(ops.BlockedStatus(problem))
        event.add_status(ops.ActiveStatus(_summary(streams)))

    def _streams(
        self,
    ) -> tuple[dict[str, rsyslog.Forward | None], list[ops.BlockedStatus | ops.WaitingStatus]]:
        """Return what to forward, for each relation with our principal, and what is in the way.

        A relation that something is wrong with has None: its last good settings stay.
        """
        streams: dict[str, rsyslog.Forward | None] = {}
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

    def _forward(self, relation: ops.Relation, unit: ops.Unit) -> rsyslog.Forward:
        """Return what to forward for a relation, or raise NotReadyError."""
        files = self._files(relation, unit) if relation.name == "logging" else None
        config = self._config()
        destination = config.target or self._address(relation, unit)
        return rsyslog.Forward(destination, config.protocol, files)

    def _config(self) -> Config:
        """Return the configuration, or raise NotReadyError if it cannot be used."""
        try:
            return self.load_config(Config)
        except ValueError as error:
            option = _describe(error)
            raise NotReadyError(ops.BlockedStatus(f"config option {option}")) from error

    def _files(self, relation: ops.Relation, unit: ops.Unit) -> rsyslog.LogFiles:
        """Return the log files that our principal says it writes, or raise NotReadyError."""
        who = f"{relation.name}: {unit.name}"
        try:
            bag = relation.load(LoggingDirectoryProviderUnit, unit, decoder=_decode)
            if bag.directory and bag.files:
                return rsyslog.LogFiles(bag.directory, tuple(bag.files), tag=unit.app.name)
        except ValueError as error:
            raise NotReadyError(
                ops.BlockedStatus(f"{who} sent a bad {_describe(error)}")
            ) from error
        missing = "files" if bag.directory else "directory"
        raise NotReadyError(ops.WaitingStatus(f"{who} has not sent {missing}"))

    def _address(self, relation: ops.Relation, unit: ops.Unit) -> rsyslog.Destination:
        """Return our principal itself as the destination, or raise NotReadyError."""
        # Juju writes it into every unit's bag, that of a charm without data too (private-address
        # is there on Juju 3 only, Q7). Our own binding would tell of the same machine, but not of
        # the space that the principal's end is bound to.
        address = relation.data[unit].get("ingress-address")
        who = f"{relation.name}: {unit.name}"
        if not address:
            raise NotReadyError(ops.WaitingStatus(f"{who} has no ingress-address yet"))
        try:
            return rsyslog.Destination(address)
        except ValueError as error:
            message = f"{who} has a bad ingress-address: {error}"
            raise NotReadyError(ops.BlockedStatus(message)) from error


def _summary(streams: dict[str, rsyslog.Forward | None]) -> str:
    """Say what is forwarded where: "forwarding syslog and /var/log/x to 10.1.2.3:514 (udp)"."""
    by_place: dict[str, list[str]] = {}
    for _, forward in sorted(streams.items()):
        if forward:
            place = f"{forward.destination} ({forward.protocol})"
            by_place.setdefault(place, []).append(str(forward))
    parts = [f"{' and '.join(names)} to {place}" for place, names in by_place.items()]
    return f"forwarding {', '.join(parts)}"


def _decode(value: str) -> Any:
    """Return what `value` says in JSON; what is no JSON stays text, for the model to judge."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return value


def _describe(error: ValueError) -> str:
    """Return the name of the first field that is wrong, and what is wrong with it."""
    if isinstance(error, pydantic.ValidationError):
        first = error.errors(include_input=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        return f"{'.'.join(str(part) for part in first['loc'])}: {message}"
    return str(error)


if __name__ == "__main__":
    ops.main(RsyslogForwarderCharm)  # pragma: no cover
