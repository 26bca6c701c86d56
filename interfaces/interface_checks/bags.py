"""Whether a databag, or a secret, holds what its interface says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from interface_checks.registry import Interface, Role

WRITTEN_BY_JUJU = {"egress-subnets", "ingress-address", "private-address"}
"""What Juju puts into every unit's databag."""


def problems(interface: Interface, role: Role, bag: str, data: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a databag: each names the field.

    Args:
        interface: what the charms speak.
        role: whose databag it is.
        bag: ``app`` or ``unit``.
        data: the databag as ``juju show-unit`` prints it.
    """
    model = interface.bag_model(role, bag)
    where = f"{interface}, {bag} databag of the {role}"
    written = {key: value for key, value in data.items() if key not in WRITTEN_BY_JUJU}
    if model is None:
        return [f'{where}: field "{key}": nothing is to be written here' for key in written]
    found, decoded = [], {}
    plain = interface.holds_plain_strings(model)
    for key, value in written.items():
        if key not in field_names(model):
            found.append(f'{where}: field "{key}": the interface has no such field')
            continue
        if plain and value[:1] == value[-1:] == '"':
            found.append(f'{where}: field "{key}": JSON, and not a plain string: {value}')
        try:
            decoded[key] = value if plain else json.loads(value)
        except ValueError:
            found.append(f'{where}: field "{key}": not JSON: {value!r}')
    misfits = _misfits(model, decoded, str if plain else json.dumps)
    return found + [f"{where}: {problem}" for problem in misfits]


def secret_problems(model: type[pydantic.BaseModel], content: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the content of a secret; never with a value in it."""
    unknown = [f'field "{key}": unknown' for key in content if key not in field_names(model)]
    known = {key: value for key, value in content.items() if key in field_names(model)}
    return [f"content of a secret: {problem}" for problem in unknown + _misfits(model, known, str)]


def field_names(model: type[pydantic.BaseModel]) -> list[str]:
    """Return the names of a model's fields as they travel."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _misfits(
    model: type[pydantic.BaseModel], decoded: dict[str, Any], encode: Callable[[Any], str]
) -> list[str]:
    """Return what is wrong with values; compared as text, because pydantic takes "1" for 1 too."""
    try:
        loaded = model.model_validate(decoded)
    except pydantic.ValidationError as error:
        return [f'field "{e["loc"][0]}": {e["msg"]}' for e in error.errors(include_input=False)]
    written = loaded.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [
        f'field "{key}": not as a sorted, canonical value would be: {decoded[key]!r}'
        for key, value in written.items()
        if encode(value) != encode(decoded[key])
    ]
