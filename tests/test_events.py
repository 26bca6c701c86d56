"""The event demos settle, whatever the order of events: every unit sees the same, and rests.

Each model has a seed, which the test's name tells; the same seed runs the same hooks.
"""

from __future__ import annotations

import collections
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jubilant
import pytest

from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parents[1] / "charms"
PROVIDERS, REQUIRERS = ("p", "q"), ("r", "s")
PAIRS = [(provider, requirer) for provider in PROVIDERS for requirer in REQUIRERS]
SERIES = ("3.6", "4.0")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def run(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """Yield an empty model for a fixture with the parameter (series, seed)."""
    series, seed = request.param
    with LocalJuju(series, seed=seed, charms=CHARMS) as juju:
        failed = request.session.testsfailed
        yield juju
        if request.session.testsfailed > failed:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")


def each(seeds: int) -> list[tuple[str, int]]:
    return [(series, seed) for series in SERIES for seed in range(seeds)]


def leader_of(juju: LocalJuju, application: str) -> str:
    units = juju.status().get_units(application)
    return next(name for name, unit in units.items() if unit.leader)


def hooks_of(juju: LocalJuju, since: int) -> collections.Counter[str]:
    """Return how often each kind of hook ran after the first `since` events."""
    names = [str(e.hook.name) for e in juju.history.events[since:] if e.hook]
    return collections.Counter(names)


# demo-requirer and demo-provider: these tests run in order, on one model for each seed.


@pytest.fixture(scope="module", params=each(2), ids=lambda param: f"{param[0]}-{param[1]}")
def demos(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """Two providers and two requirers of two units each: deployed and related all at once."""
    for juju in run(request):
        for charm, names in (("demo-provider", PROVIDERS), ("demo-requirer", REQUIRERS)):
            for name in names:
                juju.deploy(CHARMS / charm, name, num_units=2)
        for pair in PAIRS:
            integrate(juju, *pair)
        yield juju


def integrate(juju: LocalJuju, provider: str, requirer: str) -> None:
    juju.integrate(f"{provider}:demo", f"{requirer}:demo")


def settled(juju: LocalJuju) -> dict[tuple[str, str], dict[str, str]]:
    """Settle, see that everyone sees the same, and return the application bags of each pair.

    Juju 3.6 shows a unit the remote application's bag, Juju 4 its own application's. What is not
    shown the unit's status tells, in which each names what it has read.
    """
    juju.settle()
    status = juju.status()
    bags: dict[tuple[str, str], dict[str, str]] = {}
    for name in (*PROVIDERS, *REQUIRERS):
        units = status.get_units(name)
        told = {(u.workload_status.current, u.workload_status.message) for u in units.values()}
        assert len(told) == 1, told
        related = any(juju.show_unit(unit).relation_info for unit in units)
        blocked = name in REQUIRERS and not related
        assert told.pop()[0] == ("blocked" if blocked else "active")
        for unit in units:
            for relation in juju.show_unit(unit).relation_info:
                others = {other.partition("/")[0] for other in relation.related_units}
                assert set(relation.related_units) == set(status.get_units(*others))
                pair = (name, *others) if name in PROVIDERS else (*others, name)
                bag = bags.setdefault((pair[0], pair[1]), {})
                for key, value in relation.app_data.items():
                    assert bag.setdefault(key, value) == value
                for other, shown in relation.related_units.items():
                    if name in REQUIRERS:
                        assert shown.data["special-field"] == other
    for (provider, requirer), bag in bags.items():
        assert set(bag) == {"leader-uuid", "token"}
        assert all(UUID.fullmatch(value) for value in bag.values())
        for unit in status.get_units(provider).values():
            assert f"{requirer} gave token {bag['token']}" in unit.workload_status.message
        for unit in status.get_units(requirer).values():
            said = f"{provider} has leader-uuid {bag['leader-uuid']}"
            assert said in unit.workload_status.message
    # One leader, one identifier; every relation has a token of its own.
    by_provider = {(provider, bag["leader-uuid"]) for (provider, _), bag in bags.items()}
    assert len(by_provider) == len({provider for provider, _ in bags})
    assert len({bag["token"] for bag in bags.values()}) == len(bags)
    # A settled model rests: nothing is written that wakes anybody.
    assert juju.settle() == 0
    return bags


def test_everyone_learns_the_same(demos: LocalJuju) -> None:
    assert set(settled(demos)) == set(PAIRS)
    # Nobody was told anything twice: each token was given once, and taken once by each unit.
    log = demos.debug_log(limit=0)
    assert len(re.findall(r"demo: gave . the token", log)) == len(PAIRS)
    assert len(re.findall(r"demo: . gave the token", log)) == 2 * len(PAIRS)


def test_update_status_wakes_nobody(demos: LocalJuju) -> None:
    before = settled(demos)
    with pytest.raises(TimeoutError):  # after update-status, which changed nothing
        demos.wait(lambda _: False)
    assert settled(demos) == before


def test_new_leaders_go_on_with_the_tokens(demos: LocalJuju) -> None:
    before = settled(demos)
    demos.remove_unit(*(leader_of(demos, name) for name in (*PROVIDERS, *REQUIRERS)))
    after = settled(demos)
    for pair in PAIRS:
        assert after[pair]["token"] == before[pair]["token"]
        assert after[pair]["leader-uuid"] != before[pair]["leader-uuid"]


def test_new_units_catch_up(demos: LocalJuju) -> None:
    before = settled(demos)
    for name in PAIRS[0]:
        demos.add_unit(name)
    assert settled(demos) == before


def test_relation_is_removed_and_restored(demos: LocalJuju) -> None:
    before, pair = settled(demos), PAIRS[0]
    demos.remove_relation(f"{pair[0]}:demo", f"{pair[1]}:demo")
    without = settled(demos)
    assert without == {other: bag for other, bag in before.items() if other != pair}
    since = len(demos.history.events)
    integrate(demos, *pair)
    after = settled(demos)
    assert after[pair]["token"] != before[pair]["token"]
    assert after[pair]["leader-uuid"] == before[pair]["leader-uuid"]
    assert {other: after[other] for other in without} == without
    # The least for two and two units is 4 + 8 + 12: each is told of the relation, of the two
    # others (joined, then changed) and of their application. Each provider unit that a requirer
    # unit meets before it has run its own created, which writes special-field, makes one more.
    hooks = hooks_of(demos, since)
    assert 12 <= hooks.pop("demo-relation-changed") <= 12 + 4
    assert hooks == {"demo-relation-created": 4, "demo-relation-joined": 8}


def test_all_relations_end(demos: LocalJuju) -> None:
    for provider, requirer in settled(demos):
        demos.remove_relation(f"{provider}:demo", f"{requirer}:demo")
    assert settled(demos) == {}


# replicas-demo


@pytest.fixture(params=each(2), ids=lambda param: f"{param[0]}-{param[1]}")
def peers(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """One unit of replicas-demo, which has not run a hook yet."""
    for juju in run(request):
        juju.deploy(CHARMS / "replicas-demo", "d")
        yield juju


def view(juju: LocalJuju) -> dict[str, Any]:
    """Settle, see that everyone sees the same, and return it."""
    juju.settle()
    units = juju.status().get_units("d")
    results = {unit: juju.run(unit, "show-relation-data").results for unit in units}
    gone = [result.pop("listed-but-gone") for result in results.values()]
    if juju.series == "3.6":  # Q5: Juju 4 goes on listing units that were removed.
        assert set(gone) == {"[]"}
    assert len({json.dumps(result) for result in results.values()}) == 1, results
    seen = next(iter(results.values()))
    bags = json.loads(seen["unit-data"])
    assert {unit: bag["unit-data"] for unit, bag in bags.items()} == {unit: unit for unit in units}
    # The address is that of whoever leads now.
    assert seen["leader-ip"] == bags[leader_of(juju, "d")]["ingress-address"]
    assert json.loads(seen["application-data"]) == {"leader-ip": seen["leader-ip"]}
    assert juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert juju.settle() == 0
    return bags


@pytest.mark.parametrize("at_once", [True, False])
def test_peers_from_1_to_5_to_2(peers: LocalJuju, at_once: bool) -> None:
    if not at_once:
        assert len(view(peers)) == 1
    peers.add_unit("d", num_units=4)
    if not at_once:
        assert len(view(peers)) == 5
        # Each unit meets each other (joined, then changed), and is told of leader-ip. For a unit
        # that another meets before it has written unit-data, in created, there is one more.
        hooks = hooks_of(peers, 0)
        assert hooks["replicas-relation-joined"] == 20
        assert 20 + 5 <= hooks["replicas-relation-changed"] <= 20 + 5 + 16
    peers.remove_unit("d/0", "d/2", "d/3")  # d/0 is the leader.
    assert set(view(peers)) == {"d/1", "d/4"}


def test_each_says_goodbye_once(peers: LocalJuju) -> None:
    peers.add_unit("d", num_units=2)
    view(peers)
    peers.remove_unit("d/0")
    view(peers)
    with pytest.raises(TimeoutError):  # update-status is the last that can come of Q5
        peers.wait(lambda _: False)
    goodbyes = re.findall(r"Goodbye from (d/.) to (d/.)", peers.debug_log(limit=0))
    assert sorted(goodbyes) == [("d/0", "d/1"), ("d/0", "d/2"), ("d/1", "d/0"), ("d/2", "d/0")]
