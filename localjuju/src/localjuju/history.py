"""What happened in a run: the log in Juju's format, a timeline, and a sequence diagram."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable

from localjuju.relation_hook_commands import DatabagWrite
from localjuju.uniter import Hook


class Clock:
    """Time as the model sees it: it passes by itself, and may be moved on."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self.start = self.now()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._ahead

    def pass_time(self, seconds: float) -> None:
        self._ahead += seconds


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened: a command of the operator's, a fault, or a hook of a unit's."""

    time: float
    """Seconds since the run began."""
    step: str = ""
    """The operator's command."""
    fault: str = ""
    """What went wrong on purpose, for ``unit``."""
    unit: str = ""
    hook: Hook | None = None
    error: str = ""
    writes: tuple[DatabagWrite, ...] = ()


class History:
    """Collects a run's events and log lines."""

    def __init__(self, clock: Clock):
        self.clock = clock
        self.events: list[Event] = []
        self.lines: list[str] = []
        self.on_event: Callable[[Event], None] | None = None

    def log(self, entity: str, level: str, source: str, message: str) -> None:
        """Add a line as ``juju debug-log`` prints it, without the finer levels, its default."""
        if level.upper() in ("DEBUG", "TRACE"):
            return
        moment = datetime.datetime.fromtimestamp(self.clock.now(), datetime.timezone.utc)
        self.lines.append(f"{entity}: {moment:%H:%M:%S} {level} {source} {message}")

    def add_step(self, step: str) -> None:
        self._add(Event(self._elapsed(), step=step))

    def add_hook(
        self, unit: str, hook: Hook, error: str | None, writes: list[DatabagWrite]
    ) -> None:
        error = error or ""
        self._add(Event(self._elapsed(), unit=unit, hook=hook, error=error, writes=tuple(writes)))

    def add_fault(self, unit: str, fault: str) -> None:
        """Add what goes wrong on purpose, in the log too."""
        self.log(f"unit-{unit.replace('/', '-')}", "WARNING", "localjuju.faults", fault)
        self._add(Event(self._elapsed(), unit=unit, fault=fault))

    def _elapsed(self) -> float:
        return self.clock.now() - self.clock.start

    def _add(self, event: Event) -> None:
        self.events.append(event)
        if self.on_event:
            self.on_event(event)

    def timeline(self) -> str:
        """Return one line for each command, fault and hook, in order of time."""
        lines = []
        for event in self.events:
            what = f"{event.unit:24} {f'FAULT: {event.fault}' if event.fault else event.hook}"
            if event.step:
                what = f"$ juju {event.step}"
            wrote = "".join(f"  [{w.owner}: {', '.join(w.keys)}]" for w in event.writes)
            failed = f"  FAILED: {event.error}" if event.error else ""
            lines.append(f"{event.time:8.2f} {what}{wrote}{failed}\n")
        return "".join(lines)

    def sequence_diagram(self) -> str:
        """Return the run as a Mermaid sequence diagram.

        Units are the participants, a hook is a note, and what one writes to a databag is an arrow
        to the units of the other side that see it change.
        """
        hooks = [event for event in self.events if event.hook]
        units = list(dict.fromkeys(event.unit for event in hooks))
        lines = ["sequenceDiagram", "    autonumber"]
        lines += [f"    participant {_identifier(unit)} as {unit}" for unit in units]
        for event in self.events:
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
    """Mermaid ends a text at a semicolon or a number sign."""
    return text.replace(";", ",").replace("#", "no. ")
