"""The event demos settle, whatever the order of events: every unit sees the same, and rests.

Each model has a seed, which the test's name tells; the same seed runs the same hooks.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator

import pytest

from event_demos import (
    CHARMS,
    PAIRS,
    PROVIDERS,
    REQUIRERS,
    SERIES,
    integrate,
    leader_of,
    settled,
    view,
)
from localjuju import LocalJuju


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


def test_everyone_learns_the_same(demos: LocalJuju) -> None:
    assert set(settled(demos)) == set(PAIRS)
    # Nobody was told anything twice: each token was given once, and taken once by each unit.
    log = demos.debug_log(limit=0)
    assert len(re.findall(r"demo: sent . the token", log)) == len(PAIRS)
    assert len(re.findall(r"demo: . sent the token", log)) == 2 * len(PAIRS)


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
