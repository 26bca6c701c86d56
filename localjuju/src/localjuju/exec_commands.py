"""``juju exec``: shell commands on units, in the context of a hook, and on machines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localjuju.action_commands import UNIT, no_such_unit, tasks_failed
from localjuju.command import CommandError, Output, Parser, dump, seconds
from localjuju.hook_runner import HookResult
from localjuju.machine import Machine
from localjuju.model import Unit
from localjuju.model_runner import ModelRunner
from localjuju.operations import Operation, Task, written
from localjuju.placement import MACHINE

ACTION = "juju-exec"

PATIENCE = 300.0
"""Seconds that a command may take, as on Juju, where none are given."""

APPLICATION = r"[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*"

KINDS = (
    ("machines", MACHINE, "machine id"),
    ("applications", APPLICATION, "application name"),
    ("units", UNIT, "unit name"),
)


class ExecCommands:
    """Runs ``juju exec`` on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._words_of_3_6 = runner.behaviour.errors_in_words_of_3_6

    def exec(self, arguments: list[str]) -> Output:
        options, words = _parse(arguments)
        command = words[0] if len(words) == 1 else _command_string(words)
        timeout = seconds(options.wait) or PATIENCE
        self.runner.settle()
        operation = self.model.next_task_id()
        receivers, unknown = self._receivers(options)
        if not receivers:
            reasons = "\n".join(unknown)
            said = f"Operation {operation} failed to schedule any tasks:\n{reasons}\n"
            return Output(stderr=said)
        tasks = [self._run(receiver, command, timeout) for receiver in receivers]
        self._note(operation, command, tasks)
        said = ""
        if unknown:
            said = "Some actions could not be scheduled:\n{}\n\n".format("\n".join(unknown))
        if options.background:
            return Output(stderr=said + _scheduled(operation, tasks))
        return _ended(tasks, options.format, said)

    def _receivers(self, options: Any) -> tuple[list[Unit | Machine], list[str]]:
        """Return whom a command is for, and what is wrong with the others that are named."""
        machines = list(self.model.machines) if options.all else options.machines
        names = set(options.units)
        for name in options.applications:
            if name not in self.model.applications:
                raise CommandError(f'ERROR application "{name}" not found (not found)')
            names.update(self.model.applications[name].units)
        found: dict[str, Unit | Machine] = {}
        unknown = []
        for name in sorted(names, key=_in_order):
            unit = self.model.find_unit(name)
            if unit:
                found[unit.name] = unit
            else:
                unknown.append(no_such_unit(self.runner, name))
        for number in sorted(set(machines), key=_in_order):
            if number in self.model.machines:
                found[number] = self.model.machines[number]
            elif self._words_of_3_6:
                unknown.append(f'"machine-{number.replace("/", "-")}" not found')
            else:
                unknown.append(
                    f'linking task to machine: getting machine UUID for "{number}": '
                    f'machine "{number}" not found'
                )
        return list(found.values()), unknown

    def _run(self, receiver: Unit | Machine, command: str, timeout: float) -> _Ended:
        task, started = self.model.next_task_id(), self.runner.clock.now()
        if isinstance(receiver, Unit):
            result = self.runner.run_shell(receiver, command, timeout)
        else:
            result = self.runner.machines.run(receiver, command, timeout=timeout)
        return _Ended(task, receiver, result, started, self.runner.clock.now())

    def _note(self, number: int, command: str, tasks: list[_Ended]) -> None:
        """Have ``juju operations`` and its like tell of what units were asked to do."""
        parameters = {"command": command}
        noted = []
        for task in tasks:
            if not isinstance(task.receiver, Unit):
                continue
            one = Task(task.id, task.receiver, ACTION, parameters, None, task.started)
            one.started, one.results = task.started, task.results
            one.finish("completed", "", task.completed)
            noted.append(one)
        if noted:
            names = ",".join(f"unit-{one.unit.name.replace('/', '-')}" for one in noted)
            summary = f"{ACTION} run on {names}" if self._words_of_3_6 else ACTION
            operation = Operation(number, summary, ACTION, parameters, noted[0].enqueued, noted)
            self.runner.operations.append(operation)


COMMANDS: dict[str, Callable[[ExecCommands, list[str]], Output]] = {
    "exec": ExecCommands.exec,
}


class _Ended:
    """What became of a command on one unit or machine."""

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
            "timing": {key: written(moment) for key, moment in moments.items()},
        }


def _parse(arguments: list[str]) -> tuple[Any, list[str]]:
    """Tell the options and the command's words apart."""
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
    # One after another is an order that commands in parallel may have too.
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
    """Raise a CommandError where Juju does before it asks the controller."""
    if options.background and options.wait:
        raise CommandError("ERROR cannot specify both --wait and --background", 2)
    if not words:
        raise CommandError("ERROR no commands specified", 2)
    for kind, _, _ in KINDS:
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
        for kind, pattern, what in KINDS
        for name in getattr(options, kind)
        if not re.fullmatch(pattern, name)
    )
    if wrong:
        raise CommandError(f"ERROR The following exec targets are not valid:{wrong}", 2)
    if options.operator:
        raise CommandError("ERROR only k8s models support the --operator flag")


def _command_string(words: list[str]) -> str:
    """Join words for a shell, as Juju does: it quotes what a shell would change."""
    return " ".join(
        '"{}"'.format(re.sub(r'(["$\\])', r"\\\1", word)) if re.search(r'[\s"$\\]', word) else word
        for word in words
    )


def _in_order(name: str) -> list[str | int]:
    """Sort key: ``a/10`` comes after ``a/9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _scheduled(operation: int, tasks: list[_Ended]) -> str:
    count = len(tasks)
    what = f"task {tasks[0].id}" if count == 1 else f"{count} tasks"
    task = str(tasks[0].id) if count == 1 else "<id>"
    return (
        f"Scheduled operation {operation} with {what}\n"
        f"Check operation status with 'juju show-operation {operation}'\n"
        f"Check task status with 'juju show-task {task}'\n"
    )


def _ended(tasks: list[_Ended], style: str, said: str) -> Output:
    """What is printed of a command that was waited for."""
    if late := [f"{task.kind} {task.name}" for task in tasks if task.result.timed_out]:
        raise CommandError(f"{said}ERROR timed out waiting for results from: {', '.join(late)}")
    if style == "plain":
        printed = _plain(tasks)
    else:
        printed = dump({task.name: task.describe() for task in tasks}, style)
    if failed := {task.id: task.result.status for task in tasks if task.result.status}:
        raise CommandError(said + tasks_failed(failed), stdout=printed)
    return Output(printed, said)


def _plain(tasks: list[_Ended]) -> str:
    """What a command wrote, as if it had run here; of several each under its name."""
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
