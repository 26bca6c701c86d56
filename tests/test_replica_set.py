"""Scale the replica set and kill its primary. No acknowledged note is lost."""

from __future__ import annotations

import json

import jubilant
import pytest

import databags
from cloud import Cloud
from deploy import stays_in_error
from website import Load, Website


@pytest.fixture
def website(bundle: Cloud) -> Website:
    return Website(bundle.address("my-node-app/0"))


def endpoints(juju: jubilant.Juju) -> list[str]:
    return databags.database(juju)["endpoints"]


def replica_set_status(juju: jubilant.Juju) -> dict[str, str]:
    # Not from the units' statuses, which can be outdated: they are from the last hooks.
    return juju.run("mongodb/leader", "replica-set-status").results


def has_members(juju: jubilant.Juju, count: int) -> bool:
    """Return whether all units are in the replica set, and one of them is the primary."""
    if not len(juju.status().get_units("mongodb")) == count == len(endpoints(juju)):
        return False
    try:
        members = json.loads(replica_set_status(juju)["members"])
    except (jubilant.TaskError, jubilant.CLIError):  # There is no primary or no leader now.
        return False
    states = sorted(member["state"] for member in members)
    return states == ["PRIMARY"] + ["SECONDARY"] * (count - 1)


def test_scaling_to_three_under_load_loses_no_note(bundle: Cloud, website: Website) -> None:
    load = Load(website, bundle.load_pause)
    with load.running():
        bundle.juju.add_unit("mongodb", num_units=2)
        bundle.juju.wait(
            lambda status: jubilant.all_active(status) and has_members(bundle.juju, 3),
            error=stays_in_error(),
        )
    assert load.refused == []
    assert load.lost_and_duplicated() == ([], [])
    addresses = bundle.addresses("mongodb")
    assert endpoints(bundle.juju) == sorted(f"{address}:27017" for address in addresses)


def test_killing_the_primary_loses_no_note(bundle: Cloud, website: Website) -> None:
    load = Load(website, bundle.load_pause)
    killed = replica_set_status(bundle.juju)["primary"]
    with load.running():
        bundle.kill(killed, "mongod")
        # Update-status restarts mongod. On a real machine systemd restarts it.
        bundle.juju.wait(
            lambda status: (
                bool(bundle.processes(killed, "mongod"))
                and jubilant.all_active(status)
                and has_members(bundle.juju, 3)
            ),
            error=stays_in_error(),
        )
    assert load.refused == []
    assert load.lost_and_duplicated() == ([], [])


def test_scaling_to_one_under_load_loses_no_note(bundle: Cloud, website: Website) -> None:
    """The primary and the leader are among the removed units."""
    leader = next(n for n, u in bundle.juju.status().get_units("mongodb").items() if u.leader)
    leaving = {replica_set_status(bundle.juju)["primary"], leader}
    others = [n for n in bundle.juju.status().get_units("mongodb") if n not in leaving]
    leaving = [*leaving, *others][:2]
    load = Load(website, bundle.load_pause)
    with load.running():
        bundle.juju.remove_unit(*leaving)
        bundle.juju.wait(
            lambda status: jubilant.all_active(status) and has_members(bundle.juju, 1),
            error=stays_in_error(),
        )
    assert load.refused == []
    assert load.lost_and_duplicated() == ([], [])
