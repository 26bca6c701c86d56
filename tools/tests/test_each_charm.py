"""A command runs in every charm's folder, even if it fails in one folder."""

from __future__ import annotations

import sys

import pytest

import each_charm


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_command_runs_for_all_charms_and_failures_are_named(
    jobs: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["test", "-e", "tests/functional"]
    monkeypatch.setattr(sys, "argv", ["each_charm.py", "--jobs", jobs, *command])
    assert each_charm.main() == 1
    output = capfd.readouterr()
    assert output.out.count(": test -e tests/functional\n") == 6
    failed = "demo-provider, demo-requirer, replicas-demo"
    assert output.err == f"failed in {failed}: test -e tests/functional\n"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_having_selects_the_charms_with_a_path(
    jobs: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--having", "tests/functional", "--jobs", jobs, "echo", "done"]
    monkeypatch.setattr(sys, "argv", ["each_charm.py", *arguments])
    assert each_charm.main() == 0
    lines = capfd.readouterr().out.splitlines()
    for charm in ("mongodb", "my-node-app", "rsyslog-forwarder"):
        # The output of a charm follows its title.
        assert lines[lines.index(f"== charms/{charm}: echo done") + 1] == "done"
    assert not any("demo" in line for line in lines)
