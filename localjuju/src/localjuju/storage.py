"""Storage: declarations of charms, directives of operators, and storage instances.

An instance is a folder. An instance in a pool of the machine, such as ``rootfs``, is removed with
its unit. An instance in any other pool stays, and can be attached to another unit.
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
"""Pools on the machine's own disk. Any other name is a pool of the cloud."""

DEFAULT_SIZE = 1024
"""MiB."""

SIZE = r"(\d+(?:\.\d+)?)([MGTPEZY])(?:i?B)?"


class StorageError(ValueError):
    """Juju refuses what a charm or an operator asks for. The message is Juju's."""


@dataclasses.dataclass(frozen=True)
class StorageDeclaration:
    """A charm's declaration of one kind of storage."""

    name: str
    minimum: int
    """The smallest number of instances. Required ones exist before the install hook."""
    maximum: int | None
    """The largest number of instances, or None for no limit."""
    location: str
    minimum_size: int
    """In MiB, or 0 for no minimum."""
    read_only: bool
    shared: bool

    @property
    def is_singular(self) -> bool:
        return self.minimum == self.maximum == 1


@dataclasses.dataclass(frozen=True)
class Directive:
    """An operator's storage directive, such as ``ebs,2,10G``. Parts not given are None."""

    pool: str | None = None
    count: int | None = None
    size: int | None = None
    """MiB."""


@dataclasses.dataclass(eq=False)
class StorageInstance:
    """A storage instance: attached to a unit, or free to be attached."""

    id: str
    """Such as ``data/0``."""
    pool: str
    size: int
    """MiB."""
    folder: pathlib.Path
    """The folder that holds the files. It stays the same when the unit changes."""
    since: float
    unit: Unit | None = None
    location: pathlib.Path = pathlib.Path()
    """The path at which the unit finds the files."""
    read_only: bool = False
    announced: bool = False
    """Whether its unit has run storage-attached, or has started it."""
    detaching: bool = False
    destroyed: bool = False
    """Whether to remove the instance when no unit uses it any more."""

    @property
    def name(self) -> str:
        """The name of the storage in the charm's declaration."""
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
        """Create an empty set of storage instances.

        Args:
            folder: the folder for their files. Its path must be short, because the path of a
                socket has at most 107 characters.
            now: returns the model's time.
        """
        self.instances: dict[str, StorageInstance] = {}
        self._folder = folder
        self._now = now
        self._numbers = itertools.count()

    def of(self, unit: Unit, name: str | None = None) -> list[StorageInstance]:
        """Return all instances of a unit, or only those with a name."""
        return [
            instance
            for instance in self.instances.values()
            if instance.unit is unit and name in (None, instance.name)
        ]

    def create_for(self, unit: Unit, declaration: StorageDeclaration, wanted: Directive) -> str:
        """Create one instance for a unit, and return its id."""
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
        """Create the instances that a unit still needs, or only those that its charm requires."""
        for name, declaration in unit.application.charm.storages.items():
            wanted = directives.get(name, Directive())
            asked = None if only_required else wanted.count
            count = declaration.minimum if asked is None else asked
            for _ in range(count - len(self.of(unit, name))):
                self.create_for(unit, declaration, wanted)

    def add(self, unit: Unit, name: str, wanted: Directive) -> list[str]:
        """Create more instances for a unit, and return their ids.

        Raises:
            StorageError: the charm does not allow so many, or does not declare the storage.
        """
        self.check_addition(unit, name, wanted.count or 1)
        kept = unit.application.storage.get(name, Directive())
        wanted = Directive(wanted.pool or kept.pool, wanted.count or 1, wanted.size or kept.size)
        declaration = unit.application.charm.storages[name]
        return [self.create_for(unit, declaration, wanted) for _ in range(wanted.count or 1)]

    def check_addition(self, unit: Unit, name: str, count: int) -> None:
        """Raise a StorageError if a unit may not have ``count`` more instances."""
        declarations = unit.application.charm.storages
        if name not in declarations:
            raise StorageError(f'charm storage "{name}" not found')
        _check_change(declarations[name], len(self.of(unit, name)), count)

    def attach(self, instance_id: str, unit: Unit) -> None:
        """Attach a free instance to a unit.

        Raises:
            StorageError: the instance does not exist or is attached, or the charm does not
                accept it.
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
        """Raise a StorageError if instances cannot be attached to ``unit``, or to a new unit."""
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
            # The charm's path, below the folder that is the machine's root.
            location = unit.machine.folder / declaration.location.lstrip("/")
            if not declaration.is_singular:
                location /= instance.id
            location.parent.mkdir(parents=True, exist_ok=True)
            location.symlink_to(instance.folder)
            instance.location = location

    def detach(self, instance: StorageInstance) -> None:
        """Start to detach an instance from its unit, which first runs storage-detaching.

        Raises:
            StorageError: the unit requires the instance, or it is on the machine's own disk.
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
        """Detach an instance: after storage-detaching if the unit has run storage-attached."""
        instance.detaching, instance.since = True, self._now()
        if not instance.announced:
            self.release(instance)

    def release(self, instance: StorageInstance) -> None:
        """Detach an instance from its unit. If it cannot stay, remove it with its files."""
        if instance.location != instance.folder:
            instance.location.unlink(missing_ok=True)
        instance.unit, instance.since = None, self._now()
        if instance.destroyed or not instance.is_detachable:
            shutil.rmtree(instance.folder, ignore_errors=True)
            del self.instances[instance.id]


def declarations(data: Any) -> dict[str, StorageDeclaration]:
    """Read the key ``storage`` of a charmcraft.yaml.

    Raises:
        StorageError: the content is not valid, or localjuju does not support it.
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
        raise StorageError(f"{where}: localjuju does not support block storage")
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
    """Read a directive: the text after the ``=`` of ``--storage data=ebs,2,10G``.

    Args:
        text: the parts of the directive, in any order.
        word: the word for "directive" in Juju's messages, which differs between versions.

    Raises:
        StorageError: the text is not a directive.
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
    """Raise a StorageError if a charm does not accept the operator's directives."""
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
    """Write a size as Juju's messages do, in powers of 1000 instead of 1024."""
    number, units = float(mebibytes), ["MB", "GB", "TB", "PB"]
    while number >= 1000 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.1f} {units[0]}" if number < 10 else f"{number:.0f} {units[0]}"


def _check_change(declaration: StorageDeclaration, present: int, change: int) -> None:
    """Raise a StorageError if a unit may not have ``change`` more (or fewer) instances."""
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
