"""What Juju refuses of a charm when it is deployed, in Juju's words."""

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
    """A folder or file is not a charm that can be run: the message says why."""


def endpoints(data: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return by role and name what a charm's metadata declares of each endpoint.

    Raises:
        CharmError: Juju refuses it.
    """
    declared = {
        role: {
            name: _endpoint(f"{role}.{name}", said)
            for name, said in _mapping(role, data[role]).items()
        }
        for role in ROLES
        if role in data
    }
    subordinate = data.get("subordinate") or False
    if not isinstance(subordinate, bool):
        raise CharmError(f"metadata: subordinate: expected bool, got {_got(subordinate)}")
    charm, names = data["name"], set()
    for role, said in declared.items():
        for name, endpoint in said.items():
            contained = endpoint["scope"] == "container"
            to_principal = subordinate and role == "requires" and contained
            if not to_principal and _reserved(charm, name):
                raise CharmError(f'charm "{charm}" using a reserved relation name: "{name}"')
            interface = endpoint["interface"]
            if role != "requires" and _reserved(charm, interface):
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


def _endpoint(path: str, said: Any) -> dict[str, Any]:
    if isinstance(said, str):  # The short form: the interface alone.
        said = {"interface": said}
    said = _mapping(path, said)
    interface, scope = said.get("interface"), said.get("scope", "global")
    limit, optional = said.get("limit"), said.get("optional", False)
    if not isinstance(interface, str):
        raise CharmError(f"metadata: {path}.interface: expected string, got {_got(interface)}")
    if scope not in ("global", "container"):
        raise CharmError(f"metadata: {path}.scope: unexpected value {go_values.quoted(scope)}")
    if not isinstance(optional, bool):
        raise CharmError(f"metadata: {path}.optional: expected bool, got {_got(optional)}")
    if isinstance(limit, bool) or not isinstance(limit, (int, type(None))):
        raise CharmError(f"metadata: {path}.limit: unexpected value {go_values.quoted(limit)}")
    return {"interface": interface, "scope": scope, "limit": limit or 0}


def actions(charm: str, declared: Any) -> dict[str, dict[str, Any]]:
    """Return by name what stands below each action of a charm.

    Raises:
        CharmError: Juju refuses it.
    """
    if not isinstance(declared or {}, dict):
        raise CharmError("actions: expected a map of actions by name")
    checked = {}
    for name, said in (declared or {}).items():
        if not action_parameters.NAME.fullmatch(str(name)):
            raise CharmError(f"bad action name {name}")
        if reason := _reserved(charm, str(name)):
            raise CharmError(f"cannot use action name {name}: {reason}")
        if not isinstance(said or {}, dict):
            raise CharmError(f'action "{name}": expected a map, got {go_values.quoted(said)}')
        checked[str(name)] = said or {}
        _check_action(str(name), said or {})
    return checked


def _check_action(name: str, said: dict[str, Any]) -> None:
    for key, (kind, words) in ACTION_KEYS.items():
        if key in said and not isinstance(said[key], kind):
            raise CharmError(f'value for schema key "{key}" must be {words}')
    if "params" in said and not isinstance(said["params"], dict):
        raise CharmError("params failed to parse as a map")
    _check_keys({key: value for key, value in said.items() if key not in ACTION_KEYS})
    try:
        action_parameters.Validator.check_schema(action_parameters.schema_of(said, True))
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
    """Return by name what a charm declares of each option, with its default as Juju reads it.

    Raises:
        CharmError: Juju refuses it.
    """
    declared = (config or {}).get("options") if isinstance(config or {}, dict) else config
    if not isinstance(declared or {}, dict):
        raise CharmError("invalid config: expected a map of options by name")
    checked = {}
    for name, said in (declared or {}).items():
        if not isinstance(said or {}, dict):
            raise CharmError(f'invalid config: option "{name}" is {go_values.quoted(said)}')
        option = dict(said or {})
        kind = option.get("type") or "string"
        if kind not in options.PARSERS:
            raise CharmError(f'invalid config: option "{name}" has unknown type "{kind}"')
        default = option.get("default")
        if default is not None:
            try:
                option["default"] = options.typed(kind, default)
                if kind == "secret" and default and not default.startswith("secret:"):
                    raise ValueError(default)
            except ValueError:
                raise CharmError(
                    f'invalid config default: option "{name}" expected {kind}, '
                    f"got {go_values.quoted(default)}"
                ) from None
        checked[str(name)] = option
    return checked


def _reserved(charm: str, name: str) -> str | None:
    """Say why a name is Juju's own, None if it is not; charms of Juju's may have such names."""
    if charm.startswith("juju-"):
        return None
    if name == "juju":
        return '"juju" is a reserved name'
    return 'the "juju-" prefix is reserved' if name.startswith("juju-") else None


def _mapping(path: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CharmError(f"metadata: {path}: expected map, got {_got(value)}")
    return value


def _got(value: Any) -> str:
    """Write a value of the wrong type as Juju does: ``nothing``, ``string("x")``."""
    if value is None:
        return "nothing"
    kinds = {bool: "bool", int: "int", float: "float64", str: "string"}
    kind = kinds.get(type(value), type(value).__name__)
    return f"{kind}({go_values.quoted(value)})"
