"""The hook commands on storage: what they take, print and refuse."""

from __future__ import annotations

from collections.abc import Callable

from localjuju.hook_arguments import HookCommandError, parser_of, printed
from localjuju.storage import Directive, StorageError, StorageInstance, parse_directive
from localjuju.uniter import Hook, Uniter


class StorageHookCommands:
    """Answers them in one hook of one unit."""

    def __init__(self, uniter: Uniter, hook: Hook):
        self._hook = hook
        self._unit = uniter.unit
        self._stores = uniter.model.stores
        self._word = uniter.model.behaviour.word_for_storage_directive
        self._asked: dict[str, int] = {}
        """How many more of each name there are to be when the hook ends."""

    def check(self) -> None:
        """Raise a HookCommandError if the unit may not have what the hook asked for."""
        try:
            for name, count in self._asked.items():
                self._stores.check_addition(self._unit, name, count)
        except StorageError as error:
            raise HookCommandError(f"adding storage to unit {self._unit.name}: {error}") from None

    def apply(self) -> None:
        """Make what the hook asked for."""
        for name, count in self._asked.items():
            self._stores.add(self._unit, name, Directive(count=count))

    def get(self, arguments: list[str]) -> str:
        parser = parser_of("storage-get")
        parser.add_argument("-s", dest="storage")
        parser.add_argument("key", nargs="?")
        options = parser.parse_args(arguments)
        instance = self._storage(options.storage)
        values = {"kind": "filesystem", "location": str(instance.location)}
        if options.key and options.key not in values:
            raise HookCommandError(f'invalid storage attribute "{options.key}"')
        return printed(values[options.key] if options.key else values, options.format)

    def _storage(self, reference: str | None) -> StorageInstance:
        if reference is None:
            if self._hook.storage is None:
                raise HookCommandError("no storage instance specified")
            return self._hook.storage
        for instance in self._stores.of(self._unit):
            if instance.id == reference:
                return instance
        raise HookCommandError(f'invalid value "{reference}" for option -s: storage not found')

    def list(self, arguments: list[str]) -> str:
        parser = parser_of("storage-list")
        parser.add_argument("name", nargs="?")
        options = parser.parse_args(arguments)
        found = [instance.id for instance in self._stores.of(self._unit, options.name)]
        return printed(found, options.format)

    def add(self, arguments: list[str]) -> str:
        if not arguments:
            raise HookCommandError("storage add requires a storage directive")
        for argument in arguments:
            name, _, text = argument.partition("=")
            try:
                asked = parse_directive(text or "1", self._word)
            except StorageError as error:
                raise HookCommandError(
                    f'cannot parse {self._word}s for storage "{name}": {error}'
                ) from None
            if asked.pool or asked.size:
                raise HookCommandError(f'only count can be specified for "{name}"')
            self._asked[name] = self._asked.get(name, 0) + (asked.count or 1)
        return ""


COMMANDS: dict[str, Callable[[StorageHookCommands, list[str]], str]] = {
    "storage-add": StorageHookCommands.add,
    "storage-get": StorageHookCommands.get,
    "storage-list": StorageHookCommands.list,
}
