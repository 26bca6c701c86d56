"""The demos of bundle-demos.yaml, on machines or on Kubernetes. The order of the tests matters."""

from __future__ import annotations

import json

import jubilant
import pytest

import bundles
from cloud import Cloud, wait_until
from conftest import deploy_bundle


@pytest.fixture(scope="module")
def demos(request: pytest.FixtureRequest, cloud: Cloud) -> Cloud:
    return deploy_bundle(request, cloud, bundles.DEMOS)


def messages(cloud: Cloud, application: str) -> set[str]:
    """Return the status messages of an application's units."""
    units = cloud.juju.status().get_units(application)
    return {unit.workload_status.message for unit in units.values()}


def all_peers_see_the_same_data(cloud: Cloud) -> bool:
    """Return whether all units of replicas-demo see each other and the same leader's address."""
    units = cloud.juju.status().get_units("replicas-demo")
    views = [cloud.juju.run(unit, "show-relation-data").results for unit in units]
    seen = {json.dumps([view["unit-data"], view["leader-ip"]]) for view in views}
    return len(seen) == 1 and set(json.loads(views[0]["unit-data"])) == set(units)


def remove_one_unit(cloud: Cloud, application: str) -> None:
    """Remove a unit: on Kubernetes the newest, on machines the leader."""
    units = cloud.juju.status().get_units(application)
    if cloud.juju.status().model.type == "caas":
        cloud.juju.remove_unit(application, num_units=1)
    else:
        cloud.juju.remove_unit(next(name for name, unit in units.items() if unit.leader))
    cloud.juju.wait(lambda status: len(status.get_units(application)) == len(units) - 1)
    cloud.settle()


def test_each_unit_shows_the_data_of_the_remote_leader(demos: Cloud) -> None:
    for application in ("demo-provider", "demo-requirer"):
        assert len(messages(demos, application)) == 1
    (provider,), (requirer,) = messages(demos, "demo-provider"), messages(demos, "demo-requirer")
    assert "demo-requirer sent token " in provider
    assert "demo-provider has leader-uuid " in requirer


def test_peers_see_the_same_data(demos: Cloud) -> None:
    assert all_peers_see_the_same_data(demos)


def test_new_unit_gets_all_data(demos: Cloud) -> None:
    before = messages(demos, "demo-requirer")
    demos.juju.add_unit("demo-requirer")
    demos.juju.add_unit("replicas-demo")
    demos.juju.wait(
        lambda status: (
            (len(status.get_units("demo-requirer")), len(status.get_units("replicas-demo")))
            == (3, 4)
        )
    )
    demos.settle()
    assert messages(demos, "demo-requirer") == before
    wait_until(lambda: all_peers_see_the_same_data(demos), "all units see the new unit", 120)


def test_peers_see_that_a_unit_was_removed(demos: Cloud) -> None:
    remove_one_unit(demos, "replicas-demo")
    wait_until(lambda: all_peers_see_the_same_data(demos), "all units see the removal", 120)


def test_token_is_removed_with_the_relation(demos: Cloud) -> None:
    demos.juju.remove_relation("demo-requirer:demo", "demo-provider:demo")
    demos.juju.wait(lambda status: jubilant.all_blocked(status, "demo-requirer"))
    wait_until(
        lambda: len(messages(demos, "demo-provider")) == 1,
        "all providers see the removal",
        120,
    )
    (message,) = messages(demos, "demo-provider")
    assert "token" not in message
