"""What must hold of the event demos once their model has settled, whatever happened to it."""

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


def settled(
    juju: LocalJuju,
    providers: Sequence[str] = PROVIDERS,
    requirers: Sequence[str] = REQUIRERS,
) -> dict[tuple[str, str], dict[str, str]]:
    """Settle, see that everyone sees the same, and return the application bags of each pair.

    Juju 3.6 shows a unit the remote application's bag, Juju 4 its own application's. What is not
    shown the unit's status tells, in which each names what it has read.
    """
    juju.settle()
    status = juju.status()
    bags: dict[tuple[str, str], dict[str, str]] = {}
    for name in (*providers, *requirers):
        units = status.get_units(name)
        told = {(u.workload_status.current, u.workload_status.message) for u in units.values()}
        assert len(told) == 1, told
        related = any(juju.show_unit(unit).relation_info for unit in units)
        blocked = name in requirers and not related
        assert told.pop()[0] == ("blocked" if blocked else "active")
        for unit in units:
            for relation in juju.show_unit(unit).relation_info:
                others = {other.partition("/")[0] for other in relation.related_units}
                assert set(relation.related_units) == set(status.get_units(*others))
                pair = (name, *others) if name in providers else (*others, name)
                bag = bags.setdefault((pair[0], pair[1]), {})
                for key, value in relation.app_data.items():
                    assert bag.setdefault(key, value) == value
                for other, shown in relation.related_units.items():
                    if name in requirers:
                        assert shown.data["special-field"] == other
    for (provider, requirer), bag in bags.items():
        assert set(bag) == {"leader-uuid", "token"}
        assert all(UUID.fullmatch(value) for value in bag.values())
        for unit in status.get_units(provider).values():
            assert f"{requirer} sent token {bag['token']}" in unit.workload_status.message
        for unit in status.get_units(requirer).values():
            said = f"{provider} has leader-uuid {bag['leader-uuid']}"
            assert said in unit.workload_status.message
    # One leader, one identifier; every relation has a token of its own.
    by_provider = {(provider, bag["leader-uuid"]) for (provider, _), bag in bags.items()}
    assert len(by_provider) == len({provider for provider, _ in bags})
    assert len({bag["token"] for bag in bags.values()}) == len(bags)
    # A settled model rests: nothing is written that wakes anybody.
    assert juju.settle() == 0
    return bags


def view(juju: LocalJuju) -> dict[str, Any]:
    """Settle, see that everyone sees the same, and return it."""
    juju.settle()
    units = juju.status().get_units("d")
    results = {unit: juju.run(unit, "show-relation-data").results for unit in units}
    gone = [result.pop("listed-but-gone") for result in results.values()]
    if juju.series == "3.6":  # Q5: Juju 4 goes on listing units that were removed.
        assert set(gone) == {"[]"}
    assert len({json.dumps(result) for result in results.values()}) == 1, results
    seen = next(iter(results.values()))
    bags = json.loads(seen["unit-data"])
    assert {unit: bag["unit-data"] for unit, bag in bags.items()} == {unit: unit for unit in units}
    # The address is that of whoever leads now.
    assert seen["leader-ip"] == bags[leader_of(juju, "d")]["ingress-address"]
    assert json.loads(seen["application-data"]) == {"leader-ip": seen["leader-ip"]}
    assert juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert juju.settle() == 0
    return bags
