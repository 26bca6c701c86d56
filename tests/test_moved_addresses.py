"""All addresses of the replica set change at the same time, as after a power cut."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jubilant
import pytest

import bundles
import conftest
import databags
from cloud import Cloud, LocalCloud
from website import Load, Website

pytestmark = pytest.mark.localjuju("the machines get new addresses")


MODELS = [(version, members) for version in ("3.6", "4.0") for members in (1, 3)]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: f"{model[0]}-{model[1]}")
def moved(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """The bundle with notes, after all machines of mongodb have restarted with new addresses."""
    version, members = request.param
    with conftest.local_cloud(request, version) as cloud:
        units = {"mongodb": members, "my-node-app": 1}
        conftest.deploy_bundle(request, cloud, bundles.BUNDLE, units)
        load = Load(Website(cloud.address("my-node-app/0")), cloud.load_pause)
        with load.running():
            pass
        cloud.acknowledged = load.acknowledged  # type: ignore[attr-defined]
        cloud.juju.restart_machines(
            sorted(cloud.juju.status().get_units("mongodb")), new_addresses=True
        )
        # Even if the new unit starts first, it must not begin a new replica set.
        cloud.juju.add_unit("mongodb")
        cloud.settle()
        yield cloud


def members(cloud: Cloud) -> list[dict[str, str]]:
    results = cloud.juju.run("mongodb/leader", "replica-set-status").results
    return json.loads(results["members"])


def test_replica_set_uses_the_new_addresses(moved: LocalCloud) -> None:
    found = {member["unit"]: member["host"] for member in members(moved)}
    units = moved.juju.status().get_units("mongodb")
    assert found == {unit: f"{moved.address(unit)}:27017" for unit in units}
    assert jubilant.all_active(moved.juju.status())


def test_no_acknowledged_note_is_lost(moved: LocalCloud) -> None:
    website = Website(moved.address("my-node-app/0"))
    assert set(moved.acknowledged) <= set(website.texts())  # type: ignore[attr-defined]
    website.write("written afterwards")
    assert sorted(databags.database(moved.juju)["endpoints"]) == sorted(
        member["host"] for member in members(moved)
    )
