"""The ``juju`` commands that reach a machine: exec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localjuju.action_commands import no_such_unit, tasks_failed, timed_out
from localjuju.command import CommandError, Output, Parser, dump, seconds
from localjuju.model_runner import ModelRunner


class MachineCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model

    def exec(self, arguments: list[str]) -> Output:
        """Run a shell command as the operator would on the unit's machine."""
        parser = Parser("exec")
        parser.add_argument("--unit", required=True)
        parser.add_argument("--format", default="yaml")
        parser.add_argument("--wait")
        parser.add_argument("command", nargs="+")
        options = parser.parse_args(arguments)
        self.runner.settle()
        operation = self.model.next_task_id()
        unit = self.model.find_unit(options.unit)
        if unit is None:
            reason = no_such_unit(self.runner, options.unit)
            return Output(
                stderr=f"Operation {operation} failed to schedule any tasks:\n{reason}\n"
            )
        task = self.model.next_task_id()
        command = " ".join(options.command)
        ending = self.runner.run_shell(unit, command, seconds(options.wait))
        if ending.timed_out:
            raise CommandError(timed_out([unit]))
        results: dict[str, Any] = {"return-code": ending.status}
        results.update({"stdout": ending.stdout} if ending.stdout else {})
        results.update({"stderr": ending.stderr} if ending.stderr else {})
        described = {"id": str(task), "results": results, "status": "completed", "unit": unit.name}
        printed = ending.stdout
        if options.format == "json":
            printed = dump({unit.name: described}, "json")
        if ending.status:
            raise CommandError(tasks_failed({task: ending.status}), stdout=printed)
        return Output(printed)


COMMANDS: dict[str, Callable[[MachineCommands, list[str]], Output]] = {
    "exec": MachineCommands.exec,
}
