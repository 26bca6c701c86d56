"""The ``juju`` commands that show the model: status, show-unit, debug-log."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from localjuju import debug_log, status_table
from localjuju.command import TERMINAL, CommandError, Output, Parser, dump, seconds
from localjuju.model import Relation
from localjuju.model_runner import ModelRunner
from localjuju.show_unit import describe_unit
from localjuju.status import StatusData

FORMATS = ("json", "line", "oneline", "short", "tabular", "yaml")
CLEAR_SCREEN = "\x1b[H\x1b[J"
"""Clears a terminal's screen."""


class StatusCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self._status = StatusData(runner)
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    def status(self, arguments: list[str]) -> Output:
        parser = Parser("status")
        parser.add_argument("applications", nargs="*")
        # JSON and YAML contain relations and storage without these options.
        parser.add_argument("--relations", action="store_true")
        parser.add_argument("--integrations", dest="relations", action="store_true")
        parser.add_argument("--storage", action="store_true")
        for name in ("--color", "--no-color", "--utc"):
            parser.add_argument(name, action="store_true")
        parser.add_argument("--watch", type=seconds, default=0.0)
        parser.add_argument("--format", default="tabular", choices=FORMATS)
        options = parser.parse_intermixed_args(arguments)
        self.runner.settle()
        write = TERMINAL.get().write
        while options.watch and write:
            printed = self._print(options)
            write(CLEAR_SCREEN * TERMINAL.get().is_screen + printed.stdout + printed.stderr)
            self.runner.controller.turns.wait_until(lambda: False, options.watch)
        return self._print(options)

    def _print(self, options: Namespace) -> Output:
        """Print the current status."""
        described = self._status.status(options.applications)
        if options.format in ("json", "yaml"):
            return Output(dump(described, options.format))
        if options.format != "tabular":
            return Output(status_table.lines(described))
        relations = self._relations(options.applications) if options.relations else []
        printed = status_table.tabular(described, relations, options.storage)
        if described["applications"] or described["machines"]:
            return Output(printed)
        if options.applications:
            plural = "s" * (len(options.applications) > 1)
            return Output(printed, f"Nothing matched specified filter{plural}.\n")
        return Output(printed, f'\nModel "admin/{self.runner.model.name}" is empty.\n')

    def _relations(self, applications: list[str]) -> list[Relation]:
        return [
            relation
            for relation in self.runner.model.relations.values()
            if not applications
            or any(side.application.name in applications for side in relation.sides)
        ]

    def show_unit(self, arguments: list[str]) -> Output:
        parser = Parser("show-unit")
        parser.add_argument("unit")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        self.runner.settle()
        name = options.unit
        quoted = f'"{name}"' if self._uses_3_6_wording else name
        unit = self.runner.model.find_unit(name)
        if unit is None:
            raise CommandError(f"ERROR unit {quoted} not found", stdout="{}\n")
        return Output(dump(describe_unit(self.runner.model, unit), options.format))

    def debug_log(self, arguments: list[str]) -> Output:
        return debug_log.debug_log(self.runner, arguments)


COMMANDS: dict[str, Callable[[StatusCommands, list[str]], Output]] = {
    "debug-log": StatusCommands.debug_log,
    "show-unit": StatusCommands.show_unit,
    "status": StatusCommands.status,
}
