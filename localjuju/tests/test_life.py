"""Leaders, subordinates and machines: how they are added and removed."""

from __future__ import annotations

from conftest import PRINCIPAL, SUBORDINATE, MakeCharm, hooks_of, leader_of
from localjuju import LocalJuju
from localjuju.history import Event


def test_another_unit_becomes_leader_when_the_leader_is_removed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a"), num_units=3)
    leader = leader_of(juju, "a")
    juju.remove_unit(leader)
    new_leader = leader_of(juju, "a")
    assert new_leader != leader
    assert hooks_of(juju, new_leader).count("leader-elected") == 1


def test_subordinate_is_added_and_removed_with_its_principal(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL), num_units=2)
    juju.deploy(make_charm("s", SUBORDINATE))
    juju.integrate("p:logging", "s:logging")
    units = juju.status().apps["p"].units
    assert [len(unit.subordinates) for unit in units.values()] == [1, 1]
    juju.remove_unit("p/0")
    assert len(juju.status().get_units("s")) == 1
    juju.remove_relation("p:logging", "s:logging")
    assert not juju.status().get_units("s")
    assert juju.status().apps["s"].subordinate_to == []


def test_subordinate_leaves_its_relations_before_it_is_removed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("s", SUBORDINATE))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.remove_unit("p/0")
    juju.settle()
    last = ["logging-relation-departed", "logging-relation-broken", "stop", "remove"]
    assert hooks_of(juju, "s/0")[-4:] == last
    assert hooks_of(juju, "p/0")[-4:] == last


def test_subordinate_that_failed_to_install_is_removed_when_resolved(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.install, self._fail)

def _fail(self, _):
    raise RuntimeError("told to")
"""
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("s", SUBORDINATE, body))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.remove_relation("p:logging", "s:logging")
    assert list(juju.status().apps["p"].units["p/0"].subordinates) == ["s/0"]
    juju.cli("resolved", "--no-retry", "s/0")
    assert not juju.status().apps["p"].units["p/0"].subordinates


def test_subordinate_is_removed_even_if_its_principal_stays_in_error(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["logging"].relation_departed, self._fail)

def _fail(self, _):
    raise RuntimeError("told to")
"""
    juju.deploy(make_charm("p", PRINCIPAL, body))
    juju.deploy(make_charm("s", SUBORDINATE))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.remove_relation("p:logging", "s:logging")
    units = juju.status().apps["p"].units
    assert units["p/0"].workload_status.current == "error"
    assert not units["p/0"].subordinates


def test_dying_unit_does_not_become_the_leader(make_charm: MakeCharm, series: str) -> None:
    charm = make_charm("a")
    for seed in range(4):
        with LocalJuju(series, seed=seed) as juju:
            juju.deploy(charm, num_units=3)
            leader = leader_of(juju, "a")
            _, other, last = sorted(juju.status().get_units("a"), key=lambda unit: unit != leader)
            leaders = _watch_leaders(juju)
            juju.remove_unit(leader, other)
            juju.settle()
            assert leaders <= {leader, last}
            assert leader_of(juju, "a") == last


def test_action_between_two_hooks_runs_no_hooks(juju: LocalJuju, make_charm: MakeCharm) -> None:
    ran: list[str] = []

    def note(event: Event) -> None:
        if event.hook:
            ran.append(str(event.hook))
        if event.unit == "a/0" and ran == ["install"]:
            juju.run("a/0", "evaluate", {"python": "1 + 1"})
            ran.append("action has run")

    juju.history.on_event = note
    juju.deploy(make_charm("a"))
    juju.settle()
    assert ran[:3] == ["install", "action has run", "leader-elected"]


def _watch_leaders(juju: LocalJuju) -> set[str]:
    leaders: set[str] = set()

    def note(_: object) -> None:
        units = juju.look().get_units("a")
        leaders.update(name for name, unit in units.items() if unit.leader)

    juju.history.on_event = note
    return leaders
