"""Print how fast localjuju and the charms' hooks are, as ratios to baselines of the same run.

    make bench

Nothing is asserted: seconds depend on the computer, and on what else it does. Of several rounds
the fastest counts, because others only add to it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import jubilant
from ops import testing

import bundles
from localjuju import LocalJuju
from localjuju.history import Event
from without_workloads import copy_charms

CHARMS = pathlib.Path(__file__).parents[1] / "charms"
DEMO = CHARMS / "replicas-demo"
UNITS = (1, 10, 50, 100)
HOOKS_OF_A_UNIT = 10
"""Enough to bring a unit up and let it meet others. All would be some 200 with 100 units."""
BARE = "import ops\n\n\nclass BareCharm(ops.CharmBase):\n    pass\n"


class EnoughError(Exception):
    """As many hooks have run as were wanted."""


def main() -> None:
    """Measure and print."""
    _compare_with_context()
    _compare_numbers_of_units()
    _deploy_the_bundle()
    _compare_starts()


def _fastest(measure: Callable[[], float], rounds: int = 5) -> float:
    return min(measure() for _ in range(rounds))


def _say(what: str, seconds: float, baseline: float, named: str) -> None:
    print(f"{what:44} {seconds * 1000:9.1f} ms {seconds / baseline:8.2f} times {named}")


def _compare_with_context() -> None:
    print("One start hook of replicas-demo:")
    sys.path.insert(0, str(DEMO / "src"))
    charm = importlib.import_module("charm")  # Context runs it in this process.
    context = testing.Context(charm.DemoCharm, charm_root=DEMO)
    state = testing.State(relations={testing.PeerRelation("replicas")})

    def with_context() -> float:
        started = time.perf_counter()
        context.run(context.on.start(), state)
        return time.perf_counter() - started

    with LocalJuju(seed=1) as juju:
        juju.deploy(DEMO, "d")
        juju.settle()

        def with_localjuju() -> float:
            juju.restart_machines("d/0")
            started = time.perf_counter()
            assert juju.settle() == 1
            return time.perf_counter() - started

        baseline = _fastest(with_context, rounds=20)
        _say("ops.testing.Context.run (baseline)", baseline, baseline, "itself")
        _say("localjuju", _fastest(with_localjuju, 20), baseline, "Context.run")


def _compare_numbers_of_units() -> None:
    print(f"A hook of replicas-demo, of the first {HOOKS_OF_A_UNIT} a unit:")
    seconds = {units: _seconds_for_a_hook(units) for units in UNITS}
    for units, each in seconds.items():
        what = f"units: {units}, hooks a second: {1 / each:.0f}"
        _say(what, each, seconds[10], "a hook at 10 units")


def _seconds_for_a_hook(units: int) -> float:
    """Deploy units, and let hooks run until there have been enough, or none is left."""
    hooks = 0

    def count(event: Event) -> None:
        nonlocal hooks
        hooks += event.hook is not None
        if hooks >= HOOKS_OF_A_UNIT * units:
            raise EnoughError

    with LocalJuju(seed=1) as juju:
        juju.history.on_event = count
        juju.deploy(DEMO, "d", num_units=units)
        started = time.perf_counter()
        with contextlib.suppress(EnoughError):
            juju.settle()
        return (time.perf_counter() - started) / hooks


def _deploy_the_bundle() -> None:
    print("The bundle without workloads, from deploy to settled:")
    with tempfile.TemporaryDirectory() as folder:
        charms = copy_charms(pathlib.Path(folder) / "charms")
        baseline = _start_of(charms / "mongodb" / "src")
        with LocalJuju("4.0", seed=1, charms=charms) as juju:
            started = time.perf_counter()
            juju.deploy(bundles.BUNDLE)
            juju.wait(jubilant.all_active, error=jubilant.any_error)
            seconds, hooks = time.perf_counter() - started, juju.hooks_run
    print(f"{f'{hooks} hooks of 10 units':44} {seconds * 1000:9.1f} ms")
    _say("each of them", seconds / hooks, baseline, "a start of Python with mongodb's charm")


def _compare_starts() -> None:
    print("The start of Python until ops.main, processor time:")
    with tempfile.TemporaryDirectory() as name:
        bare = pathlib.Path(name)
        (bare / "charm.py").write_text(BARE)
        baseline = _start_of(bare)
        _say("a bare ops charm (baseline)", baseline, baseline, "itself")
        for source in sorted(CHARMS.glob("*/src")):
            _say(source.parent.name, _start_of(source), baseline, "a bare ops charm")


def _start_of(source: pathlib.Path) -> float:
    """Return the seconds of processor time that importing a charm takes a new Python."""

    def measure() -> float:
        before = _processor_time()
        command = [sys.executable, "-c", "import charm"]
        subprocess.run(command, cwd=source, env=environment, check=True)
        return _processor_time() - before

    with tempfile.TemporaryDirectory() as compiled:
        # Compiled in the first round, as on a unit in its first hook, whatever this Python may.
        environment = {
            **os.environ,
            "PYTHONPYCACHEPREFIX": compiled,
            "PYTHONDONTWRITEBYTECODE": "",
        }
        return _fastest(measure, rounds=10)


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
