"""Check that databags and secrets follow their interface."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from interface_checks.registry import Interface, Role

WRITTEN_BY_JUJU = {"egress-subnets", "ingress-address", "private-address"}
"""The fields that Juju writes into every unit databag."""


def problems(interface: Interface, role: Role, databag: str, data: Mapping[str, str]) -> list[str]:
    """Return the problems of a databag. Each names the field.

    Args:
        interface: the interface of the relation.
        role: the role that writes the databag.
        databag: ``app`` or ``unit``.
        data: the databag, as ``juju show-unit`` prints it.
    """
    model = interface.databag_model(role, databag)
    where = f"{interface}, {databag} databag of the {role}"
    written = {key: value for key, value in data.items() if key not in WRITTEN_BY_JUJU}
    if model is None:
        return [f'{where}: field "{key}": this side must not write here' for key in written]
    found, decoded = [], {}
    plain = interface.holds_plain_strings(model)
    for key, value in written.items():
        if key not in field_names(model):
            found.append(f'{where}: field "{key}": the interface has no such field')
            continue
        if plain and value[:1] == value[-1:] == '"':
            found.append(f'{where}: field "{key}": must be a plain string, but is JSON: {value}')
        try:
            decoded[key] = value if plain else json.loads(value)
        except ValueError:
            found.append(f'{where}: field "{key}": not JSON: {value!r}')
    invalid = _value_problems(model, decoded, str if plain else json.dumps)
    return found + [f"{where}: {problem}" for problem in invalid]


def secret_problems(model: type[pydantic.BaseModel], content: Mapping[str, str]) -> list[str]:
    """Return the problems of a secret's content. They never contain a value."""
    unknown = [f'field "{key}": unknown' for key in content if key not in field_names(model)]
    known = {key: value for key, value in content.items() if key in field_names(model)}
    return [
        f"content of a secret: {problem}"
        for problem in unknown + _value_problems(model, known, str)
    ]


def field_names(model: type[pydantic.BaseModel]) -> list[str]:
    """Return the names of a model's fields, as in the databag."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _value_problems(
    model: type[pydantic.BaseModel], decoded: dict[str, Any], encode: Callable[[Any], str]
) -> list[str]:
    """Return the problems of values. Compare them as text, because pydantic accepts "1" for 1."""
    try:
        loaded = model.model_validate(decoded)
    except pydantic.ValidationError as error:
        return [f'field "{e["loc"][0]}": {e["msg"]}' for e in error.errors(include_input=False)]
    written = loaded.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [
        f'field "{key}": not in sorted and canonical form: {decoded[key]!r}'
        for key, value in written.items()
        if encode(value) != encode(decoded[key])
    ]
