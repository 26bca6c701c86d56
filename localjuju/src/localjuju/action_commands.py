"""``juju run``: runs an action on units."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localjuju import action_parameters, go_values, task_output
from localjuju.command import CommandError, Output, Parser, dump, seconds
from localjuju.model import Unit
from localjuju.model_runner import ModelRunner
from localjuju.operations import Operation, Task, format_time

UNIT_NAME = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*)/(?:0|[1-9][0-9]*|leader)")


class ActionCommands:
    """Runs ``juju run`` on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._behaviour = runner.behaviour
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

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
        units, action, pairs = _split_words(options.words)
        timeout = seconds(options.wait)
        if options.background and timeout:
            raise CommandError("ERROR cannot specify both --wait and --background", 2)
        parameters = action_parameters.read_parameters(options.params, pairs, options.string_args)
        self.runner.settle()
        operation = self._schedule(units, action, parameters, timeout)
        if not operation.tasks:
            message = task_output.nothing_scheduled(operation.id, operation.errors)
            return Output(stderr=message if options.background else f"\n{message}")
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
                operation.tasks.append(self._new_task(unit, action, parameters, timeout))
        if operation.tasks:
            self.model.operations.append(operation)
        return operation

    def _new_task(
        self, unit: Unit, action: str, parameters: dict[str, Any], timeout: float
    ) -> Task:
        schema = self._schema(unit, action)
        if self._behaviour.actions_get_objects_as_text:
            parameters = {
                key: go_values.as_text(value) if isinstance(value, dict) else value
                for key, value in parameters.items()
            }
        filled = action_parameters.with_defaults(parameters, schema)
        problem = action_parameters.validation_error(filled, schema)
        if problem:
            problem = f'cannot run "{action}" action: {problem}'
        now = self.runner.clock.now()
        task = self.model.next_task_id()
        return Task(task, unit, action, filled, problem, now, timeout)

    def _schema(self, unit: Unit, action: str) -> dict[str, Any]:
        declared = unit.application.charm.actions[action]
        accepts_undeclared = self._behaviour.actions_accept_undeclared_parameters
        return action_parameters.schema_of(declared, accepts_undeclared)

    def _cannot_run(
        self, unit: Unit | None, name: str, action: str, parameters: dict[str, Any]
    ) -> str | None:
        """Return why a unit cannot run the action, or None if it can."""
        if unit is None:
            return task_output.no_such_unit(self.runner, name)
        if action not in unit.application.charm.actions:
            reason = f'action "{action}" not defined'
            if self._uses_3_6_wording:
                return f'{reason} on unit "{unit.name}"'
            raise CommandError(f'ERROR {reason} for unit "{unit.name}". (not found)')
        if self._behaviour.agent_validates_parameters:
            return None
        # Juju checks the parameters without defaults: a required one must be given.
        return action_parameters.validation_error(parameters, self._schema(unit, action))


COMMANDS: dict[str, Callable[[ActionCommands, list[str]], Output]] = {
    "run": ActionCommands.run_action,
}


def _split_words(words: list[str]) -> tuple[list[str], str, list[str]]:
    """Split the words into the units, the action and its parameters."""
    units: list[str] = []
    for word in words:
        if UNIT_NAME.fullmatch(word):
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


def _print_scheduled(operation: Operation) -> Output:
    """Print an operation that continues in the background."""
    tasks, printed = operation.tasks, ""
    if len(tasks) > 1:
        printed = dump({one.unit.name: {"id": str(one.id)} for one in tasks}, "yaml")
    message = task_output.some_not_scheduled(operation.errors)
    message += task_output.scheduled(operation.id, [task.id for task in tasks])
    return Output(printed, message)


def _print_finished(operation: Operation, style: str) -> Output:
    """Print the results of an operation that has finished."""
    tasks = operation.tasks
    message = f"Running operation {operation.id} with {len(tasks)} task{'s' * (len(tasks) > 1)}\n"
    message += "".join(
        f"  - task {task.id} on unit-{task.unit.name.replace('/', '-')}\n" for task in tasks
    )
    message += "\n" + task_output.some_not_scheduled(operation.errors)
    message += "".join(f"Waiting for task {task.id}...\n" for task in tasks)
    if len(tasks) == 1 and tasks[0].log:
        lines = (f"{format_time(at, '%H:%M:%S')} {text}\n" for at, text in tasks[0].log)
        message += "".join(lines) + "\n"
    if late := [f"unit {task.unit.name}" for task in tasks if task.timed_out]:
        raise CommandError(message + task_output.timed_out(late))
    if style == "plain":
        printed = task_output.plain_results(tasks)
    else:
        printed = dump({task.unit.name: task.describe() for task in tasks}, style)
    if failed := {task.id: task.returncode for task in tasks if task.returncode > 0}:
        raise CommandError(message + task_output.tasks_failed(failed), stdout=printed)
    return Output(printed, message)
