"""Measure the speed of localjuju and of the charms' hooks, as ratios to baselines of this run.

    make bench

This asserts nothing, because times depend on the computer and its other work. It uses the fastest
of several rounds, because other work can only make a round slower.
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
HOOKS_PER_UNIT = 10
"""These are the setup of a unit and its first peers. With 100 units, each runs about 200 hooks."""
BARE_CHARM = "import ops\n\n\nclass BareCharm(ops.CharmBase):\n    pass\n"


class EnoughHooksError(Exception):
    """Enough hooks have run: stop the run."""


def main() -> None:
    """Measure and print all results."""
    _compare_with_ops_testing()
    _compare_numbers_of_units()
    _deploy_the_bundle()
    _compare_imports()


def _fastest(measure: Callable[[], float], rounds: int = 5) -> float:
    return min(measure() for _ in range(rounds))


def _print_result(label: str, seconds: float, baseline: float, baseline_name: str) -> None:
    print(f"{label:44} {seconds * 1000:9.1f} ms {seconds / baseline:8.2f} times {baseline_name}")


def _compare_with_ops_testing() -> None:
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
        _print_result("ops.testing.Context.run (baseline)", baseline, baseline, "itself")
        _print_result("localjuju", _fastest(with_localjuju, 20), baseline, "Context.run")


def _compare_numbers_of_units() -> None:
    print(f"Time of one hook, for the first {HOOKS_PER_UNIT} hooks of each unit of replicas-demo:")
    seconds = {units: _seconds_for_a_hook(units) for units in UNITS}
    for units, for_one_hook in seconds.items():
        label = f"units: {units}, hooks a second: {1 / for_one_hook:.0f}"
        _print_result(label, for_one_hook, seconds[10], "a hook at 10 units")


def _seconds_for_a_hook(units: int) -> float:
    """Deploy units, run hooks until enough have run or none is left, and return the mean time."""
    hooks = 0

    def count(event: Event) -> None:
        nonlocal hooks
        hooks += event.hook is not None
        if hooks >= HOOKS_PER_UNIT * units:
            raise EnoughHooksError

    with LocalJuju(seed=1) as juju:
        juju.history.on_event = count
        juju.deploy(DEMO, "d", num_units=units)
        started = time.perf_counter()
        with contextlib.suppress(EnoughHooksError):
            juju.settle()
        return (time.perf_counter() - started) / hooks


def _deploy_the_bundle() -> None:
    print("The bundle without workloads, from its deployment until it has settled:")
    with tempfile.TemporaryDirectory() as folder:
        charms = copy_charms(pathlib.Path(folder) / "charms")
        baseline = _import_seconds(charms / "mongodb" / "src")
        with LocalJuju("4.0", seed=1, charms=charms) as juju:
            started = time.perf_counter()
            juju.deploy(bundles.BUNDLE)
            juju.wait(jubilant.all_active, error=jubilant.any_error)
            seconds, hooks = time.perf_counter() - started, juju.hooks_run
    print(f"{f'{hooks} hooks of 10 units':44} {seconds * 1000:9.1f} ms")
    _print_result("each hook", seconds / hooks, baseline, "a start of Python with mongodb's charm")


def _compare_imports() -> None:
    print("Processor time from the start of Python until it has imported the charm:")
    with tempfile.TemporaryDirectory() as name:
        bare = pathlib.Path(name)
        (bare / "charm.py").write_text(BARE_CHARM)
        baseline = _import_seconds(bare)
        _print_result("a bare ops charm (baseline)", baseline, baseline, "itself")
        for source in sorted(CHARMS.glob("*/src")):
            _print_result(
                source.parent.name, _import_seconds(source), baseline, "a bare ops charm"
            )


def _import_seconds(source: pathlib.Path) -> float:
    """Return the processor time in seconds that a new Python needs to import a charm."""

    def measure() -> float:
        before = _processor_time()
        command = [sys.executable, "-c", "import charm"]
        subprocess.run(command, cwd=source, env=environment, check=True)
        return _processor_time() - before

    with tempfile.TemporaryDirectory() as compiled:
        # The first round writes compiled files, as the first hook of a unit does.
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
