"""What all ``juju`` commands share: arguments, errors and output."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import pathlib
from collections.abc import Callable, Collection
from contextvars import ContextVar
from typing import Any, NoReturn

import yaml

from localjuju.go_duration import seconds_of


class CommandError(Exception):
    """A command fails: with an exit status, a message on standard error, and perhaps output."""

    def __init__(self, message: str, returncode: int = 1, stdout: str = ""):
        super().__init__(message)
        self.returncode = returncode
        self.stdout = stdout

    @property
    def stderr(self) -> str:
        """The text on standard error."""
        return f"{self}\n" if str(self) else ""


class ClientGoneError(Exception):
    """The program that sent the command no longer waits for it."""


@dataclasses.dataclass(frozen=True)
class Terminal:
    """The terminal, or the program, that runs a command."""

    folder: pathlib.Path = pathlib.Path()
    """The folder for relative paths."""
    read_stdin: Callable[[], str] = str
    """Returns all of standard input, or one line if a person types it."""
    write: Callable[[str], None] | None = None
    """Prints while a command runs. None if output appears only when the command ends."""
    is_typed: bool = False
    """Whether a person types standard input, so that reading it may block."""
    is_screen: bool = False
    """Whether a person watches the output, and may wait for more."""
    is_gone: Callable[[], bool] = bool
    """Returns whether the client has gone away."""


_THIS_PROCESS = Terminal()
TERMINAL: ContextVar[Terminal] = ContextVar("terminal", default=_THIS_PROCESS)
"""The terminal of the current command. Several commands may run at once, each in a thread."""


def path_of(text: str) -> pathlib.Path:
    """Return the path of a file that a command's argument names."""
    return TERMINAL.get().folder / text


@dataclasses.dataclass(frozen=True)
class Output:
    """What a command printed."""

    stdout: str = ""
    stderr: str = ""


class Parser(argparse.ArgumentParser):
    """Reads a command's arguments. It raises a CommandError if an argument is not known."""

    def __init__(self, prog: str):
        super().__init__(prog=prog, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"ERROR {self.prog}: {message}", 2)


def pair(text: str) -> tuple[str, str]:
    """Split ``key=value``.

    Raises:
        CommandError: the text has no ``=``.
    """
    key, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f'ERROR expected "key=value", got "{text}"', 2)
    return key, value


def seconds(text: str | None) -> float:
    """Return the seconds of a duration such as ``90s`` or ``1m30s``, 0 if there is no text.

    Raises:
        CommandError: the text is not a duration.
    """
    duration = seconds_of(text) if text else 0.0
    if duration is None:
        raise CommandError(f'ERROR invalid value "{text}" for option --wait', 2)
    return duration


def dump(data: Any, style: str) -> str:
    """Print data as JSON if ``style`` is "json", otherwise as YAML."""
    if style == "json":
        return json.dumps(data) + "\n"
    return yaml.safe_dump(data, sort_keys=False)


def text_of(value: Any) -> str:
    """Write a value as Juju's command line does: ``true`` for True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def status_time(seconds: float) -> str:
    """Write a time, in seconds since the epoch, as ``juju status`` does."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%d %b %Y %H:%M:%SZ}"


def table(rows: list[tuple[str, ...]], right: Collection[str] = ()) -> str:
    """Print rows in aligned columns, as Juju does.

    Args:
        rows: the cells of each row. The first row may hold the heads of the columns.
        right: the heads of the columns that are aligned to the right.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    widths[-1] = 0  # Juju adds no spaces after the last cell.
    adjust = [str.rjust if head in right else str.ljust for head in rows[0]]
    return "".join(
        "  ".join(put(cell, width) for put, cell, width in zip(adjust, row, widths, strict=True))
        + "\n"
        for row in rows
    )
