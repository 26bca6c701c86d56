"""What hook commands have in common: arguments, refusals, and how they print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import yaml


class HookCommandError(Exception):
    """A hook command refuses: the message is what it prints on standard error."""

    def __init__(self, message: str, returncode: int = 1):
        super().__init__(message)
        self.returncode = returncode


class UnknownHookCommandError(Exception):
    """Juju has this hook command, or an option of it, and localjuju has not: the hook fails."""


class HookParser(argparse.ArgumentParser):
    """Reads a hook command's arguments; what it does not know fails the hook."""

    def parse_args(self, arguments: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]
        """Options may stand between the other arguments, as with Juju's own."""
        if "--" in arguments:  # argparse loses it where it takes options from in between.
            return super().parse_args(arguments)
        return self.parse_intermixed_args(arguments)

    def error(self, message: str) -> NoReturn:
        raise UnknownHookCommandError(f"{self.prog}: {message}")


def parser_of(command: str) -> HookParser:
    """Return a parser that has what every hook command takes: ``--format``."""
    parser = HookParser(prog=command, add_help=False, allow_abbrev=False)
    parser.add_argument("--format", default="smart")
    return parser


def printed(value: Any, style: str) -> str:
    """Write a value as ``--format`` says: json, yaml or, as Juju calls the rest, smart."""
    if style == "json":
        return json.dumps(value)
    if style == "yaml":
        return yaml.safe_dump(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, dict):
        return yaml.safe_dump(value).rstrip("\n") if value else ""
    return str(value)


def key_values(pairs: Iterable[str]) -> dict[str, str]:
    """Read arguments such as ``key=value``.

    Raises:
        HookCommandError: one is of another form, or a key comes twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise HookCommandError(f'expected "key=value", got "{pair}"', 2)
        if key in settings:
            raise HookCommandError(f'key "{key}" specified more than once', 2)
        settings[key] = value
    return settings
