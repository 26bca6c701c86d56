"""What the commands of ``juju`` have in common: arguments, errors, and how they print."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Callable, Collection
from contextvars import ContextVar
from typing import Any, NoReturn

import yaml

from localjuju.go_duration import seconds_of


class CommandError(Exception):
    """The command fails: with this exit status, and this on standard error and output."""

    def __init__(self, message: str, returncode: int = 1, stdout: str = ""):
        super().__init__(message)
        self.returncode = returncode
        self.stdout = stdout

    @property
    def stderr(self) -> str:
        """What is printed on standard error."""
        return f"{self}\n" if str(self) else ""


class ClientGoneError(Exception):
    """Whoever gave the command has stopped waiting for it."""


@dataclasses.dataclass(frozen=True)
class Terminal:
    """Where a command is typed."""

    folder: pathlib.Path = pathlib.Path()
    """Paths start there."""
    read_stdin: Callable[[], str] = str
    """Returns all of the standard input; a line where that is typed."""
    write: Callable[[str], None] | None = None
    """Prints while a command goes on; None where nothing can be seen before it ends."""
    is_typed: bool = False
    """Whether somebody types the standard input: a program that may not want it waits in vain."""
    is_screen: bool = False
    """Whether somebody looks at what is printed, and may wait for more."""
    is_gone: Callable[[], bool] = bool
    """Whether nobody waits for the command any more."""


_THIS_PROCESS = Terminal()
TERMINAL: ContextVar[Terminal] = ContextVar("terminal", default=_THIS_PROCESS)
"""That of the present command. Several may run at a time, each in a thread."""


def path_of(text: str) -> pathlib.Path:
    """Return the path of a file that a command's argument names."""
    return TERMINAL.get().folder / text


@dataclasses.dataclass(frozen=True)
class Output:
    """What a command printed."""

    stdout: str = ""
    stderr: str = ""


class Parser(argparse.ArgumentParser):
    """Reads a command's arguments; what it does not know is a CommandError."""

    def __init__(self, prog: str):
        super().__init__(prog=prog, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"ERROR {self.prog}: {message}", 2)


def pair(text: str) -> tuple[str, str]:
    """Split ``key=value``."""
    key, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f'ERROR expected "key=value", got "{text}"', 2)
    return key, value


def seconds(text: str | None) -> float:
    """Read a duration such as ``90s`` or ``1m30s``; 0 where there is none."""
    duration = seconds_of(text) if text else 0.0
    if duration is None:
        raise CommandError(f'ERROR invalid value "{text}" for option --wait', 2)
    return duration


def dump(data: Any, style: str) -> str:
    """Print data as JSON or, where that is not asked for, as YAML."""
    if style == "json":
        return json.dumps(data) + "\n"
    return yaml.safe_dump(data, sort_keys=False)


def text_of(value: Any) -> str:
    """Write a value as Juju's command line does: ``true`` for True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def table(rows: list[tuple[str, ...]], right: Collection[str] = ()) -> str:
    """Print rows in columns that are as wide as they need to be, as Juju does.

    Args:
        rows: the first of them the columns' heads, where there are any.
        right: heads of the columns whose cells stand on the right.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    widths[-1] = 0  # Juju fills no row's last cell.
    adjust = [str.rjust if head in right else str.ljust for head in rows[0]]
    return "".join(
        "  ".join(put(cell, width) for put, cell, width in zip(adjust, row, widths, strict=True))
        + "\n"
        for row in rows
    )
