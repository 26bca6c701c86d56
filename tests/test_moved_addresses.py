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

pytestmark = pytest.mark.localjuju("gives machines new addresses")


MODELS = [(version, members) for version in ("3.6", "4.0") for members in (1, 3)]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: f"{model[0]}-{model[1]}")
def moved(request: pytest.FixtureRequest) -> Iterator[tuple[LocalCloud, list[str]]]:
    """The bundle after all machines of mongodb have new addresses, and the notes from before."""
    version, members = request.param
    with conftest.local_cloud(request, version) as cloud:
        units = {"mongodb": members, "my-node-app": 1}
        conftest.deploy_bundle(request, cloud, bundles.BUNDLE, units)
        load = Load(Website(cloud.address("my-node-app/0")), cloud.load_pause)
        with load.running():
            pass  # This writes some notes.
        cloud.juju.restart_machines(
            sorted(cloud.juju.status().get_units("mongodb")), new_addresses=True
        )
        # Even if the new unit starts first, it must not begin a new replica set.
        cloud.juju.add_unit("mongodb")
        cloud.settle()
        yield cloud, load.acknowledged


def members(cloud: Cloud) -> list[dict[str, str]]:
    """Return the members that the action replica-set-status shows."""
    results = cloud.juju.run("mongodb/leader", "replica-set-status").results
    return json.loads(results["members"])


def test_replica_set_uses_the_new_addresses(moved: tuple[LocalCloud, list[str]]) -> None:
    cloud, _ = moved
    found = {member["unit"]: member["host"] for member in members(cloud)}
    units = cloud.juju.status().get_units("mongodb")
    assert found == {unit: f"{cloud.address(unit)}:27017" for unit in units}
    assert jubilant.all_active(cloud.juju.status())


def test_no_acknowledged_note_is_lost(moved: tuple[LocalCloud, list[str]]) -> None:
    cloud, acknowledged = moved
    website = Website(cloud.address("my-node-app/0"))
    assert set(acknowledged) <= set(website.texts())
    website.write("written afterwards")
    assert sorted(databags.database(cloud.juju)["endpoints"]) == sorted(
        member["host"] for member in members(cloud)
    )
