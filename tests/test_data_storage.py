"""The data lie in Juju storage: they outlive their unit, and are taken up by another."""

from __future__ import annotations

from collections.abc import Iterator

import jubilant
import pytest

import bundles
from cloud import Cloud
from website import Website

pytestmark = pytest.mark.localjuju("a pool whose storage outlives its machine is needed")


@pytest.fixture
def model(cloud: Cloud) -> Iterator[Cloud]:
    """An application with notes in a database of one member, whose storage is in a pool."""
    cloud.juju.deploy(bundles.BUILD / "my-node-app.charm")
    cloud.juju.deploy(bundles.BUILD / "mongodb.charm", storage={"data": "pool,1G"})
    cloud.juju.integrate("my-node-app:database", "mongodb:database")
    cloud.settle()
    website(cloud).write("kept")
    yield cloud
    apps = list(cloud.juju.status().apps)
    cloud.juju.remove_application(*apps, destroy_storage=True)
    cloud.juju.wait(lambda status: not status.apps)
    for storage in stored(cloud):
        cloud.juju.cli("remove-storage", storage)
    assert stored(cloud) == []


def website(cloud: Cloud) -> Website:
    (unit,) = cloud.juju.status().get_units("my-node-app")
    return Website(cloud.address(unit))


def stored(cloud: Cloud) -> list[str]:
    """The storage instances that there are."""
    return sorted(cloud.juju.status().storage.storage)


def test_scaled_to_none_and_up_again_with_the_storage(model: Cloud) -> None:
    (storage,) = stored(model)
    (unit,) = model.juju.status().get_units("mongodb")
    model.juju.remove_unit(unit)
    model.juju.wait(lambda status: not status.get_units("mongodb"))
    assert stored(model) == [storage]
    model.juju.add_unit("mongodb", attach_storage=storage)
    model.settle()
    assert website(model).texts() == ["kept"]


def test_new_application_with_the_storage_of_an_old_one(model: Cloud) -> None:
    (storage,) = stored(model)
    model.juju.remove_application("mongodb")
    model.juju.wait(lambda status: "mongodb" not in status.apps)
    model.juju.deploy(bundles.BUILD / "mongodb.charm", "other", attach_storage=storage)
    status = model.juju.wait(lambda status: status.apps["other"].is_blocked)
    (unit,) = status.get_units("other").values()
    assert unit.workload_status.message == (
        "storage data: it belongs to the application mongodb: deploy the charm under that name"
    )
    model.juju.remove_application("other")
    model.juju.wait(lambda status: "other" not in status.apps)
    model.juju.deploy(bundles.BUILD / "mongodb.charm", attach_storage=storage)
    model.juju.integrate("my-node-app:database", "mongodb:database")
    model.settle()
    assert website(model).texts() == ["kept"]


def test_member_comes_back_with_its_storage(model: Cloud) -> None:
    model.juju.add_unit("mongodb", num_units=2)
    model.settle()
    leaving = sorted(model.juju.status().get_units("mongodb"))[-1]
    there = set(stored(model))
    model.juju.remove_unit(leaving)
    model.settle()
    website(model).write("while it was away")
    attached = [s for s, found in model.juju.status().storage.storage.items() if found.attachments]
    (free,) = there - {s for s in attached if s in there and is_attached(model, s)}
    model.juju.add_unit("mongodb", attach_storage=free)
    model.settle()
    assert len(model.juju.status().get_units("mongodb")) == 3
    assert sorted(website(model).texts()) == ["kept", "while it was away"]


def is_attached(cloud: Cloud, storage: str) -> bool:
    attachments = cloud.juju.status().storage.storage[storage].attachments
    return attachments is not None and bool(attachments.units)


def test_storage_of_a_set_that_was_given_up(model: Cloud) -> None:
    (storage,) = stored(model)
    (unit,) = model.juju.status().get_units("mongodb")
    model.juju.remove_unit(unit)
    model.juju.wait(lambda status: not status.get_units("mongodb"))
    model.juju.add_unit("mongodb")  # Without the storage: the application begins anew.
    model.settle()
    assert website(model).texts() == []
    model.juju.add_unit("mongodb", attach_storage=storage)
    status = model.juju.wait(
        lambda status: any(unit.is_blocked for unit in status.get_units("mongodb").values())
    )
    said = [unit.workload_status.message for unit in status.get_units("mongodb").values()]
    assert (
        "storage data: it belongs to another replica set: "
        "remove this unit, add one with new storage" in said
    )
    assert jubilant.all_active(status, "my-node-app")
    assert website(model).texts() == []
