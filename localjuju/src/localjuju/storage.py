"""Storage: what charms declare, what the operator asks for, and the instances that there are.

An instance is a folder. One in a pool of the machine's own (``rootfs``) goes with its unit; one in
any other pool stays when its unit goes, and can be attached to another.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
import re
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localjuju.model import Unit

DEFAULT_POOL = "rootfs"

POOLS_OF_THE_MACHINE = (DEFAULT_POOL, "tmpfs", "loop")
"""What lies in one of these goes with the machine. Any other name is a pool of the cloud's."""

DEFAULT_SIZE = 1024
"""MiB."""

SIZE = r"(\d+(?:\.\d+)?)([MGTPEZY])(?:i?B)?"


class StorageError(ValueError):
    """Storage cannot be as it is asked for: the message says why, in Juju's words."""


@dataclasses.dataclass(frozen=True)
class StorageDeclaration:
    """What a charm says of one of its kinds of storage."""

    name: str
    minimum: int
    """How many instances a unit has at least; more than 0 are there before it installs."""
    maximum: int | None
    """How many it may have, None for as many as one likes."""
    location: str
    minimum_size: int
    """MiB, 0 for any."""
    read_only: bool
    shared: bool

    @property
    def is_singular(self) -> bool:
        return self.minimum == self.maximum == 1


@dataclasses.dataclass(frozen=True)
class Directive:
    """What the operator asks for, such as ``ebs,2,10G``. What he left open is None."""

    pool: str | None = None
    count: int | None = None
    size: int | None = None
    """MiB."""


@dataclasses.dataclass(eq=False)
class StorageInstance:
    """One storage of a unit's, or one that waits to be attached."""

    id: str
    """Such as ``data/0``."""
    pool: str
    size: int
    """MiB."""
    folder: pathlib.Path
    """Where its files lie, whoever uses it."""
    since: float
    unit: Unit | None = None
    location: pathlib.Path = pathlib.Path()
    """Where the unit finds it."""
    read_only: bool = False
    announced: bool = False
    """Its unit has run storage-attached, or has begun to."""
    detaching: bool = False
    destroyed: bool = False
    """It goes as soon as no unit has it any more."""

    @property
    def name(self) -> str:
        """The name that the charm gives to storage of this kind."""
        return self.id.partition("/")[0]

    @property
    def is_detachable(self) -> bool:
        return self.pool not in POOLS_OF_THE_MACHINE

    @property
    def status(self) -> str:
        if self.unit is None:
            return "detached"
        return "detaching" if self.detaching else "attached"


class Stores:
    """The storage instances of a model."""

    def __init__(self, folder: pathlib.Path, now: Callable[[], float]):
        """Start with none.

        Args:
            folder: where their files will lie. Short, so that sockets fit below it.
            now: tells the model's time.
        """
        self.instances: dict[str, StorageInstance] = {}
        self._folder = folder
        self._now = now
        self._numbers = itertools.count()

    def of(self, unit: Unit, name: str | None = None) -> list[StorageInstance]:
        """Return a unit's instances, all or those of a name."""
        return [
            instance
            for instance in self.instances.values()
            if instance.unit is unit and name in (None, instance.name)
        ]

    def create_for(self, unit: Unit, declaration: StorageDeclaration, wanted: Directive) -> str:
        """Make one instance for a unit, and return its id."""
        instance_id = f"{declaration.name}/{next(self._numbers)}"
        folder = self._folder / instance_id.replace("/", "-")
        folder.mkdir(parents=True)
        instance = StorageInstance(
            instance_id,
            wanted.pool or DEFAULT_POOL,
            wanted.size or declaration.minimum_size or DEFAULT_SIZE,
            folder,
            self._now(),
        )
        self.instances[instance_id] = instance
        self._give(instance, unit, declaration)
        return instance_id

    def fill(
        self, unit: Unit, directives: dict[str, Directive], only_required: bool = False
    ) -> None:
        """Make the instances that a unit is to have and has not, or must have and has not."""
        for name, declaration in unit.application.charm.storages.items():
            wanted = directives.get(name, Directive())
            asked = None if only_required else wanted.count
            count = declaration.minimum if asked is None else asked
            for _ in range(count - len(self.of(unit, name))):
                self.create_for(unit, declaration, wanted)

    def add(self, unit: Unit, name: str, wanted: Directive) -> list[str]:
        """Make more instances for a unit, and return their ids.

        Raises:
            StorageError: the charm does not take so many, or has no such storage.
        """
        self.check_addition(unit, name, wanted.count or 1)
        kept = unit.application.storage.get(name, Directive())
        wanted = Directive(wanted.pool or kept.pool, wanted.count or 1, wanted.size or kept.size)
        declaration = unit.application.charm.storages[name]
        return [self.create_for(unit, declaration, wanted) for _ in range(wanted.count or 1)]

    def check_addition(self, unit: Unit, name: str, count: int) -> None:
        """Raise a StorageError if a unit may not have so many more."""
        declarations = unit.application.charm.storages
        if name not in declarations:
            raise StorageError(f'charm storage "{name}" not found')
        _check_change(declarations[name], len(self.of(unit, name)), count)

    def attach(self, instance_id: str, unit: Unit) -> None:
        """Give a unit an instance that nobody has.

        Raises:
            StorageError: there is none, another unit has it, or the charm does not take it.
        """
        charm = unit.application.charm
        self.check_attachable([instance_id], charm.name, charm.storages, unit)
        instance = self.instances[instance_id]
        self._give(instance, unit, charm.storages[instance.name])

    def check_attachable(
        self,
        ids: Sequence[str],
        charm: str,
        declared: dict[str, StorageDeclaration],
        unit: Unit | None = None,
    ) -> None:
        """Raise a StorageError if instances cannot all be given to a unit, or to a new one."""
        counts = collections.Counter(one.name for one in self.of(unit)) if unit else {}
        for instance_id in ids:
            instance = self.instances.get(instance_id)
            if instance is None:
                raise StorageError(f'storage instance "{instance_id}" not found')
            if instance.unit is not None:
                taker = f"unit {unit.name}" if unit else "a new unit"
                raise StorageError(
                    f"cannot attach storage owned by unit {instance.unit.name} to {taker}"
                )
            if instance.name not in declared:
                raise StorageError(f"charm {charm} has no storage called {instance.name}")
            _check_change(declared[instance.name], counts.get(instance.name, 0), 1)
            counts[instance.name] = counts.get(instance.name, 0) + 1

    def _give(
        self, instance: StorageInstance, unit: Unit, declaration: StorageDeclaration
    ) -> None:
        instance.unit, instance.announced, instance.detaching = unit, False, False
        instance.read_only = declaration.read_only
        instance.location = instance.folder
        instance.since = self._now()
        if declaration.location:
            # Below the folder that stands for the machine's root: where the charm looks for it.
            location = unit.machine.folder / declaration.location.lstrip("/")
            if not declaration.is_singular:
                location /= instance.id
            location.parent.mkdir(parents=True, exist_ok=True)
            location.symlink_to(instance.folder)
            instance.location = location

    def detach(self, instance: StorageInstance) -> None:
        """Have a unit give an instance back, which it does after storage-detaching.

        Raises:
            StorageError: the unit cannot do without it, or it cannot leave the machine.
        """
        if instance.unit is None or instance.detaching:
            return
        declaration = instance.unit.application.charm.storages[instance.name]
        if not instance.destroyed and instance.unit.life == "alive":
            count = len(self.of(instance.unit, instance.name))
            _check_change(declaration, count, -1)
            if not instance.is_detachable:
                raise StorageError("storage is not detachable")
        self.let_go(instance)

    def let_go(self, instance: StorageInstance) -> None:
        """Begin to take an instance from its unit: with a hook, if it has heard of it."""
        instance.detaching, instance.since = True, self._now()
        if not instance.announced:
            self.release(instance)

    def release(self, instance: StorageInstance) -> None:
        """Take an instance from its unit. What cannot stay goes, with its files."""
        if instance.location != instance.folder:
            instance.location.unlink(missing_ok=True)
        instance.unit, instance.since = None, self._now()
        if instance.destroyed or not instance.is_detachable:
            shutil.rmtree(instance.folder, ignore_errors=True)
            del self.instances[instance.id]


def declarations(data: Any) -> dict[str, StorageDeclaration]:
    """Read the part ``storage`` of a charmcraft.yaml.

    Raises:
        StorageError: it cannot be understood, or asks for what localjuju has not.
    """
    if not isinstance(data or {}, dict):
        raise StorageError("storage: expected map")
    return {name: _declaration(name, declared) for name, declared in (data or {}).items()}


def _declaration(name: str, data: Any) -> StorageDeclaration:
    where = f"storage.{name}"
    if not isinstance(data, dict):
        raise StorageError(f"{where}: expected map")
    kind = data.get("type")
    if kind == "block":
        raise StorageError(f"{where}: localjuju has no block storage")
    if kind != "filesystem":
        raise StorageError(f"{where}.type: unexpected value {kind!r}")
    minimum, maximum = 1, 1
    if "multiple" in data:
        minimum, maximum = _range(where, data["multiple"])
    location = data.get("location") or ""
    if not isinstance(location, str):
        raise StorageError(f"{where}.location: expected string, got {location!r}")
    size = str(data.get("minimum-size") or "0M")
    parsed = re.fullmatch(SIZE, size if not size.isdecimal() else f"{size}M")
    if parsed is None:
        raise StorageError(f'{where}.minimum-size: expected a non-negative number, got "{size}"')
    return StorageDeclaration(
        name,
        minimum,
        maximum,
        location,
        _mebibytes(parsed),
        bool(data.get("read-only")),
        bool(data.get("shared")),
    )


def _range(where: str, multiple: Any) -> tuple[int, int | None]:
    """Read ``{range: 1-}``: ``m``, ``m-n``, ``m-`` or ``m+``."""
    text = str(multiple.get("range") if isinstance(multiple, dict) else multiple)
    parts = re.fullmatch(r"(\d+)(?:(\+|-)(\d*))?", text)
    if parts is None or (parts[2] == "+" and parts[3]):
        raise StorageError(f"{where}.multiple.range: unexpected value {text!r}")
    minimum = int(parts[1])
    if not parts[2]:
        return minimum, minimum
    return minimum, int(parts[3]) if parts[3] else None


def _mebibytes(size: re.Match[str]) -> int:
    number, unit = float(size[1]), "MGTPEZY".index(size[2])
    return round(number * 1024**unit)


def parse_directive(text: str, word: str) -> Directive:
    """Read what follows the ``=`` of ``--storage data=ebs,2,10G``: its parts in any order.

    Args:
        text: such as ``ebs,2,10G``.
        word: what Juju calls it in its messages, which differs from version to version.

    Raises:
        StorageError: it is no such thing.
    """
    parts: dict[str, Any] = {}
    for field in text.split(","):
        if re.fullmatch(r"-?\d+", field):
            if int(field) < 1:
                raise StorageError(
                    f'cannot parse count: count must be greater than zero, got "{field}"'
                )
            parts["count"] = int(field)
        elif size := re.fullmatch(SIZE, field):
            parts["size"] = _mebibytes(size)
        elif re.fullmatch(r"[a-zA-Z]+[-a-zA-Z0-9]*", field):
            parts["pool"] = field
        elif field:
            raise StorageError(f'unrecognized storage {word} "{field}" not valid')
    if not parts:
        raise StorageError(f"storage {word}s require at least one field to be specified")
    return Directive(**{"count": 1, **parts})


def check_directives(
    charm: str, declared: dict[str, StorageDeclaration], asked: dict[str, Directive]
) -> None:
    """Raise a StorageError if a charm does not take what the operator asks for."""
    for name, directive in asked.items():
        if name not in declared:
            raise StorageError(f'charm "{charm}" has no store called "{name}"')
        declaration, where = declared[name], f'charm "{charm}" store "{name}": '
        if declaration.shared:
            raise StorageError(f"{where}shared storage support not implemented")
        count = declaration.minimum if directive.count is None else directive.count
        if declaration.is_singular and count != 1:
            raise StorageError(f"{where}storage is singular, {count} specified")
        if count < declaration.minimum:
            raise StorageError(
                f"{where}{declaration.minimum} instances required, {count} specified"
            )
        if declaration.maximum is not None and count > declaration.maximum:
            raise StorageError(
                f"{where}at most {declaration.maximum} instances supported, {count} specified"
            )
        if directive.size is not None and directive.size < declaration.minimum_size:
            raise StorageError(
                f"{where}minimum storage size is {in_decimals(declaration.minimum_size)}, "
                f"{in_decimals(directive.size)} specified"
            )
    for name, declaration in declared.items():
        if declaration.shared and name not in asked:
            raise StorageError(f'no constraints specified for shared charm storage "{name}"')


def in_decimals(mebibytes: int) -> str:
    """Write a size as Juju's messages do: with 1000 for 1024."""
    number, units = float(mebibytes), ["MB", "GB", "TB", "PB"]
    while number >= 1000 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.1f} {units[0]}" if number < 10 else f"{number:.0f} {units[0]}"


def _check_change(declaration: StorageDeclaration, present: int, change: int) -> None:
    """Raise a StorageError if a unit may not have ``change`` more instances, or fewer."""
    action, total, number = "attach" if change > 0 else "detach", present + change, abs(change)
    if declaration.is_singular and total != 1:
        raise StorageError(f"cannot {action}, storage is singular")
    brings = f"{action}ing {number} storage instance{'s' * (number != 1)} brings the total to "
    if change < 0 and total < declaration.minimum:
        raise StorageError(
            f"{brings}{total}, which is less than the minimum of {declaration.minimum}"
        )
    if declaration.maximum is not None and total > declaration.maximum:
        raise StorageError(f"{brings}{total}, exceeding the maximum of {declaration.maximum}")
