"""Every requirer of `http` accepts any databag, and writes nothing."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


@pytest.mark.parametrize(
    "unit",
    [
        {},
        {"hostname": "10.0.0.9", "port": "3000"},
        {"hostname": "10.0.0.9"},
        {"hostname": "10.0.0.9", "port": "no port"},
        {"hostname": "10.0.0.9", "port": "70000"},
        {"hostname": "10.0.0.9", "port": "3000", "of-a-later-version": "x"},
    ],
)
def test_any_databag_is_accepted_and_nothing_is_written(
    charm_side: CharmSide, unit: dict[str, str]
) -> None:
    charm_side.relate(unit=unit)
    charm_side.remove_relation()
