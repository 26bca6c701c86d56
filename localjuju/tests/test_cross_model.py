"""Relations between applications of two models: hooks, databags, and how they end."""

from __future__ import annotations

import json

import jubilant
import pytest

from conftest import (
    PEERS,
    PROVIDER,
    REQUIRER,
    MakeCharm,
    add_model,
    error_text,
    evaluate,
    follower_of,
    hooks_of,
    leader_of,
)
from localjuju import LocalJuju

SEEN = "sorted(u.name for u in self.model.get_relation('data').units)"
REMOTE_APP = "self.model.get_relation('data').app.name"
RUN = "subprocess.run({command!r}.split(), capture_output=True, text=True).stdout"


@pytest.fixture
def other(juju: LocalJuju) -> LocalJuju:
    """A second model."""
    return add_model(juju, "other")


@pytest.fixture
def related(juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm) -> str:
    """The name of the second model's ``b`` in the first model. ``b`` uses ``a`` as ``saas``."""
    juju.deploy(make_charm("a", f"{PROVIDER}\n{PEERS}"), num_units=2)
    juju.offer("a", endpoint="data")
    other.deploy(make_charm("b", REQUIRER), num_units=2)
    other.consume("local.a", "saas")
    other.integrate("b", "saas")
    juju.wait(jubilant.all_active)
    return evaluate(juju, "a/0", REMOTE_APP).strip("'")


def hook_command(juju: LocalJuju, unit: str, command: str) -> str:
    return eval(evaluate(juju, unit, RUN.format(command=command)))


def set_data(juju: LocalJuju, unit: str, owner: str, value: str) -> None:
    evaluate(
        juju, unit, f"self.model.get_relation('data').data[{owner}].update({{'key': {value!r}}})"
    )
    juju.settle()


def get_data(juju: LocalJuju, unit: str, owner: str) -> str:
    return evaluate(juju, unit, f"self.model.get_relation('data').data[{owner}].get('key')")


def test_each_model_has_its_own_name_for_the_other_application(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    assert related.startswith("remote-")
    assert len(related) == len("remote-") + 32
    int(related.removeprefix("remote-"), 16)
    assert evaluate(other, "b/0", REMOTE_APP) == "'saas'"
    assert evaluate(juju, "a/1", SEEN) == f"['{related}/0', '{related}/1']"
    assert evaluate(other, "b/1", SEEN) == "['saas/0', 'saas/1']"
    list_app = "relation-list -r data:1 --app"
    assert hook_command(juju, "a/0", list_app).strip() == related


def test_hooks_are_the_same_as_within_a_model(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    for some, names in (
        (juju, {"a/0": related, "a/1": related}),
        (other, {"b/0": "saas", "b/1": "saas"}),
    ):
        for unit, remote in names.items():
            events = [
                event.hook
                for event in some.history.events
                if event.hook and event.unit == unit and event.hook.name.startswith("data-")
            ]
            assert {hook.remote_application for hook in events} == {remote}
            kinds = [hook.kind for hook in events if hook.remote_unit == f"{remote}/0"]
            assert kinds[0] == "relation-joined"
            assert kinds[1] == "relation-changed"
            assert events[0].kind == "relation-created"


def test_data_reaches_both_sides(juju: LocalJuju, other: LocalJuju, related: str) -> None:
    remote = f"self.model.get_unit('{related}/1')"
    saas = "self.model.get_unit('saas/0')"
    a, b = leader_of(juju, "a"), leader_of(other, "b")
    for written_in, unit, owner, read_in, by, name in (
        (other, "b/1", "self.unit", juju, "a/0", remote),
        (juju, "a/0", "self.unit", other, "b/1", saas),
        (other, b, "self.app", juju, follower_of(juju, "a"), f"self.model.get_app('{related}')"),
        (juju, a, "self.app", other, follower_of(other, "b"), "self.model.get_app('saas')"),
    ):
        before = len(hooks_of(read_in, by))
        set_data(written_in, unit, owner, "value")
        assert hooks_of(read_in, by)[before:] == ["data-relation-changed"]
        assert get_data(read_in, by, name) == "'value'"
    address = "self.model.get_relation('data').data[self.model.get_unit({!r})]['ingress-address']"
    own = "str(self.model.get_binding('data').network.ingress_address)"
    assert evaluate(other, "b/0", address.format("saas/1")) == evaluate(juju, "a/1", own)
    assert evaluate(juju, "a/0", address.format(f"{related}/1")) == evaluate(other, "b/1", own)


def test_databag_of_the_other_side_cannot_be_written(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    with pytest.raises(jubilant.TaskError) as failure:
        set_data(other, leader_of(other, "b"), "self.model.get_app('saas')", "value")
    assert "RelationDataAccessError" in failure.value.task.stderr
    follower = follower_of(juju, "a")
    with pytest.raises(jubilant.TaskError) as failure:
        set_data(juju, follower, "self.app", "value")
    assert "RelationDataAccessError" in failure.value.task.stderr


def test_units_join_and_depart(juju: LocalJuju, other: LocalJuju, related: str) -> None:
    other.add_unit("b")
    juju.add_unit("a")
    juju.wait(jubilant.all_active)
    assert evaluate(juju, "a/2", SEEN) == f"['{related}/0', '{related}/1', '{related}/2']"
    assert evaluate(other, "b/2", SEEN) == "['saas/0', 'saas/1', 'saas/2']"
    leaders = leader_of(juju, "a"), leader_of(other, "b")
    juju.remove_unit(leaders[0])
    other.remove_unit(leaders[1])
    juju.settle()
    gone = [int(name[-1]) for name in leaders]
    assert leader_of(juju, "a") != leaders[0]
    a, b = leader_of(juju, "a"), leader_of(other, "b")
    assert evaluate(juju, a, SEEN) == str([f"{related}/{n}" for n in range(3) if n != gone[1]])
    assert evaluate(other, b, SEEN) == str([f"saas/{n}" for n in range(3) if n != gone[0]])
    assert hooks_of(juju, a).count("data-relation-departed") == 1
    assert hooks_of(other, b).count("data-relation-departed") == 1
    set_data(juju, a, "self.app", "of the new leader")
    assert get_data(other, b, "self.model.get_app('saas')") == "'of the new leader'"
    other.remove_unit(*other.status().apps["b"].units)
    juju.settle()
    assert evaluate(juju, a, SEEN) == "[]"
    assert "data-relation-broken" not in hooks_of(juju, a)


def departing_units(juju: LocalJuju, unit: str) -> set[str]:
    events = [e.hook for e in juju.history.events if e.hook and e.unit == unit]
    return {hook.departing_unit for hook in events if hook.kind == "relation-departed"}


@pytest.mark.parametrize("side", ["offering", "consuming"])
def test_relation_ends_on_both_sides(
    juju: LocalJuju, other: LocalJuju, related: str, side: str
) -> None:
    if side == "offering":
        relation = next(r for r in juju.show_unit("a/0").relation_info if r.endpoint == "data")
        assert relation.cross_model
        juju.cli("remove-relation", str(relation.relation_id))
    else:
        other.remove_relation("b", "saas")
    juju.settle()
    for some, units, remote in (
        (juju, ["a/0", "a/1"], related),
        (other, ["b/0", "b/1"], "saas"),
    ):
        for unit in units:
            hooks = [name for name in hooks_of(some, unit) if name.startswith("data-relation")]
            assert hooks[-3:] == ["data-relation-departed"] * 2 + ["data-relation-broken"]
            assert departing_units(some, unit) == {f"{remote}/0", f"{remote}/1"}
            assert evaluate(some, unit, "self.model.relations['data']") == "[]"
    assert "data" not in juju.status().apps["a"].relations
    status = other.status()
    assert status.apps["b"].relations == {}
    assert status.app_endpoints["saas"].relations == {}
    assert status.app_endpoints["saas"].app_status.current == "active"
    assert juju.status().offers["a"].total_connected_count == 0
    other.integrate("b:data", "saas:data")
    juju.wait(jubilant.all_active)
    assert evaluate(juju, "a/0", REMOTE_APP).strip("'") == related


def test_relation_without_units_ends(juju: LocalJuju, other: LocalJuju, related: str) -> None:
    juju.remove_unit("a/0", "a/1")
    other.remove_unit("b/0", "b/1")
    juju.settle()
    other.remove_relation("b", "saas")
    assert juju.status().offers["a"].total_connected_count == 0


FAILS = """
def observe(self):
    self.framework.observe(self.on.config_changed, self._configure)

def _configure(self, _):
    if self.config["fails"]:
        raise RuntimeError
"""


def test_dying_unit_departs_as_within_a_model(
    juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    option = "config: {options: {fails: {type: boolean, default: false}}}"
    juju.deploy(make_charm("a", PROVIDER))
    juju.offer("a", endpoint="data")
    other.deploy(make_charm("b", f"{REQUIRER}\n{option}", FAILS))
    other.integrate("b", "local.a")
    juju.wait(jubilant.all_active)
    other.config("b", {"fails": True})
    other.wait(jubilant.any_error)
    other.remove_unit("b/0")
    juju.settle()
    departed = "data-relation-departed" in hooks_of(juju, "a/0")
    assert departed == (series == "3.6")
    other.config("b", {"fails": False})
    juju.settle()
    assert hooks_of(juju, "a/0").count("data-relation-departed") == 1


def test_applications_are_removed(juju: LocalJuju, other: LocalJuju, related: str) -> None:
    other.remove_application("b")
    juju.settle()
    assert other.status().apps == {}
    assert hooks_of(juju, "a/0")[-1] == "data-relation-broken"
    assert juju.status().offers["a"].total_connected_count == 0
    juju.remove_application("a")
    assert juju.status().apps == {}
    assert juju.status().offers == {}
    assert other.status().app_endpoints["saas"].app_status.current == "terminated"


def test_offered_application_is_removed_with_force(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    juju.remove_application("a", force=True)
    assert juju.status().apps == {}
    assert hooks_of(other, "b/0")[-1] == "data-relation-broken"
    assert other.status().apps["b"].relations == {}


def test_model_with_a_relation_is_destroyed(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    juju.destroy_model("local")
    assert hooks_of(other, "b/0")[-1] == "data-relation-broken"
    status = other.status()
    assert status.apps["b"].relations == {}
    assert status.app_endpoints["saas"].app_status.current == "terminated"


def test_several_consumers_of_one_offer(
    juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm, related: str
) -> None:
    third = add_model(juju, "third")
    third.deploy(make_charm("c", REQUIRER))
    third.integrate("c", "localjuju:admin/local.a")
    other.deploy(make_charm("d", REQUIRER))
    other.integrate("d", "saas")
    third.wait(jubilant.all_active)
    names = "sorted((r.app.name, len(r.units)) for r in self.model.relations['data'])"
    seen = eval(evaluate(juju, "a/0", names))
    assert sorted(count for _, count in seen) == [1, 1, 2]
    assert len({name for name, _ in seen}) == 3
    assert juju.status().offers["a"].active_connected_count == 3
    assert other.status().app_endpoints["saas"].relations == {"data": ["b", "d"]}
    third.remove_relation("c", "a")
    juju.settle()
    assert [n for n in hooks_of(other, "b/0") if n.endswith("-broken")] == []
    assert evaluate(juju, "a/0", "len(self.model.relations['data'])") == "2"


def test_an_application_uses_two_offers(
    juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm, related: str
) -> None:
    juju.deploy(make_charm("c", "provides: {log: {interface: log}}"))
    juju.offer("c", endpoint="log")
    other.deploy(make_charm("e", "requires: {data: data, log: log}"))
    other.integrate("e:log", "local.c:log")
    other.integrate("saas", "e")
    juju.wait(jubilant.all_active)
    assert {
        name: relations[0].related_app
        for name, relations in other.status().apps["e"].relations.items()
    } == {"data": "saas", "log": "c"}
    log = "self.model.get_relation('log').app.name"
    remote = evaluate(juju, "c/0", log)
    assert remote in evaluate(juju, "a/0", "[r.app.name for r in self.model.relations['data']]")
    other.remove_relation("e:log", "c")
    juju.settle()
    assert evaluate(juju, "c/0", "self.model.relations['log']") == "[]"
    assert evaluate(juju, "a/0", "len(self.model.relations['data'])") == "2"


def test_relation_to_a_requirer_in_another_model(
    juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", REQUIRER))
    juju.offer("a", endpoint="data")
    other.deploy(make_charm("b", PROVIDER))
    other.integrate("local.a", "b")
    juju.wait(jubilant.all_active)
    assert evaluate(other, "b/0", SEEN) == "['a/0']"
    assert other.status().app_endpoints["a"].endpoints["data"].role == "requirer"


def test_status_names_the_other_side(
    juju: LocalJuju, other: LocalJuju, related: str, series: str
) -> None:
    relations = juju.status().apps["a"].relations
    shown = [relation.related_app for relation in relations.get("data", [])]
    assert shown == ([] if series == "3.6" else [related])
    offer = juju.status().offers["a"]
    assert (offer.app, offer.charm) == ("a", "local:a-0")
    assert (offer.active_connected_count, offer.total_connected_count) == (1, 1)
    status = other.status()
    assert status.apps["b"].relations["data"][0].related_app == "saas"
    assert status.app_endpoints["saas"].relations == {"data": ["b"]}
    (relation,) = other.show_unit("b/0").relation_info
    assert relation.cross_model
    assert list(relation.related_units or {}) == ["saas/0", "saas/1"]
    evaluate(juju, leader_of(juju, "a"), "setattr(self.app, 'status', ops.BlockedStatus('no'))")
    assert other.status().app_endpoints["saas"].app_status.message == "no"


def test_hook_commands_name_the_other_model(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    uuid = json.loads(hook_command(other, "b/0", "relation-model-get -r data:0 --format json"))
    assert uuid == {"uuid": juju._runner.model.uuid}
    uuid = json.loads(hook_command(juju, "a/0", "relation-model-get -r data:1 --format json"))
    assert uuid == {"uuid": other._runner.model.uuid}
    peers = json.loads(hook_command(juju, "a/0", "relation-model-get -r replicas:0 --format json"))
    assert peers == {"uuid": juju._runner.model.uuid}
    goals = json.loads(hook_command(other, "b/0", "goal-state --format json"))
    assert list(goals["relations"]["data"]) == ["admin/local.a"]
    goals = json.loads(hook_command(juju, "a/0", "goal-state --format json"))
    assert goals["relations"] == {}


def test_suspended_relation_runs_the_hooks_of_its_end(
    juju: LocalJuju, other: LocalJuju, related: str
) -> None:
    juju.cli("suspend-relation", "1", "--message", "for a while")
    juju.settle()
    for some, unit in ((juju, "a/0"), (other, "b/1")):
        assert hooks_of(some, unit)[-1] == "data-relation-broken"
        assert evaluate(some, unit, "self.model.relations['data']") == "[]"
    assert juju.cli("offers").splitlines()[1].split()[:4] == ["a", "admin", "1", "suspended"]
    offer = juju.status().offers["a"]
    assert (offer.active_connected_count, offer.total_connected_count) == (0, 1)
    before = len(hooks_of(other, "b/1"))
    juju.cli("resume-relation", "1")
    juju.settle()
    assert hooks_of(other, "b/1")[before] == "data-relation-created"
    assert evaluate(other, "b/1", SEEN) == "['saas/0', 'saas/1']"
    for some, arguments, message in (
        (juju, [], "ERROR no relation ids specified"),
        (juju, ["a"], 'ERROR relation ID "a" not valid'),
        (juju, ["9"], "ERROR relation 9 not found"),
        (
            juju,
            ["0"],
            'ERROR cannot set suspend status for "a:replicas" which is not associated '
            "with an offer",
        ),
        (
            other,
            ["0"],
            'ERROR cannot set suspend status for "b:data saas:data" which is not associated '
            "with an offer",
        ),
    ):
        assert error_text(some, "suspend-relation", *arguments) == message


def test_invalid_cross_model_relations_are_refused(
    juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm, related: str, series: str
) -> None:
    other.deploy(make_charm("c", "requires: {data: {interface: data, limit: 1}, log: log}"))
    juju.offer("a", endpoint="data", name="again")
    other.integrate("c", "saas")
    assert "already exists" in error_text(other, "integrate", "b", "saas")
    assert "would exceed its maximum relation limit of 1" in error_text(
        other, "integrate", "c:data", "local.again"
    )
    none = error_text(other, "integrate", "c:log", "saas")
    expected = "no relations found" if series == "3.6" else "no compatible endpoints found"
    assert expected in none
    assert error_text(other, "integrate", "local.a", "local.again") == (
        "ERROR providing more than one remote endpoints not supported"
    )
    for networks, message in (
        ("none", "invalid CIDR address: none"),
        ("192.0.2.0", "invalid CIDR address: 192.0.2.0"),
        ("192.0.2.0/24, 0.0.0.0/0", 'CIDR "0.0.0.0/0" not allowed'),
    ):
        assert error_text(other, "integrate", "c:data", "local.again", "--via", networks) == (
            f"ERROR {message}"
        )
    assert error_text(other, "integrate", "c", "saas", "--via", "192.0.2.0/24") == (
        "ERROR the --via option can only be used when relating to offers in a different model"
    )
    assert error_text(other, "integrate", "b", "local.none") == (
        'ERROR application offer "admin/local.none" not found'
    )
    assert error_text(other, "integrate", "b", "none:admin/local.a") == (
        "ERROR controller none not found"
    )


def test_limit_of_an_offered_endpoint_counts_every_consumer(
    juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "provides: {data: {interface: data, limit: 1}}"))
    juju.offer("a", endpoint="data")
    other.deploy(make_charm("b", REQUIRER))
    other.integrate("b", "local.a", via="192.0.2.0/24")
    third = add_model(juju, "third")
    third.deploy(make_charm("c", REQUIRER))
    assert "would exceed its maximum relation limit of 1" in error_text(
        third, "integrate", "c", "local.a"
    )


def test_same_seed_gives_the_same_hooks(make_charm: MakeCharm, series: str) -> None:
    a, b = make_charm("a", PROVIDER), make_charm("b", REQUIRER)

    def timelines_of(seed: int) -> list[str]:
        with LocalJuju(series, seed=seed) as juju:
            other = add_model(juju, "other")
            juju.deploy(a, num_units=2)
            other.deploy(b, num_units=2)
            juju.offer("a", endpoint="data")
            other.integrate("b", "local.a")
            juju.wait(jubilant.all_active)
            return [
                f"{event.unit} {event.hook}"
                for some in (juju, other)
                for event in some.history.events
                if event.hook
            ]

    assert timelines_of(7) == timelines_of(7)
