"""Credentials: rotated while notes are written, refused where the request is wrong."""

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


def opens(uri: str) -> bool:
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
        try:
            client["my-node-app"]["notes"].find_one()
        except pymongo.errors.OperationFailure:
            return False
        return True


def test_rotating_under_load_loses_no_note(bundle: Cloud) -> None:
    website = Website(bundle.address("my-node-app/0"))
    before = databags.secret(bundle.juju).content
    assert opens(before["uris"])
    load = Load(website, bundle.load_pause)
    with load.running():
        bundle.juju.run("mongodb/leader", "rotate-password")
        bundle.settle()
    after = databags.secret(bundle.juju).content
    assert after["username"] != before["username"]
    assert after["password"] != before["password"]
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])


def test_old_credentials_are_gone_once_nobody_uses_them(bundle: Cloud) -> None:
    before = databags.secret(bundle.juju).content
    bundle.juju.run("mongodb/leader", "rotate-password")
    bundle.settle()
    assert opens(databags.secret(bundle.juju).content["uris"])
    wait_until(lambda: not opens(before["uris"]), "the old user is dropped", 120)


def test_nothing_is_made_before_it_is_asked_for(bundle: Cloud) -> None:
    before = users.in_mongodb(bundle.juju)
    # It does not ask for a database while it cannot use the option.
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
    (made,) = users.in_mongodb(bundle.juju) - before
    assert made.endswith("-1")  # The relation's first: there was none of another database.


def test_two_requirers_never_see_each_others_data(bundle: Cloud) -> None:
    other = "other-app"
    theirs = Website(bundle.address(f"{other}/0"))
    theirs.write("theirs")
    assert theirs.texts() == ["theirs"]
    assert "theirs" not in Website(bundle.address("my-node-app/0")).texts()
    bags = [bag for bag in databags.app_bags(bundle.juju, "database") if "secret-user" in bag]
    mine, other_bag = sorted(bags, key=lambda bag: bag["database"])
    assert mine["secret-user"] != other_bag["secret-user"]
    uri = databags.revealed(bundle.juju, mine["secret-user"]).content["uris"]
    with pymongo.MongoClient(uri) as client, pytest.raises(pymongo.errors.OperationFailure):
        client[other_bag["database"]]["notes"].find_one()


def test_invalid_request_is_refused_by_name_and_harms_no_other(bundle: Cloud) -> None:
    bundle.juju.config("other-app", {"database": "admin"})
    status = bundle.juju.wait(lambda s: s.apps["mongodb"].app_status.current == "blocked")
    message = status.apps["mongodb"].app_status.message
    assert "database" in message and "other-app" in message
    website = Website(bundle.address("my-node-app/0"))
    website.write("still works")
    assert "still works" in website.texts()
    bundle.juju.config("other-app", reset="database")
    bundle.settle()
