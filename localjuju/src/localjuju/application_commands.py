"""The ``juju`` commands on applications and their units: add-unit, resolved and the like."""

from __future__ import annotations

from collections.abc import Callable

from localjuju.command import CommandError, Output, Parser
from localjuju.model import Application
from localjuju.model_runner import ModelRunner
from localjuju.storage import StorageInstance
from localjuju.storage_commands import StorageCommands


class ApplicationCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner, storage: StorageCommands):
        """Prepare.

        Args:
            runner: carries out what is asked for.
            storage: reads what is asked of storage.
        """
        self.runner = runner
        self.model = runner.model
        self._storage = storage
        self._words_of_3_6 = runner.behaviour.errors_in_words_of_3_6

    def _application(self, name: str) -> Application:
        """On Juju 4, ``config`` words it without quotes; the others say it as 3.6 does."""
        try:
            return self.model.applications[name]
        except KeyError:
            raise CommandError(f'ERROR application "{name}" not found (not found)') from None

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
        if application.charm.subordinate and not self.runner.behaviour.subordinates_take_units:
            raise CommandError(f"ERROR {problem}application is a subordinate")
        if options.num_units < 1:
            raise CommandError("ERROR --num-units must be a positive integer", 2)
        attach = self._storage.to_attach(
            options.attach_storage, application.charm, options.num_units, problem
        )
        self.runner.add_units(application, options.num_units, attach)
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
            unit = self.model.find_unit(name)
            if unit is None:
                raise CommandError(f"ERROR removing unit {name} failed: {reason}")
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
            self.runner.remove_unit(unit, options.force, options.destroy_storage)
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
            self.runner.remove_application(application, options.force, options.destroy_storage)
        return Output(said)

    def resolved(self, arguments: list[str]) -> Output:
        parser = Parser("resolved")
        parser.add_argument("unit")
        parser.add_argument("--no-retry", action="store_true")
        options = parser.parse_args(arguments)
        name = options.unit
        unit = self.model.find_unit(name)
        if unit is None:
            raise CommandError(f'ERROR unit "{name}" not found')
        if not self.runner.in_error(unit):
            if self._words_of_3_6:
                raise CommandError(f'ERROR unit "{name}" is not in an error state')
            raise CommandError(
                f'ERROR resolving unit: checking unit "{name}" status: unit is not in error state'
            )
        self.runner.resolve(unit, retry=not options.no_retry)
        return Output()

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
        self.runner.retry_failed()
        return Output()


COMMANDS: dict[str, Callable[[ApplicationCommands, list[str]], Output]] = {
    "add-unit": ApplicationCommands.add_unit,
    "expose": ApplicationCommands.expose,
    "remove-application": ApplicationCommands.remove_application,
    "remove-unit": ApplicationCommands.remove_unit,
    "resolved": ApplicationCommands.resolved,
    "trust": ApplicationCommands.trust,
}


def _fate(instances: list[StorageInstance], destroy: bool) -> str:
    """Say what becomes of the storage of units that are removed."""
    gone = [one for one in instances if destroy or not one.is_detachable]
    kept = [one for one in instances if one not in gone]
    return "".join(f"- will remove storage {one.id}\n" for one in gone) + "".join(
        f"- will detach storage {one.id}\n" for one in kept
    )
