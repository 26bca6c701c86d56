"""The pytest plugin, with suites like those of charmcraft's templates."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from conftest import MakeCharm

CONFTEST = '''
import logging, os, pathlib, sys
import jubilant
import pytest

@pytest.fixture(scope="module")
def juju(request: pytest.FixtureRequest):
    """Create a temporary Juju model for running tests."""
    with jubilant.temp_model() as juju:
        yield juju

@pytest.fixture(scope="session")
def charm():
    """Return the path of the charm under test."""
    if "CHARM_PATH" in os.environ:
        charm_path = pathlib.Path(os.environ["CHARM_PATH"])
        if not charm_path.exists():
            raise FileNotFoundError(f"Charm does not exist: {charm_path}")
        return charm_path
    charm_paths = list(pathlib.Path(".").glob("*.charm"))
    if not charm_paths:
        raise FileNotFoundError("No .charm file in current directory")
    return charm_paths[0].resolve()
'''

SUITE = """
import jubilant

def test_deploy(charm, juju: jubilant.Juju):
    juju.deploy(charm, app="a")
    juju.wait(jubilant.all_active)

def test_action(juju: jubilant.Juju):
    assert juju.run("a/0", "evaluate", {"python": "self.app.name"}).results["value"] == "'a'"
    assert str(juju.version()).startswith("4.0")
"""

OPTIONS = ["--localjuju=4.0", "--localjuju-seed=7"]
PLUGIN = ["-p", "localjuju.pytest_plugin"]
"""Needed only if the package is not installed. The wheel has the entry point."""


@pytest.fixture
def charm(make_charm: MakeCharm, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A charm's folder, with the file that charmcraft would have packed."""
    monkeypatch.delenv("CHARM_PATH", raising=False)
    folder = make_charm("a")
    (folder / "a_amd64.charm").touch()
    (folder / "tests" / "integration").mkdir(parents=True)
    (folder / "tests" / "integration" / "conftest.py").write_text(CONFTEST)
    return folder


def run(folder: pathlib.Path, suite: str, *options: str) -> tuple[int, str]:
    (folder / "tests" / "integration" / "test_charm.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *PLUGIN, *options]
    done = subprocess.run(
        [*command, "tests/integration"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def test_suite_of_a_charm_runs_unchanged_and_failures_are_reported(charm: pathlib.Path) -> None:
    failing = "\ndef test_that_fails(juju: jubilant.Juju):\n    juju.config('nothing')\n"
    status, printed = run(charm, SUITE + failing, *OPTIONS, "--localjuju-pages=pages")
    assert "1 failed, 2 passed" in printed
    (page,) = (charm / "pages").iterdir()
    assert page.name == "tests-integration-test_charm.py-test_that_fails-call.html"
    assert f"{page}\n" in printed
    assert status == 1
    assert "localjuju: Juju 4.0, seed 7" in printed
    _, _, summary = printed.partition("localjuju: --localjuju=4.0 --localjuju-seed=7")
    for part in ("$ juju deploy ", "a/0  ", "start", "unit-a-0: ", 'ran "evaluate" action'):
        assert part in summary, printed


def test_failed_fixture_is_reported_after_its_model_has_gone(charm: pathlib.Path) -> None:
    failing = SUITE.replace("def test_deploy(charm", "def test_deploy(broken, charm") + (
        "\nimport pytest\n@pytest.fixture\ndef broken(charm):\n"
        "    with jubilant.temp_model() as juju:\n        juju.deploy(charm, app='a')\n"
        "        juju.wait(lambda _: False, timeout=1)\n"
    )
    status, printed = run(charm, failing, *OPTIONS, "-k", "test_deploy")
    assert status == 1
    assert "unit-a-0: " in printed.partition("--localjuju-seed=7")[2], printed


def test_pytest_jubilant_needs_no_subclass(charm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    conftest = charm / "tests" / "integration" / "conftest.py"
    _, _, own = CONFTEST.partition("yield juju\n")
    conftest.write_text(f"import os, pathlib, pytest\n{own}")
    status, printed = run(charm, SUITE, *OPTIONS, "--juju-switch", f"--juju-dump-logs={tmp_path}")
    assert status == 0, printed
    assert [path for path in tmp_path.glob("*-juju-debug.log") if "ran" in path.read_text()]


def test_plugin_does_nothing_without_its_option(charm: pathlib.Path) -> None:
    suite = "import shutil\ndef test_juju():\n    assert 'lj-' not in str(shutil.which('juju'))\n"
    status, printed = run(charm, suite)
    assert status == 0, printed
    assert "localjuju: " not in printed


def test_plugin_imports_no_slow_modules() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import localjuju.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["localjuju", "localjuju.pytest_plugin"]


def test_unknown_series_is_a_usage_error(charm: pathlib.Path) -> None:
    status, printed = run(charm, SUITE, "--localjuju=2.9")
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "argument --localjuju: invalid choice: '2.9'" in printed
