"""The rules for every requirer of `demo`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide

LEADER = {"leader-uuid": "5f7e2a3c-3a0e-5d52-9c39-0f6bb6f2b1f4"}
UNIT = {"special-field": "provider/1"}


def test_leader_writes_a_token(charm_side: CharmSide) -> None:
    written = charm_side.relate(app=LEADER, unit=UNIT)
    assert "token" in written.app, 'field "token" is missing'


def test_token_does_not_change(charm_side: CharmSide) -> None:
    """Otherwise the leaders of both sides trigger each other's events without end."""
    written = charm_side.relate(app=LEADER, unit=UNIT)
    again = charm_side.change_again()
    assert again.app.get("token") == written.app["token"], 'field "token" has changed'


@pytest.mark.parametrize("app", [{}, {"leader-uuid": "no UUID"}, {**LEADER, "later": "x"}])
@pytest.mark.parametrize("leader", [True, False])
def test_any_databag_of_the_provider_is_accepted(
    charm_side: CharmSide, app: dict[str, str], leader: bool
) -> None:
    charm_side.relate(app=app, unit=UNIT, leader=leader)
    charm_side.remove_relation()
