"""The arguments and errors of hook commands.

Options are parsed as in Juju's agent, with the same error messages (juju/gnuflag, juju/cmd).
"""

from __future__ import annotations

import dataclasses
import pathlib
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import yaml

from localjuju import go_values, hook_output


class HookCommandError(Exception):
    """A hook command fails. It prints the message on standard error."""

    def __init__(self, message: str, returncode: int = 1):
        super().__init__(message)
        self.returncode = returncode


class UnknownHookCommandError(Exception):
    """localjuju does not have this hook command or option, although Juju may. The hook fails."""


def usage_error(message: str) -> HookCommandError:
    """Return the error for invalid arguments, which has the exit status 2."""
    return HookCommandError(message, 2)


class ValueOption:
    """An option with a value: ``-r 1``, ``--relation=1``."""

    def __init__(self, *names: str, default: Any = None, read: Callable[[str], Any] | None = None):
        """Describe the option.

        Args:
            names: its names without the dashes. The last one is the name of the value.
            default: the value if the option is missing.
            read: converts the text to the value. A ValueError is the reason for the error.
        """
        self.names, self.default, self.read = names, default, read


class Switch:
    """An option without a value, or with true or false: ``--app``, ``--app=true``."""

    default = False

    def __init__(self, *names: str):
        self.names = names

    def read(self, text: str) -> bool:
        try:
            return go_values.parse_bool(text)
        except ValueError:
            raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax') from None


class Options(types.SimpleNamespace):
    """The values of the options and arguments of a call, by name."""

    format: str
    output: str | None
    directory: pathlib.Path

    def printed(self, value: Any, in_order: bool = False) -> str:
        """Return a value in the format of ``--format``, or write it to the file of ``--output``.

        Args:
            value: the value. A tuple is a list of texts, which is printed as lines.
            in_order: keep the order of a dict, because Juju prints a struct and not a map.
        """
        text = hook_output.format_value(value, self.format, in_order)
        if not self.output:
            return text
        file = self.directory / self.output
        try:
            file.write_text(f"{text}\n" if text else "")
        except OSError as error:
            raise HookCommandError(f"open {file}: {(error.strerror or '').lower()}") from None
        return ""


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a hook command."""

    command: str
    arguments: Sequence[str] = ()
    stdin: str = ""
    directory: pathlib.Path = pathlib.Path("/")

    def parse(
        self,
        *options: ValueOption | Switch,
        takes: Sequence[str] = (),
        rest: str = "",
        formats: Sequence[str] = (),
    ) -> Options:
        """Parse the arguments.

        Args:
            options: the options of the command. They can be anywhere among the arguments.
            takes: the names of the other arguments, in order. A missing argument is None.
            rest: the name of the list for all further arguments.
            formats: the values of ``--format``, the default first, if the command prints a value.

        Raises:
            HookCommandError: Juju refuses them.
            UnknownHookCommandError: the option is ``--help``, which localjuju does not have.
        """
        if formats:
            options += (
                ValueOption("format", default=formats[0], read=_one_of(formats)),
                ValueOption("o", "output"),
            )
        values: dict[str, Any] = {o.names[-1].replace("-", "_"): o.default for o in options}
        others = self._read_options(options, values)
        values.update(dict.fromkeys(takes))
        values.update(zip(takes, others, strict=False))
        further = others[len(takes) :]
        if rest:
            values[rest] = further
        elif further:
            listed = " ".join(map(go_values.quoted, further))
            raise usage_error(f"unrecognized args: [{listed}]")
        return Options(directory=self.directory, **values)

    def _read_options(
        self, options: Sequence[ValueOption | Switch], values: dict[str, Any]
    ) -> list[str]:
        """Put the values of options into ``values``, and return the other arguments."""
        by_name = {name: option for option in options for name in option.names}
        others: list[str] = []
        waiting = list(self.arguments)
        while waiting:
            argument = waiting.pop(0)
            if argument == "--":
                return others + waiting
            if not argument.startswith("-") or argument == "-":
                others.append(argument)
                continue
            name, text = _split(argument)
            written = f"--{name}" if len(name) > 1 else f"-{name}"
            if name not in by_name:
                if name in ("help", "h"):
                    raise UnknownHookCommandError(f"{self.command}: {written}")
                raise usage_error(f"option provided but not defined: {written}")
            option = by_name[name]
            if isinstance(option, Switch) and text is None:
                text = "true"
            if text is None:
                if not waiting:
                    raise usage_error(f"option needs an argument: {written}")
                text = waiting.pop(0)
            try:
                value = option.read(text) if option.read else text
            except ValueError as error:
                problem = f'invalid value "{text}" for option {written}: {error}'
                raise usage_error(problem) from None
            values[option.names[-1].replace("-", "_")] = value
        return others

    def settings(self, pairs: Iterable[str], file: str | None) -> dict[str, str]:
        """Read key-value pairs from the YAML of ``--file`` and from the arguments.

        An argument overrides the same key of the file.

        Raises:
            HookCommandError: a pair is invalid, or the file cannot be read.
        """
        given = key_values(pairs)
        if not file:
            return given
        path = self.directory / file
        try:
            # Every scalar except null stays as it is written: `port: 080` is the text 080.
            node = yaml.compose(self.stdin if file == "-" else path.read_text(), yaml.SafeLoader)
        except OSError as error:
            raise HookCommandError(f"open {path}: {(error.strerror or '').lower()}") from None
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise HookCommandError(f"yaml: {error}") from None
        return {**_texts(node), **given}


def key_values(pairs: Iterable[str]) -> dict[str, str]:
    """Read arguments such as ``key=value``.

    Raises:
        HookCommandError: an argument has another form, or a key appears twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise usage_error(f'expected "key=value", got "{pair}"')
        if key in settings:
            raise usage_error(f'key "{key}" specified more than once')
        settings[key] = value
    return settings


def whole_number(text: str) -> int:
    """Convert text to a number. Use it as ``read`` of :class:`ValueOption`."""
    try:
        return go_values.parse_int(text)
    except ValueError:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _one_of(formats: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in formats:
            raise ValueError(f'unknown format "{text}"')
        return text

    return read


def _split(argument: str) -> tuple[str, str | None]:
    """Split an option and the value attached to it: ``--format=json``, ``-r1``."""
    if argument.startswith("--"):
        name, separator, text = argument[2:].partition("=")
        return name, text if separator else None
    return argument[1], argument[2:] or None


def _texts(node: yaml.Node | None) -> dict[str, str]:
    """Return the mapping of texts in YAML."""
    if node is None:
        return {}
    kinds = {yaml.SequenceNode: "!!seq", yaml.MappingNode: "!!map"}
    if not isinstance(node, yaml.MappingNode):
        kind = kinds.get(type(node), f"!!str `{node.value}`")
        raise _not_unmarshalled(node, kind, "map[string]string")
    texts = {}
    for key, value in node.value:
        for part in (key, value):
            if not isinstance(part, yaml.ScalarNode):
                raise _not_unmarshalled(part, kinds[type(part)], "string")
        texts[key.value] = "" if value.tag == "tag:yaml.org,2002:null" else value.value
    return texts


def _not_unmarshalled(node: yaml.Node, kind: str, wanted: str) -> HookCommandError:
    line = node.start_mark.line + 1
    return HookCommandError(
        f"yaml: unmarshal errors:\n  line {line}: cannot unmarshal {kind} into {wanted}"
    )
