"""The types of a charm's options, and the values that each type allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from localjuju import go_values

PARSERS: dict[str, Callable[[str], Any]] = {
    "boolean": go_values.parse_bool,
    "float": go_values.parse_float,
    "int": go_values.parse_int,
    "secret": str,
    "string": str,
}


def convert(kind: str, value: Any) -> Any:
    """Convert text, or a value from YAML, to an option's type, as Juju does.

    Args:
        kind: the type, one of ``PARSERS``.
        value: the text or value.

    Raises:
        ValueError: the value does not have the option's type.
    """
    if isinstance(value, str):
        value = PARSERS[kind](value)
    fits = {
        "boolean": isinstance(value, bool),
        "float": isinstance(value, (int, float)) and not isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
    }
    if not fits.get(kind, isinstance(value, str)):
        raise ValueError(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(value)
        # Hooks get the value as JSON, in which Go writes 2.0 as 2.
        return int(value) if value.is_integer() else value
    return value
