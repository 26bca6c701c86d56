"""Storage declarations: the key ``storage`` of a charm, and the limits that follow from it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any


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

    def check_change(self, present: int, change: int) -> None:
        """Raise a StorageError if a unit may not get or lose instances.

        Args:
            present: the number of instances that the unit has.
            change: the number of instances to attach or, if it is negative, to detach.
        """
        action, total, number = "attach" if change > 0 else "detach", present + change, abs(change)
        if self.is_singular and total != 1:
            raise StorageError(f"cannot {action}, storage is singular")
        brings = f"{action}ing {number} storage instance{'s' * (number != 1)} brings the total to "
        if change < 0 and total < self.minimum:
            raise StorageError(
                f"{brings}{total}, which is less than the minimum of {self.minimum}"
            )
        if self.maximum is not None and total > self.maximum:
            raise StorageError(f"{brings}{total}, exceeding the maximum of {self.maximum}")


def read_declarations(data: Any) -> dict[str, StorageDeclaration]:
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
    minimum_size = parse_size(f"{size}M" if size.isdecimal() else size)
    if minimum_size is None:
        raise StorageError(f'{where}.minimum-size: expected a non-negative number, got "{size}"')
    return StorageDeclaration(
        name,
        minimum,
        maximum,
        location,
        minimum_size,
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


def parse_size(text: str) -> int | None:
    """Return a size such as ``10G`` or ``1.5GiB`` in MiB, or None if the text is not a size."""
    size = re.fullmatch(r"(\d+(?:\.\d+)?)([MGTPEZY])(?:i?B)?", text)
    if size is None:
        return None
    return round(float(size[1]) * 1024 ** "MGTPEZY".index(size[2]))
