"""``juju exec``: shell commands on units, in the context of a hook, and on machines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localjuju import task_output
from localjuju.action_commands import UNIT_NAME
from localjuju.command import CommandError, Output, Parser, dump, seconds
from localjuju.hook_runner import HookResult
from localjuju.machine import Machine
from localjuju.model import Unit
from localjuju.model_runner import ModelRunner
from localjuju.operations import Operation, Task, format_time
from localjuju.placement import MACHINE_NUMBER

ACTION_NAME = "juju-exec"

DEFAULT_WAIT = 300.0
"""The default of ``--wait`` in seconds, as on Juju."""

APPLICATION_NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*"

TARGETS = (
    ("machines", MACHINE_NUMBER, "machine id"),
    ("applications", APPLICATION_NAME, "application name"),
    ("units", UNIT_NAME, "unit name"),
)
"""The kinds of targets: the name of the list, the form of each target, and Juju's words for it."""


class ExecCommands:
    """Runs ``juju exec`` on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    def exec(self, arguments: list[str]) -> Output:
        options, words = _parse(arguments)
        command = words[0] if len(words) == 1 else _command_string(words)
        timeout = seconds(options.wait) or DEFAULT_WAIT
        self.runner.settle()
        operation = self.model.next_task_id()
        receivers, unknown = self._receivers(options)
        if not receivers:
            return Output(stderr=task_output.nothing_scheduled(operation, unknown))
        tasks = [self._run(receiver, command, timeout) for receiver in receivers]
        self._record_operation(operation, command, tasks)
        message = task_output.some_not_scheduled(unknown)
        if options.background:
            message += task_output.scheduled(operation, [task.id for task in tasks])
            return Output(stderr=message)
        return _print_finished(tasks, options.format, message)

    def _receivers(self, options: Any) -> tuple[list[Unit | Machine], list[str]]:
        """Return the units and machines to run on, and errors for those that do not exist."""
        machines = list(self.model.machines) if options.all else options.machines
        names = set(options.units)
        for name in options.applications:
            if name not in self.model.applications:
                raise CommandError(f'ERROR application "{name}" not found (not found)')
            names.update(self.model.applications[name].units)
        found: dict[str, Unit | Machine] = {}
        unknown = []
        for name in sorted(names, key=_natural_order):
            unit = self.model.find_unit(name)
            if unit:
                found[unit.name] = unit
            else:
                unknown.append(task_output.no_such_unit(self.runner, name))
        for number in sorted(set(machines), key=_natural_order):
            if number in self.model.machines:
                found[number] = self.model.machines[number]
            elif self._uses_3_6_wording:
                unknown.append(f'"machine-{number.replace("/", "-")}" not found')
            else:
                unknown.append(
                    f'linking task to machine: getting machine UUID for "{number}": '
                    f'machine "{number}" not found'
                )
        return list(found.values()), unknown

    def _run(self, receiver: Unit | Machine, command: str, timeout: float) -> _FinishedTask:
        task, started = self.model.next_task_id(), self.runner.clock.now()
        if isinstance(receiver, Unit):
            result = self.runner.agents.run_shell(receiver, command, timeout)
        else:
            result = self.runner.machines.run(receiver, command, timeout=timeout)
        return _FinishedTask(task, receiver, result, started, self.runner.clock.now())

    def _record_operation(self, number: int, command: str, tasks: list[_FinishedTask]) -> None:
        """Record the units' tasks, so that ``juju operations`` and ``show-task`` list them."""
        parameters = {"command": command}
        recorded = []
        for task in tasks:
            if not isinstance(task.receiver, Unit):
                continue
            one = Task(task.id, task.receiver, ACTION_NAME, parameters, None, task.started)
            one.started, one.results = task.started, task.results
            one.finish("completed", "", task.completed)
            recorded.append(one)
        if recorded:
            names = ",".join(f"unit-{one.unit.name.replace('/', '-')}" for one in recorded)
            summary = f"{ACTION_NAME} run on {names}" if self._uses_3_6_wording else ACTION_NAME
            operation = Operation(
                number, summary, ACTION_NAME, parameters, recorded[0].enqueued, recorded
            )
            self.model.operations.append(operation)


COMMANDS: dict[str, Callable[[ExecCommands, list[str]], Output]] = {
    "exec": ExecCommands.exec,
}


class _FinishedTask:
    """The result of a command on one unit or machine."""

    def __init__(
        self,
        id: int,
        receiver: Unit | Machine,
        result: HookResult,
        started: float,
        completed: float,
    ):
        self.id, self.receiver, self.result = id, receiver, result
        self.started, self.completed = started, completed

    @property
    def kind(self) -> str:
        return "unit" if isinstance(self.receiver, Unit) else "machine"

    @property
    def name(self) -> str:
        one = self.receiver
        return one.name if isinstance(one, Unit) else one.number

    @property
    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = {"return-code": self.result.status}
        results.update({"stderr": self.result.stderr} if self.result.stderr else {})
        results.update({"stdout": self.result.stdout} if self.result.stdout else {})
        return results

    def describe(self) -> dict[str, Any]:
        moments = {"completed": self.completed, "enqueued": self.started, "started": self.started}
        return {
            "id": str(self.id),
            self.kind: self.name,
            "results": self.results,
            "status": "completed",
            "timing": {key: format_time(moment) for key, moment in moments.items()},
        }


def _parse(arguments: list[str]) -> tuple[Any, list[str]]:
    """Split the arguments into Juju's options and the words of the command."""
    parser = Parser("exec")
    for names in (("-a", "--app", "--application"), ("-u", "--unit"), ("--machine",)):
        parser.add_argument(*names, action="append", default=[])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--background", action="store_true")
    parser.add_argument("--color", action="store_true")
    parser.add_argument("--no-color", action="store_true")
    parser.add_argument("--execution-group")
    parser.add_argument("--format", default="plain", choices=["json", "plain", "yaml"])
    parser.add_argument("--operator", action="store_true")
    parser.add_argument("--utc", action="store_true")
    parser.add_argument("--wait")
    parser.add_argument("words", nargs="*")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    # Running one after another is a possible order for parallel commands, so ignore --parallel.
    own = [one for one in arguments[:split] if not re.fullmatch(r"--parallel(=\w+)?", one)]
    options = parser.parse_intermixed_args(own)
    words = options.words + arguments[split + 1 :]
    options.units, options.machines = _split(options.unit), _split(options.machine)
    options.applications = _split(options.app)
    _check(options, words)
    return options, words


def _split(texts: list[str]) -> list[str]:
    return [name for text in texts for name in text.split(",")]


def _check(options: Any, words: list[str]) -> None:
    """Raise a CommandError if Juju's client refuses the options."""
    if options.background and options.wait:
        raise CommandError("ERROR cannot specify both --wait and --background", 2)
    if not words:
        raise CommandError("ERROR no commands specified", 2)
    for kind, _, _ in TARGETS:
        if options.all and getattr(options, kind):
            raise CommandError(f"ERROR You cannot specify --all and individual {kind}", 2)
    if not (options.all or options.machines or options.applications or options.units):
        raise CommandError(
            "ERROR You must specify a target, either through --all, --machine, --application "
            "or --unit",
            2,
        )
    wrong = "".join(
        f'\n  "{name}" is not a valid {what}'
        for kind, pattern, what in TARGETS
        for name in getattr(options, kind)
        if not re.fullmatch(pattern, name)
    )
    if wrong:
        raise CommandError(f"ERROR The following exec targets are not valid:{wrong}", 2)
    if options.operator:
        raise CommandError("ERROR only k8s models support the --operator flag")


def _command_string(words: list[str]) -> str:
    """Join words for a shell, and quote those that a shell would change, as Juju does."""
    return " ".join(
        '"{}"'.format(re.sub(r'(["$\\])', r"\\\1", word)) if re.search(r'[\s"$\\]', word) else word
        for word in words
    )


def _natural_order(name: str) -> list[str | int]:
    """Sort key: ``a/10`` comes after ``a/9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _print_finished(tasks: list[_FinishedTask], style: str, message: str) -> Output:
    """Print the results of commands that have finished."""
    if late := [f"{task.kind} {task.name}" for task in tasks if task.result.timed_out]:
        raise CommandError(message + task_output.timed_out(late))
    if style == "plain":
        printed = _plain(tasks)
    else:
        printed = dump({task.name: task.describe() for task in tasks}, style)
    if failed := {task.id: task.result.status for task in tasks if task.result.status}:
        raise CommandError(message + task_output.tasks_failed(failed), stdout=printed)
    return Output(printed, message)


def _plain(tasks: list[_FinishedTask]) -> str:
    """Print the output of one command as it is, or of several below the units' names."""
    printed = {
        task.name: "".join(
            text if text.endswith("\n") else f"{text}\n"
            for text in (task.result.stdout, task.result.stderr)
            if text
        )
        for task in tasks
    }
    if sum(map(bool, printed.values())) <= 1:
        return "".join(printed.values())
    return "".join(f"{name}:\n{text}\n" for name, text in printed.items())
