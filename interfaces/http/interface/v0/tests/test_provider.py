"""The rules for every provider of `http`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_writes_its_address(charm_side: CharmSide, leader: bool) -> None:
    written = charm_side.relate(leader=leader)
    for field in ("hostname", "port"):
        assert field in written.unit, f'field "{field}" is missing'


def test_databags_of_the_requirer_are_ignored(charm_side: CharmSide) -> None:
    charm_side.relate(app={"of-a-later-version": "x"}, unit={"hostname": "x"})
