"""Fault injection: each fault occurs, is recorded, depends on the seed, and ends."""

from __future__ import annotations

import re

import jubilant
import pytest

from conftest import PEERS, MakeCharm, hooks_of, leader_of
from localjuju import Faults, LocalJuju
from localjuju.faults import FAULTS, Fault
from localjuju.history import Event

# In each hook every unit writes its own databag, and the leader that of the application.
WRITES = """
def observe(self):
    for event in self.on.events().values():
        if isinstance(event, ops.framework.BoundEvent):
            self.framework.observe(event, self._on_any)

def _on_any(self, event):
    if isinstance(event, (ops.LifecycleEvent, ops.ActionEvent)):
        return
    for relation in self.model.relations["replicas"]:
        relation.data[self.unit]["name"] = self.unit.name
        if self.unit.is_leader():
            relation.data[self.app]["leader"] = self.unit.name
"""
UNITS = 3


def deploy_and_settle(make_charm: MakeCharm, juju: LocalJuju) -> None:
    """Deploy units that write to databags, and wait until they are active and settled."""
    juju.deploy(make_charm("a", PEERS, WRITES), num_units=UNITS)
    status = juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert len(status.apps["a"].units) == UNITS
    assert not juju.settle()


def faults_of(juju: LocalJuju) -> list[Event]:
    return [event for event in juju.history.events if event.fault]


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_occurs_and_is_recorded(make_charm: MakeCharm, kind: Fault, series: str) -> None:
    with LocalJuju(series, seed=3, faults=Faults([kind], most=4)) as juju:
        deploy_and_settle(make_charm, juju)
        faults = faults_of(juju)
        assert 1 <= len(faults) <= 4
        timeline, log = juju.history.timeline(), juju.debug_log(limit=0)
        for event in faults:
            assert f"FAULT: {event.fault}" in timeline
            assert f"WARNING localjuju.faults {event.fault}" in log
        assert juju.history.sequence_diagram().count(": fault: ") == len(faults)


def test_same_seed_injects_the_same_faults(make_charm: MakeCharm, series: str) -> None:
    def timeline_of(seed: int) -> str:
        with LocalJuju(series, seed=seed, faults=Faults(most=6)) as juju:
            juju.deploy(charm, num_units=UNITS)
            juju.wait(jubilant.all_active, error=jubilant.any_error)
            return re.sub(r"(?m)^ *[0-9.]+ ", "", juju.history.timeline())

    charm = make_charm("a", PEERS, WRITES)
    assert timeline_of(5) == timeline_of(5) != timeline_of(6)


def test_seed_without_faults_runs_the_same_hooks(make_charm: MakeCharm) -> None:
    charm = make_charm("a", PEERS)
    orders = []
    for juju in (LocalJuju(seed=8), LocalJuju(seed=8, faults=Faults(most=0))):
        with juju:
            juju.deploy(charm, num_units=UNITS)
            juju.settle()
            orders.append([(event.unit, str(event.hook)) for event in juju.history.events])
    assert orders[0] == orders[1]


def failures(juju: LocalJuju) -> list[Event]:
    return [event for event in juju.history.events if event.error]


def test_command_fails_as_without_a_connection(make_charm: MakeCharm, series: str) -> None:
    with LocalJuju(series, seed=1, faults=Faults(["command-fails"])) as juju:
        deploy_and_settle(make_charm, juju)
        assert {event.error for event in failures(juju)} == {"exit status 1"}
        assert "ERROR connection is shut down" in juju.debug_log(limit=0)
        assert "juju-log fails" not in juju.history.timeline()


def test_killed_hook_writes_nothing_and_runs_again(make_charm: MakeCharm, series: str) -> None:
    with LocalJuju(series, seed=1, faults=Faults(["hook-killed"])) as juju:
        deploy_and_settle(make_charm, juju)
        killed = failures(juju)
        assert len(killed) == len(faults_of(juju))
        for event in killed:
            assert (event.error, event.writes) == ("signal: killed", ())
            assert event.hook and hooks_of(juju, event.unit).count(event.hook.name) >= 2


def test_program_of_a_charm_is_killed(make_charm: MakeCharm) -> None:
    """A dispatch program in any language does not continue after its hook is killed."""
    charm = make_charm("a")
    (charm / "src" / "charm.py").unlink()
    dispatch = charm / "dispatch"
    dispatch.write_text("#!/bin/sh\nis-leader || exit 1\nstatus-set active\necho went on\n")
    dispatch.chmod(0o755)
    with LocalJuju(seed=2, faults=Faults(["hook-killed"], most=50)) as juju:
        juju.deploy(charm, num_units=10)
        juju.wait(jubilant.all_active)
        hooks = [event for event in juju.history.events if event.hook]
        killed = [event for event in hooks if event.error]
        assert {event.error for event in killed} == {"signal: killed"}
        went_on = juju.debug_log(limit=0).count("went on")
        assert went_on == len(hooks) - len(killed)


def test_former_leader_can_be_elected_again(make_charm: MakeCharm, juju: LocalJuju) -> None:
    juju.deploy(make_charm("a", PEERS, WRITES), num_units=2)
    juju.settle()
    first = leader_of(juju, "a")
    second = {"a/0": "a/1", "a/1": "a/0"}[first]
    for leader, follower in ((second, first), (first, second)):
        juju._runner.agents.move_leadership(juju._runner.model.units[leader])
        juju.settle()
        assert leader_of(juju, "a") == leader
        shown = juju.cli("exec", "--unit", follower, "--", "relation-get -r replicas:0 --app - a")
        assert f"leader: {leader}" in shown
    assert hooks_of(juju, first).count("leader-elected") == 2
    assert hooks_of(juju, second).count("leader-elected") == 1


# After its write, the leader runs so many hook commands that it loses its lease.
TAKES_LONG = """
def observe(self):
    self.framework.observe(self.on.leader_elected, self._on_elected)

def _on_elected(self, event):
    if not self.unit.is_leader():
        return
    {write}
    answers = [subprocess.run(["is-leader"], capture_output=True).stdout for _ in range(60)]
    self.unit.set_workload_version(str(len(set(answers))))
"""


def leader_elected_errors(make_charm: MakeCharm, juju: LocalJuju, write: str) -> list[str | None]:
    """Deploy two units, and return the error of each leader-elected."""
    juju.deploy(make_charm("a", PEERS, TAKES_LONG.format(write=write)), num_units=2)
    juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert faults_of(juju)
    hooks = [event for event in juju.history.events if event.hook]
    return [event.error for event in hooks if str(event.hook) == "leader-elected"]


def test_leader_that_lost_its_lease_cannot_write_a_databag(
    make_charm: MakeCharm, series: str
) -> None:
    with LocalJuju(series, seed=2, faults=Faults(["lease-ends"], most=1)) as juju:
        write = "self.model.get_relation('replicas').data[self.app]['by'] = self.unit.name"
        first, second = leader_elected_errors(make_charm, juju, write)
        fault = faults_of(juju)[0]
        assert re.fullmatch(
            r"its lease ends before is-leader: a/\d becomes the leader", fault.fault
        )
        assert first == (
            f'cannot flush: updating unit and application settings for "{fault.unit}": '
            "permission denied"
        )
        assert not second
        skipped = 'unit is no longer the leader; skipping "leader-elected" execution'
        assert skipped in juju.debug_log(limit=0)


def test_leader_that_lost_its_lease_cannot_add_a_secret(make_charm: MakeCharm) -> None:
    with LocalJuju(seed=2, faults=Faults(["lease-ends"], most=1)) as juju:
        write = "self.app.add_secret({'password': self.unit.name})"
        first, second = leader_elected_errors(make_charm, juju, write)
        assert first == "cannot flush: permission denied"
        assert not second
        assert len(juju.secrets()) == 1


def test_held_up_unit_runs_its_hooks_later(make_charm: MakeCharm) -> None:
    with LocalJuju(seed=2, faults=Faults(["agent-held-up"], most=1)) as juju:
        deploy_and_settle(make_charm, juju)
        events = juju.history.events
        at = next(number for number, event in enumerate(events) if event.fault)
        found = re.fullmatch(r"waits while other units run (\d+) hooks", events[at].fault)
        assert found
        hooks = [event.unit for event in events[at:] if event.hook]
        assert hooks.index(events[at].unit) >= int(found[1])


def test_unit_is_not_held_up_if_no_other_unit_has_a_hook(make_charm: MakeCharm) -> None:
    with LocalJuju(seed=2, faults=Faults(["agent-held-up"], most=3)) as juju:
        juju.deploy(make_charm("a", "config: {options: {n: {type: int}}}"))
        for number in range(20):
            juju.config("a", {"n": number})
            assert juju.settle()
        assert faults_of(juju)


def test_restarted_machine_starts_its_unit(make_charm: MakeCharm, series: str) -> None:
    with LocalJuju(series, seed=6, faults=Faults(["machine-restarts"], most=6)) as juju:
        deploy_and_settle(make_charm, juju)
        restarted = [event.unit for event in faults_of(juju)]
        starts = sum(hooks_of(juju, f"a/{number}").count("start") for number in range(UNITS))
        assert UNITS < starts <= UNITS + len(restarted)


@pytest.mark.parametrize(
    ("kinds", "most", "complaint"),
    [
        (["earthquake"], 1, "unknown kinds of faults: earthquake. Known are command-fails, "),
        ([], 1, "kinds of faults: none"),
        (FAULTS, -1, "most is -1"),
    ],
)
def test_invalid_faults_are_refused(kinds: list[Fault], most: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Faults(kinds, most)
