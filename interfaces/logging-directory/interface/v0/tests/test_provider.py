"""What any provider of `logging-directory` has to do."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_says_where_its_logs_are(charm_side: CharmSide, leader: bool) -> None:
    written = charm_side.relate(leader=leader)
    for field in ("directory", "files"):
        assert field in written.unit, f'field "{field}" is missing'
