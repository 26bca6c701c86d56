"""What any requirer of `http` has to do: it writes nothing, and takes what comes."""

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
def test_takes_what_comes_and_writes_nothing(charm_side: CharmSide, unit: dict[str, str]) -> None:
    charm_side.relate(unit=unit)
    charm_side.leave()
