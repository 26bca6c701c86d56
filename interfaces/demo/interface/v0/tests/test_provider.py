"""The rules for every provider of `demo`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide

TOKEN = "d2c4a7de-1d6f-4bb4-a7a5-6d0a1a9b4c12"


def test_leader_writes_its_identifier(charm_side: CharmSide) -> None:
    assert "leader-uuid" in charm_side.relate().app, 'field "leader-uuid" is missing'


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_writes_its_name(charm_side: CharmSide, leader: bool) -> None:
    written = charm_side.relate(leader=leader)
    assert "special-field" in written.unit, 'field "special-field" is missing'


@pytest.mark.parametrize("token", [TOKEN, "no UUID", ""])
def test_any_token_is_accepted(charm_side: CharmSide, token: str) -> None:
    charm_side.relate(app={"token": token, "of-a-later-version": "x"})
    charm_side.remove_relation()
