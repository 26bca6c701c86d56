"""The rules for every charm with a peer relation `mongodb-replica-set`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


def test_leader_writes_the_settings(charm_side: CharmSide) -> None:
    written = charm_side.relate()
    for field in ("secret-admin", "seed", "version", "port"):
        assert field in written.app, f'field "{field}" is missing'
    content = written.secret("secret-admin")
    for field in ("keyfile", "password"):
        assert content.get(field), f'field "{field}" of the secret is missing'


@pytest.mark.parametrize("leader", [True, False])
def test_peers_without_data_cause_no_error(charm_side: CharmSide, leader: bool) -> None:
    charm_side.relate(leader=leader)


@pytest.mark.parametrize("value", ['"10.0.0.9:27017"', "null", "5", "not JSON"])
def test_any_databag_of_a_peer_is_accepted(charm_side: CharmSide, value: str) -> None:
    charm_side.relate(unit={"host": value, "of-a-later-version": "[1]"})
