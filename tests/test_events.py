"""In any order of events, all units of the event demos see the same data after they settle.

Each model has a seed, which is in the test's name. The same seed runs the same hooks.
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
    check_peers,
    integrate,
    leader_of,
    settle_and_check,
)
from localjuju import LocalJuju


def new_model(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """Yield an empty model for a fixture with the parameter (series, seed).

    If one of its tests fails, print what happened in the model.
    """
    series, seed = request.param
    with LocalJuju(series, seed=seed, charms=CHARMS) as juju:
        failed = request.session.testsfailed
        yield juju
        if request.session.testsfailed > failed:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")


def series_and_seeds(seeds: int) -> list[tuple[str, int]]:
    return [(series, seed) for series in SERIES for seed in range(seeds)]


def hooks_of(juju: LocalJuju, since: int) -> collections.Counter[str]:
    """Return how often each hook ran after the first `since` events."""
    names = [str(e.hook.name) for e in juju.history.events[since:] if e.hook]
    return collections.Counter(names)


# demo-requirer and demo-provider. With each seed, the tests run in this order in one model.


@pytest.fixture(
    scope="module", params=series_and_seeds(2), ids=lambda param: f"{param[0]}-{param[1]}"
)
def demos(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """Two providers and two requirers with two units each, deployed and integrated together."""
    for juju in new_model(request):
        for charm, names in (("demo-provider", PROVIDERS), ("demo-requirer", REQUIRERS)):
            for name in names:
                juju.deploy(CHARMS / charm, name, num_units=2)
        for pair in PAIRS:
            integrate(juju, *pair)
        yield juju


def test_all_units_see_the_same_data(demos: LocalJuju) -> None:
    assert set(settle_and_check(demos)) == set(PAIRS)
    # Each token was sent once, and each unit received it once.
    log = demos.debug_log(limit=0)
    assert len(re.findall(r"demo: sent . the token", log)) == len(PAIRS)
    assert len(re.findall(r"demo: . sent the token", log)) == 2 * len(PAIRS)


def test_update_status_changes_nothing(demos: LocalJuju) -> None:
    before = settle_and_check(demos)
    with pytest.raises(TimeoutError):  # Update-status runs before the timeout.
        demos.wait(lambda _: False)
    assert settle_and_check(demos) == before


def test_new_leaders_keep_the_tokens(demos: LocalJuju) -> None:
    before = settle_and_check(demos)
    demos.remove_unit(*(leader_of(demos, name) for name in (*PROVIDERS, *REQUIRERS)))
    after = settle_and_check(demos)
    for pair in PAIRS:
        assert after[pair]["token"] == before[pair]["token"]
        assert after[pair]["leader-uuid"] != before[pair]["leader-uuid"]


def test_new_units_see_the_same_data(demos: LocalJuju) -> None:
    before = settle_and_check(demos)
    for name in PAIRS[0]:
        demos.add_unit(name)
    assert settle_and_check(demos) == before


def test_relation_is_removed_and_restored(demos: LocalJuju) -> None:
    before, pair = settle_and_check(demos), PAIRS[0]
    demos.remove_relation(f"{pair[0]}:demo", f"{pair[1]}:demo")
    without = settle_and_check(demos)
    assert without == {other: databag for other, databag in before.items() if other != pair}
    since = len(demos.history.events)
    integrate(demos, *pair)
    after = settle_and_check(demos)
    assert after[pair]["token"] != before[pair]["token"]
    assert after[pair]["leader-uuid"] == before[pair]["leader-uuid"]
    assert {other: after[other] for other in without} == without
    # For two and two units the minimum is 4 + 8 + 12 hooks. Each unit gets relation-created,
    # joined and changed for the two remote units, and changed for the remote application. There is
    # one more if a requirer unit joins a provider unit that has not yet written special-field.
    hooks = hooks_of(demos, since)
    assert 12 <= hooks.pop("demo-relation-changed") <= 12 + 4
    assert hooks == {"demo-relation-created": 4, "demo-relation-joined": 8}


def test_all_relations_are_removed(demos: LocalJuju) -> None:
    for provider, requirer in settle_and_check(demos):
        demos.remove_relation(f"{provider}:demo", f"{requirer}:demo")
    assert settle_and_check(demos) == {}


# replicas-demo


@pytest.fixture(params=series_and_seeds(2), ids=lambda param: f"{param[0]}-{param[1]}")
def peers(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """One unit of replicas-demo, which has not run any hook."""
    for juju in new_model(request):
        juju.deploy(CHARMS / "replicas-demo", "d")
        yield juju


@pytest.mark.parametrize("at_once", [True, False])
def test_scaling_from_1_to_5_to_2(peers: LocalJuju, at_once: bool) -> None:
    if not at_once:
        assert len(check_peers(peers)) == 1
    peers.add_unit("d", num_units=4)
    if not at_once:
        assert len(check_peers(peers)) == 5
        # Each unit gets joined and changed for each peer, and changed for leader-ip. There is one
        # more if a unit joins a peer that has not yet written unit-data in relation-created.
        hooks = hooks_of(peers, 0)
        assert hooks["replicas-relation-joined"] == 20
        assert 20 + 5 <= hooks["replicas-relation-changed"] <= 20 + 5 + 16
    peers.remove_unit("d/0", "d/2", "d/3")  # d/0 is the leader.
    assert set(check_peers(peers)) == {"d/1", "d/4"}


def test_each_unit_logs_goodbye_once(peers: LocalJuju) -> None:
    peers.add_unit("d", num_units=2)
    check_peers(peers)
    peers.remove_unit("d/0")
    check_peers(peers)
    with pytest.raises(TimeoutError):  # Q5: Juju 4 may need update-status.
        peers.wait(lambda _: False)
    goodbyes = re.findall(r"Goodbye from (d/.) to (d/.)", peers.debug_log(limit=0))
    assert sorted(goodbyes) == [("d/0", "d/1"), ("d/0", "d/2"), ("d/1", "d/0"), ("d/2", "d/0")]
