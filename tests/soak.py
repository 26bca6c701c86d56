"""Whole lives of the event demos, each in another order of events: none may end otherwise.

    make soak SEEDS=10000

A seed is a life. It chooses the series of Juju and the charms, the order of hooks, and when the
operator does what: he does not wait for anything to settle, so leaders go and relations end while
others are still being installed. The name of a failed test tells its seed:

    make soak SEEDS=4711-4711
"""

from __future__ import annotations

import os
import random
import re

import pytest

from between_hooks import Operator
from event_demos import (
    CHARMS,
    PAIRS,
    PROVIDERS,
    REQUIRERS,
    SERIES,
    integrate,
    settled,
    view,
)
from localjuju import LocalJuju


def seeds() -> range:
    """Read the environment's SEEDS: how many, or the first and the last of them."""
    first, _, last = os.environ.get("SEEDS", "200").rpartition("-")
    return range(int(first), int(last) + 1) if first else range(int(last))


def remove_leader(juju: LocalJuju, application: str) -> None:
    """Remove the unit that leads at this moment: status() would let the model settle first."""
    units = juju.look().get_units(application)
    juju.remove_unit(next(name for name, unit in units.items() if unit.leader))


def demos(juju: LocalJuju, chance: random.Random) -> None:
    """Two providers and two requirers, of two units each, lose leaders and a relation."""
    # Three of the four relations, and nobody is left alone by the end of the first.
    pairs = PAIRS[:3]
    first = pairs[0]
    for charm, names in (("demo-provider", PROVIDERS), ("demo-requirer", REQUIRERS)):
        for name in names:
            juju.deploy(CHARMS / charm, name, num_units=2)
    relating = [lambda pair=pair: integrate(juju, *pair) for pair in pairs]
    ending = [
        lambda: remove_leader(juju, chance.choice(PROVIDERS)),
        lambda: remove_leader(juju, chance.choice(REQUIRERS)),
        lambda: juju.remove_relation(*(f"{name}:demo" for name in first)),
    ]
    chance.shuffle(relating)
    chance.shuffle(ending)
    operator = Operator(juju, chance)
    operator.give(*relating, *ending)
    without = settled(juju)
    assert set(without) == set(pairs[1:])
    operator.give(lambda: integrate(juju, *first))
    after = settled(juju)
    assert set(after) == set(pairs)
    assert {pair: after[pair] for pair in without} == without
    # No token was ever given in place of another.
    assert len(re.findall("demo: sent . the token", juju.debug_log(limit=0))) <= len(pairs) + 1


def peers(juju: LocalJuju, chance: random.Random) -> None:
    """One unit, then five, then two: the one that leads is among those that go."""
    juju.deploy(CHARMS / "replicas-demo", "d")
    gone: set[str] = set()

    def remove_one(leader: bool) -> None:
        """Remove the unit that leads at this moment, or one that does not."""
        units = juju.look().get_units("d")
        unit = chance.choice([n for n in sorted({*units} - gone) if units[n].leader == leader])
        gone.add(unit)
        juju.remove_unit(unit)

    removing = [lambda: remove_one(True), lambda: remove_one(False), lambda: remove_one(False)]
    chance.shuffle(removing)
    Operator(juju, chance).give(lambda: juju.add_unit("d", num_units=4), *removing)
    stay = set(view(juju))
    assert len(stay) == 2
    with pytest.raises(TimeoutError):  # After update-status, the last that can come of Q5.
        juju.wait(lambda _: False)
    log = juju.debug_log(limit=0)
    greeted = re.findall(r"Hello from (d/.) to (d/.)", log)
    missed = re.findall(r"Goodbye from (d/.) to (d/.)", log)
    for unit in stay:
        gone_again = [peer for by, peer in greeted if by == unit and peer not in stay]
        assert sorted(peer for by, peer in missed if by == unit) == sorted(gone_again)


@pytest.mark.parametrize("seed", seeds())
def test_life(seed: int) -> None:
    life = (demos, peers)[seed // len(SERIES) % 2]
    with LocalJuju(SERIES[seed % len(SERIES)], seed=seed, charms=CHARMS) as juju:
        try:
            life(juju, random.Random(seed))
        except Exception:
            print(f"{juju}: make soak SEEDS={seed}-{seed}")
            print(juju.history.timeline())
            raise
