"""All code and tests in docs/juju-versions.md exist, and the tests run with both versions."""

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
"""Fixtures, here and in localjuju's tests, that run with both versions of Juju."""

CHARMS = sorted(path.parent for path in ROOT.glob("charms/*/charmcraft.yaml"))

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
def test_code_exists(section: str) -> None:
    named = re.findall(r"`(charms/[\w/.-]+\.py):(\w+)`", SECTIONS[section])
    assert named or section == "Q1"
    assert [name for file, name in named if name not in functions(file)] == []


@each_section
def test_tests_exist_and_run_as_both_versions(section: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", SECTIONS[section])
    assert {file.partition("/")[0] for file, _ in named} == {"localjuju", "tests"}
    for file, name in named:
        test = functions(file)[name]
        assert BOTH & {argument.arg for argument in test.args.args}, f"{file}::{name}"
        if file.startswith("localjuju"):
            assert name.endswith(section.lower())


@pytest.mark.parametrize("charm", CHARMS, ids=lambda charm: charm.name)
def test_guide_names_charms_that_mention_juju_4(charm: pathlib.Path) -> None:
    """A charm explains each difference itself, because a copied charm has no guide."""
    code = "".join(path.read_text() for path in charm.glob("src/*.py"))
    assert not re.search(r"\bQ[1-7]\b", code), "a copied charm has no guide that explains Q1 to Q7"
    if re.search(r"\bJuju [34]\b", code):
        assert f"`charms/{charm.name}/src/" in GUIDE
