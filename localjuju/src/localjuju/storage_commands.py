"""The ``juju`` commands on storage: storage, add-storage, attach-storage and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localjuju.charm import Charm
from localjuju.command import CommandError, Output, Parser, dump, pair, table
from localjuju.model_runner import ModelRunner
from localjuju.storage import StorageInstance
from localjuju.storage_declarations import StorageError
from localjuju.storage_directives import StorageDirective, check_directives, parse_directive
from localjuju.storage_status import describe_storage

FORCE_HINT = """
Use the --force option to remove attached storage, or use
"juju detach-storage" to explicitly detach the storage
before removing.
"""

COLUMNS = ("Unit", "Storage ID", "Type", "Pool", "Size", "Status", "Message")


class StorageCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self._runner = runner
        self._model = runner.model
        self._storage = runner.model.storage

    # Commands that show storage

    def storage(self, arguments: list[str]) -> Output:
        parser = Parser("storage")
        parser.add_argument("--filesystem", action="store_true")
        parser.add_argument("--format", default="tabular")
        options = parser.parse_args(arguments)
        self._runner.settle()
        described = describe_storage(self._storage)
        if options.format != "tabular":
            if options.filesystem:
                described = {"filesystems": described["filesystems"]} if described else {}
            return Output(dump(described, options.format))
        instances = sorted(self._storage.instances.values(), key=_by_unit)
        if not instances:
            return Output(stderr="No storage to display.\n")
        return Output(table([COLUMNS, *map(_row, instances)]))

    def show_storage(self, arguments: list[str]) -> Output:
        parser = Parser("show-storage")
        parser.add_argument("instances", nargs="+")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        self._runner.settle()
        for name in options.instances:
            if name not in self._storage.instances:
                raise CommandError(f'ERROR storage instance "{name}" not found', stdout="{}\n")
        described = describe_storage(self._storage)["storage"]
        return Output(dump({name: described[name] for name in options.instances}, options.format))

    # Commands that change storage

    def add_storage(self, arguments: list[str]) -> Output:
        parser = Parser("add-storage")
        parser.add_argument("unit")
        parser.add_argument("directives", nargs="+")
        options = parser.parse_args(arguments)
        asked = {}
        for text in options.directives:
            name, _, directive = text.partition("=")
            asked[name] = self.parse_directive(name, directive or "1")
        unit = options.unit
        if unit not in self._model.units:
            raise CommandError(f'ERROR unit "{unit}" not found')
        added, refused = "", ""
        for name, directive in sorted(asked.items()):
            try:
                ids = self._storage.add(self._model.units[unit], name, directive)
            except StorageError as error:
                refused += f'failed to add storage "{name}" to {unit}: {error}\n'
            else:
                added += "".join(f"added storage {one} to {unit}\n" for one in ids)
        return _output(added, refused)

    def attach_storage(self, arguments: list[str]) -> Output:
        parser = Parser("attach-storage")
        parser.add_argument("unit")
        parser.add_argument("instances", nargs="+")
        options = parser.parse_args(arguments)

        def attach(name: str) -> None:
            if options.unit not in self._model.units:
                raise StorageError(f'unit "{options.unit}" not found')
            try:
                self._storage.attach(name, self._model.units[options.unit])
            except StorageError as error:
                raise StorageError(
                    f"cannot attach storage {name} to unit {options.unit}: {error}"
                ) from None

        return _for_each(
            options.instances,
            attach,
            f"attaching {{}} to {options.unit}\n",
            f"failed to attach {{}} to {options.unit}: {{}}\n",
        )

    def detach_storage(self, arguments: list[str]) -> Output:
        parser = Parser("detach-storage")
        parser.add_argument("instances", nargs="+")
        parser.add_argument("--force", action="store_true")

        def detach(name: str) -> None:
            instance = self._instance(name)
            try:
                self._storage.detach(instance)
            except StorageError as error:
                unit = instance.unit.name if instance.unit else ""
                raise StorageError(
                    f"cannot destroy storage attachment {name}:{unit}: {error}"
                ) from None

        instances = parser.parse_args(arguments).instances
        return _for_each(instances, detach, "detaching {}\n", "failed to detach {}: {}\n")

    def remove_storage(self, arguments: list[str]) -> Output:
        parser = Parser("remove-storage")
        parser.add_argument("instances", nargs="+")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--no-destroy", action="store_true")
        options = parser.parse_args(arguments)
        attached = [n for n in options.instances if n in self._storage.instances]
        attached = [n for n in attached if self._storage.instances[n].unit is not None]

        def remove(name: str) -> None:
            instance = self._instance(name)
            if name in attached and not options.force:
                raise StorageError(f'cannot destroy storage "{name}": storage is attached')
            self._storage.remove(instance)

        try:
            return _for_each(
                options.instances, remove, "removing {}\n", "failed to remove {}: {}\n"
            )
        except CommandError as error:
            hint = FORCE_HINT if attached and not options.force else ""
            raise CommandError(f"{error}{hint}") from None

    def _instance(self, name: str) -> StorageInstance:
        if name not in self._storage.instances:
            raise StorageError(f'storage instance "{name}" not found')
        return self._storage.instances[name]

    # For other commands

    def parse_directive(self, name: str, text: str) -> StorageDirective:
        """Read an operator's storage directive, such as ``10G,2``.

        Raises:
            CommandError: the text is not a directive.
        """
        word = self._runner.behaviour.word_for_storage_directive
        try:
            return parse_directive(text, word)
        except StorageError as error:
            raise CommandError(
                f'ERROR cannot parse {word}s for storage "{name}": {error}', 2
            ) from None

    def parse_directives(
        self, charm: Charm, texts: list[str], problem: str
    ) -> dict[str, StorageDirective]:
        """Read an operator's storage directives for a charm.

        Raises:
            CommandError: the charm does not accept them. The message starts with ``problem``.
        """
        asked = {name: self.parse_directive(name, text) for name, text in map(pair, texts)}
        try:
            check_directives(charm.name, charm.storages, asked)
        except StorageError as error:
            raise CommandError(f"ERROR {problem}{error}") from None
        return asked

    def parse_attach_storage(self, text: str, charm: Charm, units: int, problem: str) -> list[str]:
        """Read the instances to attach to a new unit. Raises as :meth:`parse_directives` does."""
        instances = [name for name in text.split(",") if name]
        if instances and units != 1:
            raise CommandError("ERROR --attach-storage cannot be used with -n", 2)
        try:
            self._storage.check_attachable(instances, charm.name, charm.storages)
        except StorageError as error:
            raise CommandError(f"ERROR {problem}{error}") from None
        return instances


COMMANDS: dict[str, Callable[[StorageCommands, list[str]], Output]] = {
    "add-storage": StorageCommands.add_storage,
    "attach-storage": StorageCommands.attach_storage,
    "detach-storage": StorageCommands.detach_storage,
    "list-storage": StorageCommands.storage,
    "remove-storage": StorageCommands.remove_storage,
    "show-storage": StorageCommands.show_storage,
    "storage": StorageCommands.storage,
}


def _for_each(names: list[str], do: Callable[[str], None], done: str, failed: str) -> Output:
    """Call ``do`` for each instance, and continue if it fails for one of them."""
    did, refused = "", ""
    for name in names:
        try:
            do(name)
        except StorageError as error:
            refused += failed.format(name, error)
        else:
            did += done.format(name)
    return _output(did, refused)


def _output(done: str, refused: str) -> Output:
    if refused:
        raise CommandError((done + refused).rstrip("\n"))
    return Output(stderr=done)


def _by_unit(instance: StorageInstance) -> tuple[Any, ...]:
    """Sort key: by unit. Instances without a unit come last."""
    unit = instance.unit
    application, number = (unit.application.name, unit.number) if unit else ("", 0)
    return unit is None, application, number, instance.name, int(instance.id.rpartition("/")[2])


def _row(instance: StorageInstance) -> tuple[str, ...]:
    unit = instance.unit.name if instance.unit else ""
    size = f"{instance.size}MiB" if instance.size < 1024 else f"{instance.size / 1024:.1f}GiB"
    return unit, instance.id, "filesystem", instance.pool, size, instance.status, ""
