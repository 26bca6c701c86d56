"""The rules for every charm with a peer relation `demo-replicas`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


def test_leader_writes_its_address(charm_side: CharmSide) -> None:
    assert "leader-ip" in charm_side.relate().app, 'field "leader-ip" is missing'


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_writes_its_name(charm_side: CharmSide, leader: bool) -> None:
    written = charm_side.relate(unit={"unit-data": "other"}, leader=leader)
    assert "unit-data" in written.unit, 'field "unit-data" is missing'


@pytest.mark.parametrize("app", [{}, {"leader-ip": "no address"}, {"leader-ip": "10.0.0.9"}])
def test_any_databag_of_the_leader_is_accepted(charm_side: CharmSide, app: dict[str, str]) -> None:
    charm_side.relate(app=app, leader=False)
