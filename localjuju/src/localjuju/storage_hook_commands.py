"""The hook commands for storage: their arguments, output and errors."""

from __future__ import annotations

from collections.abc import Callable

from localjuju.hook_arguments import Call, HookCommandError, ValueOption, usage_error
from localjuju.hook_output import SMART
from localjuju.storage import StorageInstance
from localjuju.storage_declarations import StorageError
from localjuju.storage_directives import StorageDirective, parse_directive
from localjuju.uniter import Hook, Uniter


class StorageHookCommands:
    """Answers these commands in one hook of one unit."""

    def __init__(self, uniter: Uniter, hook: Hook):
        self._hook = hook
        self._unit = uniter.unit
        self._storage = uniter.model.storage
        self._word = uniter.model.behaviour.word_for_storage_directive
        self._asked: dict[str, int] = {}
        """By name: how many storage instances to add when the hook succeeds."""

    def check(self) -> None:
        """Raise a HookCommandError if the unit cannot have the storage that the hook added."""
        try:
            for name, count in self._asked.items():
                self._storage.check_addition(self._unit, name, count)
        except StorageError as error:
            raise HookCommandError(f"adding storage to unit {self._unit.name}: {error}") from None

    def apply(self) -> None:
        """Create the storage that the hook added."""
        for name, count in self._asked.items():
            self._storage.add(self._unit, name, StorageDirective(count=count))

    def get(self, call: Call) -> str:
        option = ValueOption("s", default=self._hook.storage, read=self._find)
        options = call.parse(option, takes=["key"], formats=SMART)
        if options.s is None:
            raise usage_error("no storage instance specified")
        values = {"kind": "filesystem", "location": str(options.s.location)}
        if options.key and options.key not in values:
            raise HookCommandError(f'invalid storage attribute "{options.key}"')
        return options.printed(values[options.key] if options.key else values)

    def _find(self, reference: str) -> StorageInstance:
        for instance in self._storage.of(self._unit):
            if instance.id == reference:
                return instance
        raise ValueError("storage not found")

    def show_list(self, call: Call) -> str:
        options = call.parse(takes=["name"], formats=SMART)
        found = self._storage.of(self._unit, options.name)
        return options.printed(tuple(instance.id for instance in found))

    def add(self, call: Call) -> str:
        directives = call.parse(rest="directives").directives
        if not directives:
            raise usage_error("storage add requires a storage directive")
        asked: dict[str, int] = {}
        for directive in directives:
            name, _, text = directive.partition("=")
            if name in asked:
                raise usage_error(f'storage "{name}" specified more than once')
            asked[name] = self._count(name, text or "1")
        for name, count in asked.items():
            self._asked[name] = self._asked.get(name, 0) + count
        return ""

    def _count(self, name: str, text: str) -> int:
        try:
            asked = parse_directive(text, self._word)
        except StorageError as error:
            problem = f'cannot parse {self._word}s for storage "{name}": {error}'
            raise usage_error(problem) from None
        if asked.pool or asked.size:
            raise usage_error(f'only count can be specified for "{name}"')
        return asked.count or 1


COMMANDS: dict[str, Callable[[StorageHookCommands, Call], str]] = {
    "storage-add": StorageHookCommands.add,
    "storage-get": StorageHookCommands.get,
    "storage-list": StorageHookCommands.show_list,
}
