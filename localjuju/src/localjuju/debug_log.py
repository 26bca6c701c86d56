"""``juju debug-log``: chooses the lines to print, and follows the log."""

from __future__ import annotations

import fnmatch
import re
from argparse import Namespace

from localjuju.command import TERMINAL, CommandError, Output, Parser
from localjuju.model_runner import ModelRunner

LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR")
LINE = re.compile(r"(?P<entity>\S+): \S+ (?P<level>\S+) (?P<module>\S+) ", re.DOTALL)
DEFAULT_LINES = 10
"""How many of the latest lines are shown by default."""

CONTRADICTIONS = (
    ("tail", "no_tail"),
    ("no_tail", "lines"),
    ("tail", "limit"),
    ("limit", "lines"),
    ("replay", "lines"),
)
"""Options that Juju does not allow together."""


def debug_log(runner: ModelRunner, arguments: list[str]) -> Output:
    """Print a model's log, and follow it if the options say so."""
    options = _parse(arguments)
    terminal = TERMINAL.get()
    if options.limit is not None or options.no_tail:
        follows = False
    else:
        follows = options.tail or options.lines is not None or terminal.is_screen
    lines = runner.history.lines
    shown = [line for line in lines if _is_wanted(line, options)]
    count = options.limit if options.limit is not None else options.lines
    if count is None and not options.replay:
        count = DEFAULT_LINES
    if options.replay and options.limit:
        shown = shown[:count]
    elif count:
        shown = shown[-count:]
    printed = "".join(f"{line}\n" for line in shown)
    if not follows or terminal.write is None:
        return Output(printed)
    terminal.write(printed)
    _follow(runner, options, len(lines))
    return Output()


def _follow(runner: ModelRunner, options: Namespace, seen: int) -> None:
    """Print new lines until the client goes away."""
    write = TERMINAL.get().write
    while write:
        new_lines = _wait_for_lines(runner, seen)
        seen += len(new_lines)
        write("".join(f"{line}\n" for line in new_lines if _is_wanted(line, options)))


def _wait_for_lines(runner: ModelRunner, seen: int) -> list[str]:
    lines = runner.history.lines
    runner.controller.turns.wait_until(lambda: len(lines) > seen)
    return lines[seen:]


def _parse(arguments: list[str]) -> Namespace:
    parser = Parser("debug-log")
    for short, name in (("-i", "--include"), ("-x", "--exclude")):
        parser.add_argument(short, name, action="append", default=[])
    for name in ("--include-module", "--exclude-module"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("-l", "--level", default="")
    parser.add_argument("-n", "--lines", type=int)
    parser.add_argument("--limit", type=int)
    for name in ("--replay", "--no-tail", "--tail", "--color", "--utc"):
        parser.add_argument(name, action="store_true")
    options = parser.parse_args(arguments)
    if options.level and options.level.upper() not in LEVELS:
        known = ", ".join(f'"{level}"' for level in LEVELS)
        raise CommandError(f'ERROR level value "{options.level}" is not one of {known}', 2)
    for one, other in CONTRADICTIONS:
        if all(getattr(options, name) not in (None, False) for name in (one, other)):
            names = " and ".join(f"--{name.replace('_', '-')}" for name in (one, other))
            raise CommandError(f"ERROR setting {names} not valid", 2)
    options.include = [_entity(name) for name in options.include]
    options.exclude = [_entity(name) for name in options.exclude]
    return options


def _entity(name: str) -> str:
    """Return the pattern for an entity's name as operators write it."""
    if "*" in name or name.startswith(("unit-", "machine-", "application-")):
        return name
    if name.isdecimal():
        return f"machine-{name}"
    if "/" in name:
        return f"unit-{name.replace('/', '-')}"
    return f"unit-{name}-*"


def _is_wanted(line: str, options: Namespace) -> bool:
    parts = LINE.match(line)
    if parts is None:
        return True
    entity, module = parts["entity"], parts["module"]

    def named(patterns: list[str]) -> bool:
        return any(fnmatch.fnmatchcase(entity, pattern) for pattern in patterns)

    def below(modules: list[str]) -> bool:
        return any(f"{module}.".startswith(f"{one}.") for one in modules)

    return not (
        (options.include and not named(options.include))
        or named(options.exclude)
        or (options.include_module and not below(options.include_module))
        or below(options.exclude_module)
        or (options.level and _severity(parts["level"]) < _severity(options.level))
    )


def _severity(level: str) -> int:
    return LEVELS.index(level.upper()) if level.upper() in LEVELS else len(LEVELS)
