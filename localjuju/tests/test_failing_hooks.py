"""A failed hook: which of its writes are rolled back, and how its unit continues."""

from __future__ import annotations

import jubilant

from conftest import PEERS, PROVIDER, REQUIRER, MakeCharm, evaluate, hooks_of
from localjuju import LocalJuju

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


def test_failed_hook_rolls_back_databags_and_keeps_status_and_version(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    status = juju.status()
    unit = status.apps["a"].units["a/0"]
    assert unit.workload_status.current == "error"
    assert unit.workload_status.message == 'hook failed: "config-changed"'
    assert status.apps["a"].version == "9.9"
    databag = juju.show_unit("a/0").relation_info[0].local_unit
    assert databag is not None and "k" not in databag.data


def test_failed_hook_is_retried_and_resolved(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    juju.settle()
    retried = hooks_of(juju, "a/0").count("config-changed")
    assert retried > 1
    assert evaluate(juju, "a/0", "1 + 1") == "2"  # Actions still run.
    juju.config("a", {"fail": False})
    juju.cli("resolved", "a/0")
    juju.wait(jubilant.all_active)
    databag = juju.show_unit("a/0").relation_info[0].local_unit
    assert databag is not None and databag.data["k"] == "v"


def test_unknown_hook_command_fails_the_hook_with_its_name(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.install, self._install)

def _install(self, _):
    import subprocess
    subprocess.run(["payload-register"])
"""
    juju.deploy(make_charm("a", "", body))
    juju.settle()
    assert 'hook command "payload-register" is not known to localjuju' in juju.debug_log()
    assert juju.status().apps["a"].units["a/0"].workload_status.current == "error"


def test_failed_hook_is_retried_after_another_hook_succeeds(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    juju.settle()
    before = hooks_of(juju, "a/0").count("config-changed")
    assert juju.settle() == 0
    juju.deploy(make_charm("b"))
    juju.settle()
    assert hooks_of(juju, "a/0").count("config-changed") > before


def test_resolved_without_retry_treats_the_hook_as_successful(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    juju.settle()
    failures = hooks_of(juju, "a/0").count("config-changed")
    juju.cli("resolved", "--no-retry", "a/0")
    juju.wait(jubilant.all_active)
    assert hooks_of(juju, "a/0").count("config-changed") == failures


FAILS_ON_DEPARTED = """
def observe(self):
    self.framework.observe(self.on["replicas"].relation_departed, self._fail)

def _fail(self, event):
    get = ["relation-get", "ingress-address", event.unit.name]
    print("departed from", subprocess.run(get, capture_output=True, text=True).stdout)
    raise RuntimeError("told to")
"""


def test_relation_stays_until_its_failed_hook_is_resolved(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PEERS, FAILS_ON_DEPARTED), num_units=2)
    juju.settle()
    juju.remove_unit("a/1")
    juju.settle()
    retries = hooks_of(juju, "a/1").count("replicas-relation-departed")
    assert retries > 1
    assert juju.debug_log().count("departed from 127.") >= retries


def test_removed_unit_in_error_stays_until_its_removal_is_forced(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", FAIL_OPTION, WRITES_AND_FAILS))
    juju.settle()
    juju.remove_unit("a/0")
    assert "a/0" in juju.status().get_units("a")
    juju.remove_unit("a/0", force=True)
    assert "a/0" not in juju.status().get_units("a")


def test_forced_removal_ends_at_the_first_failed_hook(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PEERS, FAILS_ON_DEPARTED), num_units=2)
    juju.settle()
    juju.remove_application("a", force=True)
    assert "a" not in juju.status().apps
    assert hooks_of(juju, "a/0").count("replicas-relation-departed") <= 1


def test_forced_removal_of_a_relation_removes_units_in_error_from_it(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    fails = FAILS_ON_DEPARTED.replace("replicas", "data").replace("departed", "joined")
    juju.deploy(make_charm("a", PROVIDER, fails))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_relation("a", "b")
    assert "data" in juju.status().apps["b"].relations
    juju.cli("remove-relation", "--force", "a", "b")
    juju.wait(jubilant.all_active)
