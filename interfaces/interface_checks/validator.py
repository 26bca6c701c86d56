"""Refuses an interface's folder that does not say, or does not do, what it should.

    python -m interface_checks.validator

prints what is wrong, and its exit status is 1 if anything is.
"""

from __future__ import annotations

import json
import pathlib
import sys
import typing
from typing import Any

import pydantic

from interface_checks import bags, readme
from interface_checks.registry import (
    ENDPOINTS,
    LISTS,
    SIDES,
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
NEEDED = ("name", "version", "status", "summary", "description", "maintainer")
STATUSES = ("draft", "published", "retired")
CHARM_KEYS = {"name", "url", "branch", "test_setup"}
JUJUS_OWN = "juju-info"


def problems(interface: Interface) -> list[str]:
    """Return what is wrong with the folder of an interface, each with the file's name."""
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
        return [f"{file}: no keys with values"]
    found = [f'{file}: unknown key "{key}"' for key in data if key not in KEYS]
    found += [f'{file}: no "{key}"' for key in NEEDED if key not in data]
    found += [
        f'{file}: "{key}" is no {kind.__name__}: {data[key]!r}'
        for key, kind in KEYS.items()
        if key in data and not isinstance(data[key], kind)
    ]
    if data.get("name") != interface.name:
        found.append(f'{file}: "name" is {data.get("name")!r}, the folder {interface.name!r}')
    if data.get("version") != interface.version:
        found.append(f'{file}: "version" is {data.get("version")!r}, the folder says otherwise')
    if data.get("status") not in STATUSES:
        found.append(f'{file}: "status" is none of {", ".join(STATUSES)}: {data.get("status")!r}')
    for name in LISTS.values():
        for charm in data.get(name) or []:
            if not isinstance(charm, dict) or not {"name", "url"} <= set(charm):
                found.append(f'{file}: a charm in "{name}" has no name or url: {charm!r}')
            else:
                unknown = sorted(set(charm) - CHARM_KEYS)
                found += [f'{file}: unknown key "{key}" of {charm["name"]}' for key in unknown]
    return found


def _schema(interface: Interface) -> list[str]:
    """Rules of the registry's guide to the design of interfaces, where a machine can see them."""
    if not interface.roles:
        return ["schema.py has no ProviderSchema, RequirerSchema or PeerSchema"]
    found = [
        f"schema.py has no {SIDES[role]}, and interface.yaml lists {LISTS[role]}"
        for role in LISTS
        if interface.description.get(LISTS[role]) and role not in interface.roles
    ]
    for role in interface.roles:
        for bag in ("app", "unit"):
            if model := interface.bag_model(role, bag):
                found += _design_faults(model, f"the {role}'s {bag} databag")
    return found


def _design_faults(model: type[pydantic.BaseModel], where: str) -> list[str]:
    mandatory = [name for name, field in model.model_fields.items() if field.is_required()]
    if mandatory:
        names = ", ".join(mandatory)
        return [f"schema.py: mandatory in {where}, but a reader must do without any: {names}"]
    found = []
    for name, field in model.model_fields.items():
        if typing.get_origin(_without_none(field.annotation)) is list:
            loaded = model.model_validate({field.alias or name: ["b", "a"]})
            if getattr(loaded, name) != ["a", "b"]:
                found.append(f'schema.py: field "{name}" of {where} is a list in no fixed order')
    return found


def _without_none(annotation: Any) -> Any:
    options = [a for a in typing.get_args(annotation) if a is not type(None)]
    if typing.get_origin(annotation) is not list and len(options) >= 1:
        return _without_none(options[0])
    return annotation


def _readme(interface: Interface) -> list[str]:
    there = readme.sections(interface)
    found = [f'README.md: no section "{name}"' for name in readme.SECTIONS if name not in there]
    if "Direction" in there and "```mermaid" not in there["Direction"]:
        found.append('README.md: section "Direction" has no Mermaid diagram')
    untold = set(interface.roles) - readme.roles_in_behavior(interface)
    found += [f'README.md: section "Behavior" does not tell of the {role}' for role in untold]
    if readme.with_fields(interface) != readme.text(interface):
        found.append("README.md: the tables are not those of schema.py: make sync-interfaces")
    found += [
        f'schema.py: field "{name}" of {model.__name__} has no docstring, so README.md is silent'
        for model in _models(interface)
        for name in readme.undocumented(interface, model)
    ]
    return found


def _models(interface: Interface) -> list[Any]:
    bags_of = [
        interface.bag_model(role, bag) for role in interface.roles for bag in ("app", "unit")
    ]
    return [model for model in (*bags_of, *interface.secrets.values()) if model]


def _example(interface: Interface) -> list[str]:
    found = []
    data = readme.example(interface)
    told: set[tuple[Role, str]] = {
        (role, bag) for role in interface.roles for bag in data.get(role) or {}
    }
    for role in interface.roles:
        for bag in ("app", "unit"):
            if interface.bag_model(role, bag) and (role, bag) not in told:
                found.append(f"the {role}'s {bag} databag is missing")
    for role, bag in sorted(told):
        found += bags.problems(interface, role, bag, data[role][bag])
    for field, model in interface.secrets.items():
        found += bags.secret_problems(model, data.get(field) or {})
    return [f"README.md, Example: {problem}" for problem in found]


def _vectors(interface: Interface) -> list[str]:
    """What sides have written since this version began has to be read for ever."""
    paths = sorted((interface.folder / "vectors").glob("*.json"))
    if not paths:
        return ["vectors/ holds no databag"]
    found = []
    for path in paths:
        vector = json.loads(path.read_text())
        problems = bags.problems(interface, vector["role"], vector["bag"], vector["data"])
        found += [f"vectors/{path.name}: {problem}" for problem in problems]
    return found


def _tests(interface: Interface) -> list[str]:
    return [
        f"tests/test_{role}.py is missing"
        for role in interface.roles
        if not (interface.folder / "tests" / f"test_{role}.py").is_file()
    ]


def unlisted(known: list[Interface], charms: list[pathlib.Path]) -> list[str]:
    """Return where charms' endpoints and interfaces' lists of charms do not agree."""
    declared: set[tuple[str, Role, str]] = {
        (interface, role, charm.name)
        for charm in charms
        for _, interface, role in endpoints(charm)
        if interface != JUJUS_OWN
    }
    listed: set[tuple[str, Role, str]] = {
        (interface.name, role, charm["name"])
        for interface in known
        for role in ENDPOINTS.values()
        for charm in interface.description.get(LISTS[role]) or []
    }
    found = [
        f"{charm} is a {role} of {name}, whose interface.yaml does not list it"
        for name, role, charm in sorted(declared - listed)
    ]
    return found + [
        f"{name}: interface.yaml lists {charm}, which is no {role} of it"
        for name, role, charm in sorted(listed - declared)
    ]


def main() -> int:
    """Validate every interface of this repository, and return the exit status."""
    known = interfaces()
    found = [problem for interface in known for problem in problems(interface)]
    found += unlisted(known, charm_folders())
    for problem in found:
        print(problem)
    print(f"{len(known)} interfaces, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
