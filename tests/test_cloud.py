"""Test ControllerCloud of tests/cloud.py and the option --controller, without a controller."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import types
from typing import Any, cast

from cloud import ControllerCloud

HERE = pathlib.Path(__file__).parent


class FakeJuju:
    """``juju exec``, which joins its words with spaces for the shell of the unit's machine."""

    def exec(self, *command: str, unit: str) -> Any:
        assert unit == "an-app/0"
        shell = subprocess.run(
            ["bash"], input=" ".join(command), stdout=subprocess.PIPE, text=True, check=True
        )
        return types.SimpleNamespace(stdout=shell.stdout)


def cloud() -> ControllerCloud:
    return ControllerCloud(cast(Any, FakeJuju()))


def test_words_of_a_command_are_not_split() -> None:
    text = "two  words, \"both\" kinds of 'quotes', $HOME and\na second line"
    assert cloud().run("an-app/0", "printf", "%s", text) == text


def test_processes_of_the_whole_machine_are_found_by_their_program() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            found = cloud().processes("an-app/0", "sleep")
            assert ["sleep", "60", ""] in [p.arguments for p in found if p.pid == sleeper.pid]
        finally:
            sleeper.kill()


def test_option_controller_selects_the_tests_that_use_a_model() -> None:
    command = [sys.executable, "-m", "pytest", "--controller", "--collect-only", "-q", HERE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    assert {test.partition("::")[0].rpartition("/")[2] for test in tests} == {
        "test_bundle.py",
        "test_credentials.py",
        "test_demos.py",
        "test_logging.py",
        "test_relation.py",
        "test_replica_set.py",
        "test_whole_bundle.py",
    }
    assert not [test for test in tests if "runs_no_hook" in test or "nothing_is_left" in test]
    assert all(test.endswith("[controller]") for test in tests), tests
