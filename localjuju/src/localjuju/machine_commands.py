"""The ``juju`` commands on machines: machines, show-machine, add-machine, remove-machine."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from localjuju.command import CommandError, Output, Parser, dump, table
from localjuju.confirmation import confirm
from localjuju.constraint_commands import read_constraints
from localjuju.machine import Machine
from localjuju.model import Unit
from localjuju.model_runner import ModelRunner
from localjuju.placement import MACHINE_NUMBER, NEW_MACHINE, missing_machine, parse_placements
from localjuju.status import StatusData


class MachineCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._status = StatusData(runner)

    def machines(self, arguments: list[str]) -> Output:
        return self._print(Parser("machines"), arguments, "tabular")

    def show_machine(self, arguments: list[str]) -> Output:
        parser = Parser("show-machine")
        parser.add_argument("machines", nargs="*")
        return self._print(parser, arguments, "yaml")

    def _print(self, parser: Parser, arguments: list[str], style: str) -> Output:
        parser.add_argument("--color", action="store_true")
        parser.add_argument("--format", default=style, choices=["json", "tabular", "yaml"])
        parser.add_argument("--utc", action="store_true")
        options = parser.parse_args(arguments)
        self.runner.settle()
        described = self._status.machines()
        if numbers := getattr(options, "machines", []):
            described = {key: value for key, value in described.items() if key in numbers}
        if options.format == "tabular":
            heads = ("Machine", "State", "Address", "Inst id", "Base", "AZ", "Message")
            return Output(table([heads, *_rows(described)]))
        return Output(dump({"model": self.model.name, "machines": described}, options.format))

    def add_machine(self, arguments: list[str]) -> Output:
        parser = Parser("add-machine")
        parser.add_argument("placement", nargs="?", default="")
        parser.add_argument("-n", type=int, default=1)
        parser.add_argument("--base")
        parser.add_argument("--constraints", action="append", default=[])
        parser.add_argument("--disks")
        parser.add_argument("--private-key")
        parser.add_argument("--public-key")
        options = parser.parse_args(arguments)
        wanted = parse_placements(options.placement)
        placement = wanted[0] if wanted else NEW_MACHINE
        if options.disks:
            raise CommandError("ERROR localjuju has no disks: --disks is not supported")
        if placement.machine is not None and not placement.in_container:
            raise CommandError("ERROR machine-id cannot be specified when adding machines")
        if placement.machine is not None and options.n > 1:
            raise CommandError("ERROR cannot use -n when specifying a placement directive", 2)
        constraints = read_constraints(options.constraints)
        if number := missing_machine([placement], self.model.machines):
            raise CommandError(f"failed to create 1 machine\nERROR machine {number} not found")
        message = ""
        for _ in range(options.n):
            machine = self.runner.machines.add(placement, constraints)
            kind = "container" if machine.host else "machine"
            message += f"created {kind} {machine.number}\n"
        return Output(stderr=message)

    def remove_machine(self, arguments: list[str]) -> Output:
        options = _parse_removal(arguments)
        known = self.model.machines
        machines = [known[number] for number in options.machines if number in known]
        problems = [self._why_not_removable(number, options.force) for number in options.machines]
        actions = "".join(self._describe_removal(one, options.keep_instance) for one in machines)
        if options.dry_run:
            return Output(actions)
        if problem := "\n".join(one for one in problems if one):
            raise CommandError(problem)
        message = confirm(actions, "machine removal", self.model.config, options.no_prompt)
        for machine in machines:
            if machine.number in known:  # It may have been removed with its host.
                self.runner.remove_machine(machine, options.force)
        return Output(message)

    def _why_not_removable(self, number: str, force: bool) -> str | None:
        """Return why a machine cannot be removed, or None if it can."""
        failed = "ERROR removing machine failed: "
        machine = self.model.machines.get(number)
        if machine is None:
            return f"{failed}machine {number} not found"
        if force:
            return None
        own = [unit.name for unit in self._units_of(machine)]
        if own:
            return f'{failed}machine {number} has unit "{own[0]}" assigned'
        containers = [one.number for one in self.model.machines.values() if one.host == number]
        if containers:
            return f'{failed}machine {number} is hosting containers "{",".join(containers)}"'
        return None

    def _units_of(self, machine: Machine) -> list[Unit]:
        """Return the units on a machine itself, without those in its containers."""
        return [unit for unit in self.model.units.values() if unit.machine is machine]

    def _describe_removal(self, machine: Machine, keeps_instance: bool) -> str:
        """Return the lines that tell the user what is removed with a machine."""
        kept = " (but retaining cloud instance)" * keeps_instance
        units = self._units_of(machine)
        stored = [one for unit in units for one in self.model.storage.of(unit)]
        return "".join(
            (
                f"will remove machine {machine.number}{kept}\n",
                *(f"- will remove unit {unit.name}\n" for unit in units),
                *(f"- will remove storage {one.id}\n" for one in stored if not one.is_detachable),
                *(f"- will detach storage {one.id}\n" for one in stored if one.is_detachable),
            )
        )


COMMANDS: dict[str, Callable[[MachineCommands, list[str]], Output]] = {
    "add-machine": MachineCommands.add_machine,
    "list-machines": MachineCommands.machines,
    "machines": MachineCommands.machines,
    "remove-machine": MachineCommands.remove_machine,
    "show-machine": MachineCommands.show_machine,
}


def _rows(machines: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows of the table of machines. Containers follow their machine."""
    rows = []
    for number, one in machines.items():
        base = f"{one['base']['name']}@{one['base']['channel']}"
        state, message = one["juju-status"]["current"], one["machine-status"]["message"]
        rows.append((number, state, one["dns-name"], one["instance-id"], base, "", message))
        rows += _rows(one.get("containers", {}))
    return rows


def _parse_removal(arguments: list[str]) -> argparse.Namespace:
    """Read the arguments of remove-machine, and refuse what is not a machine's number."""
    parser = Parser("remove-machine")
    parser.add_argument("machines", nargs="*")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--keep-instance", action="store_true")
    parser.add_argument("--no-prompt", action="store_true")
    parser.add_argument("--no-wait", action="store_true")
    options = parser.parse_args(arguments)
    if not options.machines:
        raise CommandError("ERROR no machines specified", 2)
    for number in options.machines:
        if not re.fullmatch(MACHINE_NUMBER, number):
            raise CommandError(f'ERROR invalid machine id "{number}"', 2)
    if options.no_wait and not options.force:
        raise CommandError("ERROR --no-wait without --force not valid", 2)
    return options
