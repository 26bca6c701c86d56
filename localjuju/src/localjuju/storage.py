"""Storage instances. An instance is a folder.

An instance in a pool of the machine, such as ``rootfs``, is removed with its unit. An instance in
any other pool stays, and can be attached to another unit.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from localjuju.storage_declarations import StorageDeclaration, StorageError
from localjuju.storage_directives import StorageDirective

if TYPE_CHECKING:
    from localjuju.model import Unit

DEFAULT_POOL = "rootfs"

MACHINE_POOLS = (DEFAULT_POOL, "tmpfs", "loop")
"""Pools on the machine's own disk. Any other name is a pool of the cloud."""

DEFAULT_SIZE = 1024
"""In MiB."""


@dataclasses.dataclass(eq=False)
class StorageInstance:
    """A storage instance: attached to a unit, or free to be attached."""

    id: str
    """The name and a number, such as ``data/0``."""
    pool: str
    size: int
    """In MiB."""
    folder: pathlib.Path
    """The folder that holds the files. It stays the same when the unit changes."""
    since: float
    """When the status last changed."""
    unit: Unit | None = None
    location: pathlib.Path = pathlib.Path()
    """The path of the files for the unit."""
    read_only: bool = False
    announced: bool = False
    """Whether its unit has started to run storage-attached."""
    detaching: bool = False
    remove_when_detached: bool = False
    """Whether to remove the instance and its files when it has no unit any more."""

    @property
    def name(self) -> str:
        """The name of the storage in the charm's declaration."""
        return self.id.partition("/")[0]

    @property
    def is_detachable(self) -> bool:
        return self.pool not in MACHINE_POOLS

    @property
    def status(self) -> str:
        if self.unit is None:
            return "detached"
        return "detaching" if self.detaching else "attached"


class ModelStorage:
    """The storage instances of a model."""

    def __init__(self, folder: pathlib.Path, now: Callable[[], float]):
        """Create the storage of a model that has no instances yet.

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
        """Return the instances of a unit: all of them, or those of the storage with this name."""
        return [
            instance
            for instance in self.instances.values()
            if instance.unit is unit and name in (None, instance.name)
        ]

    def _create(
        self, unit: Unit, declaration: StorageDeclaration, wanted: StorageDirective
    ) -> str:
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
        self._attach(instance, unit, declaration)
        return instance_id

    def create_missing(
        self, unit: Unit, directives: dict[str, StorageDirective], only_required: bool = False
    ) -> None:
        """Create the instances that a unit still needs.

        Args:
            unit: the unit.
            directives: what the operator asked for, by the name of the storage.
            only_required: create only those that the charm requires.
        """
        for name, declaration in unit.application.charm.storages.items():
            wanted = directives.get(name, StorageDirective())
            asked = None if only_required else wanted.count
            count = declaration.minimum if asked is None else asked
            for _ in range(count - len(self.of(unit, name))):
                self._create(unit, declaration, wanted)

    def add(self, unit: Unit, name: str, wanted: StorageDirective) -> list[str]:
        """Create more instances for a unit, and return their ids.

        Raises:
            StorageError: the charm does not allow so many, or does not declare the storage.
        """
        self.check_addition(unit, name, wanted.count or 1)
        kept = unit.application.storage.get(name, StorageDirective())
        wanted = StorageDirective(
            wanted.pool or kept.pool, wanted.count or 1, wanted.size or kept.size
        )
        declaration = unit.application.charm.storages[name]
        return [self._create(unit, declaration, wanted) for _ in range(wanted.count or 1)]

    def check_addition(self, unit: Unit, name: str, count: int) -> None:
        """Raise a StorageError if a unit may not have ``count`` more instances."""
        declarations = unit.application.charm.storages
        if name not in declarations:
            raise StorageError(f'charm storage "{name}" not found')
        declarations[name].check_change(len(self.of(unit, name)), count)

    def attach(self, instance_id: str, unit: Unit) -> None:
        """Attach a free instance to a unit.

        Raises:
            StorageError: the instance does not exist or is attached, or the charm does not
                accept it.
        """
        charm = unit.application.charm
        self.check_attachable([instance_id], charm.name, charm.storages, unit)
        instance = self.instances[instance_id]
        self._attach(instance, unit, charm.storages[instance.name])

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
            declared[instance.name].check_change(counts.get(instance.name, 0), 1)
            counts[instance.name] = counts.get(instance.name, 0) + 1

    def _attach(
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
        if not instance.remove_when_detached and instance.unit.life == "alive":
            count = len(self.of(instance.unit, instance.name))
            declaration.check_change(count, -1)
            if not instance.is_detachable:
                raise StorageError("storage is not detachable")
        self._start_detaching(instance)

    def remove(self, instance: StorageInstance) -> None:
        """Remove an instance with its files. Its unit, if any, runs storage-detaching first."""
        instance.remove_when_detached = True
        if instance.unit is None:
            self._delete(instance)
        else:
            self._start_detaching(instance)

    def _start_detaching(self, instance: StorageInstance) -> None:
        instance.detaching, instance.since = True, self._now()
        if not instance.announced:  # The unit does not know the instance, and runs no hook.
            self.finish_detaching(instance)

    def finish_detaching(self, instance: StorageInstance) -> None:
        """Detach an instance from its unit. If it cannot stay, remove it with its files."""
        if instance.location != instance.folder:
            instance.location.unlink(missing_ok=True)
        instance.unit, instance.since = None, self._now()
        if instance.remove_when_detached or not instance.is_detachable:
            self._delete(instance)

    def _delete(self, instance: StorageInstance) -> None:
        shutil.rmtree(instance.folder, ignore_errors=True)
        del self.instances[instance.id]
