"""The data of ``juju status``: the model, its machines, applications, offers and storage."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import Any

from localjuju.charm import JUJU_INFO, Endpoint
from localjuju.command import status_time
from localjuju.constraints import to_text
from localjuju.cross_model import Offer, RemoteApplication
from localjuju.machine import Machine
from localjuju.model import Application, Status, Unit
from localjuju.model_runner import ModelRunner
from localjuju.storage_status import describe_storage

ROLES = {"provides": "provider", "requires": "requirer", "peers": "peer"}

SEVERITY = ("error", "blocked", "waiting", "maintenance", "active", "terminated", "unknown")
"""The statuses of units, the worst first."""


class StatusData:
    """Describes a model, in the form that the ``juju`` command prints as JSON or YAML."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model

    def status(self, only: Collection[str] = ()) -> dict[str, Any]:
        """Describe the model.

        Args:
            only: the names of the applications to show, by default all.
        """
        shown = set(only or [*self.model.applications, *self.model.remote_applications])
        now = datetime.datetime.fromtimestamp(self.runner.clock.now(), datetime.timezone.utc)
        return {
            "model": {
                "name": self.model.name,
                "type": "iaas",
                "controller": "localjuju",
                "cloud": "localhost",
                "region": "localhost",
                "version": self.runner.behaviour.version,
                "model-status": {"current": "available", "since": self._since(0)},
                **({"sla": "unsupported"} if self.runner.behaviour.status_shows_sla else {}),
            },
            "machines": self.machines(),
            "applications": {
                name: self._application(application, shown)
                for name, application in sorted(self.model.applications.items())
                if name in shown
            },
            **self._describe_cross_model(shown),
            "storage": describe_storage(self.model.storage),
            "controller": {"timestamp": f"{now:%H:%M:%SZ}"},
        }

    def machines(self, host: str = "") -> dict[str, Any]:
        """Describe all machines, or only the containers on the machine ``host``."""
        return {
            machine.number: self._machine(machine)
            for machine in self.model.machines.values()
            if machine.host == host
        }

    def _machine(self, machine: Machine) -> dict[str, Any]:
        name = f"localjuju-{machine.number.replace('/', '-')}"
        described: dict[str, Any] = {
            "juju-status": {
                "current": "started",
                "since": self._since(0),
                "version": self.runner.behaviour.version,
            },
            "hostname": name,
            "dns-name": machine.address,
            "ip-addresses": [machine.address],
            "instance-id": name,
            "machine-status": {
                "current": "running",
                "message": "Running",
                "since": self._since(0),
            },
            "base": {"name": "ubuntu", "channel": "24.04"},
        }
        if containers := self.machines(machine.number):
            described["containers"] = containers
        if machine.constraints:
            described["constraints"] = to_text(machine.constraints)
        described["hardware"] = "arch=amd64"
        return described

    def _describe_cross_model(self, shown: set[str]) -> dict[str, Any]:
        """Describe the offers that the model consumes, and its own offers."""
        described: dict[str, Any] = {}
        saas = {
            name: self._saas(remote)
            for name, remote in sorted(self.model.remote_applications.items())
            if remote.is_saas and name in shown
        }
        if saas:
            described["application-endpoints"] = saas
        offers = {
            name: self._offer(offer)
            for name, offer in sorted(self.model.offers.items())
            if offer.application.name in shown
        }
        if offers:
            described["offers"] = offers
        return described

    def _saas(self, saas: RemoteApplication) -> dict[str, Any]:
        controller = self.runner.controller
        described: dict[str, Any] = {
            "url": f"{controller.name}:{saas.offer.url}",
            "endpoints": describe_endpoints(saas.endpoints),
        }
        if saas.life == "dying" or self.runner.behaviour.status_shows_every_life:
            described["life"] = saas.life
        status = Status("terminated", "offer has been removed")
        if saas.offer.exists:
            offering = StatusData(controller.models[saas.offer.model.name])
            status = offering.application_status(saas.offer.application)
        described["application-status"] = self._status(status)
        relations: dict[str, set[str]] = {}
        for relation in self.model.relations_of(saas):
            users = relations.setdefault(relation.local(saas).endpoint.name, set())
            users.add(relation.remote(saas).application.name)
        if relations:
            described["relations"] = {name: sorted(users) for name, users in relations.items()}
        return described

    def _offer(self, offer: Offer) -> dict[str, Any]:
        charm = offer.application.charm
        described: dict[str, Any] = {
            "application": offer.application.name,
            "charm": f"local:{charm.name}-{offer.application.revision}",
        }
        relations = self.runner.controller.cross_model.of(offer)
        active = [one for one in relations if one.offering.relation.is_active]
        for what, some in (("total", relations), ("active", active)):
            if some:
                described[f"{what}-connected-count"] = len(some)
        described["endpoints"] = describe_endpoints(offer.endpoints)
        return described

    def _application(self, application: Application, shown: set[str]) -> dict[str, Any]:
        charm = application.charm
        described: dict[str, Any] = {
            "charm": f"local:{charm.name}-{application.revision}",
            "base": {"name": "ubuntu", "channel": "24.04"},
            "charm-origin": "local",
            "charm-name": charm.name,
            "charm-rev": application.revision,
            "exposed": application.exposed,
            "application-status": self._status(self.application_status(application)),
        }
        if application.life == "dying" or self.runner.behaviour.status_shows_every_life:
            described["life"] = application.life
        hides_others = self.runner.behaviour.filtered_status_hides_other_relations
        relations: dict[str, list[dict[str, str]]] = {}
        principals = set()
        for relation in self.model.relations_of(application):
            remote = relation.remote(application).application
            if hides_others and remote.name not in shown:
                continue
            if relation.other_model and not self._shows_remote(remote.name):
                continue
            relations.setdefault(relation.local(application).endpoint.name, []).append(
                {
                    "related-application": remote.name,
                    "interface": relation.interface,
                    "scope": relation.scope,
                }
            )
            if relation.scope == "container":
                principals.add(remote.name)
        if relations:
            described["relations"] = relations
        if principals and charm.subordinate:
            described["subordinate-to"] = sorted(principals)
        elif not charm.subordinate:
            described["units"] = {unit.name: self._unit(unit) for unit in application.sorted_units}
        if application.workload_version:
            described["version"] = application.workload_version
        described["endpoint-bindings"] = self.bindings(application)
        return described

    def bindings(self, application: Application) -> dict[str, str]:
        """Return the space to which each endpoint of an application is bound."""
        declared = application.charm.endpoints.values()
        if not self.runner.behaviour.juju_info_is_declared:
            declared = [endpoint for endpoint in declared if endpoint != JUJU_INFO]
        bound = sorted(endpoint.name for endpoint in declared)
        return dict.fromkeys(["", *bound], "alpha")

    def _shows_remote(self, name: str) -> bool:
        """Whether to show a remote application. Juju 3.6 hides those that use an offer."""
        is_saas = self.model.remote_applications[name].is_saas
        return is_saas or self.runner.behaviour.status_shows_users_of_offers

    def application_status(self, application: Application) -> Status:
        """Return the status that the leader has set, or else the worst status of the units."""
        statuses = [self._unit_status(unit) for unit in application.sorted_units]
        if application.status and not any(s.current == "error" for s in statuses):
            return application.status
        return min(statuses, key=_severity, default=Status("unknown"))

    def _unit_status(self, unit: Unit) -> Status:
        failed = self.runner.agents.uniters[unit.name].failed
        if failed:
            return Status("error", f'hook failed: "{failed.name}"', unit.agent_status.since)
        return unit.workload_status

    def _unit(self, unit: Unit) -> dict[str, Any]:
        agent = {**self._status(unit.agent_status), "version": self.runner.behaviour.version}
        if unit.life == "dying":
            agent["life"] = "dying"
        described: dict[str, Any] = {
            "workload-status": self._status(self._unit_status(unit)),
            "juju-status": agent,
        }
        if unit.is_leader:
            described["leader"] = True
        if unit.principal is None:
            described["machine"] = unit.machine.number
        if unit.ports:
            described["open-ports"] = sorted(unit.ports)
        described["public-address"] = unit.machine.address
        subordinates = [u for u in self.model.units.values() if u.principal is unit]
        if subordinates:
            described["subordinates"] = {u.name: self._unit(u) for u in subordinates}
        return described

    def _status(self, status: Status) -> dict[str, str]:
        described = {"current": status.current, "since": self._since(status.since)}
        if status.message:
            described["message"] = status.message
        return described

    def _since(self, moment: float) -> str:
        """Write the time of a status. 0 means the start of the run."""
        return status_time(moment or self.runner.clock.start)


def describe_endpoints(endpoints: Mapping[str, Endpoint]) -> dict[str, dict[str, str]]:
    """Describe the endpoints of an offer."""
    return {
        name: {"interface": endpoint.interface, "role": ROLES[endpoint.role]}
        for name, endpoint in sorted(endpoints.items())
    }


def _severity(status: Status) -> int:
    return SEVERITY.index(status.current)
