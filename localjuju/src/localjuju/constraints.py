"""Constraints on machines, such as ``mem=8G cores=4``.

The rules, the order and the messages are those of Juju's ``core/constraints``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from localjuju import go_values

Constraints = dict[str, Any]
"""Values by name, in Juju's order. Sizes are in MiB."""

ARCHITECTURES = ("amd64", "arm64", "ppc64el", "riscv64", "s390x")
CONTAINERS = ("kvm", "lxd", "none")
MEBIBYTES = {"M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}


class ConstraintError(ValueError):
    """A constraint is not known or not valid. The message is Juju's."""


def parse(texts: Iterable[str]) -> Constraints:
    """Read constraints. Each text may hold several, separated by spaces.

    Raises:
        ConstraintError: a constraint cannot be read.
    """
    found: Constraints = {}
    for text in texts:
        # A space inside a value is escaped with a backslash.
        for part in re.split(r"(?<!\\) +", text.strip()):
            if part:
                name, value = _read(part.replace("\\ ", " "))
                if name in found:
                    raise ConstraintError(f'bad "{name}" constraint: already set')
                found[name] = value
    return {name: found[name] for name in READERS if name in found}


def merge_constraints(*sets: Constraints) -> Constraints:
    """Merge sets of constraints. Later values replace earlier ones."""
    merged = {name: value for one in sets for name, value in one.items()}
    return {name: merged[name] for name in READERS if name in merged}


def to_text(constraints: Constraints) -> str:
    """Write constraints as Juju prints them: ``cores=4 mem=1024M``."""
    return " ".join(
        f"{name}={_value_to_text(name, constraints[name])}"
        for name in _PRINTED_ORDER
        if name in constraints
    )


def _value_to_text(name: str, value: Any) -> str:
    if isinstance(value, list):
        text = ",".join(value)
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):
        text = f"{value or ''}{'M' if value and READERS[name] is _size else ''}"
    else:
        text = value
    return text.replace(" ", "\\ ")


def _read(part: str) -> tuple[str, Any]:
    name, separator, value = part.partition("=")
    if not name or not separator:
        raise ConstraintError(f'malformed constraint "{part}"')
    name = "cores" if name == "cpu-cores" else name
    if name not in READERS:
        raise ConstraintError(f'unknown constraint "{name}"')
    try:
        return name, READERS[name](value)
    except ValueError as error:
        raise ConstraintError(f'bad "{name}" constraint: {error}') from None


def _number(text: str) -> int:
    if not re.fullmatch(r"\d*", text, re.ASCII):
        raise ValueError("must be a non-negative integer")
    return int(text or 0)


def _size(text: str) -> int:
    """Return a size in MiB."""
    number, factor = text, 1
    if text[-1:] in MEBIBYTES:
        number, factor = text[:-1], MEBIBYTES[text[-1]]
    if not text:
        return 0
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", number, re.ASCII):
        raise ValueError("must be a non-negative float with optional M/G/T/P suffix")
    return math.ceil(float(number) * factor)


def _list(text: str) -> list[str]:
    return text.split(",") if text else []


def _architecture(text: str) -> str:
    if text and text not in ARCHITECTURES:
        raise ValueError(f'"{text}" not recognized')
    return text


def _container(text: str) -> str:
    if text and text not in CONTAINERS:
        raise ValueError(f'invalid container type "{text}"')
    return text


def _boolean(text: str) -> bool:
    try:
        return go_values.parse_bool(text) if text else False
    except ValueError:
        raise ValueError("must be 'true' or 'false'") from None


READERS: dict[str, Callable[[str], Any]] = {
    "arch": _architecture,
    "container": _container,
    "cores": _number,
    "cpu-power": _number,
    "mem": _size,
    "root-disk": _size,
    "root-disk-source": str,
    "tags": _list,
    "instance-role": str,
    "instance-type": str,
    "spaces": _list,
    "virt-type": str,
    "zones": _list,
    "allocate-public-ip": _boolean,
    "image-id": str,
}

_PRINTED_ORDER = (
    *("arch", "container", "cores", "cpu-power", "instance-role", "instance-type", "mem"),
    *("root-disk", "root-disk-source", "tags", "spaces", "virt-type", "zones"),
    *("allocate-public-ip", "image-id"),
)
"""The order in which text lists constraints. JSON uses the order of ``READERS``."""
