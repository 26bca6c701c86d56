"""Checks a charm as Juju does when it is deployed. The messages are Juju's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

from localjuju import action_parameters, go_values, options

ROLES = ("provides", "requires", "peers")
ACTION_KEYS = {
    "description": (str, "a string"),
    "title": (str, "a string"),
    "execution-group": (str, "a string"),
    "parallel": (bool, "a bool"),
    "required": (list, "a YAML list"),
}
REFUSED_IN_SCHEMAS = ("$ref", "$schema")


class CharmError(ValueError):
    """A folder or file is not a charm that localjuju can run. The message says why."""


def checked_endpoints(data: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the endpoints in a charm's metadata, by role and name.

    Raises:
        CharmError: Juju refuses the metadata.
    """
    declared = {
        role: {
            name: _endpoint(f"{role}.{name}", declaration)
            for name, declaration in _mapping(role, data[role]).items()
        }
        for role in ROLES
        if role in data
    }
    subordinate = data.get("subordinate") or False
    if not isinstance(subordinate, bool):
        raise CharmError(
            f"metadata: subordinate: expected bool, got {_describe_value(subordinate)}"
        )
    charm, names = data["name"], set()
    for role, declaration in declared.items():
        for name, endpoint in declaration.items():
            contained = endpoint["scope"] == "container"
            to_principal = subordinate and role == "requires" and contained
            if not to_principal and _why_reserved(charm, name):
                raise CharmError(f'charm "{charm}" using a reserved relation name: "{name}"')
            interface = endpoint["interface"]
            if role != "requires" and _why_reserved(charm, interface):
                raise CharmError(
                    f'charm "{charm}" relation "{name}" using a reserved interface: "{interface}"'
                )
            if name in names:
                raise CharmError(f'charm "{charm}" using a duplicated relation name: "{name}"')
            names.add(name)
    required = declared.get("requires", {}).values()
    if subordinate and not any(one["scope"] == "container" for one in required):
        raise CharmError(
            f'subordinate charm "{charm}" lacks "requires" relation with container scope'
        )
    return declared


def _endpoint(path: str, declaration: Any) -> dict[str, Any]:
    if isinstance(declaration, str):  # The short form has only the interface.
        declaration = {"interface": declaration}
    declaration = _mapping(path, declaration)
    interface, scope = declaration.get("interface"), declaration.get("scope", "global")
    limit, optional = declaration.get("limit"), declaration.get("optional", False)
    if not isinstance(interface, str):
        raise CharmError(
            f"metadata: {path}.interface: expected string, got {_describe_value(interface)}"
        )
    if scope not in ("global", "container"):
        raise CharmError(f"metadata: {path}.scope: unexpected value {go_values.quoted(scope)}")
    if not isinstance(optional, bool):
        raise CharmError(
            f"metadata: {path}.optional: expected bool, got {_describe_value(optional)}"
        )
    if isinstance(limit, bool) or not isinstance(limit, (int, type(None))):
        raise CharmError(f"metadata: {path}.limit: unexpected value {go_values.quoted(limit)}")
    return {"interface": interface, "scope": scope, "limit": limit or 0}


def checked_actions(charm: str, declared: Any) -> dict[str, dict[str, Any]]:
    """Return the declaration of each action of a charm, by name.

    Raises:
        CharmError: Juju refuses an action.
    """
    if not isinstance(declared or {}, dict):
        raise CharmError("actions: expected a map of actions by name")
    checked = {}
    for name, declaration in (declared or {}).items():
        if not action_parameters.NAME.fullmatch(str(name)):
            raise CharmError(f"bad action name {name}")
        if reason := _why_reserved(charm, str(name)):
            raise CharmError(f"cannot use action name {name}: {reason}")
        if not isinstance(declaration or {}, dict):
            raise CharmError(
                f'action "{name}": expected a map, got {go_values.quoted(declaration)}'
            )
        checked[str(name)] = declaration or {}
        _check_action(str(name), declaration or {})
    return checked


def _check_action(name: str, declaration: dict[str, Any]) -> None:
    for key, (kind, words) in ACTION_KEYS.items():
        if key in declaration and not isinstance(declaration[key], kind):
            raise CharmError(f'value for schema key "{key}" must be {words}')
    if "params" in declaration and not isinstance(declaration["params"], dict):
        raise CharmError("params failed to parse as a map")
    _check_keys({key: value for key, value in declaration.items() if key not in ACTION_KEYS})
    try:
        action_parameters.Validator.check_schema(action_parameters.schema_of(declaration, True))
    except jsonschema.SchemaError as error:
        where = ".".join(map(str, error.path))
        raise CharmError(
            f"invalid params schema for action schema {name}: {where}: {error.message}"
        ) from None


def _check_keys(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise CharmError("map keyed with non-string value")
            if key in REFUSED_IN_SCHEMAS:
                raise CharmError(f'schema key "{key}" not compatible with this version of juju')
            _check_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner)


def checked_options(config: Any) -> dict[str, dict[str, Any]]:
    """Return the declaration of each option, by name, with its default as Juju reads it.

    Raises:
        CharmError: Juju refuses an option.
    """
    declared = (config or {}).get("options") if isinstance(config or {}, dict) else config
    if not isinstance(declared or {}, dict):
        raise CharmError("invalid config: expected a map of options by name")
    checked = {}
    for name, declaration in (declared or {}).items():
        if not isinstance(declaration or {}, dict):
            raise CharmError(f'invalid config: option "{name}" is {go_values.quoted(declaration)}')
        option = dict(declaration or {})
        kind = option.get("type") or "string"
        if kind not in options.PARSERS:
            raise CharmError(f'invalid config: option "{name}" has unknown type "{kind}"')
        default = option.get("default")
        if default is not None:
            try:
                option["default"] = options.convert(kind, default)
                if kind == "secret" and default and not default.startswith("secret:"):
                    raise ValueError(default)
            except ValueError:
                raise CharmError(
                    f'invalid config default: option "{name}" expected {kind}, '
                    f"got {go_values.quoted(default)}"
                ) from None
        checked[str(name)] = option
    return checked


def _why_reserved(charm: str, name: str) -> str | None:
    """Return why a charm may not use a name, or None if it may. Juju's own charms may use all."""
    if charm.startswith("juju-"):
        return None
    if name == "juju":
        return '"juju" is a reserved name'
    return 'the "juju-" prefix is reserved' if name.startswith("juju-") else None


def _mapping(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CharmError(f"metadata: {path}: expected map, got {_describe_value(value)}")
    return value


def _describe_value(value: Any) -> str:
    """Write a value of the wrong type as Juju does: ``nothing``, ``string("x")``."""
    if value is None:
        return "nothing"
    kinds = {bool: "bool", int: "int", float: "float64", str: "string"}
    kind = kinds.get(type(value), type(value).__name__)
    return f"{kind}({go_values.quoted(value)})"
