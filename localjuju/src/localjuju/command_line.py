"""The ``juju`` command line: finds the command and its model, and runs the command."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import shlex
from collections.abc import Callable, Mapping

from localjuju import (
    action_commands,
    application_commands,
    config_commands,
    constraint_commands,
    consume_commands,
    controller_commands,
    deploy_commands,
    exec_commands,
    machine_commands,
    model_commands,
    model_life_commands,
    model_reference,
    offer_commands,
    offer_list_commands,
    operation_commands,
    refused_commands,
    relation_commands,
    resource_commands,
    secret_commands,
    ssh_commands,
    status_commands,
    storage_commands,
)
from localjuju.command import CommandError, Output
from localjuju.controller import Controller
from localjuju.machine import NoAddressError
from localjuju.model_runner import ModelRunner

Command = Callable[[list[str]], Output]

COMMANDS_WITH_PROGRAM = ("exec", "scp", "ssh")
"""Commands whose last arguments are the command line of another program."""


READ_ONLY_COMMANDS = {
    "constraints",
    "controllers",
    "debug-log",
    "find-offers",
    "list-controllers",
    "list-machines",
    "list-models",
    "list-offers",
    "list-resources",
    "list-secrets",
    "machines",
    "model-constraints",
    "models",
    "offers",
    "operations",
    "resources",
    "secrets",
    "show-application",
    "show-controller",
    "show-machine",
    "show-model",
    "show-offer",
    "show-operation",
    "show-secret",
    "show-task",
    "show-unit",
    "status",
    "version",
    "whoami",
}
"""Commands that change nothing. The history does not record them."""


class CommandLine:
    """Runs commands on a controller's models."""

    def __init__(
        self, controller: Controller, charms: pathlib.Path | None = None, packed: bool = False
    ):
        """Create the command line of a controller.

        Args:
            controller: holds the models.
            charms: the folder that holds the source folders of packed charms.
            packed: run ``.charm`` files themselves, not their source folders.
        """
        self.controller = controller
        self._charms = charms
        self._packed = packed
        self._on_controller = _bind(
            (controller_commands.COMMANDS, controller_commands.ControllerCommands(controller)),
            (model_life_commands.COMMANDS, model_life_commands.ModelLifeCommands(controller)),
            (offer_commands.COMMANDS, offer_commands.OfferCommands(controller)),
        )
        self._on_models: dict[ModelRunner, dict[str, Command]] = {}

    def run(self, arguments: list[str], model: str | None = None) -> Output:
        """Run one command.

        Args:
            arguments: the words after ``juju``.
            model: the model to use if ``arguments`` do not name one. By default the current
                model.

        Raises:
            CommandError: the command fails.
        """
        if not arguments:
            raise CommandError('ERROR no command was given: see "juju --help"', 2)
        command, *rest = arguments
        if command in self._on_controller:
            return self._on_controller[command](rest)
        named, rest = _take_model(command, rest)
        try:
            runner = self.find_model(named or model)
        except CommandError:
            # Refuse unsupported commands even if there is no model.
            if command in refused_commands.REFUSED:
                raise refused_commands.refusal(command, self._on_controller) from None
            raise
        commands = self._commands_on(runner)
        if command not in commands:
            raise refused_commands.refusal(command, self.supported_commands(runner))
        recorded = runner.history.record_command(shlex.join([command, *rest]))
        try:
            with contextlib.nullcontext() if command in READ_ONLY_COMMANDS else recorded:
                return commands[command](rest)
        except NoAddressError as error:
            raise CommandError(f"ERROR localjuju cannot create more machines: {error}") from None

    def supported_commands(self, runner: ModelRunner) -> set[str]:
        """Return the names of the commands that localjuju supports."""
        return {*self._on_controller, *self._commands_on(runner)}

    def find_model(self, name: str | None) -> ModelRunner:
        """Find a model by its name, or the current model if ``name`` is None.

        Raises:
            CommandError: the model does not exist, or there is no current model.
        """
        return model_reference.find_model(self.controller, name)

    def _commands_on(self, runner: ModelRunner) -> dict[str, Command]:
        if runner not in self._on_models:
            self._on_models[runner] = self._commands_for(runner)
        return self._on_models[runner]

    def _commands_for(self, runner: ModelRunner) -> dict[str, Command]:
        storage = storage_commands.StorageCommands(runner)
        config = config_commands.ConfigCommands(runner)
        consuming = consume_commands.ConsumeCommands(runner)
        relations = relation_commands.RelationCommands(runner, consuming.consume_for_relation)
        deploying = deploy_commands.DeployCommands(
            runner, storage, config, relations.integrate, self._charms, self._packed
        )
        actions = action_commands.ActionCommands(runner)
        applications = application_commands.ApplicationCommands(runner, storage)
        return _bind(
            (action_commands.COMMANDS, actions),
            (application_commands.COMMANDS, applications),
            (config_commands.COMMANDS, config),
            (consume_commands.COMMANDS, consuming),
            (constraint_commands.COMMANDS, constraint_commands.ConstraintCommands(runner)),
            (deploy_commands.COMMANDS, deploying),
            (exec_commands.COMMANDS, exec_commands.ExecCommands(runner)),
            (machine_commands.COMMANDS, machine_commands.MachineCommands(runner)),
            (model_commands.COMMANDS, model_commands.ModelCommands(runner)),
            (offer_list_commands.COMMANDS, offer_list_commands.OfferListCommands(runner)),
            (operation_commands.COMMANDS, operation_commands.OperationCommands(runner)),
            (relation_commands.COMMANDS, relations),
            (resource_commands.COMMANDS, resource_commands.ResourceCommands(runner)),
            (secret_commands.COMMANDS, secret_commands.SecretCommands(runner)),
            (ssh_commands.COMMANDS, ssh_commands.SshCommands(runner)),
            (status_commands.COMMANDS, status_commands.StatusCommands(runner)),
            (storage_commands.COMMANDS, storage),
        )


def _bind(*subjects: tuple[Mapping[str, Callable[..., Output]], object]) -> dict[str, Command]:
    """Return the commands of several tables, each bound to the object that runs it."""
    return {
        name: functools.partial(command, subject)
        for commands, subject in subjects
        for name, command in commands.items()
    }


def _take_model(command: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    """Remove ``--model`` from a command's arguments, and return its value."""
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument in ("-m", "--model") and index + 1 < len(arguments):
            return arguments[index + 1], arguments[:index] + arguments[index + 2 :]
        if argument.startswith("--model="):
            return argument.removeprefix("--model="), arguments[:index] + arguments[index + 1 :]
        if command in COMMANDS_WITH_PROGRAM and not _may_belong_to_an_option(arguments, index):
            break
    return None, arguments


def _may_belong_to_an_option(arguments: list[str], index: int) -> bool:
    """Whether an argument is an option, or may be the value of the option before it."""
    before = arguments[index - 1] if index else ""
    return arguments[index].startswith("-") or (before.startswith("-") and "=" not in before)
