"""All files, classes and methods that docs/from-the-guide.md names exist."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "from-the-guide.md"
SECTIONS = dict(re.findall(r"^##+ (.*?)$(.*?)(?=^##|\Z)", PAGE.read_text(), re.M | re.S))
NAME = re.compile(r"`((?:[A-Z][a-z]+){2,}|Replicas)(?:\.(\w+))?`")

SNIPPETS = {
    "`mongodb` provides, `my-node-app` requires": [],
    "Implicit: `juju-info`": ["RsyslogForwarderCharm._streams"],
    "Peers: `replicas`": ["Replicas"],
    "`SpecialCharm`, which requires `demo`": [
        "SpecialCharm._on_demo_relation_changed",
        "SpecialCharm._on_demo_relation_broken",
    ],
    "Its counterpart, which provides `demo`": ["DemoProviderCharm._on_demo_relation_changed"],
    "`DemoCharm`, with peers": [
        "DemoCharm._on_leader_elected",
        "DemoCharm._on_replicas_relation_joined",
        "DemoCharm._on_replicas_relation_departed",
        "DemoCharm._on_replicas_relation_changed",
    ],
    "Read and write the databags": ["DemoCharm._readable_databags"],
}
"""The guide's snippets in order, and the code here for each of them."""


def code_linked_from(text: str) -> dict[str, set[str]]:
    """Return the methods of each class in the Python files that a text links to."""
    found: dict[str, set[str]] = {}
    for link in re.findall(r"\]\((\S+\.py)\)", text):
        for node in ast.parse((PAGE.parent / link).read_text()).body:
            if isinstance(node, ast.ClassDef):
                methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                found.setdefault(node.name, set()).update(methods)
    return found


def test_page_has_a_section_for_each_snippet() -> None:
    assert [title for title in SECTIONS if title in SNIPPETS] == list(SNIPPETS)


@pytest.mark.parametrize("title", SNIPPETS)
def test_section_names_the_code_for_the_snippet(title: str) -> None:
    for name in SNIPPETS[title]:
        assert f"`{name}`" in SECTIONS[title]


@pytest.mark.parametrize("title", SECTIONS)
def test_named_code_exists(title: str) -> None:
    code = code_linked_from(SECTIONS[title])
    for name, method in NAME.findall(re.sub(r"^#.*", "", SECTIONS[title])):
        assert name in code, name
        assert not method or method in code[name], f"{name}.{method}"
