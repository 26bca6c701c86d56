"""Rotate passwords during other changes. Afterwards, users and secrets still match.

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


def database_relation_ids(juju: LocalJuju) -> set[int]:
    """Return the ids of mongodb's `database` relations."""
    infos = juju.show_unit("mongodb/0").relation_info
    return {info.relation_id for info in infos if info.endpoint == "database"}


def check_users_match_secrets(juju: LocalJuju, requirers: tuple[str, ...]) -> None:
    """Check that each relation has exactly one user and one secret revision, without others."""
    status = juju.status()
    assert jubilant.all_active(status, "mongodb", *requirers), status
    created = users.in_mongodb(juju)
    assert created == users.in_secrets(juju)
    assert sorted(int(user.split("-")[1]) for user in created) == sorted(
        database_relation_ids(juju)
    )
    assert len(created) == len(requirers)
    for name in requirers:
        for unit in status.get_units(name):
            website = Website(juju.show_unit(unit).public_address)
            website.write(unit)
            assert unit in website.texts()


@pytest.mark.parametrize("series", ["3.6", "4.0"])
@pytest.mark.parametrize("seed", [1, 2])
def test_users_match_secrets_after_rotations_during_other_changes(series: str, seed: int) -> None:
    with LocalJuju(series, seed=seed, charms=CHARMS) as juju:
        try:
            rotate_during_other_changes(juju, random.Random(seed))
        except Exception:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")
            raise


def rotate_during_other_changes(juju: LocalJuju, rng: random.Random) -> None:
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

    # With few hooks between commands, a requirer rarely reads a secret before its next rotation.
    operator = Operator(juju, rng, max_hooks=3)
    commands = [rotate, rotate, refresh]
    rng.shuffle(commands)
    operator.run(rotate, *commands)
    check_users_match_secrets(juju, REQUIRERS)

    commands = [rotate, refresh, remove_relation]
    rng.shuffle(commands)
    operator.run(rotate, *commands)
    check_users_match_secrets(juju, REQUIRERS[:1])
