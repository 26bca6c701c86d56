"""Removal of units, applications, relations and storage: what delays it, and what ends it."""

from __future__ import annotations

import jubilant
import pytest

from conftest import PRINCIPAL, PROVIDER, REQUIRER, SUBORDINATE, MakeCharm, hooks_of
from localjuju import LocalJuju

FAILS = """
def observe(self):
    self.framework.observe({event}, self._fail)

def _fail(self, _):
    raise RuntimeError("told to")
"""
FAILS_ON_CONFIG = FAILS.format(event="self.on.config_changed")
FAILS_ON_STOP = FAILS.format(event="self.on.stop")
FAILS_ON_BROKEN = FAILS.format(event='self.on["data"].relation_broken')
FAILS_ON_DETACHING = FAILS.format(event='self.on["files"].storage_detaching')
STORAGE = "storage: {files: {type: filesystem}}"


def current(juju: LocalJuju, unit: str) -> str:
    return juju.status().get_units(unit.partition("/")[0])[unit].workload_status.current


def resolve(juju: LocalJuju, unit: str) -> None:
    juju.cli("resolved", "--no-retry", unit)


def test_unit_in_error_is_listed_as_dying_until_it_is_resolved(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", FAILS_ON_STOP), num_units=2)
    juju.settle()
    juju.remove_unit("a/0")
    unit = juju.status().get_units("a")["a/0"]
    assert (unit.workload_status.current, unit.juju_status.life) == ("error", "dying")
    assert juju.status().get_units("a")["a/1"].juju_status.life == ""
    assert juju.show_unit("a/0").life == "dying"
    assert juju.status().machines.keys() == {"0", "1"}
    resolve(juju, "a/0")
    assert juju.status().get_units("a").keys() == {"a/1"}
    assert juju.status().machines.keys() == {"1"}
    assert hooks_of(juju, "a/0")[-1] == "remove"


def test_unit_that_was_in_error_before_its_removal_stays_too(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", FAILS_ON_CONFIG))
    juju.settle()
    juju.remove_unit("a/0")
    assert current(juju, "a/0") == "error"
    assert "stop" not in hooks_of(juju, "a/0")
    resolve(juju, "a/0")
    assert not juju.status().get_units("a")


def test_application_and_its_relation_stay_with_its_unit_in_error(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PROVIDER, FAILS_ON_BROKEN), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_application("a")
    status = juju.status()
    assert status.apps["a"].life == "dying"
    assert status.apps["a"].units.keys() == {"a/0", "a/1"}
    assert [r.related_app for r in status.apps["b"].relations["data"]] == ["a"]
    assert "data-relation-broken" in hooks_of(juju, "b/0")
    resolve(juju, "a/0")
    assert juju.status().apps["a"].units.keys() == {"a/1"}
    assert "data" in juju.status().apps["b"].relations
    resolve(juju, "a/1")
    assert juju.status().apps.keys() == {"b"}
    assert not juju.status().apps["b"].relations
    assert current(juju, "b/0") == "active"


def test_application_stays_while_a_unit_of_another_is_in_its_relation(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER, FAILS_ON_BROKEN))
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_application("a")
    status = juju.status()
    assert (status.apps["a"].life, status.apps["a"].units) == ("dying", {})
    assert current(juju, "b/0") == "error"
    resolve(juju, "b/0")
    assert juju.status().apps.keys() == {"b"}


def test_relation_stays_with_a_unit_in_error_and_cannot_be_added_again(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a", PROVIDER, FAILS_ON_BROKEN))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    juju.remove_relation("a", "b")
    assert "data" in juju.status().apps["a"].relations
    with pytest.raises(jubilant.CLIError) as failure:
        juju.integrate("a", "b")
    if series == "3.6":
        assert failure.value.stderr.strip() == (
            'ERROR cannot add relation "b:data a:data": relation b:data a:data is dying, '
            "but not yet removed (already exists)"
        )
    else:
        assert "relation b:data a:data: already exists" in failure.value.stderr
    resolve(juju, "a/0")
    assert not juju.status().apps["a"].relations
    juju.integrate("a", "b")
    assert "data" in juju.status().apps["a"].relations


def test_principal_stays_until_its_subordinate_in_error_is_resolved(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("s", SUBORDINATE, FAILS_ON_STOP))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.remove_unit("p/0")
    (principal,) = juju.status().apps["p"].units.values()
    assert principal.juju_status.life == "dying"
    assert principal.subordinates["s/0"].workload_status.current == "error"
    assert hooks_of(juju, "p/0")[-1] == "remove"
    resolve(juju, "s/0")
    assert not juju.status().apps["p"].units


def test_force_removes_principal_and_subordinate(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("p", PRINCIPAL))
    juju.deploy(make_charm("s", SUBORDINATE, FAILS_ON_STOP))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    juju.cli("remove-unit", "--no-prompt", "--force", "p/0")
    assert not juju.status().apps["p"].units


def test_storage_stays_while_its_hook_fails(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", STORAGE, FAILS_ON_DETACHING), storage={"files": "pool,1G"})
    juju.settle()
    juju.remove_unit("a/0")
    attached = juju.status().storage.storage["files/0"].attachments
    assert attached and attached.units["a/0"].life == "dying"
    assert current(juju, "a/0") == "error"
    resolve(juju, "a/0")
    assert not juju.status().get_units("a")
    assert juju.status().storage.storage["files/0"].attachments is None


def test_unit_that_fails_to_install_stays_when_it_is_removed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", FAILS.format(event="self.on.install")))
    juju.settle()
    juju.remove_application("a")
    assert juju.status().apps["a"].units["a/0"].workload_status.message == (
        'hook failed: "install"'
    )
    resolve(juju, "a/0")
    assert "a" not in juju.status().apps


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("add-unit a", "application is not found or not alive"),
        ("integrate a b", 'application "a" is not alive'),
    ],
)
def test_dying_application_refuses_commands(
    juju: LocalJuju, make_charm: MakeCharm, arguments: str, complaint: str
) -> None:
    juju.deploy(make_charm("a", PROVIDER, FAILS_ON_STOP))
    juju.deploy(make_charm("b", REQUIRER))
    juju.settle()
    juju.remove_application("a")
    juju.settle()
    with pytest.raises(jubilant.CLIError) as failure:
        juju.cli(*arguments.split())
    assert complaint in failure.value.stderr
    juju.remove_application("a", force=True)
    assert juju.status().apps.keys() == {"b"}


def test_several_units_are_resolved_at_once(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", "", FAILS_ON_CONFIG), num_units=3)
    juju.deploy(make_charm("b"))
    juju.settle()
    juju.cli("resolved", "--no-retry", "a/0", "a/2")
    assert [current(juju, f"a/{number}") for number in range(3)] == ["active", "error", "active"]
    juju.cli("resolved", "--no-retry", "--all")
    assert current(juju, "a/1") == "active"
    juju.cli("resolved", "--all")
    for arguments, complaint in (
        (["--all", "a/0"], "ERROR specifying unit names(s) with --all not supported"),
        ([], "ERROR no unit specified"),
        (["a/7"], 'ERROR unit "a/7" not found'),
        (["b/0"], "error state"),
    ):
        with pytest.raises(jubilant.CLIError) as failure:
            juju.cli("resolved", *arguments)
        assert complaint in failure.value.stderr
