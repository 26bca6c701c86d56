"""mongodb keeps its data in Juju storage, which survives its unit. Another unit can use it."""

from __future__ import annotations

from collections.abc import Iterator

import jubilant
import pytest

import bundles
import conftest
from cloud import Cloud, LocalCloud
from website import Website

pytestmark = pytest.mark.localjuju("needs a pool whose storage survives its machine")


@pytest.fixture(params=["3.6", "4.0"])
def model(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """my-node-app with one note, and mongodb with one member and storage from a pool."""
    with conftest.local_cloud(request, request.param) as cloud:
        cloud.juju.deploy(bundles.BUILD / "my-node-app.charm")
        cloud.juju.deploy(bundles.BUILD / "mongodb.charm", storage={"data": "pool,1G"})
        cloud.juju.integrate("my-node-app:database", "mongodb:database")
        cloud.settle()
        website(cloud).write("saved before")
        yield cloud


def website(cloud: Cloud) -> Website:
    (unit,) = cloud.juju.status().get_units("my-node-app")
    return Website(cloud.address(unit))


def storage_names(cloud: Cloud) -> list[str]:
    """Return the names of all storage instances."""
    return sorted(cloud.juju.status().storage.storage)


def test_unit_uses_the_storage_again_after_scaling_to_zero(model: Cloud) -> None:
    (storage,) = storage_names(model)
    (unit,) = model.juju.status().get_units("mongodb")
    model.juju.remove_unit(unit)
    model.juju.wait(lambda status: not status.get_units("mongodb"))
    assert storage_names(model) == [storage]
    model.juju.add_unit("mongodb", attach_storage=storage)
    model.settle()
    assert website(model).texts() == ["saved before"]


def test_storage_can_be_kept_or_removed_with_the_application(model: Cloud) -> None:
    model.juju.add_unit("mongodb")
    model.settle()
    one, other = storage_names(model)
    model.juju.remove_unit("mongodb/1")
    model.settle()
    assert storage_names(model) == [one, other]
    model.juju.remove_application("mongodb", destroy_storage=True)
    model.juju.wait(lambda status: "mongodb" not in status.apps)
    assert storage_names(model) == [other]
    model.juju.cli("remove-storage", other)
    assert storage_names(model) == []


def test_new_application_uses_the_storage_only_under_the_same_name(model: Cloud) -> None:
    (storage,) = storage_names(model)
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
    assert website(model).texts() == ["saved before"]


def test_new_member_uses_the_storage_of_a_removed_member(model: Cloud) -> None:
    model.juju.add_unit("mongodb", num_units=2)
    model.settle()
    leaving = sorted(model.juju.status().get_units("mongodb"))[-1]
    model.juju.remove_unit(leaving)
    model.settle()
    website(model).write("saved while it was removed")
    (free,) = [name for name in storage_names(model) if not is_attached(model, name)]
    model.juju.add_unit("mongodb", attach_storage=free)
    model.settle()
    assert len(model.juju.status().get_units("mongodb")) == 3
    assert sorted(website(model).texts()) == ["saved before", "saved while it was removed"]


def is_attached(cloud: Cloud, storage: str) -> bool:
    attachments = cloud.juju.status().storage.storage[storage].attachments
    return attachments is not None and bool(attachments.units)


def test_storage_of_another_replica_set_is_refused(model: Cloud) -> None:
    (storage,) = storage_names(model)
    (unit,) = model.juju.status().get_units("mongodb")
    model.juju.remove_unit(unit)
    model.juju.wait(lambda status: not status.get_units("mongodb"))
    model.juju.add_unit("mongodb")  # Without the old storage, it initiates a new replica set.
    model.settle()
    assert website(model).texts() == []
    model.juju.add_unit("mongodb", attach_storage=storage)
    status = model.juju.wait(
        lambda status: any(unit.is_blocked for unit in status.get_units("mongodb").values())
    )
    messages = [unit.workload_status.message for unit in status.get_units("mongodb").values()]
    assert (
        "storage data: it belongs to another replica set: "
        "remove this unit, add one with new storage" in messages
    )
    assert jubilant.all_active(status, "my-node-app")
    assert website(model).texts() == []
