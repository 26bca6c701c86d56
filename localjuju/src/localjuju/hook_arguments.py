"""What hook commands have in common: how they are called, and how they refuse.

Options are read as Juju's agent reads them, and refused in its words (juju/gnuflag, juju/cmd).
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
    """A hook command refuses: the message is what it prints on standard error."""

    def __init__(self, message: str, returncode: int = 1):
        super().__init__(message)
        self.returncode = returncode


class UnknownHookCommandError(Exception):
    """Juju has this hook command, or an option of it, and localjuju has not: the hook fails."""


def not_an_argument(message: str) -> HookCommandError:
    """Return the refusal of a call that is wrong, before the command does anything."""
    return HookCommandError(message, 2)


class Text:
    """An option with a value: ``-r``, ``--relation``."""

    def __init__(self, *names: str, default: Any = None, read: Callable[[str], Any] | None = None):
        """Describe it.

        Args:
            names: without their dashes. The last one names the value.
            default: its value where it is not given.
            read: makes the value from the text; what it raises as ValueError is the refusal.
        """
        self.names, self.default, self.read = names, default, read


class Switch:
    """An option that is given or not: ``--app``, ``--app=true``."""

    default = False

    def __init__(self, *names: str):
        self.names = names

    def read(self, text: str) -> bool:
        try:
            return go_values.parse_bool(text)
        except ValueError:
            raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax') from None


class Options(types.SimpleNamespace):
    """The values of a call's options and arguments, by their names."""

    format: str
    output: str | None
    directory: pathlib.Path

    def printed(self, value: Any, in_order: bool = False) -> str:
        """Write a value as ``--format`` says: what the command prints, less the last newline.

        Args:
            value: a tuple stands for a list of texts, which is printed as lines.
            in_order: a dict keeps its order, where Juju prints a struct and not a map.
        """
        text = hook_output.formatted(value, self.format, in_order)
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
        *options: Text | Switch,
        takes: Sequence[str] = (),
        rest: str = "",
        formats: Sequence[str] = (),
    ) -> Options:
        """Read the arguments.

        Args:
            options: those that the command has. They may stand anywhere.
            takes: names of the other arguments, in order. One that is not given is None.
            rest: name of the list that takes all further arguments.
            formats: what ``--format`` takes, the default first, where the command prints a value.

        Raises:
            HookCommandError: Juju refuses them.
            UnknownHookCommandError: help is asked for, which localjuju does not have.
        """
        if formats:
            options += (
                Text("format", default=formats[0], read=_one_of(formats)),
                Text("o", "output"),
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
            raise not_an_argument(f"unrecognized args: [{listed}]")
        return Options(directory=self.directory, **values)

    def _read_options(self, options: Sequence[Text | Switch], values: dict[str, Any]) -> list[str]:
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
                raise not_an_argument(f"option provided but not defined: {written}")
            option = by_name[name]
            if isinstance(option, Switch) and text is None:
                text = "true"
            if text is None:
                if not waiting:
                    raise not_an_argument(f"option needs an argument: {written}")
                text = waiting.pop(0)
            try:
                value = option.read(text) if option.read else text
            except ValueError as error:
                problem = f'invalid value "{text}" for option {written}: {error}'
                raise not_an_argument(problem) from None
            values[option.names[-1].replace("-", "_")] = value
        return others

    def settings(self, pairs: Iterable[str], file: str | None) -> dict[str, str]:
        """Read key-value pairs from the YAML of ``--file``, and from the arguments, which win.

        Raises:
            HookCommandError: one is of another form, or the file cannot be read.
        """
        given = key_values(pairs)
        if not file:
            return given
        path = self.directory / file
        try:
            # Every scalar as it is written, but for null: `port: 080` is the text 080.
            node = yaml.compose(self.stdin if file == "-" else path.read_text(), yaml.SafeLoader)
        except OSError as error:
            raise HookCommandError(f"open {path}: {(error.strerror or '').lower()}") from None
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise HookCommandError(f"yaml: {error}") from None
        return {**_texts(node), **given}


def key_values(pairs: Iterable[str]) -> dict[str, str]:
    """Read arguments such as ``key=value``.

    Raises:
        HookCommandError: one is of another form, or a key comes twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise not_an_argument(f'expected "key=value", got "{pair}"')
        if key in settings:
            raise not_an_argument(f'key "{key}" specified more than once')
        settings[key] = value
    return settings


def whole_number(text: str) -> int:
    """Read the value of an option that is a number, as ``read`` of :class:`Text`."""
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
    """Split an option from the value that is written with it: ``--format=json``, ``-r1``."""
    if argument.startswith("--"):
        name, separator, text = argument[2:].partition("=")
        return name, text if separator else None
    return argument[1], argument[2:] or None


def _texts(node: yaml.Node | None) -> dict[str, str]:
    """Return the map of texts that YAML holds."""
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
