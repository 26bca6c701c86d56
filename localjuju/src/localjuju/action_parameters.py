"""Reads, completes and validates the parameters of an action."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import yaml
from jsonschema import validators

from localjuju import go_values
from localjuju.command import CommandError, path_of

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
"""The form of an action's name, and of each part of a key of parameters and results."""


# 1.0 counts as an integer, as in Go: JSON does not distinguish 1.0 from 1.
Validator = validators.extend(
    jsonschema.Draft4Validator,
    type_checker=jsonschema.Draft4Validator.TYPE_CHECKER.redefine(
        "integer",
        lambda _, value: (
            (isinstance(value, int) and not isinstance(value, bool))
            or (isinstance(value, float) and value.is_integer())
        ),
    ),
)


def read_parameters(file: str | None, pairs: list[str], as_strings: bool) -> dict[str, Any]:
    """Read parameters from a YAML file and from ``key.key=value``, which takes precedence.

    Args:
        file: the path of the file, if any.
        pairs: the keys with their values.
        as_strings: whether the values in ``pairs`` are strings. Otherwise they are YAML.

    Raises:
        CommandError: the parameters cannot be read.
    """
    split = []
    for text in pairs:
        key, separator, value = text.partition("=")
        if not separator:
            raise CommandError(
                f'ERROR argument "{text}" must be of the form key.key.key...=value', 2
            )
        keys = key.split(".")
        for part in keys:
            if not NAME.fullmatch(part):
                raise CommandError(
                    f'ERROR key "{part}" must start and end with lowercase alphanumeric, and '
                    "contain only lowercase alphanumeric and hyphens",
                    2,
                )
        split.append((keys, value))
    parameters = _from_file(file) if file else {}
    for keys, value in split:
        try:
            set_nested(parameters, keys, value if as_strings else go_values.load_yaml(value))
        except yaml.YAMLError as error:
            raise CommandError(f'ERROR value of "{".".join(keys)}" is not YAML: {error}') from None
    return parameters


def _from_file(file: str) -> dict[str, Any]:
    try:
        parameters = go_values.load_yaml(path_of(file).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"ERROR cannot read parameters from {file}: {error}") from None
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise CommandError(f"ERROR cannot read parameters from {file}: it has no keys with values")
    try:
        _check_keys(parameters)
    except TypeError:
        raise CommandError("ERROR map keyed with non-string value") from None
    return parameters


def _check_keys(value: Any) -> None:
    """Raise a TypeError if a key is not a string: they are sent as JSON, which needs strings."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(key)
            _check_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner)


def set_nested(target: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a value in nested dicts. A value above it that is not a dict is replaced by one."""
    for key in keys[:-1]:
        if not isinstance(target.get(key), dict):
            target[key] = {}
        target = target[key]
    target[keys[-1]] = value


def schema_of(declared: dict[str, Any] | None, accepts_undeclared: bool) -> dict[str, Any]:
    """Return an action's declaration as JSON Schema.

    Args:
        declared: the content below the action's name, or None if it is empty.
        accepts_undeclared: whether an action without ``additionalProperties`` accepts any
            parameter.
    """
    declared = declared or {}
    return {
        "additionalProperties": accepts_undeclared,
        **{key: value for key, value in declared.items() if key not in ("params", "description")},
        "type": "object",
        "properties": declared.get("params") or {},
    }


def with_defaults(parameters: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the default values of those that are missing.

    The defaults inside an object apply only if the object is given.
    """
    filled = copy.deepcopy(parameters)
    properties = schema.get("properties")
    for name, declared in (properties if isinstance(properties, dict) else {}).items():
        if not isinstance(declared, dict):
            continue
        if name not in filled and "default" in declared:
            filled[name] = copy.deepcopy(declared["default"])
        elif isinstance(filled.get(name), dict):
            filled[name] = with_defaults(filled[name], declared)
    return filled


def validation_error(parameters: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Return Juju's message if parameters do not match a schema, or None if they do."""
    errors = sorted(
        Validator(schema).iter_errors(parameters),
        key=lambda one: (len(one.path), one.validator != "required", [*map(str, one.path)]),
    )
    descriptions = [
        f"{'.'.join(['(root)', *map(str, error.path)])} : {text}, "
        f"given {go_values.as_json(error.instance)}"
        for error in errors
        for text in _describe(error)
    ]
    return f"validation failed: {'; '.join(descriptions)}" if descriptions else None


DESCRIPTIONS = {
    "pattern": "does not match pattern '{}'",
    "minLength": "string length must be greater or equal to {}",
    "maxLength": "string length must be lower or equal to {}",
    "multipleOf": "must be a multiple of {}",
    "allOf": "must validate all the schemas (allOf)",
    "oneOf": "must validate one and only one schema (oneOf)",
    "anyOf": "must validate at least one schema (anyOf)",
    "not": "must not validate the schema (not)",
    "minItems": "array must have at least {} items",
    "maxItems": "array must have at the most {} items",
    "minProperties": "must have at least {} properties",
    "maxProperties": "must have at the most {} properties",
    "uniqueItems": "array items must be unique",
}


def _describe(error: Any) -> Iterator[str]:
    kind, wanted, schema = error.validator, error.validator_value, error.schema
    if kind == "type":
        types = [wanted] if isinstance(wanted, str) else wanted
        yield f"must be of type {types[0] if len(types) == 1 else '[' + ','.join(types) + ']'}"
    elif kind == "required":
        # There is an error for each missing property. Only the message holds its name.
        name = re.match(r"'(.*)' is a required property", error.message)
        yield f'"{name[1] if name else "?"}" property is missing and required'
    elif kind == "additionalProperties":
        known = schema.get("properties") or {}
        patterns = schema.get("patternProperties") or {}
        for name in sorted(error.instance):
            if name not in known and not any(re.search(p, name) for p in patterns):
                yield f'additional property "{name}" is not allowed'
    elif kind in ("minimum", "maximum"):
        limit = {"minimum": "greater than", "maximum": "lower than"}[kind]
        strict = schema.get(f"exclusive{kind.capitalize()}")
        yield f"must be {limit}{'' if strict else ' or equal to'} {wanted}"
    elif kind == "enum":
        yield f"must match one of the enum values [{','.join(map(go_values.as_json, wanted))}]"
    elif kind in DESCRIPTIONS:
        yield DESCRIPTIONS[kind].format(wanted)
    else:
        yield error.message
