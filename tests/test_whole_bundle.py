"""The complete bundle of bundle.yaml, with all units."""

from __future__ import annotations

import pytest

import bundles
import databags
from cloud import Cloud
from conftest import deploy_bundle
from website import Website


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest, cloud: Cloud) -> Cloud:
    return deploy_bundle(request, cloud, bundles.BUNDLE)


def test_all_units_exist(whole: Cloud) -> None:
    status = whole.juju.status()
    units = {name: len(status.get_units(name)) for name in status.apps}
    assert units == {"mongodb": 3, "my-node-app": 2, "rsyslog-forwarder": 5}


def test_replica_set_has_each_unit_as_a_member(whole: Cloud) -> None:
    units = whole.juju.status().get_units("mongodb").values()
    messages = sorted(unit.workload_status.message for unit in units)
    assert messages == ["primary", "secondary", "secondary"]
    addresses = whole.addresses("mongodb")
    endpoints = databags.database(whole.juju)["endpoints"]
    assert endpoints == sorted(f"{address}:27017" for address in addresses)


def test_website_units_share_the_notes(whole: Cloud) -> None:
    one, other = map(Website, whole.addresses("my-node-app"))
    one.write("written to one")
    assert other.texts() == ["written to one"]


def test_each_forwarder_has_its_own_principal(whole: Cloud) -> None:
    """On Juju 4 each forwarder also sees other principals (Q2, Q3)."""
    for application, log in (("mongodb", None), ("my-node-app", "var/log/my-node-app")):
        for name, principal in whole.juju.status().apps[application].units.items():
            (forwarder,) = principal.subordinates.values()
            forwarded = whole.root(name) / log if log else "syslog"
            assert forwarder.workload_status.message == (
                f"forwarding {forwarded} to {name} itself "
                f"at {principal.public_address}:514 (udp): "
                "set target to forward to a syslog server"
            )
