"""An action's parameters: as they are given, with their defaults, and what is wrong with them."""

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
"""Names of actions, and each part of the keys of their parameters and results."""


# It takes 1.0 for an integer, as Go does: in JSON they are the same.
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


def given(file: str | None, pairs: list[str], as_strings: bool) -> dict[str, Any]:
    """Read parameters from a file of YAML, and from ``key.key=value``, which come first.

    Args:
        file: its path, if any.
        pairs: the keys with their values.
        as_strings: the values in ``pairs`` are no YAML.

    Raises:
        CommandError: they cannot be read.
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
            put(parameters, keys, value if as_strings else go_values.load_yaml(value))
        except yaml.YAMLError as error:
            raise CommandError(f'ERROR value of "{".".join(keys)}" is no YAML: {error}') from None
    return parameters


def _from_file(file: str) -> dict[str, Any]:
    try:
        parameters = go_values.load_yaml(path_of(file).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"ERROR cannot read parameters from {file}: {error}") from None
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise CommandError(f"ERROR cannot read parameters from {file}: no keys with values")
    try:
        _check_keys(parameters)
    except TypeError:
        raise CommandError("ERROR map keyed with non-string value") from None
    return parameters


def _check_keys(value: Any) -> None:
    """Raise TypeError where a key is no string: JSON, in which they travel, has no others."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(key)
            _check_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner)


def put(target: dict[str, Any], keys: list[str], value: Any) -> None:
    """Put a value into nested dicts; what stands in the way of one is replaced."""
    for key in keys[:-1]:
        if not isinstance(target.get(key), dict):
            target[key] = {}
        target = target[key]
    target[keys[-1]] = value


def schema_of(declared: dict[str, Any] | None, takes_undeclared: bool) -> dict[str, Any]:
    """Return an action's declaration as JSON Schema.

    Args:
        declared: what stands below its name, None for nothing.
        takes_undeclared: without ``additionalProperties`` it takes any parameter.
    """
    declared = declared or {}
    return {
        "additionalProperties": takes_undeclared,
        **{key: value for key, value in declared.items() if key not in ("params", "description")},
        "type": "object",
        "properties": declared.get("params") or {},
    }


def with_defaults(parameters: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Fill in what was not given; of an object its own defaults only where it was given."""
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


def problem(parameters: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Say in Juju's words what a schema does not allow, None if it allows everything."""
    errors = sorted(
        Validator(schema).iter_errors(parameters),
        key=lambda one: (len(one.path), one.validator != "required", [*map(str, one.path)]),
    )
    complaints = [
        f"{'.'.join(['(root)', *map(str, error.path)])} : {text}, "
        f"given {go_values.as_json(error.instance)}"
        for error in errors
        for text in _describe(error)
    ]
    return f"validation failed: {'; '.join(complaints)}" if complaints else None


WORDS = {
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
        # One error for each that is missing; the library says which in its message only.
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
    elif kind in WORDS:
        yield WORDS[kind].format(wanted)
    else:
        yield error.message
