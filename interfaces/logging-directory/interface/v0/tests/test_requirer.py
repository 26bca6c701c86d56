"""Every requirer of `logging-directory` accepts any databag, and writes nothing."""

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
        {**LOGS, "files": "not JSON"},
        {**LOGS, "files": '["a\\nb"]'},
        {**LOGS, "files": "null"},
    ],
)
def test_any_databag_is_accepted_and_nothing_is_written(
    charm_side: CharmSide, unit: dict[str, str]
) -> None:
    charm_side.relate(unit=unit)
    charm_side.remove_relation()
