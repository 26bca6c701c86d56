"""Fixtures and functions for all tests of localjuju."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Iterator

import jubilant
import pytest

from localjuju import LocalJuju
from localjuju.versions import BEHAVIOURS


@pytest.fixture(params=sorted(BEHAVIOURS))
def series(request: pytest.FixtureRequest) -> str:
    """Each series of Juju."""
    return request.param


@pytest.fixture
def juju(series: str) -> Iterator[LocalJuju]:
    with LocalJuju(series) as juju:
        yield juju


CHARM = """\
import datetime
import pathlib
import subprocess

import ops

class ACharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.evaluate_action, self._on_evaluate)
        framework.observe(self.on.start, self._on_start)
        self.observe()

    def observe(self):
        pass

    def _on_start(self, _):
        self.unit.status = ops.ActiveStatus()

    def _on_evaluate(self, event):
        value = eval(event.params["python"], {{**globals(), "self": self}})
        event.set_results({{"value": repr(value)}})

{body}

if __name__ == "__main__":
    ops.main(ACharm)
"""

EVALUATE = """
actions:
  evaluate:
    params:
      python: {type: string}
"""

MakeCharm = Callable[..., pathlib.Path]


@pytest.fixture
def make_charm(tmp_path: pathlib.Path) -> MakeCharm:
    """Return a function that makes a charm's folder from charmcraft.yaml and methods of its class.

    The charm's action ``evaluate`` returns the value of a Python expression in the charm.
    """

    def make(name: str, charmcraft: str = "", body: str = "") -> pathlib.Path:
        folder = tmp_path / name
        (folder / "src").mkdir(parents=True)
        (folder / "charmcraft.yaml").write_text(f"name: {name}\n{charmcraft}\n{EVALUATE}")
        indented = "".join(f"    {line}\n" for line in body.splitlines())
        (folder / "src" / "charm.py").write_text(CHARM.format(body=indented))
        return folder

    return make


def evaluate(juju: LocalJuju, unit: str, python: str) -> str:
    """Return the ``repr`` of the value of a Python expression in a unit's charm."""
    return juju.run(unit, "evaluate", {"python": python}).results["value"]


# Runs hook commands in order. ``secret`` is the id of the last secret that was added.
SCRIPT = """
def commands(self, *lines):
    secret, answers = "", []
    for line in lines:
        done = subprocess.run(
            line.format(secret=secret).split(), capture_output=True, text=True
        )
        if line.startswith("secret-add") and not done.returncode:
            secret = done.stdout.strip()
        answers.append((done.stdout + done.stderr).strip() or done.returncode)
    return answers
"""


def run(juju: LocalJuju, *lines: str, unit: str = "a/0") -> list[str | int]:
    """Run hook commands in one hook, and return the output or exit status of each."""
    return eval(evaluate(juju, unit, f"self.commands(*{lines!r})"))


PROVIDER = "provides: {data: {interface: data}}"
REQUIRER = "requires: {data: {interface: data}}"
PEERS = "peers: {replicas: {interface: replicas}}"
SUBORDINATE = """
subordinate: true
requires:
  logging: {interface: logging, scope: container}
  juju-info: {interface: juju-info, scope: container}
"""
PRINCIPAL = "provides: {logging: {interface: logging, scope: container}}"


def hooks_of(juju: LocalJuju, unit: str) -> list[str]:
    return [e.hook.name for e in juju.history.events if e.hook and e.unit == unit]


def leader_of(juju: LocalJuju, application: str) -> str:
    units = juju.status().get_units(application)
    return next(name for name, unit in units.items() if unit.leader)


def follower_of(juju: LocalJuju, application: str) -> str:
    units = juju.status().get_units(application)
    return next(name for name, unit in units.items() if not unit.leader)


def until(condition: Callable[[], bool]) -> None:
    """Wait until another process makes a condition true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for 30 seconds"
        time.sleep(0.05)


def error_of(
    juju: LocalJuju, *arguments: str, stdin: str | None = None, include_model: bool = True
) -> jubilant.CLIError:
    """Run a command that fails, and return its error."""
    with pytest.raises(jubilant.CLIError) as failure:
        juju.cli(*arguments, include_model=include_model, stdin=stdin)
    return failure.value


def error_text(juju: LocalJuju, *arguments: str) -> str:
    """Run a command that fails, and return its error message."""
    return error_of(juju, *arguments).stderr.strip()


def add_model(juju: LocalJuju, name: str) -> LocalJuju:
    """Add a model to the controller."""
    juju.cli("add-model", name, "--no-switch", include_model=False)
    return juju.on_model(name)
