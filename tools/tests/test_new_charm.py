"""A charm's folder, copied out of the repository, needs nothing of what it was copied from.

Here a copy runs its unit tests, and `make pack-here`, which packs copies, shows that it packs.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from pack import copy_charm

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = sorted(path.parent for path in ROOT.glob("charms/*/charmcraft.yaml"))

# The environment has localjuju from this repository, and a path in a test may be absolute.
KEEP_OUT = """\
import os
import sys

REPOSITORY = os.environ["REPOSITORY"] + os.sep


def keep_out(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.realpath(arguments[0])
        if path.startswith(REPOSITORY) and not path.startswith(os.path.realpath(sys.prefix)):
            raise PermissionError(f"a copied charm has no {path}")


sys.addaudithook(keep_out)
"""


def run_unit_tests(copy: pathlib.Path, scratch: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run the unit tests of a charm as they are run in its folder, away from the repository."""
    scratch.mkdir()
    (scratch / "keep_out.py").write_text(KEEP_OUT)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "keep_out", "tests/unit"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(scratch), "REPOSITORY": str(ROOT.resolve())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("charm", CHARMS, ids=lambda charm: charm.name)
def test_copied_charm_passes_its_unit_tests(charm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "copy"
    copy_charm(charm, copy)
    links = [path for path in copy.rglob("*") if path.is_symlink()]
    lead_out = [p for p in links if not (p.exists() and p.resolve().is_relative_to(copy))]
    assert lead_out == []
    result = run_unit_tests(copy, tmp_path / "scratch")
    assert result.returncode == 0, result.stdout


def test_files_of_the_same_name_are_equal_in_all_charms() -> None:
    texts: dict[str, dict[str, list[str]]] = {}
    for path in ROOT.glob("charms/*/src/*.py"):
        if path.name != "charm.py":
            texts.setdefault(path.name, {}).setdefault(path.read_text(), []).append(str(path))
    differ = {name: list(found.values()) for name, found in texts.items() if len(found) > 1}
    assert differ == {}


@pytest.mark.parametrize("statement", ["import localjuju", f"open({str(ROOT / 'README.md')!r})"])
def test_what_reaches_back_is_found(tmp_path: pathlib.Path, statement: str) -> None:
    tests = tmp_path / "copy" / "tests" / "unit"
    tests.mkdir(parents=True)
    (tests / "test_it.py").write_text(f"def test_it():\n    {statement}\n")
    result = run_unit_tests(tmp_path / "copy", tmp_path / "scratch")
    assert result.returncode == 1
    assert "PermissionError: a copied charm has no" in result.stdout
