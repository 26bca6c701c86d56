"""Machines: their folder, their processes and their address."""

from __future__ import annotations

import itertools
import re

import psutil
import pytest

from conftest import MakeCharm, until
from localjuju import LocalJuju
from localjuju.machine import LoopbackNetwork


def test_machine_goes_with_its_last_unit_and_leftovers_are_told(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a"))
    juju.settle()
    folder = juju.machine_folder("a/0")
    (folder / "litter").write_text("x")
    juju.remove_application("a")
    juju.settle()
    assert not folder.exists()
    assert "left behind: file litter" in juju.debug_log()


LEAVES_A_PROCESS = """
def observe(self):
    self.framework.observe(self.on.start, self._start)

def _start(self, _):
    import subprocess
    left = subprocess.Popen(["tail", "-f", "/dev/null"], start_new_session=True)
    print(f"started {left.pid} for {self.unit.name}")
"""


def test_process_that_is_left_ends_with_its_own_machine_only(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", LEAVES_A_PROCESS), num_units=11)
    juju.settle()
    started = re.findall(r"started (\d+) for (\S+)", juju.debug_log())
    processes = {unit: psutil.Process(int(pid)) for pid, unit in started}
    assert len(processes) == 11
    juju.remove_unit("a/1")
    juju.settle()
    assert f"left behind: process {processes['a/1'].pid} tail" in juju.debug_log()
    until(lambda: _has_ended(processes["a/1"]))
    assert [unit for unit, process in processes.items() if _has_ended(process)] == ["a/1"]


def _has_ended(process: psutil.Process) -> bool:
    # A zombie until the next hook runs: the server looks after it only then.
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_network_of_another_localjuju_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chance:
        numbers = itertools.cycle([20, 1, 20, 1, 20, 2])

        def randint(self, _low: int, _high: int) -> int:
            return next(self.numbers)

    monkeypatch.setattr("localjuju.machine.random.SystemRandom", Chance)
    networks = [LoopbackNetwork(), LoopbackNetwork()]
    assert [network.prefix for network in networks] == ["127.20.1", "127.20.2"]
    for network in networks:
        network.close()


def test_address_of_a_machine_that_went_is_not_the_next_to_be_given() -> None:
    network = LoopbackNetwork()
    first, second = network.allocate(), network.allocate()
    network.release(first)
    assert network.allocate() not in (first, second)
    network.close()
