"""The Markdown files link only to files and headings that exist."""

from __future__ import annotations

import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def pages() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()


def headings(page: pathlib.Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    anchors: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchors.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return anchors


def broken_links(page: pathlib.Path) -> Iterator[str]:
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path) if path else page
        if not target.exists():
            yield path
        elif anchor and anchor not in headings(target):
            yield f"{path}#{anchor}"


@pytest.mark.parametrize("page", pages())
def test_all_links_are_valid(page: str) -> None:
    assert list(broken_links(ROOT / page)) == []


def test_broken_links_are_found(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `code` heading\n[a](#a-code-heading) [b](#nowhere) [c](gone.md) [d](page.md#x)\n"
    )
    assert list(broken_links(page)) == ["#nowhere", "gone.md", "page.md#x"]
