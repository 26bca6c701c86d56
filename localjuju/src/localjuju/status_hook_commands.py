"""The hook commands for statuses, the workload's version, the log and the goal state."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from localjuju.hook_arguments import Call, HookCommandError, Switch, ValueOption, usage_error
from localjuju.hook_output import SMART, STRUCTURED
from localjuju.model import Status
from localjuju.relation import RelatedApplication
from localjuju.uniter import Uniter

SETTABLE_STATUSES = ("maintenance", "blocked", "waiting", "active")

LOG_LEVELS = {
    **{level: level for level in ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")},
    "WARN": "WARNING",
}


class StatusHookCommands:
    """Answers these commands in one hook of one unit. They take effect at once, as in Juju."""

    def __init__(self, uniter: Uniter, log: Callable[[str, str], None], now: Callable[[], float]):
        """Prepare the commands.

        Args:
            uniter: the agent of the unit.
            log: writes a level and a message to the log.
            now: returns the model's time.
        """
        self._unit = uniter.unit
        self._application = uniter.unit.application
        self._model = uniter.model
        self._log = log
        self._now = now

    def set(self, call: Call) -> str:
        options = call.parse(Switch("application"), takes=["status", "message"])
        if options.status is None:
            raise usage_error("invalid args, require <status> [message]")
        if options.status not in SETTABLE_STATUSES:
            raise usage_error(
                f'invalid status "{options.status}", expected one of '
                f"[{' '.join(SETTABLE_STATUSES)}]"
            )
        status = Status(options.status, options.message or "", self._now())
        if not options.application:
            self._unit.workload_status = status
        elif self._unit.is_leader:
            self._application.status = status
        else:
            raise HookCommandError("this unit is not the leader")
        return ""

    def get(self, call: Call) -> str:
        options = call.parse(Switch("include-data"), Switch("application"), formats=SMART)
        with_data = options.include_data
        status = self._unit.workload_status
        if options.application:
            if not self._unit.is_leader:
                raise HookCommandError("finding application status: this unit is not the leader")
            status = self._application.status or Status("unknown")
        if options.format == "smart" and not with_data:
            return options.printed(status.current)
        described = _describe(status, with_data)
        if options.application:
            described["units"] = {
                unit.name: _describe(unit.workload_status, with_data)
                for unit in self._application.sorted_units
            }
            described = {"application-status": described}
        return options.printed(described)

    def set_version(self, call: Call) -> str:
        version = call.parse(takes=["version"]).version
        if version is None:
            raise usage_error("no version specified")
        self._unit.workload_version = self._application.workload_version = version
        return ""

    def log(self, call: Call) -> str:
        # Juju accepts --format here, and ignores it.
        options = call.parse(
            Switch("debug"),
            ValueOption("l", "log-level", default=""),
            ValueOption("format"),
            rest="words",
        )
        if not options.words:
            raise usage_error("no message specified")
        level = "DEBUG" if options.debug else options.log_level or "INFO"
        if level.upper() not in LOG_LEVELS:
            self._log("WARNING", f'Specified log level of "{level}" is not valid')
            level = "INFO"
        self._log(LOG_LEVELS[level.upper()], " ".join(options.words))
        return ""

    def goal_state(self, call: Call) -> str:
        options = call.parse(formats=STRUCTURED)
        relations: dict[str, dict[str, Any]] = {}
        for relation in self._model.relations_of(self._application):
            if relation.is_peer:
                continue
            remote = relation.remote(self._application).application
            if remote.goal_state_name is None:
                continue
            endpoint = relation.local(self._application).endpoint.name
            goals = relations.setdefault(endpoint, {})
            goals[remote.goal_state_name] = {
                "status": "joined" if relation.is_active else "suspended",
                "since": _format_time(self._unit.workload_status.since),
            }
            goals.update(_units(remote))
        goal = {
            "units": _units(self._application),
            "relations": {
                name: dict(sorted(relations[name].items())) for name in sorted(relations)
            },
        }
        return options.printed(goal, in_order=True)


COMMANDS: dict[str, Callable[[StatusHookCommands, Call], str]] = {
    "application-version-set": StatusHookCommands.set_version,
    "goal-state": StatusHookCommands.goal_state,
    "juju-log": StatusHookCommands.log,
    "status-get": StatusHookCommands.get,
    "status-set": StatusHookCommands.set,
}


def _describe(status: Status, with_data: bool) -> dict[str, Any]:
    if not with_data:
        return {"status": status.current}
    return {"status": status.current, "message": status.message, "status-data": {}}


def _units(application: RelatedApplication) -> dict[str, dict[str, str]]:
    """Describe an application's units as goal-state does."""
    return {
        unit.name: {
            "status": "dying" if unit.life == "dying" else unit.workload_status.current,
            "since": _format_time(unit.workload_status.since),
        }
        for unit in sorted(application.sorted_units, key=lambda unit: unit.name)
    }


def _format_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"
