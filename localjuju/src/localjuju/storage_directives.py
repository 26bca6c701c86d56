"""Storage directives: what an operator asks for, such as ``deploy --storage data=ebs,2,10G``."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from localjuju.storage_declarations import StorageDeclaration, StorageError, parse_size


@dataclasses.dataclass(frozen=True)
class StorageDirective:
    """An operator's storage directive, such as ``ebs,2,10G``. A missing part is None."""

    pool: str | None = None
    count: int | None = None
    size: int | None = None
    """In MiB."""


def parse_directive(text: str, word: str) -> StorageDirective:
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
        elif (size := parse_size(field)) is not None:
            parts["size"] = size
        elif re.fullmatch(r"[a-zA-Z]+[-a-zA-Z0-9]*", field):
            parts["pool"] = field
        elif field:
            raise StorageError(f'unrecognized storage {word} "{field}" not valid')
    if not parts:
        raise StorageError(f"storage {word}s require at least one field to be specified")
    return StorageDirective(**{"count": 1, **parts})


def check_directives(
    charm: str, declared: dict[str, StorageDeclaration], asked: dict[str, StorageDirective]
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
                f"{where}minimum storage size is {_in_decimals(declaration.minimum_size)}, "
                f"{_in_decimals(directive.size)} specified"
            )
    for name, declaration in declared.items():
        if declaration.shared and name not in asked:
            raise StorageError(f'no constraints specified for shared charm storage "{name}"')


def _in_decimals(mebibytes: int) -> str:
    """Write a size as Juju's messages do, in powers of 1000 instead of 1024."""
    number, units = float(mebibytes), ["MB", "GB", "TB", "PB"]
    while number >= 1000 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.1f} {units[0]}" if number < 10 else f"{number:.0f} {units[0]}"
