"""Relations are created and removed: endpoints that match, short forms, ids and errors."""

from __future__ import annotations

import jubilant

from conftest import PEERS, PROVIDER, REQUIRER, MakeCharm, error_text, evaluate, hooks_of
from localjuju import LocalJuju

SUBORDINATE = """
subordinate: true
requires:
  juju-info: {interface: juju-info, scope: container}
"""
PROVIDES_IN_CONTAINER_SCOPE = SUBORDINATE + "provides: {data: {interface: data, scope: container}}"
REQUIRES_IN_CONTAINER_SCOPE = SUBORDINATE + "  data: {interface: data, scope: container}"


def test_subordinates_of_one_principal_are_related(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("p"), num_units=2)
    juju.deploy(make_charm("s", PROVIDES_IN_CONTAINER_SCOPE))
    juju.deploy(make_charm("t", REQUIRES_IN_CONTAINER_SCOPE))
    juju.integrate("p:juju-info", "s:juju-info")
    juju.integrate("p:juju-info", "t:juju-info")
    juju.integrate("s:data", "t:data")
    status = juju.wait(jubilant.all_active)
    assert status.apps["s"].relations["data"][0].scope == "container"
    units = status.get_units("s"), status.get_units("t")
    assert [len(some) for some in units] == [2, 2]
    seen = "[u.name for u in self.model.get_relation('data').units]"
    (name,) = [n for n in status.apps["p"].units["p/0"].subordinates if n.startswith("s/")]
    neighbours = [n for n in status.apps["p"].units["p/0"].subordinates if n.startswith("t/")]
    on_3_6 = eval(evaluate(juju, name, seen))
    assert sorted(on_3_6) == (neighbours if series == "3.6" else sorted(units[1]))
    (relation,) = [r for r in juju.show_unit(name).relation_info if r.endpoint == "data"]
    in_scope = [n for n, unit in (relation.related_units or {}).items() if unit.in_scope]
    assert in_scope == neighbours
    juju.remove_relation("s:data", "t:data")
    juju.settle()
    assert hooks_of(juju, name)[-1] == "data-relation-broken"
    assert len(juju.status().get_units("s")) == 2


def test_container_scoped_relation_of_two_principals_is_refused(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("p", "provides: {data: {interface: data, scope: container}}"))
    juju.deploy(make_charm("q", "requires: {data: {interface: data, scope: container}}"))
    message = error_text(juju, "integrate", "p", "q")
    if series == "3.6":
        assert message == "ERROR no relations found"
    else:
        assert message.endswith("no compatible endpoints found between applications")


def test_short_form_of_endpoints(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", "provides: {data: data}\npeers: {replicas: replicas}"))
    juju.deploy(make_charm("b", "requires: {data: data}"), num_units=2)
    juju.integrate("a", "b")
    status = juju.wait(jubilant.all_active)
    assert status.apps["b"].relations["data"][0].interface == "data"
    assert evaluate(juju, "a/0", "len(self.model.get_relation('data').units)") == "2"
    assert "replicas-relation-created" in hooks_of(juju, "a/0")


def test_invalid_interface_of_an_endpoint_is_named(juju: LocalJuju, make_charm: MakeCharm) -> None:
    message = error_text(juju, "deploy", str(make_charm("a", "provides: {data: [one]}")))
    assert message == "ERROR metadata: provides.data: expected map, got list([one])"


def test_relation_is_removed_by_its_id(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a", f"{PROVIDER}\n{PEERS}"))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    (relation,) = juju.show_unit("b/0").relation_info
    juju.cli("remove-relation", str(relation.relation_id))
    juju.settle()
    assert "data" not in juju.status().apps["b"].relations
    gone = error_text(juju, "remove-relation", str(relation.relation_id))
    number = relation.relation_id
    if series == "3.6":
        assert gone == f"ERROR relation {number} not found (not found)"
    else:
        assert gone == f"ERROR relation with endpoints [] or id {number} not found (not found)"
    (peers,) = juju.show_unit("a/0").relation_info
    assert error_text(juju, "remove-relation", str(peers.relation_id)) == (
        'ERROR cannot destroy relation "a:replicas": is a peer relation'
    )
    assert error_text(juju, "remove-relation", "a") == 'ERROR relation ID "a" not valid'
    for ends in ([], ["a", "b", "c"]):
        assert error_text(juju, "remove-relation", *ends) == (
            "ERROR a relation must involve two applications"
        )


def test_missing_endpoints_are_named(juju: LocalJuju, make_charm: MakeCharm, series: str) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    for ends, missing, of_3_6 in (
        (("a", "none"), "none", 'application "none" not found (not found)'),
        (("none:data", "b"), "none:data", 'application "none" not found (not found)'),
        (("a:none", "b"), "a:none", 'application "a" has no "none" relation'),
        (("a", "b:none"), "b:none", 'application "b" has no "none" relation'),
    ):
        message = error_text(juju, "integrate", *ends)
        if series == "3.6":
            assert message == f"ERROR {of_3_6}"
        else:
            assert message == (
                f'ERROR adding relation between endpoints "{ends[0]}" and "{ends[1]}": '
                f'cannot relate endpoints "{ends[0]}" and "{ends[1]}": '
                f"no candidates for {missing}: relation endpoint not found"
            )
    assert error_text(juju, "integrate", "a") == "ERROR a relation must involve two applications"


def test_existing_relation_is_refused(juju: LocalJuju, make_charm: MakeCharm, series: str) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    gone = error_text(juju, "remove-relation", "a", "b:data")
    juju.integrate("a", "b")
    twice = error_text(juju, "integrate", "a", "b")
    if series == "3.6":
        assert gone == 'ERROR relation matching "a b:data" not found (not found)'
        assert twice == (
            'ERROR cannot add relation "b:data a:data"\n'
            "relation b:data a:data (already exists): \n\n"
            "Use 'juju status --relations' to view the current relations."
        )
    else:
        assert gone == ("ERROR relation with endpoints [a b:data] or id 0 not found (not found)")
        assert twice == (
            'ERROR adding relation between endpoints "a" and "b": cannot add relation "b:data", '
            '"a:data": relation b:data a:data: already exists'
        )
