"""The rules for every provider of `logging-directory`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_writes_its_log_files(charm_side: CharmSide, leader: bool) -> None:
    written = charm_side.relate(leader=leader)
    for field in ("directory", "files"):
        assert field in written.unit, f'field "{field}" is missing'
