"""The replica set grows, shrinks and loses its primary, and no acknowledged note is lost."""

from __future__ import annotations

import jubilant
import pytest

import databags
from cloud import Cloud
from website import Load, Website


@pytest.fixture
def website(bundle: Cloud) -> Website:
    return Website(bundle.address("my-node-app/0"))


def endpoints(juju: jubilant.Juju) -> list[str]:
    return databags.database(juju)["endpoints"]


def has_members(juju: jubilant.Juju, count: int) -> bool:
    """Every unit is in the set and active, and one of them is the primary."""
    messages = [
        unit.workload_status.message for unit in juju.status().get_units("mongodb").values()
    ]
    primaries = [message for message in messages if message.startswith("primary")]
    return len(messages) == count == len(endpoints(juju)) and len(primaries) == 1


def primary(juju: jubilant.Juju) -> str:
    units = juju.status().get_units("mongodb")
    return next(n for n, u in units.items() if u.workload_status.message.startswith("primary"))


def test_scaling_to_three_under_load_loses_no_note(bundle: Cloud, website: Website) -> None:
    load = Load(website, bundle.load_pause)
    with load.running():
        bundle.juju.add_unit("mongodb", num_units=2)
        bundle.juju.wait(
            lambda status: jubilant.all_active(status) and has_members(bundle.juju, 3),
            error=jubilant.any_error,
        )
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])
    addresses = bundle.addresses("mongodb")
    assert endpoints(bundle.juju) == sorted(f"{address}:27017" for address in addresses)
    members = bundle.juju.run("mongodb/leader", "replica-set-status").results
    assert "SECONDARY" in str(members) and "PRIMARY" in str(members)


def test_killing_the_primary_loses_no_note(bundle: Cloud, website: Website) -> None:
    load = Load(website, bundle.load_pause)
    killed = primary(bundle.juju)
    with load.running():
        bundle.kill(killed, "mongod")
        # update-status starts it again, as systemd would on a machine.
        bundle.juju.wait(
            lambda status: (
                bool(bundle.processes(killed, "mongod"))
                and jubilant.all_active(status)
                and has_members(bundle.juju, 3)
            ),
            error=jubilant.any_error,
        )
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])


def test_scaling_to_one_under_load_loses_no_note(bundle: Cloud, website: Website) -> None:
    """The primary and the leader are among those that go."""
    leader = next(n for n, u in bundle.juju.status().get_units("mongodb").items() if u.leader)
    going = {primary(bundle.juju), leader}
    others = [n for n in bundle.juju.status().get_units("mongodb") if n not in going]
    going = [*going, *others][:2]
    load = Load(website, bundle.load_pause)
    with load.running():
        bundle.juju.remove_unit(*going)
        bundle.juju.wait(
            lambda status: jubilant.all_active(status) and has_members(bundle.juju, 1),
            error=jubilant.any_error,
        )
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])
