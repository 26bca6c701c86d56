"""What any requirer of `logging-directory` has to do: it writes nothing, and takes what comes."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide

LOGS = {"directory": '"/var/log/app"', "files": '["app.log"]'}


@pytest.mark.parametrize(
    "unit",
    [
        {},
        LOGS,
        {"directory": LOGS["directory"]},
        {**LOGS, "of-a-later-version": "[1]"},
        {**LOGS, "directory": '"/var/../etc"'},
        {**LOGS, "directory": "5"},
        {**LOGS, "files": "no JSON"},
        {**LOGS, "files": '["a\\nb"]'},
        {**LOGS, "files": "null"},
    ],
)
def test_takes_what_comes_and_writes_nothing(charm_side: CharmSide, unit: dict[str, str]) -> None:
    charm_side.relate(unit=unit)
    charm_side.leave()
