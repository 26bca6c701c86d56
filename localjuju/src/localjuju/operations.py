"""Operations and tasks: ``juju run`` creates an operation with a task for each unit."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Literal

from localjuju.model import Unit

TaskStatus = Literal["pending", "running", "completed", "failed", "error", "cancelled"]

STATUS_PRIORITY: tuple[TaskStatus, ...] = (
    *("running", "pending"),
    *("failed", "error", "cancelled", "completed"),
)
"""An operation has the first of these statuses that one of its tasks has, as in Juju."""


@dataclasses.dataclass(eq=False)
class Task:
    """An action on one unit, with its parameters, status and results."""

    id: int
    unit: Unit
    action: str
    parameters: dict[str, Any]
    """The parameters that are sent to the unit."""
    problem: str | None
    """Why the unit's agent will refuse the parameters, None if it will accept them."""
    enqueued: float
    timeout: float = 0
    """Seconds that the action may take. 0 means the limit of a hook."""
    status: TaskStatus = "pending"
    message: str = ""
    results: dict[str, Any] | None = None
    log: list[tuple[float, str]] = dataclasses.field(default_factory=list)
    started: float | None = None
    completed: float | None = None
    timed_out: bool = False

    @property
    def ended(self) -> bool:
        return self.completed is not None

    @property
    def returncode(self) -> int:
        return (self.results or {}).get("return-code", 0)

    def finish(self, status: TaskStatus, message: str, now: float) -> None:
        self.status, self.message, self.completed = status, message, now

    def describe(self) -> dict[str, Any]:
        """Return the task as ``juju run`` and ``show-task`` print it as JSON or YAML."""
        described: dict[str, Any] = {"id": str(self.id)}
        if self.log:
            described["log"] = self.log_lines
        if self.message:
            described["message"] = self.message
        if self.results:
            described["results"] = self.results
        described["status"] = self.status
        described["timing"] = self.timing
        described["unit"] = self.unit.name
        return described

    def describe_in_operation(self) -> dict[str, Any]:
        """Return the task as ``show-operation`` prints it."""
        described: dict[str, Any] = {"host": self.unit.name, "status": self.status}
        described["timing"] = self.timing
        if self.log:
            described["log"] = self.log_lines
        if self.message:
            described["message"] = self.message
        if self.results:
            described["results"] = self.results
        return described

    @property
    def log_lines(self) -> list[str]:
        return [f"{format_time(moment)} {message}" for moment, message in self.log]

    @property
    def timing(self) -> dict[str, str]:
        return _timing(self.enqueued, self.started, self.completed)


@dataclasses.dataclass(eq=False)
class Operation:
    """One ``juju run``."""

    id: int
    summary: str
    action: str
    parameters: dict[str, Any]
    enqueued: float
    tasks: list[Task] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    """Why units got no task, one reason for each unit."""

    @property
    def status(self) -> TaskStatus:
        """The status with the highest priority among its tasks."""
        present = {task.status for task in self.tasks}
        for status in STATUS_PRIORITY:
            if status in present:
                return status
        return "error"

    def describe(self) -> dict[str, Any]:
        """Return the operation as ``show-operation`` and ``operations`` print it."""
        ended = [task.completed for task in self.tasks]
        completed = max((end for end in ended if end is not None), default=None)
        started = [task.started for task in self.tasks if task.started is not None]
        described = {
            "summary": self.summary,
            "status": self.status,
            "action": {"name": self.action, "parameters": self.parameters},
            "timing": _timing(
                self.enqueued,
                min(started, default=None),
                None if None in ended else completed,
            ),
            "tasks": {str(task.id): task.describe_in_operation() for task in self.tasks},
        }
        if self.errors:
            described["error"] = "\n".join(self.errors)
        return described


def _timing(enqueued: float, started: float | None, completed: float | None) -> dict[str, str]:
    moments = {"enqueued": enqueued, "started": started, "completed": completed}
    return {key: format_time(moment) for key, moment in moments.items() if moment is not None}


def format_time(seconds: float, style: str = "%Y-%m-%d %H:%M:%S +0000 UTC") -> str:
    """Write a time as the ``juju`` command does for tasks."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(style)
