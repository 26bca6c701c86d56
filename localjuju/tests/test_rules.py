"""Juju's rules, each tested by what a charm sees. Q1 to Q7: where Juju 3.6 and 4.0 differ."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

from conftest import MakeCharm, evaluate
from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parent / "charms"

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


# Hooks and their order


def test_first_hooks_of_a_leader(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PEERS))
    juju.settle()
    first = ["install", "replicas-relation-created", "leader-elected", "config-changed", "start"]
    assert hooks_of(juju, "a/0") == first


def test_relations_are_not_there_yet_in_install(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.install, self._look)
    self.framework.observe(self.on["replicas"].relation_created, self._look)

def _look(self, event):
    print(f"{type(event).__name__} sees {self.model.get_relation('replicas') is not None}")
"""
    juju.deploy(make_charm("a", PEERS, body))
    juju.settle()
    log = juju.debug_log()
    assert "InstallEvent sees False" in log
    assert "RelationCreatedEvent sees True" in log


def test_followers_get_leader_settings_changed_on_3_6_only_q7(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a"), num_units=2)
    follower = follower_of(juju, "a")
    assert ("leader-settings-changed" in hooks_of(juju, follower)) == (series == "3.6")


def test_private_address_is_in_unit_bags_on_3_6_only_q7(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    data = evaluate(
        juju, "b/0", "sorted(self.model.get_relation('data').data[self.model.get_unit('a/0')])"
    )
    expected = ["egress-subnets", "ingress-address"] + ["private-address"] * (series == "3.6")
    assert data == repr(expected)


def test_joined_is_followed_by_changed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    juju.settle()
    juju.integrate("a", "b")
    juju.settle()
    assert hooks_of(juju, "b/0")[-3:] == [
        "data-relation-created",
        "data-relation-joined",
        "data-relation-changed",
    ]


def test_changes_coalesce_and_a_settled_model_runs_nothing(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    writes = "self.model.get_relation('data').data[self.unit].update({'k': '%s'})"
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    assert juju.settle() == 0
    evaluate(juju, "a/0", writes % 1)
    assert juju.settle() == 1
    evaluate(juju, "a/0", writes % 1)  # The same data: nothing has changed.
    assert juju.settle() == 0


def test_own_write_brings_no_changed_but_peers_app_data_does(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PEERS), num_units=2)
    leader = leader_of(juju, "a")
    juju.settle()
    for owner, hooks in (("unit", 1), ("app", 2)):
        evaluate(
            juju, leader, f"self.model.get_relation('replicas').data[self.{owner}].update(k='v')"
        )
        assert juju.settle() == hooks


def test_the_same_seed_runs_the_same_hooks(series: str) -> None:
    runs = []
    for _ in range(2):
        with LocalJuju(series, seed=11) as juju:
            juju.deploy(CHARMS / "tprov", num_units=3)
            juju.deploy(CHARMS / "treq", num_units=2)
            juju.integrate("treq:database", "tprov:database")
            juju.remove_unit("tprov/1")
            juju.settle()
            runs.append([(e.unit, str(e.hook)) for e in juju.history.events])
    assert runs[0] == runs[1]


# Failing hooks


WRITES_AND_FAILS = """
def observe(self):
    self.framework.observe(self.on.config_changed, self._fail)

def _fail(self, _):
    self.unit.status = ops.MaintenanceStatus("before")
    self.unit.set_workload_version("9.9")
    for relation in self.model.relations["replicas"]:
        relation.data[self.unit]["k"] = "v"
    if self.config["fail"]:
        raise RuntimeError("told to")
"""
FAIL_OPTION = PEERS + "\nconfig: {options: {fail: {type: boolean, default: true}}}"


def test_failed_hook_discards_databag_writes_and_keeps_status_and_version(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    status = juju.status()
    unit = status.apps["a"].units["a/0"]
    assert unit.workload_status.current == "error"
    assert unit.workload_status.message == 'hook failed: "config-changed"'
    assert status.apps["a"].version == "9.9"
    bag = juju.show_unit("a/0").relation_info[0].local_unit
    assert bag is not None and "k" not in bag.data


def test_failed_hook_is_retried_and_resolved(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    juju.settle()
    retried = hooks_of(juju, "a/0").count("config-changed")
    assert retried > 1
    assert evaluate(juju, "a/0", "1 + 1") == "2"  # Actions still run.
    juju.config("a", {"fail": False})
    juju.cli("resolved", "a/0")
    juju.wait(jubilant.all_active)
    bag = juju.show_unit("a/0").relation_info[0].local_unit
    assert bag is not None and bag.data["k"] == "v"


def test_unknown_hook_command_fails_the_hook_with_its_name(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.install, self._install)

def _install(self, _):
    import subprocess
    subprocess.run(["storage-list"])
"""
    juju.deploy(make_charm("a", "", body))
    juju.settle()
    assert 'hook command "storage-list" is not known to localjuju' in juju.debug_log()
    assert juju.status().apps["a"].units["a/0"].workload_status.current == "error"


# Databags


@pytest.mark.parametrize(
    ("who", "python", "error"),
    [
        ("follower", "data[self.app].update(k='v')", "RelationDataAccessError"),
        ("follower", "data[self.app].get('k')", "RelationDataAccessError"),
        ("leader", "data[self.model.get_app('b')].update(k='v')", "RelationDataAccessError"),
        ("leader", "data[self.unit].update(k=1)", "RelationDataTypeError"),
    ],
)
def test_ops_refuses_what_juju_refuses(
    juju: LocalJuju, make_charm: MakeCharm, who: str, python: str, error: str
) -> None:
    juju.deploy(make_charm("a", PROVIDER), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    unit = leader_of(juju, "a") if who == "leader" else follower_of(juju, "a")
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, unit, f"self.model.get_relation('data').{python}")
    assert error in failure.value.task.stderr


RAW = "__import__('subprocess').run({command}, capture_output=True, text=True).stderr"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["relation-get", "-r", "data:0", "-", "a", "--app"], "permission denied"),
        (["relation-set", "-r", "data:0", "--app", "k=v"], "cannot write relation settings"),
        (["relation-get", "-r", "data:9", "-", "a/0"], "relation not found"),
        (["secret-add", "k=v"], "not the leader"),
        (["secret-get", "secret:nosuch"], 'secret "secret:nosuch" not found'),
        (["status-set", "--application", "active"], "not the leader"),
        (["action-get", "--format=json"], ""),
        (["network-get", "nosuch"], "nosuch"),
    ],
)
def test_hook_commands_refuse_what_juju_refuses(
    juju: LocalJuju, make_charm: MakeCharm, command: list[str], message: str
) -> None:
    """Below ops, which refuses most of this before it asks."""
    juju.deploy(make_charm("a", PROVIDER), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    said = evaluate(juju, follower_of(juju, "a"), RAW.format(command=command))
    assert message in said.replace("\\'", "'") and ("ERROR" in said) == bool(message)


# Scopes


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
    # goal-state knows better.
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


def test_departed_unit_is_off_the_list_and_its_bag_still_reads(
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


# Leadership, subordinates, life


def test_leadership_moves_when_the_leader_goes(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"), num_units=3)
    leader = leader_of(juju, "a")
    juju.remove_unit(leader)
    heir = leader_of(juju, "a")
    assert heir != leader
    assert hooks_of(juju, heir).count("leader-elected") == 1


def test_subordinate_comes_and_goes_with_its_principal(
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


# Secrets


OWNER = PROVIDER + "\n" + PEERS
OBSERVES_SECRETS = """
def observe(self):
    self.framework.observe(self.on.secret_changed, self._noop)
    self.framework.observe(self.on.secret_remove, self._remove)

def _noop(self, _):
    pass

def _remove(self, event):
    print(f"obsolete {event.revision} {event.secret.label}")
"""
READ = "self.model.get_secret(id={id!r}).get_content(refresh={refresh})['key']"


@pytest.fixture
def secret(juju: LocalJuju, make_charm: MakeCharm) -> str:
    """The id of a secret of application a, granted to b."""
    juju.deploy(make_charm("a", OWNER, OBSERVES_SECRETS), num_units=2)
    juju.deploy(make_charm("b", REQUIRER, OBSERVES_SECRETS), num_units=2)
    juju.deploy(make_charm("c", REQUIRER, OBSERVES_SECRETS))
    juju.integrate("a", "b")
    juju.integrate("a", "c")
    juju.settle()
    add = "self.app.add_secret({'key': 'one'}, label='mine')"
    grant = "[s.grant(r) for r in self.model.relations['data'] if r.app.name == 'b']"
    added = evaluate(juju, leader_of(juju, "a"), f"[({grant}, s.id) for s in [{add}]][0][1]")
    return added.strip("'")


def test_granted_secret_is_read_by_whom_it_is_granted_to(juju: LocalJuju, secret: str) -> None:
    assert evaluate(juju, "b/0", READ.format(id=secret, refresh=False)) == "'one'"
    assert evaluate(juju, "a/0", READ.format(id=secret, refresh=False)) == "'one'"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "c/0", READ.format(id=secret, refresh=False))
    assert "ModelError" in failure.value.task.stderr
    assert "permission denied" in failure.value.task.stderr


def test_observers_see_a_revision_when_they_refresh_and_then_the_old_is_obsolete(
    juju: LocalJuju, secret: str
) -> None:
    for unit in ("b/0", "b/1"):
        evaluate(juju, unit, READ.format(id=secret, refresh=False))
    set_content = "self.model.get_secret(label='mine').set_content({'key': 'two'})"
    evaluate(juju, leader_of(juju, "a"), set_content)
    juju.settle()
    for unit in ("b/0", "b/1"):
        assert hooks_of(juju, unit).count("secret-changed") == 1
        assert evaluate(juju, unit, READ.format(id=secret, refresh=False)) == "'one'"
    evaluate(juju, "b/0", READ.format(id=secret, refresh=True))
    juju.settle()
    assert "obsolete 1" not in juju.debug_log()
    assert evaluate(juju, "b/1", READ.format(id=secret, refresh=True)) == "'two'"
    # get_secret(label=...) has made the owner read it too.
    assert hooks_of(juju, leader_of(juju, "a")).count("secret-changed") == 1
    evaluate(juju, leader_of(juju, "a"), READ.format(id=secret, refresh=True))
    juju.settle()
    assert juju.debug_log().count("obsolete 1 mine") == 1
    assert juju.show_secret(secret, reveal=True).content == {"key": "two"}


def test_grant_goes_with_its_relation_and_the_secret_stays(juju: LocalJuju, secret: str) -> None:
    evaluate(juju, "b/0", READ.format(id=secret, refresh=False))
    juju.remove_relation("a", "b")
    juju.settle()
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "b/0", READ.format(id=secret, refresh=False))
    assert "permission denied" in failure.value.task.stderr
    assert [s.label for s in juju.secrets()] == ["mine"]
    juju.remove_application("a")
    juju.settle()
    assert juju.secrets() == []


def test_follower_may_not_change_the_applications_secret(juju: LocalJuju, secret: str) -> None:
    with pytest.raises(jubilant.TaskError):
        evaluate(
            juju,
            follower_of(juju, "a"),
            f"self.model.get_secret(id={secret!r}).set_content({{'key': 'other'}})",
        )


# Configuration, resources, stored state


def test_config_changed_runs_once_for_a_change_and_not_without(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    options = "config: {options: {n: {type: int, default: 1}, s: {type: string}}}"
    juju.deploy(make_charm("a", options), config={"n": 2})
    juju.settle()
    juju.config("a", {"n": 2})
    assert juju.settle() == 0
    juju.config("a", {"n": 3, "s": "x"})
    assert juju.settle() == 1
    assert evaluate(juju, "a/0", "dict(self.config)") == "{'n': 3, 's': 'x'}"
    juju.config("a", reset=["n", "s"])
    juju.settle()
    assert evaluate(juju, "a/0", "dict(self.config)") == "{'n': 1}"


def test_resource_is_fetched_when_attached_and_an_error_when_not(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    charm = make_charm("a", "resources: {r: {type: file, filename: r.bin}}")
    (tmp_path / "r.bin").write_text("content")
    juju.deploy(charm, "with", resources={"r": str(tmp_path / "r.bin")})
    juju.deploy(charm, "without")
    fetch = "self.model.resources.fetch('r').read_text()"
    assert evaluate(juju, "with/0", fetch) == "'content'"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "without/0", fetch)
    assert "ModelError" in failure.value.task.stderr


def test_stored_state_lives_from_hook_to_hook(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = """
_stored = ops.StoredState()

def observe(self):
    self._stored.set_default(count=0)
    self._stored.count += 1
"""
    juju.deploy(make_charm("a", "", body), num_units=2)
    juju.settle()
    first = int(evaluate(juju, "a/0", "self._stored.count"))
    assert int(evaluate(juju, "a/0", "self._stored.count")) == first + 1


def test_ports_are_shown(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    evaluate(juju, "a/0", "self.unit.set_ports(80, ops.Port('udp', 53))")
    assert juju.status().apps["a"].units["a/0"].open_ports == ["53/udp", "80/tcp"]
