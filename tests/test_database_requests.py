"""A database is made when it has been asked for, and not before."""

from __future__ import annotations

import pathlib

import pytest

import databags
import users
from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parents[1] / "charms"


@pytest.mark.parametrize("series", ["3.6", "4.0"])
def test_no_user_is_made_for_another_database(series: str) -> None:
    # In some of these relations a unit joins before its leader has asked.
    databases = {"app-a": "notes-a", "app-b": "notes-b", "app-c": "notes-c"}
    with LocalJuju(series, seed=2, charms=CHARMS) as juju:
        juju.deploy(CHARMS / "mongodb")
        juju.settle()
        for app, database in databases.items():
            juju.deploy(CHARMS / "my-node-app", app, num_units=2, config={"database": database})
            juju.integrate(f"{app}:database", "mongodb:database")
        juju.settle()
        answers = [bag for bag in databags.app_bags(juju, "database") if "secret-user" in bag]
        assert sorted(bag["database"] for bag in answers) == sorted(databases.values())
        secrets = [databags.revealed(juju, bag["secret-user"]) for bag in answers]
        # A user for another database would have been the relation's first.
        assert [secret.revision for secret in secrets] == [1, 1, 1]
        assert users.in_mongodb(juju) == {secret.content["username"] for secret in secrets}
