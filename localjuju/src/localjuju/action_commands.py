"""The ``juju`` commands on actions: run, operations, show-operation, show-task, cancel-task."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localjuju import action_parameters, go_values
from localjuju.command import CommandError, Output, Parser, dump, seconds, table
from localjuju.model import Unit
from localjuju.model_runner import ModelRunner
from localjuju.operations import Operation, Task, written

UNIT = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*)/(?:0|[1-9][0-9]*|leader)")
NOT_PRINTED_PLAIN = ("return-code", "stdout", "stderr")
STATUSES = ("pending", "running", "completed", "failed", "cancelled", "aborting", "aborted")


class ActionCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._behaviour = runner.behaviour
        self._uses_3_6_wording = runner.behaviour.errors_in_words_of_3_6

    def run_action(self, arguments: list[str]) -> Output:
        parser = Parser("run")
        parser.add_argument("words", nargs="*")
        parser.add_argument("--background", action="store_true")
        parser.add_argument("--color", action="store_true")
        parser.add_argument("--no-color", action="store_true")
        parser.add_argument("--format", default="plain", choices=["json", "plain", "yaml"])
        parser.add_argument("--params")
        parser.add_argument("--string-args", action="store_true")
        parser.add_argument("--utc", action="store_true")
        parser.add_argument("--wait")
        options = parser.parse_intermixed_args(arguments)
        units, action, pairs = _split(options.words)
        timeout = seconds(options.wait)
        if options.background and timeout:
            raise CommandError("ERROR cannot specify both --wait and --background", 2)
        parameters = action_parameters.given(options.params, pairs, options.string_args)
        self.runner.settle()
        operation = self._schedule(units, action, parameters, timeout)
        if not operation.tasks:
            return _print_unscheduled(operation, not options.background)
        if options.background:
            return _print_scheduled(operation)
        self.runner.agents.finish_tasks(operation.tasks)
        return _print_finished(operation, options.format)

    def _schedule(
        self, names: list[str], action: str, parameters: dict[str, Any], timeout: float
    ) -> Operation:
        """Create an operation with a task for each unit that can run the action."""
        receivers = [n if n.endswith("/leader") else f"unit-{n.replace('/', '-')}" for n in names]
        summary = f"action {action}"
        if self._uses_3_6_wording:
            summary = f"{action} run on {','.join(receivers)}"
        now = self.runner.clock.now()
        operation = Operation(self.model.next_task_id(), summary, action, parameters, now)
        for name in names:
            unit = self.model.find_unit(name)
            error = self._cannot_run(unit, name, action, parameters)
            if unit is None or error is not None:
                operation.errors.append(error or "")
            else:
                operation.tasks.append(self._task(unit, action, parameters, timeout))
        if operation.tasks:
            self.model.operations.append(operation)
        return operation

    def _task(self, unit: Unit, action: str, parameters: dict[str, Any], timeout: float) -> Task:
        schema = self._schema(unit, action)
        if self._behaviour.actions_get_objects_as_text:
            parameters = {
                key: go_values.as_text(value) if isinstance(value, dict) else value
                for key, value in parameters.items()
            }
        filled = action_parameters.with_defaults(parameters, schema)
        problem = action_parameters.problem(filled, schema)
        if problem:
            problem = f'cannot run "{action}" action: {problem}'
        now = self.runner.clock.now()
        task = self.model.next_task_id()
        return Task(task, unit, action, filled, problem, now, timeout)

    def _schema(self, unit: Unit, action: str) -> dict[str, Any]:
        declared = unit.application.charm.actions[action]
        takes_undeclared = self._behaviour.actions_take_undeclared_parameters
        return action_parameters.schema_of(declared, takes_undeclared)

    def _cannot_run(
        self, unit: Unit | None, name: str, action: str, parameters: dict[str, Any]
    ) -> str | None:
        """Return why a unit cannot run the action, or None if it can."""
        if unit is None:
            return no_such_unit(self.runner, name)
        if action not in unit.application.charm.actions:
            reason = f'action "{action}" not defined'
            if self._uses_3_6_wording:
                return f'{reason} on unit "{unit.name}"'
            raise CommandError(f'ERROR {reason} for unit "{unit.name}". (not found)')
        if self._behaviour.unit_judges_parameters:
            return None
        # Juju checks the parameters without defaults: a required one must be given.
        return action_parameters.problem(parameters, self._schema(unit, action))

    # Commands that show operations and tasks

    def operations(self, arguments: list[str]) -> Output:
        parser = Parser("operations")
        for name in ("actions", "applications", "machines", "status", "units"):
            parser.add_argument(f"--{name}", default="")
        parser.add_argument("--apps", dest="applications")
        parser.add_argument("--format", default="plain", choices=["json", "plain", "yaml"])
        parser.add_argument("--limit", type=int, default=50)
        parser.add_argument("--offset", type=int, default=0)
        parser.add_argument("--utc", action="store_true")
        options = parser.parse_args(arguments)
        wanted = {
            name: [one for one in (getattr(options, name) or "").split(",") if one]
            for name in ("actions", "applications", "machines", "status", "units")
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
            return Output(_plain([task]))
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
            described.append(
                {
                    "action": task.action,
                    "completed at": "n/a"
                    if ended is None
                    else written(ended, "%Y-%m-%d %H:%M:%S"),
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


COMMANDS: dict[str, Callable[[ActionCommands, list[str]], Output]] = {
    "cancel-task": ActionCommands.cancel_task,
    "list-operations": ActionCommands.operations,
    "operations": ActionCommands.operations,
    "run": ActionCommands.run_action,
    "show-operation": ActionCommands.show_operation,
    "show-task": ActionCommands.show_task,
}


def no_such_unit(runner: ModelRunner, name: str) -> str:
    """Return the message for a unit that does not exist.

    Raises:
        CommandError: on Juju 4, the application does not exist either.
    """
    application, _, number = name.partition("/")
    if runner.behaviour.errors_in_words_of_3_6:
        if number == "leader":
            return f'could not determine leader for "{application}"'
        return f'"unit-{name.replace("/", "-")}" not found'
    if application in runner.model.applications:
        return f'linking task to unit: getting unit UUID for "{name}": unit "{name}" not found'
    raise CommandError(
        "ERROR adding action operation: adding action operation: getting charm UUID for "
        f'application "{application}": application "{application}" not found'
    )


def timed_out(units: list[Unit]) -> str:
    """Return the message that names the units whose results came too late."""
    names = ", ".join(f"unit {unit.name}" for unit in units)
    return f"ERROR timed out waiting for results from: {names}"


def tasks_failed(returncodes: dict[int, int]) -> str:
    """Return the message that names the tasks whose return code is not 0."""
    plural = "s" * (len(returncodes) > 1)
    lines = sorted(
        f' - id "{task}" with return code {returncode}\n'
        for task, returncode in returncodes.items()
    )
    return (
        f"ERROR the following task{plural} failed:\n{''.join(lines)}\n"
        f"use 'juju show-task' to inspect the failure{plural}\n"
    )


def _split(words: list[str]) -> tuple[list[str], str, list[str]]:
    """Split the words into the units, the action and its parameters."""
    units: list[str] = []
    for word in words:
        if UNIT.fullmatch(word):
            units.append(word)
        elif action_parameters.NAME.fullmatch(word):
            break
        else:
            raise CommandError(f'ERROR invalid unit or action name "{word}"', 2)
    if not units:
        raise CommandError("ERROR no unit specified", 2)
    if len(units) == len(words):
        raise CommandError("ERROR no action specified", 2)
    if len({unit.partition("/")[0] for unit in units}) > 1:
        raise CommandError("ERROR all units must be of the same application", 2)
    return units, words[len(units)], words[len(units) + 1 :]


def _print_unscheduled(operation: Operation, waiting: bool) -> Output:
    reasons = "\n".join(operation.errors)
    return Output(
        stderr="\n" * waiting
        + f"Operation {operation.id} failed to schedule any tasks:\n{reasons}\n"
    )


def _describe_unscheduled(operation: Operation) -> str:
    if not operation.errors:
        return ""
    return "Some actions could not be scheduled:\n{}\n\n".format("\n".join(operation.errors))


def _print_scheduled(operation: Operation) -> Output:
    """Print an operation that continues in the background."""
    count, printed = len(operation.tasks), ""
    message = f"with task {operation.tasks[0].id}" if count == 1 else f"with {count} tasks"
    task = str(operation.tasks[0].id) if count == 1 else "<id>"
    if count > 1:
        printed = dump({one.unit.name: {"id": str(one.id)} for one in operation.tasks}, "yaml")
    return Output(
        printed,
        f"{_describe_unscheduled(operation)}Scheduled operation {operation.id} {message}\n"
        f"Check operation status with 'juju show-operation {operation.id}'\n"
        f"Check task status with 'juju show-task {task}'\n",
    )


def _print_finished(operation: Operation, style: str) -> Output:
    """Print the results of an operation that has finished."""
    tasks = operation.tasks
    message = f"Running operation {operation.id} with {len(tasks)} task{'s' * (len(tasks) > 1)}\n"
    message += "".join(
        f"  - task {task.id} on unit-{task.unit.name.replace('/', '-')}\n" for task in tasks
    )
    message += "\n" + _describe_unscheduled(operation)
    message += "".join(f"Waiting for task {task.id}...\n" for task in tasks)
    if len(tasks) == 1 and tasks[0].log:
        lines = (f"{written(at, '%H:%M:%S')} {text}\n" for at, text in tasks[0].log)
        message += "".join(lines) + "\n"
    if late := [task.unit for task in tasks if task.timed_out]:
        raise CommandError(message + timed_out(late))
    if style == "plain":
        printed = _plain(tasks)
    else:
        printed = dump({task.unit.name: task.describe() for task in tasks}, style)
    if failed := {task.id: task.returncode for task in tasks if task.returncode > 0}:
        raise CommandError(message + tasks_failed(failed), stdout=printed)
    return Output(printed, message)


def _plain(tasks: list[Task]) -> str:
    """Print results as text if there is one task, or as YAML if there are several."""
    if len(tasks) > 1:
        return dump({task.unit.name: _plain_fields(task) for task in tasks}, "yaml")
    task, printed = tasks[0], ""
    if task.status == "error":
        return f"Action id {task.id} failed: {task.message}\n"
    if task.status == "failed":
        printed = f"Action id {task.id} failed: {task.message or '<nil>'}\n"
    printed += f"{_plain_fields(task)['output']}\n"
    results = task.results or {}
    for name in ("stdout", "stderr"):
        if text := results.get(name):
            printed += text.strip("\n") + "\n"
    return printed


def _plain_fields(task: Task) -> dict[str, str]:
    output = f"Task {task.id} {task.status}\n"
    if task.results:
        shown = {k: v for k, v in sorted(task.results.items()) if k not in NOT_PRINTED_PLAIN}
        output = dump(shown, "yaml") if shown else ""
    fields = {"id": str(task.id), "output": output, "status": task.status}
    if task.message:
        fields["message"] = task.message
    return dict(sorted(fields.items()))


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
