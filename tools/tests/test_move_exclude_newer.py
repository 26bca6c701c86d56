"""The date `exclude-newer` moves forward, in all files together."""

from __future__ import annotations

import datetime
import pathlib
import shutil

import pytest

import move_exclude_newer

ROOT = pathlib.Path(__file__).parents[2]
LATER = datetime.date(2999, 1, 15)


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the repository's projects."""
    for path in move_exclude_newer.files(ROOT):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def lines(root: pathlib.Path) -> set[str]:
    texts = [path.read_text() for path in move_exclude_newer.files(root)]
    return {line for text in texts for line in text.splitlines() if "exclude-newer =" in line}


def test_every_project_is_found() -> None:
    found = [str(path.relative_to(ROOT)) for path in move_exclude_newer.files(ROOT)]
    assert {"pyproject.toml", "localjuju/pyproject.toml", "charms/mongodb/pyproject.toml"} <= set(
        found
    )
    assert len(found) == len(list(ROOT.glob("charms/*/pyproject.toml"))) + 2


def test_date_moves_in_all_files(copy: pathlib.Path) -> None:
    assert move_exclude_newer.move(copy, LATER) == LATER
    assert lines(copy) == {'exclude-newer = "2999-01-15T00:00:00Z"'}


def test_date_never_moves_back(copy: pathlib.Path) -> None:
    before = lines(copy)
    present = move_exclude_newer.move(copy, datetime.date(2020, 1, 1))
    assert before == lines(copy) == {f'exclude-newer = "{present}T00:00:00Z"'}


def test_different_dates_are_an_error(copy: pathlib.Path) -> None:
    project = copy / "localjuju/pyproject.toml"
    text = project.read_text()
    project.write_text(move_exclude_newer.LINE.sub('exclude-newer = "2026-01-01T00:00:00Z"', text))
    with pytest.raises(ValueError, match=r"not the same everywhere: .*localjuju/pyproject\.toml"):
        move_exclude_newer.move(copy, LATER)


def test_invalid_date_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["move_exclude_newer.py", "tomorrow"])
    assert move_exclude_newer.main() == 1
    assert "'tomorrow'" in capsys.readouterr().err
