"""How hook commands print values: as smart, YAML or JSON, written as Go writes them."""

from __future__ import annotations

import json
from typing import Any

import yaml

from localjuju import go_values

SMART = ("smart", "yaml", "json")
"""What ``--format`` takes with most commands, the default first."""

STRUCTURED = ("yaml", "json")
"""What it takes with those that print no single values."""


def formatted(value: Any, style: str, in_order: bool = False) -> str:
    """Write a value without the newline at its end.

    Args:
        value: a tuple stands for a list of texts, which smart prints as lines.
        style: smart, yaml or json.
        in_order: a dict keeps its order; without it its keys are sorted, as Go sorts a map's.
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
    """Go prints a number with nothing after its point as an integer: 2 for 2.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, dict):
        return {key: _go_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_go_numbers(one) for one in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Writes texts as Go does: in double quotes where they would be read as something else."""

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
