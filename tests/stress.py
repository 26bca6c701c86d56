"""Run the event demos many times, each time with another order of events.

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
    """Remove the current leader."""
    units = juju.look().get_units(application)  # status() would let the model settle first.
    juju.remove_unit(next(name for name, unit in units.items() if unit.leader))


def demos(juju: LocalJuju, rng: random.Random) -> None:
    """Remove leaders and a relation of two providers and two requirers with two units each."""
    # Three of the four relations, so that each application still has one without the first.
    pairs = PAIRS[:3]
    first = pairs[0]
    for charm, names in (("demo-provider", PROVIDERS), ("demo-requirer", REQUIRERS)):
        for name in names:
            juju.deploy(CHARMS / charm, name, num_units=2)
    integrations = [lambda pair=pair: integrate(juju, *pair) for pair in pairs]
    removals = [
        lambda: remove_leader(juju, rng.choice(PROVIDERS)),
        lambda: remove_leader(juju, rng.choice(REQUIRERS)),
        lambda: juju.remove_relation(*(f"{name}:demo" for name in first)),
    ]
    rng.shuffle(integrations)
    rng.shuffle(removals)
    operator = Operator(juju, rng)
    operator.run(*integrations, *removals)
    without = settle_and_check(juju)
    assert set(without) == set(pairs[1:])
    operator.run(lambda: integrate(juju, *first))
    after = settle_and_check(juju)
    assert set(after) == set(pairs)
    assert {pair: after[pair] for pair in without} == without
    # Only the restored relation has got a second token.
    assert len(re.findall("demo: sent . the token", juju.debug_log(limit=0))) <= len(pairs) + 1


def peers(juju: LocalJuju, rng: random.Random) -> None:
    """Scale from one unit to five, then to two. The leader is among the removed units."""
    juju.deploy(CHARMS / "replicas-demo", "d")
    removed: set[str] = set()

    def remove_one(leader: bool) -> None:
        """Remove the current leader, or another unit."""
        units = juju.look().get_units("d")
        names = sorted({*units} - removed)
        unit = rng.choice([name for name in names if units[name].leader == leader])
        removed.add(unit)
        juju.remove_unit(unit)

    removals = [lambda leader=leader: remove_one(leader) for leader in (True, False, False)]
    rng.shuffle(removals)
    Operator(juju, rng).run(lambda: juju.add_unit("d", num_units=4), *removals)
    remaining = set(check_peers(juju))
    assert len(remaining) == 2
    with pytest.raises(TimeoutError):  # Juju 4 may need update-status to notice a removed unit.
        juju.wait(lambda _: False)
    log = juju.debug_log(limit=0)
    hellos = re.findall(r"Hello from (d/.) to (d/.)", log)
    goodbyes = re.findall(r"Goodbye from (d/.) to (d/.)", log)
    for unit in remaining:
        expected = [peer for sender, peer in hellos if sender == unit and peer not in remaining]
        assert sorted(peer for sender, peer in goodbyes if sender == unit) == sorted(expected)


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
