"""All calls of the libraries in test_bundle.py are valid. These tests need no controller."""

from __future__ import annotations

import ast
import inspect
import pathlib
import re

import pytest
from juju.action import Action
from juju.application import Application
from juju.model import Model
from juju.unit import Unit
from pytest_operator.plugin import OpsTest

GUIDE = pathlib.Path(__file__).parents[1] / "docs" / "libjuju-to-jubilant.md"
SUITE = pathlib.Path(__file__).with_name("test_bundle.py")
CLASSES: dict[str, type] = {
    "action": Action,
    "application": Application,
    "model": Model,
    "ops_test": OpsTest,
    "unit": Unit,
}
"""For each name of a variable, the class of its value."""

ADDED_AT_RUNTIME = {Action: {"results"}}
"""Attributes that the libraries add at runtime, so that the classes do not define them."""


def uses(tree: ast.AST) -> list[ast.Attribute]:
    """Return each use of an attribute of a library's object."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in CLASSES
    ]


def problems(source: str) -> list[str]:
    """Return the invalid uses of the libraries in a source file."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    found = []
    for use in uses(tree):
        assert isinstance(use.value, ast.Name)
        owner = CLASSES[use.value.id]
        where = f"line {use.lineno}: {owner.__name__}.{use.attr}"
        if not hasattr(owner, use.attr):
            if use.attr not in ADDED_AT_RUNTIME.get(owner, set()):
                found.append(f"{where} does not exist")
            continue
        called = calls.get(id(use))
        method = inspect.getattr_static(owner, use.attr)
        if called is None:
            if inspect.isfunction(method):
                found.append(f"{where} is not called")
            continue
        keywords = {keyword.arg or "": None for keyword in called.keywords}
        try:
            inspect.signature(method).bind(None, *called.args, **keywords)
        except TypeError as error:
            found.append(f"{where}: {error}")
        if inspect.iscoroutinefunction(method) != (id(called) in awaited):
            must = "must not" if id(called) in awaited else "must"
            found.append(f"{where} {must} be awaited")
    return found


def test_calls_of_the_suite_are_valid() -> None:
    source = SUITE.read_text()
    assert len(uses(ast.parse(source))) > 30
    assert problems(source) == []


def test_suite_does_not_read_derived_application_status() -> None:
    """An application's status message is empty if its charm sets no application status."""
    assert "status_message" not in {
        use.attr
        for use in uses(ast.parse(SUITE.read_text()))
        if isinstance(use.value, ast.Name) and use.value.id == "application"
    }


def calls_in_guide() -> list[str]:
    """Return the calls of libjuju in the left column of the guide's table."""
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    codes = [code for row in rows for code in re.findall("`(.+?)`", row.split(" | ")[0])]
    return [code for code in codes if not code.startswith("juju ")]  # Not a call.


def test_calls_in_the_guide_are_valid() -> None:
    calls = calls_in_guide()
    assert len(calls) > 25
    body = "\n".join(f"    {call}" for call in calls)
    assert problems(f"async def test():\n{body}\n") == []


def test_guide_contains_every_call_of_the_suite() -> None:
    in_guide = {use.attr for call in calls_in_guide() for use in uses(parsed(call))}
    in_suite = {use.attr for use in uses(ast.parse(SUITE.read_text()))}
    assert in_suite - in_guide <= {"name"}


def parsed(call: str) -> ast.AST:
    return ast.parse(f"async def test():\n    {call}\n")


@pytest.mark.parametrize(
    "source, problem",
    [
        ("await model.deploi('x')", "Model.deploi does not exist"),
        ("await model.deploy('x', units=2)", "unexpected keyword argument 'units'"),
        ("await model.integrate('x')", "missing a required argument: 'relation2'"),
        ("model.integrate('x', 'y')", "Model.integrate must be awaited"),
        ("await unit.get_subordinates()", "Unit.get_subordinates must not be awaited"),
        ("print(application.add_unit)", "Application.add_unit is not called"),
    ],
)
def test_mistake_in_a_call_is_found(source: str, problem: str) -> None:
    (found,) = problems(f"async def test():\n    {source}\n")
    assert problem in found
