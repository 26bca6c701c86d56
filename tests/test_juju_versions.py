"""docs/juju-versions.md names code and tests that are there, and tests that see both Jujus."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

from localjuju.versions import BEHAVIOURS

ROOT = pathlib.Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "juju-versions.md").read_text()
SECTIONS = dict(re.findall(r"^## (Q\d): .*?$(.*?)(?=^## |\Z)", GUIDE, re.M | re.S))
BOTH = {"series", "juju", "cloud", "bundle", "whole", "demos", "peers"}
"""Fixtures, of this suite and of localjuju's, that there are of each series of Juju."""

each_section = pytest.mark.parametrize("section", SECTIONS)


def functions(file: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_is_a_section_for_each_difference() -> None:
    assert list(SECTIONS) == [f"Q{number}" for number in range(1, 8)]
    assert set(BEHAVIOURS) == {"3.6", "4.0"}
    for behaviour in BEHAVIOURS.values():
        assert behaviour.version in GUIDE


@each_section
def test_code_is_there(section: str) -> None:
    named = re.findall(r"`(charms/[\w/.-]+\.py):(\w+)`", SECTIONS[section])
    assert named or section == "Q1"
    assert [name for file, name in named if name not in functions(file)] == []


@each_section
def test_tests_are_there_and_see_both(section: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", SECTIONS[section])
    assert {file.partition("/")[0] for file, _ in named} == {"localjuju", "tests"}
    for file, name in named:
        test = functions(file)[name]
        assert BOTH & {argument.arg for argument in test.args.args}, f"{file}::{name}"
        if file.startswith("localjuju"):
            assert name.endswith(section.lower())


def test_code_names_no_other_difference() -> None:
    """And each that a charm's code names has this charm in its section."""
    for path in ROOT.glob("charms/*/src/*.py"):
        for number in re.findall(r"\bQ(\d+)\b", path.read_text()):
            assert f"Q{number}" in SECTIONS
            if (path.parts[-3], number) != ("demo-provider", "4"):  # It is no subordinate.
                assert f"charms/{path.parts[-3]}/" in SECTIONS[f"Q{number}"], path
