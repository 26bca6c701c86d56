"""The ``juju`` commands that log in to machines: ssh and scp.

A machine is a folder here. ``ssh`` runs a command on this computer, in the machine's home folder.
``scp`` copies files to and from the machine's folder.
"""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

from localjuju.command import TERMINAL, CommandError, Output, Parser, path_of
from localjuju.machine import Machine
from localjuju.model_runner import ModelRunner

SSH_OPTIONS_WITH_VALUE = "BbcDEeFIiJLlmOoPpQRSWw"
SCP_OPTIONS_WITH_VALUE = "cDFiJloPSX"


class SshCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model

    def ssh(self, arguments: list[str]) -> Output:
        """Run a command on a machine, and return that command's exit status."""
        own, target, words = _split_ssh(arguments)
        _parse_options("ssh", own)
        if target is None:
            raise CommandError("ERROR no target name specified", 2)
        self.runner.settle()
        machine = self._machine(target)
        words = _without_options(words, SSH_OPTIONS_WITH_VALUE)
        if not words:
            raise CommandError(
                f"ERROR localjuju opens no shell on a machine: give a command for {target}"
            )
        terminal = TERMINAL.get()
        stdin = "" if terminal.is_typed else terminal.read_stdin()
        # ssh joins the words with spaces, and the shell of the machine splits them again.
        result = self.runner.machines.run(machine, " ".join(words), stdin)
        if result.status:
            status = result.status if result.status > 0 else 128 - result.status
            raise CommandError(result.stderr.removesuffix("\n"), status, result.stdout)
        return Output(result.stdout, result.stderr)

    def _machine(self, target: str) -> Machine:
        """Find a machine by a unit's name, by ``app/leader`` or by its number."""
        entity = target.rpartition("@")[2]
        if entity in self.model.machines:
            return self.model.machines[entity]
        application, separator, number = entity.partition("/")
        if number == "leader" and application not in self.model.applications:
            raise CommandError(f'ERROR application "{application}" not found')
        if unit := self.model.find_unit(entity):
            return unit.machine
        if entity.isdigit() or "/lxd/" in entity:
            raise CommandError(f"ERROR machine {entity} not found")
        if separator:
            raise CommandError(f'ERROR unit "{entity}" not found')
        raise CommandError(f'ERROR localjuju reaches only units and machines, not "{entity}"')

    def scp(self, arguments: list[str]) -> Output:
        """Copy files to a machine, from a machine, or between two machines."""
        split = arguments.index("--") if "--" in arguments else len(arguments)
        words = _parse_options("scp", arguments[:split]) + arguments[split + 1 :]
        options = [word for word in words if word.startswith("-")]
        paths = _without_options(words, SCP_OPTIONS_WITH_VALUE, options_anywhere=True)
        if len(paths) < 2:
            raise CommandError("ERROR at least two arguments required", 2)
        self.runner.settle()
        recursive = any("r" in option for option in options if not option.startswith("--"))
        *sources, destination = [self._file(path) for path in paths]
        if len(sources) > 1 and not destination.is_dir():
            raise _scp_error(f"{paths[-1]}: Not a directory")
        for source, named in zip(sources, paths, strict=False):
            _copy(source, named, destination, paths[-1], recursive)
        return Output()

    def _file(self, text: str) -> pathlib.Path:
        """Find a file by ``unit:path``, ``machine:path`` or a local path."""
        target, separator, path = text.partition(":")
        return self._machine(target).path_of(path) if separator else path_of(text)


COMMANDS: dict[str, Callable[[SshCommands, list[str]], Output]] = {
    "scp": SshCommands.scp,
    "ssh": SshCommands.ssh,
}


def _split_ssh(arguments: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Split the arguments into Juju's own options, the target, and arguments for ssh."""
    index = 0
    while index < len(arguments) and arguments[index].startswith("-"):
        if arguments[index] == "--":
            index += 1
            break
        index += 2 if arguments[index] == "--container" else 1
    own = [argument for argument in arguments[:index] if argument != "--"]
    target = arguments[index] if index < len(arguments) else None
    return own, target, arguments[index + 1 :]


def _parse_options(command: str, arguments: list[str]) -> list[str]:
    """Return the other arguments. Ignore Juju's options, and refuse unknown ones."""
    parser = Parser(command)
    for name in ("--no-host-key-checks", "--proxy", "--remote"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--container")
    parser.add_argument("rest", nargs="*")
    kept = [argument for argument in arguments if not argument.startswith(("--pty", "--proxy="))]
    return parser.parse_intermixed_args(kept).rest


def _without_options(
    words: list[str], with_value: str, options_anywhere: bool = False
) -> list[str]:
    """Remove the options from a program's arguments.

    Args:
        words: the arguments.
        with_value: the letters of the options that are followed by a value.
        options_anywhere: whether options may come after other arguments.
    """
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--" and not kept:
            return kept + rest
        if len(word) > 1 and word.startswith("-") and (options_anywhere or not kept):
            letters = word[1:]
            first = next((index for index, one in enumerate(letters) if one in with_value), None)
            if first == len(letters) - 1 and rest:
                rest.pop(0)
            continue
        if not options_anywhere:
            return [word, *rest]
        kept.append(word)
    return kept


def _copy(
    source: pathlib.Path, named: str, destination: pathlib.Path, target: str, recursive: bool
) -> None:
    if not source.exists():
        raise _scp_error(f"{named.partition(':')[2] or named}: No such file or directory")
    if source.is_dir() and not recursive:
        raise _scp_error(f"{named.partition(':')[2] or named}: not a regular file")
    if destination.is_dir():
        destination /= source.name
    try:
        if source.is_dir():
            shutil.copytree(source, destination, dirs_exist_ok=True)
        else:
            shutil.copy(source, destination)
    except OSError as error:
        path = target.partition(":")[2] or target
        raise _scp_error(f"{path}: {error.strerror or error}") from None


def _scp_error(message: str) -> CommandError:
    return CommandError(f"ERROR exit status 1 (scp: {message})")
