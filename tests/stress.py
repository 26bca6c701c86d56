"""Run the event demos many times, each time with the events in another order.

    make stress SEEDS=10000

The seed of a run chooses the version of Juju, the charms, the order of the hooks, and the moment
of each command. The commands do not wait for the model to settle. So leaders and relations are
removed while other units are still being installed. Every run must end in the same state. The
name of a failed test contains its seed, and this command repeats the run:

    make stress SEEDS=4711-4711
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
    check_peers,
    integrate,
    settle_and_check,
)
from localjuju import LocalJuju


def seeds() -> range:
    """Read SEEDS from the environment: a number of seeds, or the first and the last seed."""
    first, _, last = os.environ.get("SEEDS", "200").rpartition("-")
    return range(int(first), int(last) + 1) if first else range(int(last))


def remove_leader(juju: LocalJuju, application: str) -> None:
    """Remove the current leader. look() is used, because status() lets the model settle first."""
    units = juju.look().get_units(application)
    juju.remove_unit(next(name for name, unit in units.items() if unit.leader))


def demos(juju: LocalJuju, chance: random.Random) -> None:
    """Remove leaders and a relation of two providers and two requirers with two units each."""
    # Three of the four relations. Each application still has one after the first is removed.
    pairs = PAIRS[:3]
    first = pairs[0]
    for charm, names in (("demo-provider", PROVIDERS), ("demo-requirer", REQUIRERS)):
        for name in names:
            juju.deploy(CHARMS / charm, name, num_units=2)
    integrations = [lambda pair=pair: integrate(juju, *pair) for pair in pairs]
    removals = [
        lambda: remove_leader(juju, chance.choice(PROVIDERS)),
        lambda: remove_leader(juju, chance.choice(REQUIRERS)),
        lambda: juju.remove_relation(*(f"{name}:demo" for name in first)),
    ]
    chance.shuffle(integrations)
    chance.shuffle(removals)
    operator = Operator(juju, chance)
    operator.run(*integrations, *removals)
    without = settle_and_check(juju)
    assert set(without) == set(pairs[1:])
    operator.run(lambda: integrate(juju, *first))
    after = settle_and_check(juju)
    assert set(after) == set(pairs)
    assert {pair: after[pair] for pair in without} == without
    # No token was ever replaced.
    assert len(re.findall("demo: sent . the token", juju.debug_log(limit=0))) <= len(pairs) + 1


def peers(juju: LocalJuju, chance: random.Random) -> None:
    """Scale from one unit to five, then to two. The leader is among the removed units."""
    juju.deploy(CHARMS / "replicas-demo", "d")
    removed: set[str] = set()

    def remove_one(leader: bool) -> None:
        """Remove the current leader, or another unit."""
        units = juju.look().get_units("d")
        names = sorted({*units} - removed)
        unit = chance.choice([name for name in names if units[name].leader == leader])
        removed.add(unit)
        juju.remove_unit(unit)

    removals = [lambda: remove_one(True), lambda: remove_one(False), lambda: remove_one(False)]
    chance.shuffle(removals)
    Operator(juju, chance).run(lambda: juju.add_unit("d", num_units=4), *removals)
    remaining = set(check_peers(juju))
    assert len(remaining) == 2
    with pytest.raises(TimeoutError):  # Juju 4 may need update-status to notice a removed unit.
        juju.wait(lambda _: False)
    log = juju.debug_log(limit=0)
    hellos = re.findall(r"Hello from (d/.) to (d/.)", log)
    goodbyes = re.findall(r"Goodbye from (d/.) to (d/.)", log)
    for unit in remaining:
        expected = [peer for by, peer in hellos if by == unit and peer not in remaining]
        assert sorted(peer for by, peer in goodbyes if by == unit) == sorted(expected)


@pytest.mark.parametrize("seed", seeds())
def test_charms_settle(seed: int) -> None:
    scenario = (demos, peers)[seed // len(SERIES) % 2]
    with LocalJuju(SERIES[seed % len(SERIES)], seed=seed, charms=CHARMS) as juju:
        try:
            scenario(juju, random.Random(seed))
        except Exception:
            print(f"{juju}: make stress SEEDS={seed}-{seed}")
            print(juju.history.timeline())
            raise
