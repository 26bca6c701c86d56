"""Check the folders of interfaces: description, schema, README, test vectors and tests.

    python -m interface_checks.validator

This prints the problems, and exits with 1 if there are any.
"""

from __future__ import annotations

import enum
import json
import pathlib
import re
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import pydantic
from pydantic.fields import FieldInfo

from interface_checks import databags, readme
from interface_checks.registry import (
    CHARM_LISTS,
    ROLES,
    SCHEMA_CLASSES,
    Interface,
    Role,
    charm_folders,
    endpoints,
    interfaces,
)

KEYS = {
    "name": str,
    "version": int,
    "status": str,
    "lib": str,
    "summary": str,
    "description": str,
    "providers": list,
    "requirers": list,
    "peers": list,
    "maintainer": str,
}
REQUIRED_KEYS = ("name", "version", "status", "summary", "description", "maintainer")
STATUSES = ("draft", "published", "retired")
CHARM_KEYS = {"name", "url", "branch", "test_setup"}
UNKNOWN = "of-a-later-version"
"""A field or a value that no version has yet."""


def problems(interface: Interface) -> list[str]:
    """Return the problems in the folder of an interface, each with the file's name."""
    checks = (_yaml, _schema, _readme, _example, _vectors, _tests)
    found = []
    for check in checks:
        try:
            found += check(interface)
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    return [f"{interface}: {problem}" for problem in found]


def _yaml(interface: Interface) -> list[str]:
    data, file = interface.description, "interface.yaml"
    if not isinstance(data, dict):
        return [f"{file}: must be a mapping"]
    found = [f'{file}: unknown key "{key}"' for key in data if key not in KEYS]
    found += [f'{file}: no "{key}"' for key in REQUIRED_KEYS if key not in data]
    found += [
        f'{file}: "{key}" must be {kind.__name__}, not {data[key]!r}'
        for key, kind in KEYS.items()
        if key in data and not isinstance(data[key], kind)
    ]
    if data.get("name") != interface.name:
        found.append(
            f'{file}: "name" is {data.get("name")!r}, but the folder is {interface.name!r}'
        )
    if data.get("version") != interface.version:
        found.append(
            f'{file}: "version" is {data.get("version")!r}, but the folder has another version'
        )
    if data.get("status") not in STATUSES:
        found.append(f'{file}: "status" must be {", ".join(STATUSES)}, not {data.get("status")!r}')
    for name in CHARM_LISTS.values():
        for charm in data.get(name) or []:
            if not isinstance(charm, dict) or not {"name", "url"} <= set(charm):
                found.append(f'{file}: a charm in "{name}" has no name or url: {charm!r}')
            else:
                unknown = sorted(set(charm) - CHARM_KEYS)
                found += [f'{file}: unknown key "{key}" of {charm["name"]}' for key in unknown]
    return found


def _schema(interface: Interface) -> list[str]:
    """Check the rules of the registry's design guide that a program can check."""
    if not interface.roles:
        return ["schema.py: no ProviderSchema, RequirerSchema or PeerSchema"]
    found = [
        f"no {SCHEMA_CLASSES[role]}, but interface.yaml lists {name}"
        for role, name in CHARM_LISTS.items()
        if interface.description.get(name) and role not in interface.roles
    ]
    for role in interface.roles:
        for databag in ("app", "unit"):
            if model := interface.databag_model(role, databag):
                found += _design_problems(model, f"the {role}'s {databag} databag")
    for field, model in interface.secrets.items():
        found += _design_problems(model, f"the secret of {field}")
    return [f"schema.py: {problem}" for problem in found]


def _design_problems(model: type[pydantic.BaseModel], where: str) -> list[str]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    mandatory = [name for name, field in fields.items() if field.is_required()]
    if mandatory:
        return [f"mandatory fields in {where}, but each must be optional: {', '.join(mandatory)}"]
    found = []
    if _refuses(model, {UNKNOWN: "x"}):
        found.append(f"{where}: a reader must ignore unknown fields")
    for name, field in fields.items():
        if _refuses(model, {name: None}):
            found.append(f'field "{name}" of {where}: a reader must accept null')
        found += [
            f'field "{name}" of {where} {problem}'
            for problem in _type_problems(model, name, field)
        ]
    return found


def _type_problems(model: type[pydantic.BaseModel], name: str, field: FieldInfo) -> Iterator[str]:
    kind = _without_none(field.annotation)
    origin = typing.get_origin(kind) or kind
    if origin in (dict, frozenset, set, tuple):
        yield f"is a {origin.__name__}, but must be a sorted list"
    if origin is list:
        for values in (["a", "b"], [1, 2]):
            given = {name: values[::-1]}
            if not _refuses(model, given):
                loaded = model.model_validate(given)
                if loaded.model_dump(by_alias=True)[name] != values:
                    yield "is a list that is not sorted"
    is_enum = isinstance(kind, type) and issubclass(kind, enum.Enum)
    if (is_enum or origin is typing.Literal) and _refuses(model, {name: UNKNOWN}):
        yield "refuses unknown values, but a reader must read values of later versions as null"


def _refuses(model: type[pydantic.BaseModel], data: dict[str, Any]) -> bool:
    try:
        model.model_validate(data)
    except pydantic.ValidationError:
        return True
    return False


def _without_none(annotation: Any) -> Any:
    """Return the type of a field, without None and without annotations."""
    if typing.get_origin(annotation) in (typing.Annotated, typing.Union, types.UnionType):
        options = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _without_none(options[0])
    return annotation


def _readme(interface: Interface) -> list[str]:
    present = readme.sections(interface)
    found = [f'README.md: no section "{name}"' for name in readme.SECTIONS if name not in present]
    found += [
        f'README.md: section "{name}" is empty' for name in present if not present[name].strip()
    ]
    if "Direction" in present and "```mermaid" not in present["Direction"]:
        found.append('README.md: section "Direction" has no Mermaid diagram')
    drawn = re.findall(r"-- (.+?) -->", present.get("Direction", ""))
    known = {name for model in _models(interface) for name in databags.field_names(model)}
    unknown = sorted({name for arrow in drawn for name in arrow.split(", ")} - known)
    found += [
        f'README.md: section "Direction" has "{name}", which is not a field' for name in unknown
    ]
    missing = set(interface.roles) - readme.roles_in_behavior(interface)
    found += [f'README.md: section "Behavior" does not describe the {role}' for role in missing]
    if readme.with_fields(interface) != readme.text(interface):
        found.append("README.md: the tables do not match schema.py; run make sync-interfaces")
    found += [
        f'schema.py: field "{name}" of {model.__name__} has no docstring for README.md'
        for model in _models(interface)
        for name in readme.undocumented(interface, model)
    ]
    return found


def _models(interface: Interface) -> list[Any]:
    models = [
        interface.databag_model(role, databag)
        for role in interface.roles
        for databag in ("app", "unit")
    ]
    return [model for model in (*models, *interface.secrets.values()) if model]


def _example(interface: Interface) -> list[str]:
    data = readme.example(interface)
    known = {*interface.roles, *interface.secrets}
    found = [f'"{key}" is neither a side nor a secret' for key in data if key not in known]
    for role in interface.roles:
        given = data.get(role) or {}
        found += [
            f'"{databag}" is not a databag' for databag in given if databag not in ("app", "unit")
        ]
        for databag in ("app", "unit"):
            shown = given.get(databag) or {}
            found += databags.problems(interface, role, databag, shown)
            if model := interface.databag_model(role, databag):
                found += _not_shown(model, shown)
    for field, model in interface.secrets.items():
        found += databags.secret_problems(model, data.get(field) or {})
        found += _not_shown(model, data.get(field) or {})
    return [f"README.md, Example: {problem}" for problem in found]


def _not_shown(model: type[pydantic.BaseModel], shown: dict[str, str]) -> list[str]:
    names = [name for name in databags.field_names(model) if name not in shown]
    return [f'field "{name}" of {model.__name__} is missing' for name in names]


def _vectors(interface: Interface) -> list[str]:
    """Check that all data in vectors/ are still valid. Readers must support older writers."""
    found: list[str] = []
    written: set[tuple[str, str, str]] = set()
    for path in sorted((interface.folder / "vectors").glob("*.json")):
        vector = json.loads(path.read_text())
        role, databag, data = vector["role"], vector["databag"], vector["data"]
        written |= {(role, databag, field) for field in data}
        problems = databags.problems(interface, role, databag, data)
        found += [f"vectors/{path.name}: {problem}" for problem in problems]
    return found + [
        f'vectors/ has no {databag} databag of the {role} with field "{field}"'
        for role in interface.roles
        for databag in ("app", "unit")
        if (model := interface.databag_model(role, databag))
        for field in databags.field_names(model)
        if (role, databag, field) not in written
    ]


def _tests(interface: Interface) -> list[str]:
    return [
        f"tests/test_{role}.py is missing"
        for role in interface.roles
        if not (interface.folder / "tests" / f"test_{role}.py").is_file()
    ]


def list_problems(known: list[Interface], charms: list[pathlib.Path]) -> list[str]:
    """Return the differences between the charms' endpoints and the lists in interface.yaml."""
    declared: set[tuple[str, Role, str]] = {
        (interface, role, charm.name)
        for charm in charms
        for _, interface, role in endpoints(charm)
        if interface != "juju-info"  # Juju itself defines it.
    }
    listed: set[tuple[str, Role, str]] = {
        (interface.name, role, charm["name"])
        for interface in known
        for role in ROLES.values()
        for charm in interface.description.get(CHARM_LISTS[role]) or []
    }
    found = [
        f"{charm} is a {role} of {name}, but interface.yaml does not list it"
        for name, role, charm in sorted(declared - listed)
    ]
    used = {name for name, _, _ in declared}
    found += [
        f"{interface.name}: no charm has an endpoint with this interface"
        for interface in known
        if interface.name not in used
    ]
    return found + [
        f"{name}: interface.yaml lists {charm}, which is not a {role} of it"
        for name, role, charm in sorted(listed - declared)
    ]


def main() -> int:
    """Validate every interface of this repository, and return the exit status."""
    known = interfaces()
    found = [problem for interface in known for problem in problems(interface)]
    found += list_problems(known, charm_folders())
    for problem in found:
        print(problem)
    print(f"{len(known)} interfaces, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
