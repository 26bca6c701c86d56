"""``open-port``, ``network-get`` and others: conflicting ports, and the addresses of endpoints."""

from __future__ import annotations

import json

import pytest

from conftest import PRINCIPAL, PROVIDER, SCRIPT, SUBORDINATE, MakeCharm, run
from localjuju import LocalJuju

BINDINGS = f"{PROVIDER}\nextra-bindings: {{backups: null}}"


@pytest.fixture
def alone(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    juju.deploy(make_charm("a", BINDINGS, SCRIPT))
    juju.settle()
    return juju


def test_overlapping_ranges_of_ports_are_refused(alone: LocalJuju) -> None:
    conflict = '(unit "a/0"): port range conflicts with'
    assert run(
        alone,
        "open-port 8000-8010",
        "open-port 8000-8010",
        "open-port 8010-8020",
        "open-port 7000-9000",
        "open-port 8005",
        "open-port 8005/udp",
        "close-port 8005",
        "open-port 8011-8020",
        "open-port icmp",
        "open-port icmp",
    ) == [
        0,
        0,
        f'ERROR cannot open 8010-8020/tcp {conflict} 8000-8010/tcp (unit "a/0") requested earlier',
        f'ERROR cannot open 7000-9000/tcp {conflict} 8000-8010/tcp (unit "a/0") requested earlier',
        f'ERROR cannot open 8005/tcp {conflict} 8000-8010/tcp (unit "a/0") requested earlier',
        0,
        f'ERROR cannot close 8005/tcp {conflict} 8000-8010/tcp (unit "a/0") requested earlier',
        0,
        0,
        0,
    ]
    assert run(
        alone,
        "open-port 8011",
        "close-port 8000-8010",
        "open-port 8005",
        "close-port 1/tcp",
        "opened-ports",
    ) == [
        f'ERROR cannot open 8011/tcp {conflict} 8011-8020/tcp (unit "a/0")',
        0,
        0,
        0,
        "icmp\n8005/tcp\n8011-8020/tcp\n8005/udp",
    ]


def test_ranges_of_another_unit_on_the_machine_are_refused(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("p", PRINCIPAL, SCRIPT))
    juju.deploy(make_charm("s", SUBORDINATE, SCRIPT))
    juju.integrate("p:logging", "s:logging")
    juju.settle()
    assert run(juju, "open-port 514/udp", unit="s/0") == [0]
    assert run(juju, "open-port 514/udp", "open-port 514", unit="p/0") == [
        'ERROR cannot open 514/udp (unit "p/0"): port range conflicts with 514/udp (unit "s/0")',
        0,
    ]


def test_network_get_of_endpoints_and_extra_bindings(alone: LocalJuju) -> None:
    address = alone.status().get_units("a")["a/0"].public_address
    as_json, as_yaml, extra, implicit, unknown, empty = run(
        alone,
        "network-get data --format=json",
        "network-get data",
        "network-get backups --ingress-address",
        "network-get juju-info --bind-address",
        "network-get none",
        "network-get data -r 7",
    )
    where = {"hostname": "", "value": address, "cidr": f"{address}/32"}
    assert json.loads(str(as_json)) == {
        "bind-addresses": [{"mac-address": "", "interface-name": "lo", "addresses": [where]}],
        "egress-subnets": [f"{address}/32"],
        "ingress-addresses": [address],
    }
    # The YAML also has the old names of three keys.
    assert f"address: {address}" in str(as_yaml)
    assert "  interfacename: lo" in str(as_yaml)
    assert '  macaddress: ""' in str(as_yaml)
    assert (extra, implicit) == (address, address)
    assert unknown == 'ERROR binding name "none" not defined by the unit\'s charm'
    assert empty == 'ERROR invalid value "7" for option -r: relation not found'
