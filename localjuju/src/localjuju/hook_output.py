"""How hook commands print values: as smart, YAML or JSON, in the style of Go."""

from __future__ import annotations

import json
from typing import Any

import yaml

from localjuju import go_values

SMART = ("smart", "yaml", "json")
"""The formats of most commands for ``--format``. The first one is the default."""

STRUCTURED = ("yaml", "json")
"""The formats of commands that never print a single value."""


def format_value(value: Any, style: str, in_order: bool = False) -> str:
    """Format a value, without the last newline.

    Args:
        value: the value. A tuple is a list of texts, which smart prints as lines.
        style: smart, yaml or json.
        in_order: keep the order of dicts. Otherwise keys are sorted, as Go sorts those of a map.
    """
    value = _go_numbers(value)
    if style == "json":
        return json.dumps(value, separators=(",", ":"), sort_keys=not in_order, ensure_ascii=False)
    if style == "smart":
        if value is None:
            return ""
        if isinstance(value, (str, bool)):
            return str(value)
        if isinstance(value, tuple):
            return "\n".join(value)
    text = yaml.dump(
        list(value) if isinstance(value, tuple) else value,
        Dumper=_Dumper,
        sort_keys=not in_order,
        allow_unicode=True,
    )
    return text.removesuffix("...\n").rstrip("\n")


def _go_numbers(value: Any) -> Any:
    """Convert whole floats to integers, because Go prints 2.0 as 2."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, dict):
        return {key: _go_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_go_numbers(one) for one in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Writes texts as Go does: in double quotes if YAML would read them as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = None
    if "\n" in text:
        style = "|"
    elif not go_values.is_text_in_yaml(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
