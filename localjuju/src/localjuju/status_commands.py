"""The ``juju`` commands that only look: status, show-unit, debug-log."""

from __future__ import annotations

from collections.abc import Callable

from localjuju.command import CommandError, Output, Parser, dump
from localjuju.model_runner import ModelRunner
from localjuju.status import StatusPrinter


class StatusCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self._status = StatusPrinter(runner)
        self._words_of_3_6 = runner.behaviour.errors_in_words_of_3_6

    def status(self, arguments: list[str]) -> Output:
        parser = Parser("status")
        parser.add_argument("applications", nargs="*")
        # What is printed as JSON or YAML has both anyway.
        parser.add_argument("--relations", action="store_true")
        parser.add_argument("--storage", action="store_true")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        self.runner.settle()
        described = self._status.status(options.applications)
        return Output(dump(described, options.format))

    def show_unit(self, arguments: list[str]) -> Output:
        parser = Parser("show-unit")
        parser.add_argument("unit")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        self.runner.settle()
        name = options.unit
        quoted = f'"{name}"' if self._words_of_3_6 else name
        unit = self.runner.model.find_unit(name)
        if unit is None:
            raise CommandError(f"ERROR unit {quoted} not found", stdout="{}\n")
        return Output(dump(self._status.show_unit(unit), options.format))

    def debug_log(self, arguments: list[str]) -> Output:
        parser = Parser("debug-log")
        parser.add_argument("--limit", type=int, default=0)
        parser.add_argument("--replay", action="store_true")
        parser.add_argument("--no-tail", action="store_true")
        options = parser.parse_args(arguments)
        lines = self.runner.history.lines[-options.limit or None :]
        return Output("".join(f"{line}\n" for line in lines))


COMMANDS: dict[str, Callable[[StatusCommands, list[str]], Output]] = {
    "debug-log": StatusCommands.debug_log,
    "show-unit": StatusCommands.show_unit,
    "status": StatusCommands.status,
}
