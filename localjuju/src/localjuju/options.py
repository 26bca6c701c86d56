"""The types of a charm's options, and the values that each takes."""

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


def typed(kind: str, value: Any) -> Any:
    """Return an option's value from text, or from a value of YAML, as Juju understands it.

    Args:
        kind: one of ``PARSERS``.
        value: what was written for the option.

    Raises:
        ValueError: it is not of the option's type.
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
        # In JSON, in which hooks get it, Go writes 2.0 as 2.
        return int(value) if value.is_integer() else value
    return value
