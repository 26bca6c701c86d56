"""What ``juju run``, ``exec`` and ``show-task`` print about tasks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from localjuju.command import CommandError, dump
from localjuju.model_runner import ModelRunner
from localjuju.operations import Task

NOT_PRINTED_PLAIN = ("return-code", "stdout", "stderr")
"""The results that the plain format prints in another way, or not at all."""


def no_such_unit(runner: ModelRunner, name: str) -> str:
    """Return the message for a unit that does not exist.

    Raises:
        CommandError: on Juju 4, the application does not exist either.
    """
    application, _, number = name.partition("/")
    if runner.behaviour.errors_use_3_6_wording:
        if number == "leader":
            return f'could not determine leader for "{application}"'
        return f'"unit-{name.replace("/", "-")}" not found'
    if application in runner.model.applications:
        return f'linking task to unit: getting unit UUID for "{name}": unit "{name}" not found'
    raise CommandError(
        "ERROR adding action operation: adding action operation: getting charm UUID for "
        f'application "{application}": application "{application}" not found'
    )


def nothing_scheduled(operation: int, errors: Collection[str]) -> str:
    """Return the message for an operation without tasks.

    Args:
        operation: the id of the operation.
        errors: why each unit or machine got no task.
    """
    reasons = "\n".join(errors)
    return f"Operation {operation} failed to schedule any tasks:\n{reasons}\n"


def some_not_scheduled(errors: Collection[str]) -> str:
    """Return the message for the units and machines that got no task, "" if there are none."""
    if not errors:
        return ""
    return "Some actions could not be scheduled:\n{}\n\n".format("\n".join(errors))


def scheduled(operation: int, tasks: Sequence[int]) -> str:
    """Return the message for an operation that continues in the background.

    Args:
        operation: the id of the operation.
        tasks: the ids of its tasks.
    """
    one = len(tasks) == 1
    what = f"task {tasks[0]}" if one else f"{len(tasks)} tasks"
    return (
        f"Scheduled operation {operation} with {what}\n"
        f"Check operation status with 'juju show-operation {operation}'\n"
        f"Check task status with 'juju show-task {tasks[0] if one else '<id>'}'\n"
    )


def timed_out(receivers: Collection[str]) -> str:
    """Return the message for results that came too late.

    Args:
        receivers: the units and machines: ``unit a/0``, ``machine 1``.
    """
    return f"ERROR timed out waiting for results from: {', '.join(receivers)}"


def tasks_failed(returncodes: dict[int, int]) -> str:
    """Return the message for tasks that failed.

    Args:
        returncodes: the return codes, by the id of the task. None of them is 0.
    """
    plural = "s" * (len(returncodes) > 1)
    lines = sorted(
        f' - id "{task}" with return code {returncode}\n'
        for task, returncode in returncodes.items()
    )
    return (
        f"ERROR the following task{plural} failed:\n{''.join(lines)}\n"
        f"use 'juju show-task' to inspect the failure{plural}\n"
    )


def plain_results(tasks: list[Task]) -> str:
    """Return the results in the plain format: text for one task, YAML for several tasks."""
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
