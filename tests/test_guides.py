"""The guides show what happens: when one of these fails, `make docs` writes what does now."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest

import guides

CHARMS = pathlib.Path(__file__).parents[1] / "charms"


def text(guide: str) -> str:
    return (guides.DOCS / f"{guide}.md").read_text()


@pytest.mark.parametrize("series", ["3.6", "4.0"])
def test_databags_are_as_the_guide_shows(series: str) -> None:
    assert guides.fill(text("databags"), guides.databags(series)) == text("databags")


def test_events_are_as_the_guide_shows() -> None:
    shown = guides.fill(text("watch-the-events"), guides.watch_the_events())
    assert shown == text("watch-the-events")


def test_the_shell_is_as_the_guide_shows() -> None:
    shown = guides.fill(text("localjuju-shell"), guides.shell_walk.walk())
    comparable = guides.shell_walk.comparable
    assert comparable(shown) == comparable(text("localjuju-shell"))


def test_guide_shows_every_step_of_the_lesson() -> None:
    places = {match["name"] for match in guides.PLACE.finditer(text("databags"))}
    assert places == set(guides.databag_lesson.STEPS)


@pytest.mark.parametrize("path", sorted(guides.DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_place_is_found(path: pathlib.Path) -> None:
    """One with a mistake in its first or last line would stay as it is for ever."""
    places = guides.PLACE.findall(path.read_text())
    assert path.read_text().count("<!-- ") == 2 * len(places)


def test_what_the_guide_has_one_type_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (typed,) = re.findall(r"^\$ .*/python\n(>>> .*?)^```", text("watch-the-events"), re.M | re.S)
    monkeypatch.chdir(CHARMS.parent)
    exec(typed.replace(">>> ", ""))
    said = capsys.readouterr().out
    assert "Hello from replicas-demo/1 to replicas-demo/0" in said
    assert "Goodbye from replicas-demo/1 to replicas-demo/0" in said
    assert "sequenceDiagram" in said


def test_charms_own_tests_expect_the_errors_that_the_guide_shows() -> None:
    """ops.testing, in the tests that a copied charm keeps, refuses in the same words."""
    errors = set(re.findall(r"^(?:ops\.model|json\.decoder)\.\w+: (.+)$", text("databags"), re.M))
    expected: dict[str, Any] = {}
    for charm in ("demo-requirer", "replicas-demo"):
        tests = (CHARMS / charm / "tests" / "unit" / "test_databag_access.py").read_text()
        expected |= dict.fromkeys(re.findall(r'^[A-Z_]+ = "(.+)"$', tests, re.M))
    assert len(errors) >= 8
    assert errors - expected.keys() == set()
