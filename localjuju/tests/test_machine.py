"""Machines: their folders, processes and addresses."""

from __future__ import annotations

import itertools
import re

import psutil
import pytest

from conftest import (
    PEERS,
    PRINCIPAL,
    PROVIDER,
    REQUIRER,
    SUBORDINATE,
    MakeCharm,
    evaluate,
    hooks_of,
    until,
)
from localjuju import LocalJuju
from localjuju.machine import LoopbackNetwork


def test_machine_is_removed_with_its_last_unit_and_leftovers_are_logged(
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


def test_leftover_process_ends_with_its_own_machine(
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
    # It stays a zombie until the server runs the next hook.
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_network_of_another_localjuju_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chance:
        numbers = itertools.cycle([20, 1, 20, 1, 20, 2])

        def randint(self, _low: int, _high: int) -> int:
            return next(self.numbers)

    monkeypatch.setattr("localjuju.machine.random.SystemRandom", Chance)
    networks = [LoopbackNetwork(), LoopbackNetwork()]
    assert [network.prefix for network in networks] == ["127.20.1", "127.20.2"]
    for network in networks:
        network.close()


def test_address_of_a_removed_machine_is_not_reused_at_once() -> None:
    network = LoopbackNetwork()
    first, second = network.allocate(), network.allocate()
    network.release(first)
    assert network.allocate() not in (first, second)
    network.close()


def test_restart_ends_every_process_and_runs_start(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", "", LEAVES_A_PROCESS), num_units=2)
    juju.settle()
    started = re.findall(r"started (\d+) for (\S+)", juju.debug_log())
    processes = {unit: psutil.Process(int(pid)) for pid, unit in started}
    address = juju.status().apps["a"].units["a/0"].public_address
    juju.restart_machines("a/0")
    assert _has_ended(processes["a/0"])
    assert not _has_ended(processes["a/1"])
    juju.settle()
    assert hooks_of(juju, "a/0")[-2:] == ["start", "start"]
    assert hooks_of(juju, "a/1").count("start") == 1
    assert juju.status().apps["a"].units["a/0"].public_address == address
    with pytest.raises(KeyError):
        juju.restart_machines(["a/0", "a/9"])


def test_new_address_reaches_the_charm_and_its_relations(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", f"{PROVIDER}\n{PEERS}"), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    before = {unit.public_address for unit in juju.status().apps["a"].units.values()}
    juju.restart_machines(["a/0", "a/1"], new_addresses=True)
    after = {name: unit.public_address for name, unit in juju.status().apps["a"].units.items()}
    assert not before & set(after.values())
    for unit, other in (("a/0", "a/1"), ("a/1", "a/0")):
        hooks = hooks_of(juju, unit)
        last = hooks[len(hooks) - hooks[::-1].index("start") - 1 :]
        assert last == ["start", "config-changed", "replicas-relation-changed"]
        network = "str(self.model.get_binding('data').network.ingress_address)"
        assert evaluate(juju, unit, network) == repr(after[unit])
        databag = f"self.model.get_relation({{!r}}).data[self.model.get_unit({other!r})]"
        for reader, endpoint in ((unit, "replicas"), ("b/0", "data")):
            seen = evaluate(juju, reader, databag.format(endpoint) + "['ingress-address']")
            assert seen == repr(after[other])
    assert hooks_of(juju, "b/0")[-2:] == ["data-relation-changed", "data-relation-changed"]


def test_subordinate_restarts_with_its_machine(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("s", SUBORDINATE))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.restart_machines(["p/0"], new_addresses=True)
    juju.settle()
    for unit in ("p/0", "s/0"):
        assert hooks_of(juju, unit).count("start") == 2
        assert hooks_of(juju, unit).count("config-changed") == 2
