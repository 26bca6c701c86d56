"""The ``juju`` command: what it takes, prints and refuses, as real controllers were seen to."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from localjuju import model_config
from localjuju.action_commands import COMMANDS as ACTION_COMMANDS
from localjuju.action_commands import (
    ActionCommands,
    find_unit,
    no_such_unit,
    tasks_failed,
    timed_out,
)
from localjuju.command import CommandError, Output, Parser, dump, pair, seconds, table
from localjuju.config_commands import ConfigCommands
from localjuju.controller import Controller
from localjuju.deploy_commands import COMMANDS as DEPLOY_COMMANDS
from localjuju.deploy_commands import DeployCommands
from localjuju.model import Application, Unit
from localjuju.relation_commands import COMMANDS as RELATION_COMMANDS
from localjuju.relation_commands import RelationCommands
from localjuju.secret_commands import COMMANDS as SECRET_COMMANDS
from localjuju.secret_commands import SecretCommands
from localjuju.status import StatusPrinter
from localjuju.storage import StorageInstance
from localjuju.storage_commands import COMMANDS as STORAGE_COMMANDS
from localjuju.storage_commands import StorageCommands


class CommandLine:
    """Runs commands on one controller."""

    def __init__(
        self, controller: Controller, charms: pathlib.Path | None = None, packed: bool = False
    ):
        self.controller = controller
        self.model = controller.model
        self._status = StatusPrinter(controller)
        self._secrets = SecretCommands(controller)
        self._storage = StorageCommands(controller)
        self._config = ConfigCommands(controller)
        self._relations = RelationCommands(controller)
        self._deploying = DeployCommands(
            controller, self._storage, self._config, self._relations.integrate, charms, packed
        )
        self._actions = ActionCommands(controller)
        self._words_of_3_6 = controller.behaviour.errors_in_words_of_3_6
        subjects: tuple[tuple[Mapping[str, Callable[..., Output]], object], ...] = (
            (COMMANDS, self),
            (ACTION_COMMANDS, self._actions),
            (DEPLOY_COMMANDS, self._deploying),
            (RELATION_COMMANDS, self._relations),
            (SECRET_COMMANDS, self._secrets),
            (STORAGE_COMMANDS, self._storage),
        )
        self._commands: dict[str, Callable[[list[str]], Output]] = {
            name: functools.partial(command, runner)
            for commands, runner in subjects
            for name, command in commands.items()
        }

    def run(self, arguments: list[str]) -> Output:
        """Run one command.

        Args:
            arguments: what stands behind ``juju``.

        Raises:
            CommandError: the command fails.
        """
        command, *rest = arguments or [""]
        if command not in self._commands:
            known = ", ".join(sorted(self._commands))
            raise CommandError(f"ERROR localjuju has no command {command!r}; it has {known}", 2)
        return self._commands[command](rest)

    # Looking things up

    def _application(self, name: str) -> Application:
        """On Juju 4, ``config`` words it without quotes; the others say it as 3.6 does."""
        try:
            return self.model.applications[name]
        except KeyError:
            raise CommandError(f'ERROR application "{name}" not found (not found)') from None

    def _unit(self, name: str, message: str) -> Unit:
        application, _, number = name.partition("/")
        if number == "leader" and application in self.model.applications:
            leader = self.model.applications[application].leader
            if leader:
                return leader
        if name not in self.model.units:
            raise CommandError(message.format(name=name))
        return self.model.units[name]

    # Applications and units

    def add_unit(self, arguments: list[str]) -> Output:
        parser = Parser("add-unit")
        parser.add_argument("application")
        parser.add_argument("-n", "--num-units", type=int, default=1)
        parser.add_argument("--attach-storage", default="")
        options = parser.parse_args(arguments)
        application = self._application(options.application)
        name = application.name
        problem = (
            f'cannot add unit 1/1 to application "{name}": cannot add unit to '
            f'application "{name}": '
        )
        if application.charm.subordinate and not self.controller.behaviour.subordinates_take_units:
            raise CommandError(f"ERROR {problem}application is a subordinate")
        if options.num_units < 1:
            raise CommandError("ERROR --num-units must be a positive integer", 2)
        attach = self._storage.to_attach(
            options.attach_storage, application.charm, options.num_units, problem
        )
        self.controller.add_units(application, options.num_units, attach)
        return Output()

    def remove_unit(self, arguments: list[str]) -> Output:
        parser = Parser("remove-unit")
        parser.add_argument("units", nargs="+")
        parser.add_argument("--no-prompt", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--destroy-storage", action="store_true")
        options = parser.parse_args(arguments)
        said, units = "", []
        for name in options.units:
            reason = f'unit "{name}" does not exist'
            if not self._words_of_3_6:
                application = name.partition("/")[0]
                known = application in self.model.applications
                reason = (
                    f'unit "{name}" not found' if known else f"application {application} not found"
                )
            unit = self._unit(name, f"ERROR removing unit {name} failed: {reason}")
            if unit.application.charm.subordinate:
                raise CommandError(
                    f'ERROR removing unit {name} failed: unit "{name}" is a subordinate, to '
                    "remove use remove-relation. Note: this will remove all units of "
                    f'"{unit.application.name}"'
                )
            units.append(unit)
            said += f"will remove unit {name}\n"
            said += _fate(self.model.stores.of(unit), options.destroy_storage)
        for unit in units:
            self.controller.remove_unit(unit, options.force, options.destroy_storage)
        return Output(said)

    def remove_application(self, arguments: list[str]) -> Output:
        parser = Parser("remove-application")
        parser.add_argument("applications", nargs="+")
        parser.add_argument("--no-prompt", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--destroy-storage", action="store_true")
        options = parser.parse_args(arguments)
        said, applications = "", []
        for name in options.applications:
            if name not in self.model.applications:
                raise CommandError(
                    f'ERROR removing application {name} failed: application "{name}" not found'
                )
            applications.append(self.model.applications[name])
            said += f"will remove application {name}\n"
            units = self.model.applications[name].sorted_units
            said += "".join(f"- will remove unit {unit.name}\n" for unit in units)
            stored = [one for unit in units for one in self.model.stores.of(unit)]
            said += _fate(stored, options.destroy_storage)
        for application in applications:
            self.controller.remove_application(application, options.force, options.destroy_storage)
        return Output(said)

    def model_config(self, arguments: list[str]) -> Output:
        parser = Parser("model-config")
        parser.add_argument("settings", nargs="*")
        parser.add_argument("--reset", action="append", default=[])
        parser.add_argument("--format", default="tabular")
        options = parser.parse_args(arguments)
        sets = dict(pair(text) for text in options.settings if "=" in text)
        resets = [key for keys in options.reset for key in keys.split(",")]
        if not sets and not resets:
            return self._print_model_config(options.settings, options.format)
        changed = {**self.model.config, **sets}
        for key in resets:
            changed.pop(key, None)
        try:
            model_config.check(changed)
        except model_config.ModelConfigError as error:
            raise CommandError(f"ERROR {error}") from None
        self.model.config = changed
        self.controller.retry_failed()
        unknown = sorted(key for key in sets if key not in model_config.DEFAULTS)
        return Output(
            stderr="".join(
                f'WARNING key "{key}" is not defined in the current model configuration: '
                "possible misspelling\n"
                for key in unknown
            )
        )

    def _print_model_config(self, keys: list[str], style: str) -> Output:
        everything = {**model_config.DEFAULTS, **self.model.config}
        for key in keys:
            if key not in everything:
                raise CommandError(f'ERROR key "{key}" not found in "{self.model.name}" model.')
            return Output(f"{everything[key]}\n")
        described = {
            key: {"Value": value, "Source": "model" if key in self.model.config else "default"}
            for key, value in sorted(everything.items())
        }
        if style != "tabular":
            return Output(dump(described, style))
        rows = [(key, one["Source"], one["Value"]) for key, one in described.items()]
        return Output(table([("Attribute", "From", "Value"), *rows]))

    # Actions and programs

    def exec(self, arguments: list[str]) -> Output:
        """Run a shell command as the operator would on the unit's machine."""
        parser = Parser("exec")
        parser.add_argument("--unit", required=True)
        parser.add_argument("--format", default="yaml")
        parser.add_argument("--wait")
        parser.add_argument("command", nargs="+")
        options = parser.parse_args(arguments)
        self.controller.settle()
        operation = self.model.next_task_id()
        unit = find_unit(self.controller, options.unit)
        if unit is None:
            reason = no_such_unit(self.controller, options.unit)
            return Output(
                stderr=f"Operation {operation} failed to schedule any tasks:\n{reason}\n"
            )
        task = self.model.next_task_id()
        command = " ".join(options.command)
        ending = self.controller.run_shell(unit, command, seconds(options.wait))
        if ending.timed_out:
            raise CommandError(timed_out([unit]))
        results: dict[str, Any] = {"return-code": ending.status}
        results.update({"stdout": ending.stdout} if ending.stdout else {})
        results.update({"stderr": ending.stderr} if ending.stderr else {})
        described = {"id": str(task), "results": results, "status": "completed", "unit": unit.name}
        printed = ending.stdout
        if options.format == "json":
            printed = dump({unit.name: described}, "json")
        if ending.status:
            raise CommandError(tasks_failed({task: ending.status}), stdout=printed)
        return Output(printed)

    def resolved(self, arguments: list[str]) -> Output:
        parser = Parser("resolved")
        parser.add_argument("unit")
        parser.add_argument("--no-retry", action="store_true")
        options = parser.parse_args(arguments)
        name = options.unit
        unit = self._unit(name, 'ERROR unit "{name}" not found')
        if not self.controller.in_error(unit):
            if self._words_of_3_6:
                raise CommandError(f'ERROR unit "{name}" is not in an error state')
            raise CommandError(
                f'ERROR resolving unit: checking unit "{name}" status: unit is not in error state'
            )
        self.controller.resolve(unit, retry=not options.no_retry)
        return Output()

    # Looking

    def status(self, arguments: list[str]) -> Output:
        parser = Parser("status")
        parser.add_argument("applications", nargs="*")
        # What is printed as JSON or YAML has both anyway.
        parser.add_argument("--relations", action="store_true")
        parser.add_argument("--storage", action="store_true")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        self.controller.settle()
        described = self._status.status(options.applications)
        return Output(dump(described, options.format))

    def show_unit(self, arguments: list[str]) -> Output:
        parser = Parser("show-unit")
        parser.add_argument("unit")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        self.controller.settle()
        name = options.unit
        quoted = f'"{name}"' if self._words_of_3_6 else name
        try:
            unit = self._unit(name, f"ERROR unit {quoted} not found")
        except CommandError as error:
            raise CommandError(str(error), stdout="{}\n") from None
        return Output(dump(self._status.show_unit(unit), options.format))

    def debug_log(self, arguments: list[str]) -> Output:
        parser = Parser("debug-log")
        parser.add_argument("--limit", type=int, default=0)
        parser.add_argument("--replay", action="store_true")
        parser.add_argument("--no-tail", action="store_true")
        options = parser.parse_args(arguments)
        lines = self.controller.history.lines[-options.limit or None :]
        return Output("".join(f"{line}\n" for line in lines))

    # What the operator may say and localjuju only notes

    def expose(self, arguments: list[str]) -> Output:
        parser = Parser("expose")
        parser.add_argument("application")
        self._application(parser.parse_args(arguments).application).exposed = True
        return Output()

    def trust(self, arguments: list[str]) -> Output:
        parser = Parser("trust")
        parser.add_argument("application")
        parser.add_argument("--remove", action="store_true")
        parser.add_argument("--scope")
        options = parser.parse_args(arguments)
        self._application(options.application).trusted = not options.remove
        self.controller.retry_failed()
        return Output()


COMMANDS: dict[str, Callable[[CommandLine, list[str]], Output]] = {
    "add-unit": CommandLine.add_unit,
    "config": lambda self, arguments: self._config.config(arguments),
    "debug-log": CommandLine.debug_log,
    "exec": CommandLine.exec,
    "expose": CommandLine.expose,
    "model-config": CommandLine.model_config,
    "remove-application": CommandLine.remove_application,
    "remove-unit": CommandLine.remove_unit,
    "resolved": CommandLine.resolved,
    "show-unit": CommandLine.show_unit,
    "status": CommandLine.status,
    "trust": CommandLine.trust,
}


def _fate(instances: list[StorageInstance], destroy: bool) -> str:
    """Say what becomes of the storage of units that are removed."""
    gone = [one for one in instances if destroy or not one.is_detachable]
    kept = [one for one in instances if one not in gone]
    return "".join(f"- will remove storage {one.id}\n" for one in gone) + "".join(
        f"- will detach storage {one.id}\n" for one in kept
    )
