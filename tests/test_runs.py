"""The pages in docs/runs are up to date. If a test fails, run `make docs`."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

import runs

LARGEST = 350_000
"""The largest size of a page in bytes."""


@pytest.mark.parametrize("name", sorted(runs.SCENARIOS))
def test_committed_page_is_up_to_date(name: str, tmp_path: pathlib.Path) -> None:
    # In a separate process, because the test charms do not follow this repository's interfaces.
    command = [sys.executable, runs.__file__, name, "--folder", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)
    file = f"{name}.html"
    same = (tmp_path / file).read_text() == (runs.PAGES / file).read_text()
    assert same, f"docs/runs/{file} is out of date: run `make docs`"


def test_guide_links_to_every_page() -> None:
    guide = (runs.guides.DOCS / "runs.md").read_text()
    assert set(re.findall(r"\(runs/([\w-]+)\.html\)", guide)) == set(runs.SCENARIOS)
    assert {path.stem for path in runs.PAGES.iterdir()} == set(runs.SCENARIOS)


@pytest.mark.parametrize("path", sorted(runs.PAGES.iterdir()), ids=lambda path: path.name)
def test_page_is_small_and_contains_no_data_from_this_computer(path: pathlib.Path) -> None:
    text = path.read_text()
    assert len(text.encode()) < LARGEST
    assert str(runs.ROOT) not in text
    assert not re.search(r"127\.\d+\.\d+\.\d+|/tmp/lj-|of-the-tokens", text)
