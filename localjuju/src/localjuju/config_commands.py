"""``juju config``, and the options that other commands set, such as ``deploy --config``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from localjuju import go_values
from localjuju.charm import Charm
from localjuju.command import CommandError, Output, Parser, dump, pair, path_of, text_of
from localjuju.model import Application
from localjuju.model_runner import ModelRunner
from localjuju.options import convert

LARGEST_FILE = 5 * 1024 * 1024
"""The largest file, in bytes, for ``key=@file``."""

TRUST = "trust"
"""An option that every application has without declaring it."""


class ConfigCommands:
    """Runs ``juju config`` on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    def config(self, arguments: list[str]) -> Output:
        parser = Parser("config")
        parser.add_argument("words", nargs="*")
        parser.add_argument("--color", action="store_true")
        parser.add_argument("--no-color", action="store_true")
        parser.add_argument("--file")
        parser.add_argument("--format", default="yaml", choices=["json", "yaml"])
        parser.add_argument("--reset", action="append", default=[])
        options = parser.parse_intermixed_args(arguments)
        if not options.words or "=" in options.words[0]:
            raise CommandError("ERROR no application name specified", 2)
        name, *words = options.words
        keys = [word for word in words if "=" not in word]
        sets = unique_pairs([word for word in words if "=" in word])
        resets = [key for text in options.reset for key in text.strip(",").split(",")]
        _check_combination(keys, sets, resets, options.file)
        if name not in self.model.applications:
            quoted = f'"{name}"' if self._uses_3_6_wording else name
            raise CommandError(f"ERROR application {quoted} not found (not found)", stdout="{}\n")
        application = self.model.applications[name]
        try:
            if options.file and not self.runner.behaviour.config_is_read_from_yaml:
                raise CommandError("ERROR config yaml not supported not implemented")
            if keys:
                return self._print_option(application, keys[0])
            if sets or resets or options.file:
                return self._set_options(application, options.file, resets, sets)
        except CommandError as error:
            raise CommandError(str(error), error.returncode, stdout="{}\n") from None
        return Output(dump(_describe(application), options.format))

    def _print_option(self, application: Application, key: str) -> Output:
        if key == TRUST:
            return Output(f"{text_of(application.trusted)}\n")
        if key not in application.charm.options:
            raise CommandError(
                f'ERROR key "{key}" not found in "{application.name}" application config or '
                "charm settings."
            )
        return Output(f"{text_of(application.settings.get(key, ''))}\n")

    def _set_options(
        self, application: Application, file: str | None, resets: list[str], sets: dict[str, str]
    ) -> Output:
        values = self.parse_file(application.charm, application.name, file) if file else {}
        for key in resets:
            if key not in (TRUST, *application.charm.options):
                raise CommandError(f'ERROR unknown option "{key}"')
            values[key] = None
        texts = read_files(sets)
        values |= self.parse(application.charm, texts)
        message = ""
        for key, text in texts.items():
            if text_of(application.settings.get(key)) == text:
                message += (
                    f'WARNING the configuration setting "{key}" already has the value "{text}"\n'
                )
        if TRUST in values:
            application.trusted = bool(values.pop(TRUST))
        self.runner.set_config(application, values)
        return Output(stderr=message)

    # For other commands

    def parse_config_arguments(self, charm: Charm, name: str, texts: list[str]) -> dict[str, Any]:
        """Read the values of ``--config``: ``key=value``, ``key=@file``, or one YAML file.

        Args:
            charm: the charm that declares the options.
            name: the application's name, which is the key in the YAML file.
            texts: the value of each ``--config``.

        Raises:
            CommandError: the options cannot be read, or the charm does not accept them.
        """
        files = [text for text in texts if "=" not in text]
        if len(files) > 1:
            raise CommandError(
                f"ERROR only a single config YAML file can be specified, got {len(files)}"
            )
        values = self.parse_file(charm, name, files[0]) if files else {}
        pairs = dict(pair(text) for text in texts if "=" in text)
        return values | self.parse(charm, read_files(pairs))

    def parse_file(self, charm: Charm, name: str, file: str) -> dict[str, Any]:
        """Read options from a YAML file that has them below the application's name.

        Raises:
            CommandError: the options cannot be read, or the charm does not accept them.
        """
        try:
            text = path_of(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise CommandError(f"ERROR open {file}: {str(reason).lower()}") from None
        try:
            everything = go_values.load_yaml(text)
        except yaml.YAMLError as error:
            raise CommandError(
                f"ERROR {self._error_prefix}cannot parse settings data: {error}"
            ) from None
        if not isinstance(everything, dict) or name not in everything:
            raise CommandError(f'ERROR {self._error_prefix}no settings found for "{name}"')
        settings = everything[name] or {}
        if not isinstance(settings, dict):
            raise CommandError(
                f'ERROR {self._error_prefix}cannot parse settings data: "{name}" has no keys'
            )
        return self.parse(charm, settings)

    @property
    def _error_prefix(self) -> str:
        return "parsing settings for application: " if self._uses_3_6_wording else ""

    def parse(self, charm: Charm, settings: dict[str, Any]) -> dict[str, Any]:
        """Read options from text or YAML values. None means the default.

        Raises:
            CommandError: the charm has no such option, or the value has the wrong type.
        """
        values = {}
        for name, value in settings.items():
            if name == TRUST:
                values[name] = _read_trust(value)
                continue
            if name not in charm.options:
                prefix = self._error_prefix or "invalid application config: "
                raise CommandError(f'ERROR {prefix}unknown option "{name}"')
            kind = charm.options[name].get("type") or "string"
            try:
                values[name] = None if value is None else convert(kind, value)
            except ValueError:
                got = go_values.quoted(value)
                raise CommandError(
                    f'ERROR {self._error_prefix}option "{name}" expected {kind}, got {got}'
                ) from None
            if kind == "secret" and (problem := _problem_of_secret(values[name])):
                raise CommandError(f'ERROR invalid secret URI for option "{name}": {problem}')
        return values


def read_files(texts: dict[str, str]) -> dict[str, str]:
    """Replace each ``@file`` with the content of that file.

    Raises:
        CommandError: a file cannot be read.
    """
    return {
        key: _read_file(key, text[1:]) if text.startswith("@") else text
        for key, text in texts.items()
    }


def unique_pairs(texts: list[str]) -> dict[str, str]:
    """Split each ``key=value``.

    Raises:
        CommandError: a key is empty or is given twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        key, value = pair(text)
        if not key:
            raise CommandError(f'ERROR expected "key=value", got "{text}"', 2)
        if key in pairs:
            raise CommandError(f'ERROR key "{key}" specified more than once', 2)
        pairs[key] = value
    return pairs


def _read_file(key: str, file: str) -> str:
    path = path_of(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = f"{path.absolute()}: {(error.strerror or str(error)).lower()}"
        raise CommandError(f'ERROR cannot read option from file "{file}": stat {reason}') from None
    if len(content) > LARGEST_FILE:
        raise CommandError("ERROR size of option file is larger than 5M")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CommandError(
            f'ERROR value for option "{key}" contains non-UTF-8 sequences'
        ) from None


def _read_trust(value: Any) -> bool | None:
    try:
        return None if value is None else convert("boolean", value)
    except ValueError:
        raise CommandError(f"ERROR trust: expected bool, got {go_values.quoted(value)}") from None


def _problem_of_secret(value: str | None) -> str | None:
    """Return what is wrong with a secret's URI. The secret need not exist yet."""
    if not value:
        return None
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", value)
    if scheme and scheme[1] != "secret":
        return f'secret URI scheme "{scheme[1]}" not valid'
    uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    if re.fullmatch(f"(secret:)?((//)?{uuid}/)?[0-9a-v]{{20}}", value):
        return None
    return f'secret URI "{value}" not valid'


def _check_combination(
    keys: list[str], sets: dict[str, str], resets: list[str], file: str | None
) -> None:
    """Raise a CommandError if options of the command contradict each other."""
    for key in resets:
        if "=" in key:
            raise CommandError(
                f'ERROR --reset accepts a comma delimited set of keys "a,b,c", received: "{key}"',
                2,
            )
    asked = [
        words
        for words, wanted in (
            ("use --file flag", file),
            ("use --reset flag", resets),
            ("get value", keys),
            ("set key=value pairs", sets),
        )
        if wanted
    ]
    if keys and len(asked) > 1:
        together = " and ".join([", ".join(asked[:-1]), asked[-1]])
        raise CommandError(f"ERROR cannot {together} simultaneously", 2)
    if len(keys) > 1:
        raise CommandError("ERROR cannot specify multiple keys to get", 2)
    for key in resets:
        if key in sets:
            raise CommandError(f'ERROR cannot set and reset key "{key}" simultaneously', 2)


def _describe(application: Application) -> dict[str, Any]:
    settings = {}
    for name, option in sorted(application.charm.options.items()):
        setting = {
            "default": option.get("default"),
            "description": option.get("description", ""),
            "source": "user" if name in application.config else "default",
            "type": option.get("type", "string"),
            "value": application.settings.get(name),
        }
        if setting["value"] is None:
            setting["source"] = "unset"
        settings[name] = {key: value for key, value in setting.items() if value is not None}
    trust = {
        "default": False,
        "description": "Does this application have access to trusted credentials",
        "source": "user" if application.trusted else "default",
        "type": "bool",
        "value": application.trusted,
    }
    return {
        "application": application.name,
        "application-config": {"trust": trust},
        "charm": application.charm.name,
        "settings": settings,
    }


COMMANDS: dict[str, Callable[[ConfigCommands, list[str]], Output]] = {
    "config": ConfigCommands.config,
}
