"""The guides show the output of real runs. If a test fails, run `make docs`."""

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
def test_databags_guide_is_up_to_date(series: str) -> None:
    assert guides.fill(text("databags"), guides.databags(series)) == text("databags")


def test_events_guide_is_up_to_date() -> None:
    shown = guides.fill(text("watch-the-events"), guides.watch_the_events())
    assert shown == text("watch-the-events")


def test_shell_guide_is_up_to_date() -> None:
    shown = guides.fill(text("localjuju-shell"), guides.shell_walk.walk())
    comparable = guides.shell_walk.comparable
    assert comparable(shown) == comparable(text("localjuju-shell"))


def test_guide_shows_every_step_of_the_lesson() -> None:
    places = {match["name"] for match in guides.PLACE.finditer(text("databags"))}
    assert places == set(guides.databag_lesson.STEPS)


@pytest.mark.parametrize("path", sorted(guides.DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_marker_is_valid(path: pathlib.Path) -> None:
    """The text at a marker with a mistake would never be updated."""
    places = guides.PLACE.findall(path.read_text())
    assert path.read_text().count("<!-- ") == 2 * len(places)


def test_python_commands_of_the_guide_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (python_commands,) = re.findall(
        r"^\$ .*/python\n(>>> .*?)^```", text("watch-the-events"), re.M | re.S
    )
    monkeypatch.chdir(CHARMS.parent)
    exec(python_commands.replace(">>> ", ""))
    printed = capsys.readouterr().out
    assert "Hello from replicas-demo/1 to replicas-demo/0" in printed
    assert "Goodbye from replicas-demo/1 to replicas-demo/0" in printed
    assert "sequenceDiagram" in printed


def test_charms_tests_expect_the_errors_in_the_guide() -> None:
    """ops.testing, in the charms' own tests, raises the same errors."""
    errors = set(re.findall(r"^(?:ops\.model|json\.decoder)\.\w+: (.+)$", text("databags"), re.M))
    expected: dict[str, Any] = {}
    for charm in ("demo-requirer", "replicas-demo"):
        tests = (CHARMS / charm / "tests" / "unit" / "test_databag_access.py").read_text()
        expected |= dict.fromkeys(re.findall(r'^[A-Z_]+ = "(.+)"$', tests, re.M))
    assert len(errors) >= 8
    assert errors - expected.keys() == set()
