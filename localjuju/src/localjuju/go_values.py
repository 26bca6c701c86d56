"""Reads and writes values as Go does, in which Juju is written, if Python differs."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def parse_bool(text: str) -> bool:
    """Read a boolean as Go's ``strconv.ParseBool`` does.

    Raises:
        ValueError: the text is not a boolean.
    """
    try:
        return BOOLEANS[text]
    except KeyError:
        raise ValueError(text) from None


def parse_int(text: str) -> int:
    """Read a decimal integer of 64 bits as Go's ``strconv.ParseInt`` does.

    Raises:
        ValueError: the text is not such a number.
    """
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError(text)
    return int(text)


def parse_float(text: str) -> float:
    """Read a finite number as Go's ``strconv.ParseFloat`` does.

    Go also accepts ``inf`` and ``nan``, but then Juju cannot print the options as JSON.

    Raises:
        ValueError: the text is not a finite number.
    """
    decimal = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text)
    hexadecimal = re.fullmatch(r"(?i)[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+", text)
    if not decimal and not hexadecimal:
        raise ValueError(text)
    try:
        number = float(text) if decimal else float.fromhex(text)
    except OverflowError:
        raise ValueError(text) from None
    if not math.isfinite(number):
        raise ValueError(text)
    return number


class _Loader(yaml.SafeLoader):
    """Reads ``y`` and ``n`` as booleans, and dates and numbers with colons as strings."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in ("timestamp", "int", "float", "bool")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, _pattern, _first in (
    ("bool", r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON", "yYtToO"),
    ("bool", r"n|N|no|No|NO|false|False|FALSE|off|Off|OFF", "nNfFoO"),
    ("int", r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)"
        r"|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), list(_first)
    )
_Loader.add_constructor(
    "tag:yaml.org,2002:bool", lambda _, node: node.value.lower() in ("y", "yes", "true", "on")
)


def load_yaml(text: str) -> Any:
    """Read YAML as the ``juju`` command does.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    return yaml.load(text, _Loader)


def is_text_in_yaml(text: str) -> bool:
    """Whether YAML reads this, without quotes, as a string: not ``yes``, ``1`` or ``~``."""
    return all(
        loader("").resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str"
        for loader in (_Loader, yaml.SafeLoader)
    )


def as_json(value: Any) -> str:
    """Write a value as Juju's messages quote it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def as_text(value: Any) -> str:
    """Write a value as Go's ``%v`` does: ``map[x:5]``."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{as_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(as_text, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(value: Any) -> str:
    """Write a value as Go's ``%#v`` does, with text in quotes."""
    return as_json(value) if isinstance(value, str) else as_text(value)
