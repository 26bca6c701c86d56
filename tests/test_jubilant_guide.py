"""All jubilant calls in docs/libjuju-to-jubilant.md are valid. libjuju/ checks libjuju's calls."""

from __future__ import annotations

import ast
import inspect
import pathlib
import re

import jubilant

GUIDE = pathlib.Path(__file__).parents[1] / "docs" / "libjuju-to-jubilant.md"


def calls() -> list[ast.Call]:
    """Return each call of a ``juju`` method in the right column of the table."""
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    codes = [code for row in rows for code in re.findall("`(.+?)`", row.partition(" | ")[2])]
    statements = [code for code in codes if re.match(r"(task = )?juju\.", code)]
    return [
        node
        for statement in statements
        for node in ast.walk(ast.parse(statement))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("juju.")
        if ast.unparse(node.func).count(".") == 1
    ]


def test_calls_are_valid() -> None:
    assert len(calls()) > 25
    for call in calls():
        assert isinstance(call.func, ast.Attribute)
        method = getattr(jubilant.Juju, call.func.attr)
        keywords = {keyword.arg or "": None for keyword in call.keywords}
        inspect.signature(method).bind(None, *call.args, **keywords)
