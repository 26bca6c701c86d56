"""Rotate credentials while notes are written, and refuse invalid requests."""

from __future__ import annotations

import jubilant
import pymongo
import pymongo.errors
import pytest

import bundles
import databags
import users
from cloud import Cloud, wait_until
from website import Load, Website


def can_log_in(uri: str) -> bool:
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
        try:
            client["my-node-app"]["notes"].find_one()
        except pymongo.errors.OperationFailure:
            return False
        return True


def test_rotation_under_load_loses_no_note(bundle: Cloud) -> None:
    website = Website(bundle.address("my-node-app/0"))
    before = databags.secret(bundle.juju).content
    assert can_log_in(before["uris"])
    load = Load(website, bundle.load_pause)
    with load.running():
        bundle.juju.run("mongodb/leader", "rotate-password")
        bundle.settle()
    after = databags.secret(bundle.juju).content
    assert after["username"] != before["username"]
    assert after["password"] != before["password"]
    assert load.refused == []
    assert load.lost_and_duplicated() == ([], [])


def test_old_user_is_removed_when_no_client_uses_it(bundle: Cloud) -> None:
    before = databags.secret(bundle.juju).content
    bundle.juju.run("mongodb/leader", "rotate-password")
    bundle.settle()
    assert can_log_in(databags.secret(bundle.juju).content["uris"])
    wait_until(lambda: not can_log_in(before["uris"]), "the old user is removed", 120)


def test_no_user_is_created_before_the_request(bundle: Cloud) -> None:
    before = users.in_mongodb(bundle.juju)
    # With an invalid option the application requests no database.
    options = {"database": "no name!"}
    bundle.juju.deploy(bundles.BUILD / "my-node-app.charm", "other-app", config=options)
    bundle.juju.integrate("other-app:database", "mongodb:database")
    bundle.juju.wait(
        lambda status: status.apps["other-app"].is_blocked and jubilant.all_agents_idle(status),
        successes=10,
    )
    assert users.in_mongodb(bundle.juju) == before
    bundle.juju.config("other-app", reset="database")
    bundle.settle()
    (created,) = users.in_mongodb(bundle.juju) - before
    assert created.endswith("-1")  # The first user of this relation.


def test_requirers_cannot_read_each_others_data(bundle: Cloud) -> None:
    other = "other-app"
    other_website = Website(bundle.address(f"{other}/0"))
    other_website.write("other note")
    assert other_website.texts() == ["other note"]
    assert "other note" not in Website(bundle.address("my-node-app/0")).texts()
    databags_with_secret = [
        databag
        for databag in databags.app_databags(bundle.juju, "database")
        if "secret-user" in databag
    ]
    own_databag, other_databag = sorted(
        databags_with_secret, key=lambda databag: databag["database"]
    )
    assert own_databag["secret-user"] != other_databag["secret-user"]
    uri = databags.reveal(bundle.juju, own_databag["secret-user"]).content["uris"]
    with pymongo.MongoClient(uri) as client, pytest.raises(pymongo.errors.OperationFailure):
        client[other_databag["database"]]["notes"].find_one()


def test_invalid_request_is_refused_and_does_not_affect_other_requirers(bundle: Cloud) -> None:
    bundle.juju.config("other-app", {"database": "admin"})
    status = bundle.juju.wait(lambda s: s.apps["mongodb"].app_status.current == "blocked")
    message = status.apps["mongodb"].app_status.message
    assert "database" in message and "other-app" in message
    website = Website(bundle.address("my-node-app/0"))
    website.write("still works")
    assert "still works" in website.texts()
    bundle.juju.config("other-app", reset="database")
    bundle.settle()
