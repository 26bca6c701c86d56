"""Rotations at the same time as other changes: users and secrets still match afterwards.

The seed chooses the order of the hooks, and when the operator runs commands between them.
"""

from __future__ import annotations

import pathlib
import random

import jubilant
import pytest

import users
from between_hooks import Operator
from localjuju import LocalJuju
from website import Website

CHARMS = pathlib.Path(__file__).parents[1] / "charms"
REQUIRERS = ("kept", "removed")


def related(juju: LocalJuju) -> set[int]:
    """Return the ids of mongodb's `database` relations."""
    infos = juju.show_unit("mongodb/0").relation_info
    return {info.relation_id for info in infos if info.endpoint == "database"}


def check_users_match_secrets(juju: LocalJuju, requirers: tuple[str, ...]) -> None:
    """Check that each relation has exactly one user and one secret revision, and no more exist."""
    status = juju.status()
    assert jubilant.all_active(status, "mongodb", *requirers), status
    created = users.in_mongodb(juju)
    assert created == users.in_secrets(juju)
    assert sorted(int(user.split("-")[1]) for user in created) == sorted(related(juju))
    assert len(created) == len(requirers)
    for name in requirers:
        for unit in status.get_units(name):
            website = Website(juju.show_unit(unit).public_address)
            website.write(unit)
            assert unit in website.texts()


@pytest.mark.parametrize("series", ["3.6", "4.0"])
@pytest.mark.parametrize("seed", [1, 2])
def test_users_match_secrets(series: str, seed: int) -> None:
    with LocalJuju(series, seed=seed, charms=CHARMS) as juju:
        try:
            race(juju, random.Random(seed))
        except Exception:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")
            raise


def race(juju: LocalJuju, chance: random.Random) -> None:
    def rotate() -> None:
        juju.run("mongodb/leader", "rotate-password")

    def refresh() -> None:
        juju.refresh("mongodb", path=CHARMS / "mongodb")

    def remove_relation() -> None:
        juju.remove_relation("removed:database", "mongodb:database")

    juju.deploy(CHARMS / "mongodb")
    juju.deploy(CHARMS / "my-node-app", "kept", num_units=2)
    juju.deploy(CHARMS / "my-node-app", "removed")
    for name in REQUIRERS:
        juju.integrate(f"{name}:database", "mongodb:database")
    juju.settle()

    # With few hooks between commands, the requirers rarely read a rotated secret in time.
    operator = Operator(juju, chance, most_hooks=3)
    commands = [rotate, rotate, refresh]
    chance.shuffle(commands)
    operator.run(rotate, *commands)
    check_users_match_secrets(juju, REQUIRERS)

    commands = [rotate, refresh, remove_relation]
    chance.shuffle(commands)
    operator.run(rotate, *commands)
    check_users_match_secrets(juju, REQUIRERS[:1])
