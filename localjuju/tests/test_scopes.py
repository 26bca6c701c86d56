"""Which units see each other in a relation, and how it ends. Q1 to Q6 differ in 3.6 and 4.0."""

from __future__ import annotations

import jubilant
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
)
from localjuju import LocalJuju


def test_explicit_endpoint_wins_on_3_6_and_is_ambiguous_on_4_0_q1(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("s", SUBORDINATE))
    if series == "3.6":
        juju.integrate("p", "s")
        assert "logging" in juju.status().apps["s"].relations
    else:
        with pytest.raises(jubilant.CLIError, match="ambiguous relation"):
            juju.integrate("p", "s")


def test_container_scope_shows_other_machines_on_4_0_only_q2(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL), num_units=2)
    juju.deploy(make_charm("s", SUBORDINATE))
    juju.integrate("p:logging", "s:logging")
    seen = evaluate(juju, "s/0", "len(self.model.get_relation('logging').units)")
    assert seen == ("1" if series == "3.6" else "2")


def test_subordinate_takes_part_in_other_principals_relations_on_4_0_only_q3(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("q"))
    juju.deploy(make_charm("s", SUBORDINATE))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.integrate("q:juju-info", "s:juju-info")
    juju.settle()
    foreign = "logging-relation-joined" in hooks_of(juju, "s/1")
    assert foreign == (series == "4.0")
    assert "juju-info-relation-created" not in hooks_of(juju, "q/0")


def test_writing_to_another_principals_relation_when_created_fails_on_4_0_q4(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    writes = """
def observe(self):
    self.framework.observe(self.on["logging"].relation_created, self._created)

def _created(self, event):
    event.relation.data[self.unit]["k"] = "v"
"""
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("q"))
    juju.deploy(make_charm("s", SUBORDINATE, writes))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.integrate("q:juju-info", "s:juju-info")
    unit = juju.status().get_units("s")["s/1"]
    assert (unit.workload_status.current == "error") == (series == "4.0")


def test_removed_peer_departs_on_3_6_and_stays_listed_on_4_0_q5(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a", PEERS), num_units=3)
    juju.settle()
    juju.remove_unit("a/2")
    juju.settle()
    peers = evaluate(juju, "a/0", "len(self.model.get_relation('replicas').units)")
    assert peers == ("1" if series == "3.6" else "2")
    assert ("replicas-relation-departed" in hooks_of(juju, "a/0")) == (series == "3.6")
    # goal-state counts only the two units that are left.
    assert evaluate(juju, "a/0", "self.app.planned_units()") == "2"
    assert hooks_of(juju, "a/2")[-4:] == ["replicas-relation-departed"] * 2 + ["stop", "remove"]


def test_peer_relation_breaks_with_its_application_on_3_6_only_q6(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a", PEERS), num_units=2)
    juju.settle()
    juju.remove_application("a")
    juju.settle()
    assert ("replicas-relation-broken" in hooks_of(juju, "a/0")) == (series == "3.6")
    assert "a" not in juju.status().apps


def test_departed_unit_is_not_listed_and_its_databag_can_still_be_read(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_departed, self._departed)
    self.framework.observe(self.on["data"].relation_broken, self._broken)

def _departed(self, event):
    listed = event.unit in event.relation.units
    address = event.relation.data[event.unit]["ingress-address"][:4]
    print(f"departed {event.departing_unit.name} {listed} {address}")

def _broken(self, event):
    print(f"broken {event.relation.active} {self.model.relations['data']}")
    print(f"remote {dict(event.relation.data[event.app])}")
"""
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER, body))
    juju.integrate("a", "b")
    juju.settle()
    evaluate(juju, "a/0", "self.model.get_relation('data').data[self.app].update(k='v')")
    juju.remove_relation("a", "b")
    juju.settle()
    log = juju.debug_log()
    assert "departed a/0 False 127." in log
    assert "broken False []" in log
    assert "remote {'k': 'v'}" in log


def test_remote_application_is_empty_in_peer_broken_q6(make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["replicas"].relation_broken, self._broken)

def _broken(self, _):
    import os
    print(f"remote app '{os.environ['JUJU_REMOTE_APP']}'")
"""
    with LocalJuju("3.6") as juju:
        juju.deploy(make_charm("a", PEERS, body))
        juju.settle()
        juju.remove_application("a")
        juju.settle()
        assert "remote app ''" in juju.debug_log()


def test_own_databags_can_be_written_in_relation_broken(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_broken, self._broken)

def _broken(self, event):
    event.relation.data[self.unit]["k"] = "v"
    event.relation.data[self.app]["k"] = "v"
"""
    juju.deploy(make_charm("a", PROVIDER, body))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_relation("a", "b")
    juju.wait(jubilant.all_active)
    assert "data-relation-broken" in hooks_of(juju, "a/0")


def test_others_see_a_unit_depart_at_once_on_3_6_and_after_its_broken_on_4_0(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_departed, self._departed)

def _departed(self, event):
    if event.departing_unit == self.unit:
        raise RuntimeError("stays in the relation")
"""
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER, body), num_units=2)
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_unit("b/1")
    juju.settle()
    assert ("data-relation-departed" in hooks_of(juju, "a/0")) == (series == "3.6")


def test_departing_unit_is_named_to_itself_and_to_the_others(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_departed, self._departed)

def _departed(self, event):
    print(f"{self.unit.name} sees {event.departing_unit.name} leave {event.unit.name}")
"""
    juju.deploy(make_charm("a", PROVIDER, body))
    juju.deploy(make_charm("b", REQUIRER, body), num_units=2)
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_unit("b/1")
    juju.settle()
    assert "b/1 sees b/1 leave a/0" in juju.debug_log()
    assert "a/0 sees b/1 leave b/1" in juju.debug_log()
    assert "b/0 sees" not in juju.debug_log()
