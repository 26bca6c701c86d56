"""The history of a run: commands, faults and hooks, with the facts about each.

The log in Juju's format, the timeline, the sequence diagram and the page are views of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import shlex
import time
from collections.abc import Callable, Iterable, Iterator

from localjuju.hook_record import HookRecord, LogLine, readable_databags, without_content
from localjuju.model import Model
from localjuju.model_changes import Change, ModelWatcher
from localjuju.reasons import Reasons
from localjuju.relation_hook_commands import DatabagWrite
from localjuju.uniter import Hook, Uniter


class Clock:
    """The model's time: the real time plus the time that was skipped."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self.start = self.now()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._ahead

    def pass_time(self, seconds: float) -> None:
        self._ahead += seconds


@dataclasses.dataclass
class Event:
    """One event: a command of the operator, a fault, or a hook or an action of a unit."""

    time: float
    """Seconds since the run began."""
    number: int
    """Commands, faults and hooks each count from 1. Actions and ``juju exec`` count as hooks."""
    step: str = ""
    """The operator's command, without the content of secrets."""
    fault: str = ""
    """The fault that was injected into ``unit``."""
    unit: str = ""
    hook: Hook | None = None
    task: Hook | None = None
    """The action, or the command of ``juju exec``, as a hook."""
    error: str = ""
    """Why a hook or a command failed."""
    writes: tuple[DatabagWrite, ...] = ()
    record: HookRecord | None = None
    """More facts about the hook."""
    changes: list[Change] = dataclasses.field(default_factory=list)
    """The changes in the model that it caused, including those of Juju's own workers."""

    @property
    def ran(self) -> Hook | None:
        """The hook or the task that a unit ran."""
        return self.hook or self.task

    @property
    def name(self) -> str:
        """The name of the event in a sentence."""
        if self.fault:
            return f"after fault {self.number}"
        return f"with `juju {self.step}`" if self.step else f"in hook {self.number}"

    @property
    def secret_changes(self) -> list[Change]:
        """The changes of secrets, without their content: added, changed, read and removed."""
        return [change for change in self.changes if change.kind.startswith("secret-")]


Listener = Callable[[Event], None]

_LISTENERS: list[Listener] = []


@contextlib.contextmanager
def every_event(listener: Listener) -> Iterator[None]:
    """Call a listener, in this context, with each event of every model of this process.

    During the call, the databags contain what the hook wrote; see ``Event.writes`` and
    ``Event.secret_changes``. An error of the listener ends the command that let the hook run.
    """
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


class History:
    """The events and log lines of a run."""

    def __init__(self, clock: Clock, model: Model):
        self.clock = clock
        self.model = model
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.on_event: Listener | None = None
        """Called with each command, fault and hook, but not with tasks. It may call commands."""
        self._watcher = ModelWatcher(model)
        self._reasons = Reasons(lambda index: self.events[index].name)
        self._logs: dict[str, list[LogLine]] = {}
        """By entity: the log lines of its current or last hook."""
        self._hooks = self._steps = self._faults = 0

    def log(self, entity: str, level: str, source: str, message: str) -> None:
        """Add a line in the format of ``juju debug-log``. Lines of DEBUG and TRACE are dropped."""
        if level.upper() in ("DEBUG", "TRACE"):
            return
        moment = datetime.datetime.fromtimestamp(self.clock.now(), datetime.timezone.utc)
        self.lines.append(f"{entity}: {moment:%H:%M:%S} {level} {source} {message}")
        self._logs.setdefault(entity, []).append(LogLine(level, source, message))

    @contextlib.contextmanager
    def record_command(self, step: str) -> Iterator[None]:
        """Record a command of the operator, and its error if it fails in this context.

        Args:
            step: the command line without ``juju``.
        """
        words = shlex.split(step)
        if words[:1] in (["add-secret"], ["update-secret"]):
            step = shlex.join(without_content(words))
        self._note_changes()
        self._steps += 1
        self._reasons.note_command(len(self.events), step)
        event = Event(self._elapsed(), self._steps, step=step)
        self._add(event)
        try:
            yield
        except Exception as error:
            event.error = str(error)
            raise
        finally:
            self._note_changes()

    def begin_hook(self, uniter: Uniter, hook: Hook) -> HookRecord:
        """Begin to record a hook. Call this before ``Uniter.begin``."""
        self._note_changes()
        unit = uniter.unit
        status = unit.workload_status
        record = HookRecord(
            self._reasons.reason_for(uniter, hook),
            unit.is_leader,
            (status.current, status.message),
        )
        self._logs[f"unit-{unit.name.replace('/', '-')}"] = record.log
        return record

    def add_hook(
        self,
        uniter: Uniter,
        hook: Hook,
        record: HookRecord,
        error: str | None = None,
        writes: Iterable[DatabagWrite] = (),
    ) -> None:
        """Add a hook that has ended.

        Args:
            uniter: the agent that ran it. Call this before ``Uniter.finish`` or ``Uniter.fail``.
            hook: the hook, or an action as a hook.
            record: the record of the hook, from ``begin_hook``.
            error: why it failed.
            writes: the databags that it changed.
        """
        status = uniter.unit.workload_status
        record.status_after = (status.current, status.message)
        record.databags = readable_databags(uniter, hook)
        name = uniter.unit.name
        self._hooks += 1
        is_task = hook.kind in ("action", "exec")
        event = Event(
            self._elapsed(),
            self._hooks,
            unit=name,
            hook=None if is_task else hook,
            task=hook if is_task else None,
            error=error or "",
            writes=tuple(writes),
            record=record,
        )
        index = len(self.events)
        self._note_changes(index, event)
        self._reasons.note_hook(index, name, hook, bool(error))
        self._add(event)

    def add_fault(self, unit: str, fault: str) -> None:
        """Add a fault that was injected into a unit, to the log too."""
        self.log(f"unit-{unit.replace('/', '-')}", "WARNING", "localjuju.faults", fault)
        self._faults += 1
        self._add(Event(self._elapsed(), self._faults, unit=unit, fault=fault))

    def hide(self, contents: Iterable[str]) -> None:
        """Hide these values of secrets in all views of the run."""
        self._watcher.secret_contents.update(contents)

    @property
    def secret_contents(self) -> set[str]:
        """Every value that a secret has ever had in this model."""
        self._note_changes()
        return self._watcher.secret_contents

    def _note_changes(self, index: int | None = None, event: Event | None = None) -> None:
        """Add the changes in the model to an event, by default to the last one."""
        if event is None:
            if not self.events:
                return
            index, event = len(self.events) - 1, self.events[-1]
        changes = self._watcher.changes()
        event.changes.extend(changes)
        self._reasons.note_changes(index or 0, changes)

    def _elapsed(self) -> float:
        return self.clock.now() - self.clock.start

    def _add(self, event: Event) -> None:
        self.events.append(event)
        for listener in _LISTENERS:
            listener(event)
        if self.on_event and not event.task:
            self.on_event(event)

    def timeline(self) -> str:
        """Return one line for each command, fault and hook, in order of time."""
        lines = []
        for event in self.events:
            what = f"{event.unit:24} {f'FAULT: {event.fault}' if event.fault else event.ran}"
            if event.step:
                what = f"$ juju {event.step}"
            wrote = "".join(f"  [{w.owner}: {', '.join(w.keys)}]" for w in event.writes)
            failed = f"  FAILED: {event.error}" if event.error else ""
            lines.append(f"{event.time:8.2f} {what}{wrote}{failed}\n")
        return "".join(lines)

    def sequence_diagram(self, since: int = 0) -> str:
        """Return the run as a Mermaid sequence diagram, from the event ``since`` on.

        Units are the participants. A hook is a note. A write to a databag is an arrow to each unit
        that sees the change.
        """
        events = self.events[since:]
        hooks = [event for event in events if event.hook]
        units = list(dict.fromkeys(event.unit for event in hooks))
        lines = ["sequenceDiagram", "    autonumber"]
        lines += [f"    participant {_identifier(unit)} as {unit}" for unit in units]
        for event in events:
            if event.step and units:
                over = ",".join(dict.fromkeys(map(_identifier, (units[0], units[-1]))))
                lines.append(f"    note over {over}: $ juju {_text(event.step)}")
            elif event.fault and event.unit in units:
                over = _identifier(event.unit)
                lines.append(f"    note over {over}: fault: {_text(event.fault)}")
            elif event.hook:
                failed = " (failed)" if event.error else ""
                lines.append(
                    f"    note over {_identifier(event.unit)}: {_text(str(event.hook))}{failed}"
                )
                lines += _arrows(event)
        return "\n".join(lines) + "\n"

    def page(self, file: pathlib.Path | None = None, title: str = "") -> str:
        """Return the run as an HTML page to step through, and write it to a file if one is given.

        Args:
            file: the file for the page.
            title: what the run shows.
        """
        from localjuju.html_page import write_page  # The page is a view, and imports this module.

        return write_page(self, file, title)


def _arrows(event: Event) -> list[str]:
    return [
        f"    {_identifier(event.unit)}->>{_identifier(unit)}: "
        f"{write.owner} {_text(', '.join(write.keys))}"
        for write in event.writes
        for unit in write.seen_by
        if unit != event.unit
    ]


def _identifier(unit: str) -> str:
    return unit.replace("/", "_").replace("-", "_")


def _text(text: str) -> str:
    """Replace semicolons and number signs, because they would end a text in Mermaid."""
    return text.replace(";", ",").replace("#", "no. ")
