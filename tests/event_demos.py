"""Conditions that are always true for the event demos after their model has settled."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import jubilant

from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parents[1] / "charms"
PROVIDERS, REQUIRERS = ("p", "q"), ("r", "s")
PAIRS = [(provider, requirer) for provider in PROVIDERS for requirer in REQUIRERS]
SERIES = ("3.6", "4.0")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def leader_of(juju: LocalJuju, application: str) -> str:
    units = juju.status().get_units(application)
    return next(name for name, unit in units.items() if unit.leader)


def integrate(juju: LocalJuju, provider: str, requirer: str) -> None:
    juju.integrate(f"{provider}:demo", f"{requirer}:demo")


def settle_and_check(
    juju: LocalJuju,
    providers: Sequence[str] = PROVIDERS,
    requirers: Sequence[str] = REQUIRERS,
) -> dict[tuple[str, str], dict[str, str]]:
    """Settle, check that all units see the same data, and return the app databags of each pair.

    For a unit, Juju 3.6 shows the databag of the remote application, and Juju 4 the databag of
    the unit's own application. The unit's status message contains the values of the other one.
    """
    juju.settle()
    status = juju.status()
    databags: dict[tuple[str, str], dict[str, str]] = {}
    for name in (*providers, *requirers):
        units = status.get_units(name)
        statuses = {(u.workload_status.current, u.workload_status.message) for u in units.values()}
        assert len(statuses) == 1, statuses
        related = any(juju.show_unit(unit).relation_info for unit in units)
        blocked = name in requirers and not related
        assert statuses.pop()[0] == ("blocked" if blocked else "active")
        for unit in units:
            for relation in juju.show_unit(unit).relation_info:
                others = {other.partition("/")[0] for other in relation.related_units}
                assert set(relation.related_units) == set(status.get_units(*others))
                pair = (name, *others) if name in providers else (*others, name)
                databag = databags.setdefault((pair[0], pair[1]), {})
                for key, value in relation.app_data.items():
                    assert databag.setdefault(key, value) == value
                for other, shown in relation.related_units.items():
                    if name in requirers:
                        assert shown.data["special-field"] == other
    for (provider, requirer), databag in databags.items():
        assert set(databag) == {"leader-uuid", "token"}
        assert all(UUID.fullmatch(value) for value in databag.values())
        for unit in status.get_units(provider).values():
            assert f"{requirer} sent token {databag['token']}" in unit.workload_status.message
        for unit in status.get_units(requirer).values():
            message = f"{provider} has leader-uuid {databag['leader-uuid']}"
            assert message in unit.workload_status.message
    # Each provider application has one identifier, and each relation its own token.
    by_provider = {
        (provider, databag["leader-uuid"]) for (provider, _), databag in databags.items()
    }
    assert len(by_provider) == len({provider for provider, _ in databags})
    assert len({databag["token"] for databag in databags.values()}) == len(databags)
    # No hook is left to run.
    assert juju.settle() == 0
    return databags


def check_peers(juju: LocalJuju) -> dict[str, Any]:
    """Settle, check that all peers see the same data, and return the unit databags."""
    juju.settle()
    units = juju.status().get_units("d")
    results = {unit: juju.run(unit, "show-relation-data").results for unit in units}
    missing = [result.pop("listed-but-gone") for result in results.values()]
    if juju.series == "3.6":  # Q5: Juju 4 still lists removed units.
        assert set(missing) == {"[]"}
    assert len({json.dumps(result) for result in results.values()}) == 1, results
    seen = next(iter(results.values()))
    databags = json.loads(seen["unit-data"])
    assert {unit: databag["unit-data"] for unit, databag in databags.items()} == {
        unit: unit for unit in units
    }
    # leader-ip is the address of the current leader.
    assert seen["leader-ip"] == databags[leader_of(juju, "d")]["ingress-address"]
    assert json.loads(seen["application-data"]) == {"leader-ip": seen["leader-ip"]}
    assert juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert juju.settle() == 0
    return databags
