"""Run the integration tests of each charm's folder on localjuju."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = sorted(path.parent for path in ROOT.glob("charms/*/charmcraft.yaml"))

PYTEST = [sys.executable, "-m", "pytest", "-p", "localjuju.pytest_plugin"]

each_charm = pytest.mark.parametrize("charm", CHARMS, ids=lambda charm: charm.name)


def run(charm: pathlib.Path, packed: pathlib.Path, *arguments: str) -> str:
    """Run pytest in a charm's folder with packed charms, and return its output."""
    environment = {
        **os.environ,
        "CHARM_PATH": str(packed / f"{charm.name}.charm"),
        "PRINCIPAL_CHARM_PATH": str(packed / "replicas-demo.charm"),
    }
    for name in ("CHARM_PATH", "PRINCIPAL_CHARM_PATH"):
        pathlib.Path(environment[name]).touch()  # localjuju uses the charm's folder instead.
    done = subprocess.run(
        [*PYTEST, *arguments, "tests/integration"],
        cwd=charm,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@each_charm
def test_suite_is_collected(charm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert "test_charm.py::test_deploy" in run(charm, tmp_path, "--collect-only", "-q")


@each_charm
def test_suite_passes_on_localjuju(charm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run(charm, tmp_path, "--localjuju=4.0", f"--localjuju-charms={ROOT / 'charms'}")


def test_all_suites_find_packed_charms_in_the_same_way() -> None:
    texts = {charm.name: (charm / "tests/integration/conftest.py").read_text() for charm in CHARMS}
    shared = texts["replicas-demo"]
    assert [name for name, text in texts.items() if not text.startswith(shared)] == []
