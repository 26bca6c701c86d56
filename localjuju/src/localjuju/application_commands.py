"""The ``juju`` commands on applications and units: add-unit, remove-unit, resolved and others."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from localjuju import placement
from localjuju.command import CommandError, Output, Parser, dump
from localjuju.confirmation import confirm
from localjuju.model import Application, Unit
from localjuju.model_runner import ModelRunner
from localjuju.status import StatusData
from localjuju.storage import StorageInstance
from localjuju.storage_commands import StorageCommands


class ApplicationCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner, storage: StorageCommands):
        """Create the commands for one model.

        Args:
            runner: changes the model.
            storage: reads the storage options of commands.
        """
        self.runner = runner
        self.model = runner.model
        self._storage = storage
        self._status = StatusData(runner)
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    def _application(self, name: str) -> Application:
        """Find an application.

        Raises:
            CommandError: it does not exist.
        """
        try:
            return self.model.applications[name]
        except KeyError:
            raise CommandError(f'ERROR application "{name}" not found (not found)') from None

    def add_unit(self, arguments: list[str]) -> Output:
        parser = Parser("add-unit")
        parser.add_argument("application")
        parser.add_argument("-n", "--num-units", type=int, default=1)
        parser.add_argument("--attach-storage", default="")
        parser.add_argument("--to", default="")
        options = parser.parse_args(arguments)
        placements = placement.parse_placements(options.to)
        application = self._application(options.application)
        name = application.name
        problem = (
            f'cannot add unit 1/1 to application "{name}": cannot add unit to '
            f'application "{name}": '
        )
        if (
            application.charm.subordinate
            and not self.runner.behaviour.add_unit_accepts_subordinates
        ):
            raise CommandError(f"ERROR {problem}application is a subordinate")
        if application.life == "dying":
            raise CommandError(f"ERROR {problem}application is not found or not alive")
        if options.num_units < 1:
            raise CommandError("ERROR --num-units must be a positive integer", 2)
        attach = self._storage.parse_attach_storage(
            options.attach_storage, application.charm, options.num_units, problem
        )
        number = placement.missing_machine(placements[: options.num_units], self.model.machines)
        if number is not None:
            unit = f"{name}/{application.next_unit}"
            raise CommandError(
                f'ERROR acquiring machine to host unit "{unit}": machine {number} not found'
            )
        self.runner.add_units(application, options.num_units, attach, placements)
        return Output(stderr=placement.extra_placements_warning(placements, options.num_units))

    def remove_unit(self, arguments: list[str]) -> Output:
        parser = _removal_parser("remove-unit")
        parser.add_argument("units", nargs="*")
        parser.add_argument("--num-units", type=int)
        options = _parse_removal(parser, arguments)
        if options.num_units is not None:
            raise CommandError("ERROR --num-units for non k8s models not valid", 2)
        if not options.units:
            raise CommandError("ERROR no units specified", 2)
        message, units = "", []
        for name in options.units:
            reason = f'unit "{name}" does not exist'
            if not self._uses_3_6_wording:
                application = name.partition("/")[0]
                known = application in self.model.applications
                reason = (
                    f'unit "{name}" not found' if known else f"application {application} not found"
                )
            unit = self.model.find_unit(name)
            if unit is None:
                raise CommandError(f"ERROR removing unit {name} failed: {reason}")
            if unit.application.charm.subordinate:
                raise CommandError(
                    f'ERROR removing unit {name} failed: unit "{name}" is a subordinate, to '
                    "remove use remove-relation. Note: this will remove all units of "
                    f'"{unit.application.name}"'
                )
            units.append(unit)
            message += f"will remove unit {name}\n"
            message += _describe_storage_removal(
                self.model.storage.of(unit), options.destroy_storage
            )
        if options.dry_run:
            return Output(message)
        message = confirm(message, "unit removal", self.model.config, options.no_prompt)
        for unit in units:
            self.runner.remove_unit(unit, options.force, options.destroy_storage)
        return Output(message)

    def remove_application(self, arguments: list[str]) -> Output:
        parser = _removal_parser("remove-application")
        parser.add_argument("applications", nargs="+")
        options = _parse_removal(parser, arguments)
        message, applications = "", []
        for name in options.applications:
            if name not in self.model.applications:
                raise CommandError(
                    f'ERROR removing application {name} failed: application "{name}" not found'
                )
            if not options.force:
                self._check_offers_are_unused(self.model.applications[name])
            applications.append(self.model.applications[name])
            message += f"will remove application {name}\n"
            units = self.model.applications[name].sorted_units
            message += "".join(f"- will remove unit {unit.name}\n" for unit in units)
            stored = [one for unit in units for one in self.model.storage.of(unit)]
            message += _describe_storage_removal(stored, options.destroy_storage)
        if options.dry_run:
            return Output(message)
        message = confirm(message, "application removal", self.model.config, options.no_prompt)
        for application in applications:
            self.runner.remove_application(application, options.force, options.destroy_storage)
        return Output(message)

    def _check_offers_are_unused(self, application: Application) -> None:
        """Raise a CommandError if other models are related to an application."""
        relations = [
            relation
            for offer in self.model.offers_of(application)
            for relation in self.runner.controller.cross_model.of(offer)
        ]
        if not relations:
            return
        name, count = application.name, len(self.model.offers_of(application))
        reason = f'cannot remove application "{name}", it has {len(relations)} offer connection(s)'
        if self._uses_3_6_wording:
            used = f"used by {count} offer{'s' * (count > 1)}"
            reason = f'cannot destroy application "{name}": application is {used}'
        raise CommandError(f"ERROR removing application {name} failed: {reason}")

    def resolved(self, arguments: list[str]) -> Output:
        parser = Parser("resolved")
        parser.add_argument("units", nargs="*")
        parser.add_argument("--all", action="store_true")
        parser.add_argument("--no-retry", action="store_true")
        options = parser.parse_args(arguments)
        if options.all and options.units:
            raise CommandError("ERROR specifying unit names(s) with --all not supported", 2)
        if not options.all and not options.units:
            raise CommandError("ERROR no unit specified", 2)
        if options.all:
            units = [
                unit for unit in self.model.units.values() if self.runner.agents.in_error(unit)
            ]
        else:
            units = [self._unit_in_error(name) for name in options.units]
        for unit in units:
            self.runner.agents.resolve(unit, retry=not options.no_retry)
        return Output()

    def _unit_in_error(self, name: str) -> Unit:
        unit = self.model.find_unit(name)
        if unit is None:
            raise CommandError(f'ERROR unit "{name}" not found')
        if self.runner.agents.in_error(unit):
            return unit
        if self._uses_3_6_wording:
            raise CommandError(f'ERROR unit "{name}" is not in an error state')
        raise CommandError(
            f'ERROR resolving unit: checking unit "{name}" status: unit is not in error state'
        )

    def expose(self, arguments: list[str]) -> Output:
        parser = Parser("expose")
        parser.add_argument("application")
        parser.add_argument("--endpoints", default="")
        parser.add_argument("--to-cidrs", default="")
        parser.add_argument("--to-spaces", default="")
        options = parser.parse_args(arguments)
        if options.to_spaces:
            raise CommandError("ERROR localjuju has no spaces: --to-spaces is not supported")
        application = self._application(options.application)
        networks = options.to_cidrs.split(",") if options.to_cidrs else list(ALL_NETWORKS)
        for endpoint in self._endpoints(application, options.endpoints) or [""]:
            application.exposed_to[endpoint] = networks
        return Output()

    def unexpose(self, arguments: list[str]) -> Output:
        parser = Parser("unexpose")
        parser.add_argument("application")
        parser.add_argument("--endpoints", default="")
        options = parser.parse_args(arguments)
        application = self._application(options.application)
        named = self._endpoints(application, options.endpoints)
        for endpoint in named or list(application.exposed_to):
            application.exposed_to.pop(endpoint, None)
        return Output()

    def _endpoints(self, application: Application, text: str) -> list[str]:
        endpoints = [name.strip() for name in text.split(",")] if text else []
        for name in endpoints:
            if name not in application.charm.endpoints:
                raise CommandError(f'ERROR endpoint "{name}" not found')
        return endpoints

    def show_application(self, arguments: list[str]) -> Output:
        parser = Parser("show-application")
        parser.add_argument("applications", nargs="+")
        parser.add_argument("--format", default="yaml", choices=["json", "yaml"])
        options = parser.parse_args(arguments)
        for name in options.applications:
            if name not in self.model.applications:
                raise CommandError(f'ERROR application "{name}" not found')
        described = {
            name: self._describe(self.model.applications[name]) for name in options.applications
        }
        return Output(dump(described, options.format))

    def _describe(self, application: Application) -> dict[str, Any]:
        described: dict[str, Any] = {"charm": application.charm.name, "base": "ubuntu@24.04"}
        if application.constraints:
            described["constraints"] = application.constraints
        described["principal"] = not application.charm.subordinate
        described["exposed"] = application.exposed
        if application.exposed:
            described["exposed-endpoints"] = {
                endpoint: {"expose-to-cidrs": networks}
                for endpoint, networks in sorted(application.exposed_to.items())
            }
        described |= {"remote": False, "life": application.life}
        described["endpoint-bindings"] = self._status.bindings(application)
        return described

    def trust(self, arguments: list[str]) -> Output:
        parser = Parser("trust")
        parser.add_argument("application")
        parser.add_argument("--remove", action="store_true")
        parser.add_argument("--scope")
        options = parser.parse_args(arguments)
        self._application(options.application).trusted = not options.remove
        self.runner.agents.allow_retries()
        return Output()


COMMANDS: dict[str, Callable[[ApplicationCommands, list[str]], Output]] = {
    "add-unit": ApplicationCommands.add_unit,
    "expose": ApplicationCommands.expose,
    "remove-application": ApplicationCommands.remove_application,
    "remove-unit": ApplicationCommands.remove_unit,
    "resolve": ApplicationCommands.resolved,
    "resolved": ApplicationCommands.resolved,
    "show-application": ApplicationCommands.show_application,
    "trust": ApplicationCommands.trust,
    "unexpose": ApplicationCommands.unexpose,
}

ALL_NETWORKS: tuple[str, ...] = ("0.0.0.0/0", "::/0")
"""The networks to which an application is exposed by default."""


def _removal_parser(command: str) -> Parser:
    """Return a parser with the options that all removal commands have."""
    parser = Parser(command)
    parser.add_argument("--destroy-storage", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--no-prompt", action="store_true")
    parser.add_argument("--no-wait", action="store_true")
    return parser


def _parse_removal(parser: Parser, arguments: list[str]) -> argparse.Namespace:
    options = parser.parse_args(arguments)
    if options.no_wait and not options.force:
        raise CommandError("ERROR --no-wait without --force not valid")
    return options


def _describe_storage_removal(instances: list[StorageInstance], destroy: bool) -> str:
    """Return the lines that tell the user what happens to the storage of removed units."""
    gone = [one for one in instances if destroy or not one.is_detachable]
    kept = [one for one in instances if one not in gone]
    return "".join(f"- will remove storage {one.id}\n" for one in gone) + "".join(
        f"- will detach storage {one.id}\n" for one in kept
    )
