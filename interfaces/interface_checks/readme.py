"""Read and write the README of an interface: its sections, tables of fields and example."""

from __future__ import annotations

import ast
import pathlib
import re
import typing
from typing import Any

import pydantic
import yaml

from interface_checks.registry import Interface, Role

SECTIONS = ("Usage", "Direction", "Behavior", "Relation Data", "Example")
BEGIN, END = "<!-- From schema.py, by `make sync-interfaces`. -->", "<!-- Until here. -->"

PLURALS = {"string": "strings", "integer": "integers"}
TYPES: dict[str, str] = {"str": "string", "int": "integer", "UUID": "UUID"}


def sections(interface: Interface) -> dict[str, str]:
    """Return the text of each section, by its heading."""
    parts = re.split(r"^## (.+)$", text(interface), flags=re.MULTILINE)
    return dict(zip((title.strip() for title in parts[1::2]), parts[2::2], strict=True))


def text(interface: Interface) -> str:
    """Return the README's text."""
    return (interface.folder / "README.md").read_text()


def with_fields(interface: Interface) -> str:
    """Return the README with new tables from schema.py.

    Raises:
        ValueError: the README has no markers for the tables.
    """
    before, begin, rest = text(interface).partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md has no line {BEGIN!r} with {END!r} after it")
    return f"{before}{BEGIN}\n{fields(interface)}\n{END}{after}"


def fields(interface: Interface) -> str:
    """Return the tables of all databags and secrets, in Markdown."""
    parts = []
    for role in interface.roles:
        for databag, name in (("app", "Application"), ("unit", "Unit")):
            if model := interface.databag_model(role, databag):
                values = "plain strings" if interface.holds_plain_strings(model) else "JSON"
                of_role = "" if role == "peer" else f" of the {role}"
                parts.append(f"### {name} databag{of_role}\n\nIts values are {values}.\n")
                parts.append(_table(interface, model))
            elif role != "peer" and databag == "unit" and not interface.databag_model(role, "app"):
                parts.append(f"### The {role}\n\nIt writes nothing.\n")
    for field, model in interface.secrets.items():
        parts.append(f"### Secret that `{field}` names\n")
        parts.append(_table(interface, model))
    return "\n".join(parts)


def _table(interface: Interface, model: type[pydantic.BaseModel]) -> str:
    meanings = _meanings(interface.folder / "schema.py").get(model.__name__, {})
    rows = ["| Field | Type | Meaning |", "| --- | --- | --- |"]
    for name, field in model.model_fields.items():
        kind, meaning = _type(field.annotation), meanings.get(name, "")
        rows.append(f"| `{field.alias or name}` | {kind} | {meaning} |")
    return "\n".join(rows) + "\n"


def _type(annotation: Any) -> str:
    """Return the name that a table has for a type."""
    options = [a for a in typing.get_args(annotation) if a is not type(None)]
    origin = typing.get_origin(annotation)
    if origin is list:
        kind = _type(options[0])
        return f"list of {PLURALS.get(kind, kind)}"
    if origin is typing.Literal:
        return " or ".join(f"`{option}`" for option in options)
    if origin is typing.Annotated:
        return _type(options[0])
    if options:
        kinds = {_type(option) for option in options}
        return "IP address" if kinds == {"IPv4Address", "IPv6Address"} else " or ".join(kinds)
    return TYPES.get(annotation.__name__) or annotation.__name__


def _meanings(path: pathlib.Path) -> dict[str, dict[str, str]]:
    """Return the docstrings of fields, by class and field."""
    meanings: dict[str, dict[str, str]] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            for field, doc in zip(node.body, node.body[1:], strict=False):
                match field, doc:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(meaning))),
                    ):
                        meanings.setdefault(node.name, {})[name] = " ".join(meaning.split())
    return meanings


def example(interface: Interface) -> dict[str, Any]:
    """Return the databags and secrets of the section Example.

    Raises:
        ValueError: the section has no YAML block with databags.
    """
    block = re.search(r"```yaml\n(.+?)```", sections(interface).get("Example", ""), re.DOTALL)
    data = yaml.safe_load(block[1]) if block else None
    if not isinstance(data, dict):
        raise ValueError("README.md: section Example has no ```yaml block of databags")
    return data


def roles_in_behavior(interface: Interface) -> set[Role]:
    """Return the roles that have their own heading in the section Behavior."""
    headings = re.findall(r"^### (\w+)", sections(interface).get("Behavior", ""), re.MULTILINE)
    return {role for role in interface.roles if role.capitalize() in headings}


def undocumented(interface: Interface, model: type[pydantic.BaseModel]) -> list[str]:
    """Return the fields of a model without a docstring in schema.py."""
    meanings = _meanings(interface.folder / "schema.py").get(model.__name__, {})
    return [name for name in model.model_fields if not meanings.get(name)]
