"""The demos of bundle-demos.yaml, on machines and on Kubernetes: tests run in this order."""

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


def said(cloud: Cloud, application: str) -> set[str]:
    """Return what the units of an application say in their status."""
    units = cloud.juju.status().get_units(application)
    return {unit.workload_status.message for unit in units.values()}


def see_the_same(cloud: Cloud) -> bool:
    """Whether each unit of replicas-demo sees each of them, and the leader's address."""
    units = cloud.juju.status().get_units("replicas-demo")
    views = [cloud.juju.run(unit, "show-relation-data").results for unit in units]
    seen = {json.dumps([view["unit-data"], view["leader-ip"]]) for view in views}
    return len(seen) == 1 and set(json.loads(views[0]["unit-data"])) == set(units)


def remove_one(cloud: Cloud, application: str) -> None:
    """Remove a unit: on Kubernetes the newest, on machines the leader."""
    units = cloud.juju.status().get_units(application)
    if cloud.juju.status().model.type == "caas":
        cloud.juju.remove_unit(application, num_units=1)
    else:
        cloud.juju.remove_unit(next(name for name, unit in units.items() if unit.leader))
    cloud.juju.wait(lambda status: len(status.get_units(application)) == len(units) - 1)
    cloud.settle()


def test_each_unit_knows_what_the_leaders_said(demos: Cloud) -> None:
    for application in ("demo-provider", "demo-requirer"):
        assert len(said(demos, application)) == 1
    (provider,), (requirer,) = said(demos, "demo-provider"), said(demos, "demo-requirer")
    assert "demo-requirer sent token " in provider
    assert "demo-provider has leader-uuid " in requirer


def test_peers_see_the_same(demos: Cloud) -> None:
    assert see_the_same(demos)


def test_a_new_unit_is_told(demos: Cloud) -> None:
    before = said(demos, "demo-requirer")
    demos.juju.add_unit("demo-requirer")
    demos.juju.add_unit("replicas-demo")
    demos.juju.wait(
        lambda status: (
            (len(status.get_units("demo-requirer")), len(status.get_units("replicas-demo")))
            == (3, 4)
        )
    )
    demos.settle()
    assert said(demos, "demo-requirer") == before
    wait_until(lambda: see_the_same(demos), "all see the new unit", 120)


def test_a_unit_goes_and_the_others_agree(demos: Cloud) -> None:
    remove_one(demos, "replicas-demo")
    wait_until(lambda: see_the_same(demos), "all see that a unit has gone", 120)


def test_token_ends_with_the_relation(demos: Cloud) -> None:
    demos.juju.remove_relation("demo-requirer:demo", "demo-provider:demo")
    demos.juju.wait(lambda status: jubilant.all_blocked(status, "demo-requirer"))
    wait_until(lambda: len(said(demos, "demo-provider")) == 1, "all providers know", 120)
    (message,) = said(demos, "demo-provider")
    assert "token" not in message
