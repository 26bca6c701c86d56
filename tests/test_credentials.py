"""Credentials: rotated while notes are written, refused where the request is wrong."""

from __future__ import annotations

import jubilant
import pymongo
import pymongo.errors
import pytest

import cloud
import databags
from localjuju import LocalJuju
from website import Load, Website


def credentials(juju: LocalJuju) -> dict[str, str]:
    (answer,) = [bag for bag in databags.app_bags(juju, "database") if "secret-user" in bag]
    return juju.show_secret(answer["secret-user"], reveal=True).content


def opens(uri: str) -> bool:
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
        try:
            client["my-node-app"]["notes"].find_one()
        except pymongo.errors.OperationFailure:
            return False
        return True


def test_rotating_under_load_loses_no_note(bundle: LocalJuju) -> None:
    website = Website(cloud.address(bundle, "my-node-app/0"))
    before = credentials(bundle)
    assert opens(before["uris"])
    load = Load(website)
    with load.running():
        bundle.run("mongodb/leader", "rotate-password")
        bundle.wait(jubilant.all_active, error=jubilant.any_error)
    after = credentials(bundle)
    assert after["username"] != before["username"]
    assert after["password"] != before["password"]
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])


def test_old_credentials_are_gone_once_nobody_uses_them(bundle: LocalJuju) -> None:
    before = credentials(bundle)
    bundle.run("mongodb/leader", "rotate-password")
    bundle.wait(jubilant.all_active, error=jubilant.any_error)
    assert opens(credentials(bundle)["uris"])
    assert not opens(before["uris"])


def test_two_requirers_never_see_each_others_data(bundle: LocalJuju) -> None:
    other = "other-app"
    bundle.deploy("./build/my-node-app.charm", other)
    bundle.integrate(f"{other}:database", "mongodb:database")
    bundle.wait(jubilant.all_active, error=jubilant.any_error)
    theirs = Website(cloud.address(bundle, f"{other}/0"))
    theirs.write("theirs")
    assert theirs.texts() == ["theirs"]
    assert "theirs" not in Website(cloud.address(bundle, "my-node-app/0")).texts()
    bags = [bag for bag in databags.app_bags(bundle, "database") if "secret-user" in bag]
    mine, other_bag = sorted(bags, key=lambda bag: bag["database"])
    assert mine["secret-user"] != other_bag["secret-user"]
    uri = bundle.show_secret(mine["secret-user"], reveal=True).content["uris"]
    with pymongo.MongoClient(uri) as client, pytest.raises(pymongo.errors.OperationFailure):
        client[other_bag["database"]]["notes"].find_one()


def test_invalid_request_is_refused_by_name_and_harms_no_other(bundle: LocalJuju) -> None:
    bundle.config("other-app", {"database": "admin"})
    status = bundle.wait(lambda s: s.apps["mongodb"].app_status.current == "blocked")
    message = status.apps["mongodb"].app_status.message
    assert "database" in message and "other-app" in message
    website = Website(cloud.address(bundle, "my-node-app/0"))
    website.write("still works")
    assert "still works" in website.texts()
    bundle.config("other-app", reset="database")
    bundle.wait(jubilant.all_active, error=jubilant.any_error)
