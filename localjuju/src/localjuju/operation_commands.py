"""The ``juju`` commands on operations and tasks: operations, show-task, cancel-task and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localjuju.command import CommandError, Output, Parser, dump, seconds, table
from localjuju.model_runner import ModelRunner
from localjuju.operations import Operation, Task, format_time
from localjuju.task_output import plain_results

STATUSES = ("pending", "running", "completed", "failed", "cancelled", "aborting", "aborted")

FILTERS = ("actions", "applications", "machines", "status", "units")
"""The options of ``juju operations`` that choose what it lists."""


class OperationCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model

    def operations(self, arguments: list[str]) -> Output:
        parser = Parser("operations")
        for name in FILTERS:
            parser.add_argument(f"--{name}", default="")
        parser.add_argument("--apps", dest="applications")
        parser.add_argument("--format", default="plain", choices=["json", "plain", "yaml"])
        parser.add_argument("--limit", type=int, default=50)
        parser.add_argument("--offset", type=int, default=0)
        parser.add_argument("--utc", action="store_true")
        options = parser.parse_args(arguments)
        wanted = {
            name: [one for one in (getattr(options, name) or "").split(",") if one]
            for name in FILTERS
        }
        for status in wanted["status"]:
            if status not in STATUSES:
                raise CommandError(
                    f'ERROR "{status}" is not a valid task status, want one of '
                    f"[{' '.join(STATUSES)}]",
                    2,
                )
        self.runner.settle()
        found = [one for one in self.model.operations if _matches(one, wanted)]
        found = found[options.offset :][: options.limit]
        if not found:
            return Output(stderr="no matching operations\n")
        if options.format != "plain":
            return Output(dump({str(one.id): one.describe() for one in found}, options.format))
        rows = [("Id", "Status", "Started", "Finished", "Task IDs", "Summary")]
        for one in found:
            timing = one.describe()["timing"]
            ids = [str(task.id) for task in one.tasks]
            shown = ",".join(ids[:5]) + "..." * (len(ids) > 5)
            moments = (
                timing.get(key, "")[:19].replace(" ", "T") for key in ("started", "completed")
            )
            rows.append((str(one.id), one.status, *moments, shown, one.summary))
        return Output(table(rows))

    def show_operation(self, arguments: list[str]) -> Output:
        parser = Parser("show-operation")
        parser.add_argument("id", nargs="?")
        parser.add_argument("--format", default="yaml", choices=["json", "yaml"])
        _add_wait_options(parser)
        options = parser.parse_args(arguments)
        number = _number(options, "operation")
        self.runner.settle()
        for operation in self.model.operations:
            if operation.id == number:
                return Output(dump(operation.describe(), options.format))
        raise CommandError(f'ERROR operation "{number}" not found')

    def show_task(self, arguments: list[str]) -> Output:
        parser = Parser("show-task")
        parser.add_argument("id", nargs="?")
        parser.add_argument("--format", default="plain", choices=["json", "plain", "yaml"])
        _add_wait_options(parser)
        options = parser.parse_args(arguments)
        number = _number(options, "task")
        self.runner.settle()
        task = self._find_task(number)
        if task is None:
            raise CommandError(f'ERROR task "{number}" not found')
        if options.format == "plain":
            return Output(plain_results([task]))
        return Output(dump(task.describe(), options.format))

    def cancel_task(self, arguments: list[str]) -> Output:
        parser = Parser("cancel-task")
        parser.add_argument("ids", nargs="*")
        parser.add_argument("--format", default="yaml", choices=["json", "yaml"])
        options = parser.parse_args(arguments)
        for text in options.ids:
            if not text.isdecimal():
                raise CommandError(f'ERROR task ID "{text}" not valid', 2)
        if not options.ids:
            raise CommandError("ERROR no task IDs specified")
        described, unknown = [], ""
        for text in options.ids:
            task = self._find_task(int(text))
            if task is None:
                unknown += f'task: {text}, error: task "{text}" not found\n'
                continue
            if task.status == "pending":
                task.finish("cancelled", "", self.runner.clock.now())
            ended = task.completed
            completed = "n/a" if ended is None else format_time(ended, "%Y-%m-%d %H:%M:%S")
            described.append(
                {
                    "action": task.action,
                    "completed at": completed,
                    "id": str(task.id),
                    "status": task.status,
                    "unit": task.unit.name,
                }
            )
        if unknown:
            unknown = f"WARNING The following tasks could not be canceled:\n{unknown}"
        return Output(dump({"actions": described}, options.format) if described else "", unknown)

    def _find_task(self, number: int) -> Task | None:
        tasks = [task for operation in self.model.operations for task in operation.tasks]
        return next((task for task in tasks if task.id == number), None)


COMMANDS: dict[str, Callable[[OperationCommands, list[str]], Output]] = {
    "cancel-task": OperationCommands.cancel_task,
    "list-operations": OperationCommands.operations,
    "operations": OperationCommands.operations,
    "show-operation": OperationCommands.show_operation,
    "show-task": OperationCommands.show_task,
}


def _matches(operation: Operation, wanted: dict[str, list[str]]) -> bool:
    """Whether an operation matches the filters of ``juju operations``."""
    if wanted["actions"] and operation.action not in wanted["actions"]:
        return False
    if wanted["status"] and operation.status not in wanted["status"]:
        return False
    entities = (*wanted["applications"], *wanted["units"], *wanted["machines"])
    return not entities or any(
        task.unit.application.name in wanted["applications"]
        or task.unit.name in wanted["units"]
        or task.unit.machine.number in wanted["machines"]
        for task in operation.tasks
    )


def _add_wait_options(parser: Parser) -> None:
    parser.add_argument("--utc", action="store_true")
    # Pending tasks run before the command prints anything, so it never has to wait.
    parser.add_argument("--wait")
    parser.add_argument("--watch", action="store_true")


def _number(options: Any, kind: str) -> int:
    if options.watch and options.wait:
        raise CommandError("ERROR specify either --watch or --wait but not both", 2)
    seconds(options.wait)
    if options.id is None:
        raise CommandError(f"ERROR no {kind} ID specified", 2)
    if not options.id.isdecimal():
        raise CommandError(f'ERROR {kind} ID "{options.id}" not valid', 2)
    return int(options.id)
