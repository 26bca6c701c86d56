"""The replica set grows, shrinks and loses its primary, and no acknowledged note is lost."""

from __future__ import annotations

import jubilant
import pytest

import cloud
import databags
from localjuju import LocalJuju
from website import Load, Website


@pytest.fixture
def website(bundle: LocalJuju) -> Website:
    return Website(cloud.address(bundle, "my-node-app/0"))


def endpoints(juju: LocalJuju) -> list[str]:
    (answer,) = [bag for bag in databags.app_bags(juju, "database") if "secret-user" in bag]
    return answer["endpoints"]


def has_members(juju: LocalJuju, count: int) -> bool:
    """Every unit is in the set and active, and one of them is the primary."""
    messages = [
        unit.workload_status.message for unit in juju.status().get_units("mongodb").values()
    ]
    primaries = [message for message in messages if message.startswith("primary")]
    return len(messages) == count == len(endpoints(juju)) and len(primaries) == 1


def primary(juju: LocalJuju) -> str:
    units = juju.status().get_units("mongodb")
    return next(n for n, u in units.items() if u.workload_status.message.startswith("primary"))


def test_scaling_to_three_under_load_loses_no_note(bundle: LocalJuju, website: Website) -> None:
    load = Load(website)
    with load.running():
        bundle.add_unit("mongodb", num_units=2)
        bundle.wait(
            lambda status: jubilant.all_active(status) and has_members(bundle, 3),
            error=jubilant.any_error,
        )
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])
    addresses = [cloud.address(bundle, f"mongodb/{number}") for number in range(3)]
    assert endpoints(bundle) == sorted(f"{address}:27017" for address in addresses)
    members = bundle.run("mongodb/leader", "replica-set-status").results
    assert "SECONDARY" in str(members) and "PRIMARY" in str(members)


def test_killing_the_primary_loses_no_note(bundle: LocalJuju, website: Website) -> None:
    load = Load(website)
    killed = primary(bundle)
    with load.running():
        cloud.kill(bundle, killed, "mongod")
        # update-status starts it again, as systemd would on a machine.
        bundle.wait(
            lambda status: (
                bool(cloud.processes(bundle, killed, "mongod"))
                and jubilant.all_active(status)
                and has_members(bundle, 3)
            ),
            error=jubilant.any_error,
        )
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])


def test_scaling_to_one_under_load_loses_no_note(bundle: LocalJuju, website: Website) -> None:
    """The primary and the leader are among those that go."""
    leader = next(n for n, u in bundle.status().get_units("mongodb").items() if u.leader)
    going = {primary(bundle), leader}
    others = [n for n in bundle.status().get_units("mongodb") if n not in going]
    going = [*going, *others][:2]
    load = Load(website)
    with load.running():
        bundle.remove_unit(*going)
        bundle.wait(
            lambda status: jubilant.all_active(status) and has_members(bundle, 1),
            error=jubilant.any_error,
        )
    assert load.refused == []
    assert load.lost_and_doubled() == ([], [])
