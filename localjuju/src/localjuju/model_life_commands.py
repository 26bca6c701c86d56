"""The ``juju`` commands that add, list and destroy models. They have no ``--model`` option."""

from __future__ import annotations

import argparse
import datetime
import re
from collections.abc import Callable
from typing import Any

import yaml

from localjuju import model_config, model_reference
from localjuju.command import CommandError, Output, Parser, dump, path_of, table, text_of
from localjuju.confirmation import confirm_name
from localjuju.controller import Controller
from localjuju.controller_commands import CLOUD
from localjuju.go_duration import seconds_of
from localjuju.model_runner import ModelRunner


class ModelLifeCommands:
    """Runs these commands on one controller."""

    def __init__(self, controller: Controller):
        self.controller = controller

    def add_model(self, arguments: list[str]) -> Output:
        options = _parse_add(arguments)
        model_reference.check_controller(self.controller, options.controller)
        _check_cloud(options.cloud)
        for kind, given, present in (
            ("credential", options.credential, CLOUD),
            ("user", options.owner, model_reference.USER),
        ):
            if given != present:
                raise CommandError(f'ERROR localjuju has no {kind} "{given}", only "{present}"')
        name, config = options.name, _read_config(options.config)
        if name in self.controller.models:
            raise CommandError(
                f'ERROR failed to create new model: model "{name}" for {model_reference.USER} '
                "already exists (already exists)"
            )
        self.controller.add_model(name).model.config = config
        if not options.no_switch:
            self.controller.current_model = name
        return Output(
            stderr=f"Added '{name}' model on {CLOUD}/{CLOUD} with credential '{CLOUD}' "
            f"for user '{model_reference.USER}'\n"
        )

    def models(self, arguments: list[str]) -> Output:
        parser = Parser("models")
        parser.add_argument("-c", "--controller")
        parser.add_argument("--all", action="store_true")
        parser.add_argument("--exact-time", action="store_true")
        parser.add_argument("--user", default=model_reference.USER)
        parser.add_argument("--uuid", action="store_true")
        parser.add_argument("--format", default="tabular", choices=["json", "tabular", "yaml"])
        options = parser.parse_args(arguments)
        model_reference.check_controller(self.controller, options.controller)
        shown = dict(sorted(self.controller.models.items()))
        if options.user != model_reference.USER and not options.all:
            shown = {}
        current = self.controller.current_model
        if options.format != "tabular":
            described: dict[str, Any] = {"models": [self._summary(one) for one in shown.values()]}
            if current:
                described["current-model"] = current
            return Output(dump(described, options.format))
        heads = ("Model", "UUID", "Cloud/Region", "Type", "Status", "Machines", "Units")
        rows: list[tuple[str, ...]] = [(*heads, "Access", "Last connection")]
        for name, runner in shown.items():
            model = runner.model
            marked = f"{name}*" if name == current else name
            counts = (str(len(model.machines)), str(len(model.units)))
            state = self._state(runner)
            row = (marked, model.uuid, f"{CLOUD}/{CLOUD}", "lxd", state, *counts)
            rows.append((*row, "admin", "just now"))
        if not options.uuid:
            rows = [(row[0], *row[2:]) for row in rows]
        printed = table(rows, right=("Machines", "Units"))
        message = "" if shown else _NO_MODELS
        return Output(f"Controller: {self.controller.name}\n\n{printed}", message)

    def _summary(self, runner: ModelRunner) -> dict[str, Any]:
        """Describe a model as ``juju models`` does."""
        described = self._describe(runner)
        for key in ("users", "machines", "secret-backends", "supported-features"):
            described.pop(key, None)
        return {**described, "access": "admin", "last-connection": "just now"}

    def show_model(self, arguments: list[str]) -> Output:
        parser = Parser("show-model")
        parser.add_argument("model", nargs="?")
        parser.add_argument("--format", default="yaml", choices=["json", "yaml"])
        options = parser.parse_args(arguments)
        runner = model_reference.find_model(self.controller, options.model)
        return Output(dump({runner.model.name: self._describe(runner)}, options.format))

    def _state(self, runner: ModelRunner) -> str:
        return "available" if runner.life == "alive" else "destroying"

    def _describe(self, runner: ModelRunner) -> dict[str, Any]:
        model, version = runner.model, self.controller.behaviour.version
        user = {"display-name": "admin", "access": "admin", "last-connection": "just now"}
        described: dict[str, Any] = {
            "name": model_reference.qualified(model.name),
            "short-name": model.name,
            "model-uuid": model.uuid,
            "model-type": "iaas",
            "controller-uuid": self.controller.uuid,
            "controller-name": self.controller.name,
            "is-controller": False,
            "cloud": CLOUD,
            "region": CLOUD,
            "type": "lxd",
            "life": runner.life,
            "status": {"current": self._state(runner), "since": self._since(runner)},
            "users": {model_reference.USER: user},
            "machines": {number: {"cores": 0} for number in model.machines},
            "secret-backends": {
                "internal": {"num-secrets": len(model.secrets), "status": "active"}
            },
            "agent-version": version,
            "credential": {
                "name": CLOUD,
                "owner": model_reference.USER,
                "cloud": CLOUD,
                "validity-check": "valid",
            },
            "supported-features": [
                {
                    "name": "juju",
                    "description": "the version of Juju used by the model",
                    "version": version,
                }
            ],
        }
        return {key: value for key, value in described.items() if value != {}}

    def _since(self, runner: ModelRunner) -> str:
        """Write how long ago a model was created, as Juju does."""
        minutes = int(self.controller.clock.now() - runner.created) // 60
        if minutes < 1:
            return "just now"
        if minutes < 60:
            return f"{minutes} minute{'s' * (minutes > 1)} ago"
        hours = minutes // 60
        if hours < 24:
            return f"{hours} hour{'s' * (hours > 1)} ago"
        made = datetime.datetime.fromtimestamp(runner.created, datetime.timezone.utc)
        return f"{made:%Y-%m-%d}"

    def destroy_model(self, arguments: list[str]) -> Output:
        options = _parse_destroy(arguments)
        runner = model_reference.find_model(self.controller, options.model)
        name = runner.model.name
        if not options.no_prompt:
            warning = _warning(runner, options.release_storage)
            confirm_name(warning, name, "model", "model destruction")
        keeps_storage = not (options.destroy_storage or options.release_storage)
        stored = runner.model.storage.instances.values()
        persistent = sum(one.is_detachable for one in stored)
        if keeps_storage and persistent:
            raise CommandError(f"Destroying model{_persistent_storage(name, persistent)}")
        counts = "".join(f", {one}" for one in _counts(runner))
        self.controller.destroy_model(runner, options.force, options.destroy_storage)
        message = f"Destroying model\nWaiting for model to be removed{counts}...\n"
        if name in self.controller.models:
            left = "".join(f"\n - {one}" for one in _counts(runner))
            raise CommandError(
                f"{message}\ndestroy model is still running in the background...\n"
                f"The following resources have not yet been removed:{left}"
            )
        return Output(stderr=f"{message}Model destroyed.\n")


COMMANDS: dict[str, Callable[[ModelLifeCommands, list[str]], Output]] = {
    "add-model": ModelLifeCommands.add_model,
    "destroy-model": ModelLifeCommands.destroy_model,
    "list-models": ModelLifeCommands.models,
    "models": ModelLifeCommands.models,
    "show-model": ModelLifeCommands.show_model,
}

_NO_MODELS = """\

There are no models available. You can add models with
"juju add-model", or you can ask an administrator or owner
of a model to grant access to that model with "juju grant".

"""


def _check_cloud(given: str | None) -> None:
    """Raise a CommandError unless the argument names the only cloud or its region."""
    if given in (None, CLOUD, f"{CLOUD}/{CLOUD}"):
        return
    raise CommandError(
        f'ERROR "{given}" is neither a cloud supported by this controller,\n'
        f'nor a region in the controller\'s default cloud "{CLOUD}".\n'
        "The clouds/regions supported by this controller are:\n\n"
        f"{table([('Cloud', 'Regions'), (CLOUD, CLOUD)])}"
    )


def _read_config(texts: list[str]) -> dict[str, str]:
    """Read the values of ``--config``: each is ``key=value`` or the path of a YAML file.

    Raises:
        CommandError: a file cannot be read, or options contradict each other.
    """
    config: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        config.update({key: value} if separator else _read_file(text))
    try:
        model_config.check(config)
    except model_config.ModelConfigError as error:
        raise CommandError(f"ERROR failed to create config: {error}") from None
    return config


def _read_file(file: str) -> dict[str, str]:
    try:
        content = yaml.safe_load(path_of(file).read_text())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CommandError(f"ERROR unable to parse config: open {file}: {reason}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"ERROR unable to parse config: {file}: {error}") from None
    if not isinstance(content, dict):
        raise CommandError(f"ERROR unable to parse config: {file} has no keys")
    return {str(key): text_of(value) for key, value in content.items()}


def _check_timeout(text: str | None, force: bool) -> None:
    if text is None:
        return
    timeout = seconds_of(text)
    if timeout is None:
        raise CommandError(f'ERROR invalid value "{text}" for option --timeout', 2)
    if timeout < 0:
        raise CommandError("ERROR --timeout must be zero or greater", 2)
    if not force:
        raise CommandError("ERROR --timeout can only be used with --force (dangerous)", 2)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count > 1)}"


def _warning(runner: ModelRunner, releases: bool) -> str:
    """Return the warning that lists what is destroyed with a model."""
    model = runner.model
    message = (
        f'WARNING This command will destroy the "{model.name}" model and all its resources. '
        "It cannot be stopped.\n"
    )
    if not model.machines:
        return message
    machines = " ".join(f'"{number} (localjuju-{number})"' for number in model.machines)
    applications = " ".join(f'"{name}"' for name in model.applications)
    action = "released" if releases else "destroyed"
    message += f" - {_plural(len(model.machines), 'machine')} will be destroyed\n"
    message += f"  - machine list: {machines}\n"
    message += f" - {_plural(len(model.applications), 'application')} will be removed\n"
    if applications:
        message += f"  - application list: {applications}\n"
    stored = len(model.storage.instances)
    return f"{message} - {_plural(stored, 'filesystem')} and 0 volume will be {action}\n"


def _counts(runner: ModelRunner) -> list[str]:
    """Return how many machines, applications and filesystems a model still has."""
    model = runner.model
    counted = (
        (len(model.machines), "machine(s)"),
        (len(model.applications), "application(s)"),
        (len(model.storage.instances), "filesystems(s)"),
    )
    return [f"{count} {what}" for count, what in counted if count]


def _persistent_storage(name: str, count: int) -> str:
    return (
        f'ERROR cannot destroy model "{name}"\n\n'
        f"The model has persistent storage remaining:\n\t{_plural(count, 'filesystem')}\n\n"
        "To destroy the storage, run the destroy-model\n"
        'command again with the "--destroy-storage" option.\n\n'
        "To release the storage from Juju's management\n"
        'without destroying it, use the "--release-storage"\n'
        "option instead. The storage can then be imported\n"
        "into another Juju model.\n\n"
    )


def _parse_destroy(arguments: list[str]) -> argparse.Namespace:
    """Read the arguments of destroy-model, and refuse options that contradict each other."""
    parser = Parser("destroy-model")
    parser.add_argument("model", nargs="?")
    parser.add_argument("--no-prompt", action="store_true")
    parser.add_argument("--destroy-storage", action="store_true")
    parser.add_argument("--release-storage", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--no-wait", action="store_true")
    parser.add_argument("-t", "--timeout")
    options = parser.parse_args(arguments)
    if options.destroy_storage and options.release_storage:
        raise CommandError(
            "ERROR --destroy-storage and --release-storage cannot both be specified", 2
        )
    _check_timeout(options.timeout, options.force)
    if options.model is None:
        raise CommandError("ERROR no model specified", 2)
    if options.no_wait and not options.force:
        raise CommandError("ERROR --no-wait without --force not valid")
    return options


def _parse_add(arguments: list[str]) -> argparse.Namespace:
    """Read the arguments of add-model, and refuse a name that is not valid."""
    parser = Parser("add-model")
    parser.add_argument("name", nargs="?")
    parser.add_argument("cloud", nargs="?")
    parser.add_argument("-c", "--controller")
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--credential", default=CLOUD)
    parser.add_argument("--no-switch", action="store_true")
    parser.add_argument("--owner", default=model_reference.USER)
    options = parser.parse_intermixed_args(arguments)
    name = options.name
    if name is None:
        raise CommandError(
            'ERROR juju: no model name was passed. See "juju add-model --help".\n\n'
            "Did you mean:\n\tjuju add-model <model name>",
            2,
        )
    if not re.fullmatch(r"[a-z0-9]+[a-z0-9-]*", name):
        raise CommandError(
            f'ERROR "{name}" is not a valid name: model names may only contain '
            "lowercase letters, digits and hyphens",
            2,
        )
    return options
