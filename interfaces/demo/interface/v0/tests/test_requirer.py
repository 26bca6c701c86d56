"""What any requirer of `demo` has to do."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide

LEADER = {"leader-uuid": "5f7e2a3c-3a0e-5d52-9c39-0f6bb6f2b1f4"}
UNIT = {"special-field": "provider/1"}


def test_leader_gives_a_token(charm_side: CharmSide) -> None:
    written = charm_side.relate(app=LEADER, unit=UNIT)
    assert "token" in written.app, 'field "token" is missing'


def test_token_stays(charm_side: CharmSide) -> None:
    """Else two leaders wake each other for ever."""
    written = charm_side.relate(app=LEADER, unit=UNIT)
    again = charm_side.again()
    assert again.app.get("token") == written.app["token"], 'field "token" has changed'


@pytest.mark.parametrize("app", [{}, {"leader-uuid": "no UUID"}, {**LEADER, "later": "x"}])
@pytest.mark.parametrize("leader", [True, False])
def test_takes_what_comes(charm_side: CharmSide, app: dict[str, str], leader: bool) -> None:
    charm_side.relate(app=app, unit=UNIT, leader=leader)
    charm_side.leave()
