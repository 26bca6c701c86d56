"""The rules: the next members, the next restart, and the allowed upgrades."""

from __future__ import annotations

import unittest.mock
from collections.abc import Mapping
from typing import Any

import pytest

from replica_set import ReplicaSet
from replica_set_rules import (
    MemberStatus,
    NeedsOperatorError,
    find_problem,
    forced_members,
    next_members,
    next_to_restart,
    oldest_series,
    upgrade_refusal,
    why_primary_waits,
)


def members(states: str) -> tuple[list[dict[str, Any]], list[MemberStatus]]:
    """Return members with these states: P(rimary), S(econdary), D(own) or N(ew)."""
    names = {"P": "PRIMARY", "S": "SECONDARY", "D": "(not reachable/healthy)", "N": "STARTUP2"}
    config = [
        {
            "_id": n,
            "host": f"h{n}",
            "tags": {"unit": f"mongodb/{n}"},
            "votes": int(n < 7),
            "priority": int(n < 7),
        }
        for n in range(len(states))
    ]
    status: list[MemberStatus] = [
        {"host": f"h{n}", "unit": f"mongodb/{n}", "state": names[letter], "lag": 0.0}
        for n, letter in enumerate(states)
    ]
    return config, status


@pytest.mark.parametrize(
    ("states", "leaving", "left"),
    [
        ("PSS", {2}, [0, 1]),
        ("PSS", {1, 2}, [0, 2]),  # One at a time.
        ("PSD", {1, 2}, [0, 1]),  # First the member that is down.
        ("PSSD", {1, 3}, [0, 1, 2]),
        ("PSD", {1}, None),  # One of two is not a majority.
        ("PDD", {1}, None),
        ("PS", {0}, [1]),
        ("PD", {0}, None),
        ("P", {0}, None),
        ("PS", set(), None),
    ],
)
def test_one_member_is_removed_at_a_time(states: str, leaving: set[int], left: list[int] | None):
    config, status = members(states)
    after = next_members(config, status, {f"mongodb/{n}" for n in leaving}, {})
    assert (after and [member["_id"] for member in after]) == left


def test_one_member_is_added_at_a_time():
    config, status = members("P")
    after = next_members(config, status, set(), {"mongodb/1": "h1", "mongodb/2": "h2"})
    assert after
    assert after[1:] == [
        {"_id": 1, "host": "h1", "tags": {"unit": "mongodb/1"}, "votes": 1, "priority": 1}
    ]


def test_member_is_added_once_with_new_id():
    config, status = members("PSS")
    config, status = [config[0], config[2]], [status[0], status[2]]  # mongodb/1 has left.
    joining = {"mongodb/0": "h0", "mongodb/2": "h2"}
    assert next_members(config, status, set(), joining) is None
    after = next_members(config, status, set(), {**joining, "mongodb/3": "h3"})
    assert after
    assert [member["_id"] for member in after] == [0, 2, 3]


def test_no_member_is_added_while_another_syncs():
    config, status = members("PN")
    assert next_members(config, status, set(), {"mongodb/2": "h2"}) is None


def test_member_that_is_down_does_not_block_others():
    config, status = members("PSD")
    assert next_members(config, status, set(), {"mongodb/3": "h3"})


def test_recovering_member_does_not_block_others():
    config, status = members("PS")
    status[1]["state"] = "RECOVERING"
    assert next_members(config, status, set(), {"mongodb/2": "h2"})


def test_eighth_member_gets_vote_when_another_leaves():
    config, status = members("PSSSSSS")
    after = next_members(config, status, set(), {"mongodb/7": "h7"})
    assert after
    assert (after[7]["votes"], after[7]["priority"]) == (0, 0)

    config, status = members("PSSSSSSS")
    after = next_members(config, status, {"mongodb/3"}, {})
    assert after
    assert [member["_id"] for member in after] == [0, 1, 2, 4, 5, 6, 7]
    status = [member for member in status if member["unit"] != "mongodb/3"]
    after = next_members(after, status, set(), {})
    assert after
    assert (after[6]["votes"], after[6]["priority"]) == (1, 1)


@pytest.mark.parametrize("moved", [0, 1])
def test_member_with_new_address_is_moved(moved: int):
    config, status = members("PSS")
    joining = {f"mongodb/{n}": f"h{n}" for n in range(3)} | {f"mongodb/{moved}": "new"}
    after = next_members(config, status, set(), joining)
    assert after
    assert [member["host"] for member in after] == [
        "new" if n == moved else f"h{n}" for n in range(3)
    ]
    assert [member["_id"] for member in after] == [0, 1, 2]


def test_no_change_after_primary_has_stepped_down(monkeypatch: pytest.MonkeyPatch):
    config, status = members("SSS")
    with ReplicaSet("mongodb", ["127.0.0.1:1"], "password") as replica_set:
        monkeypatch.setattr(replica_set, "_read", lambda: ({"members": config}, status, True))
        monkeypatch.setattr(replica_set, "_admin", None)  # No command may be sent.
        replica_set.reconcile_members({"mongodb/2"}, {}, seconds=0)


@pytest.mark.parametrize(
    ("hosts", "units"),
    [
        ({0: "h1", 1: "h2", 2: "h0"}, [2, 0, 1]),  # All machines have swapped addresses.
        ({0: "h1", 1: "h0", 2: "h2"}, [1, 0, 2]),
        ({0: "h1", 1: "new", 2: "h2"}, [1, 0, 2]),  # Then h0 moves to "new".
        ({0: "h0", 1: "h1", 3: "h2"}, [0, 1, 3]),  # A new unit at the host of mongodb/2.
    ],
)
def test_members_are_named_after_unit_at_their_host(hosts: dict[int, str], units: list[int]):
    config, status = members("PSS")
    joining = {f"mongodb/{n}": host for n, host in hosts.items()}
    after = next_members(config, status, set(), joining)
    assert after
    assert [member["host"] for member in after] == ["h0", "h1", "h2"]
    assert [member["tags"]["unit"] for member in after] == [f"mongodb/{n}" for n in units]


def test_members_that_charm_did_not_add_stay():
    config, status = members("PSS")
    for member in config[1:]:
        del member["tags"]
    assert next_members(config, status, set(), {"mongodb/0": "h0"}) is None


HERE: dict[str, str | None] = {f"mongodb/{n}": f"h{n}" for n in range(3)}
MOVED: dict[str, str | None] = {unit: f"new-{host}" for unit, host in HERE.items()}


def forced(states: str, hosts: Mapping[str, str | None], answering: set[int]) -> list[str] | None:
    config, _ = members(states)
    after = forced_members(config, hosts, {f"mongodb/{n}" for n in answering})
    if after is None:
        return None
    return [f"{m['_id']} {m['tags']['unit']} {m['host']} {m['votes']}" for m in after]


@pytest.mark.parametrize("hosts", [HERE, {**HERE, "mongodb/0": "new"}])
def test_members_are_not_forced_if_voters_can_elect_primary(hosts: dict[str, str | None]):
    assert forced("SSD", hosts, {0, 1}) is None


@pytest.mark.parametrize("answering", [set(), {0}])
def test_error_names_missing_voters(answering: set[int]):
    with pytest.raises(NeedsOperatorError) as error:
        forced("SDD", HERE, answering)
    missing = [f"mongodb/{n}" for n in range(3) if n not in answering]
    assert str(error.value) == (
        f"no primary: writes are unavailable; start {', '.join(missing)}, or discard their data "
        f"with juju remove-unit --force {' '.join(missing)}"
    )


@pytest.mark.parametrize("remaining", [{0, 1, 2}, {0, 1}])
def test_unit_without_host_is_missing(remaining: set[int]):
    # Juju shows the units to a new leader one by one.
    hosts = {f"mongodb/{n}": f"h{n}" if n == 0 else None for n in remaining}
    with pytest.raises(NeedsOperatorError, match="start mongodb/1"):
        forced("SSS", hosts, {0})


def test_unit_without_host_keeps_configured_host():
    hosts: dict[str, str | None] = {"mongodb/0": "new", "mongodb/1": "new-1", "mongodb/2": None}
    assert forced("SSS", hosts, {0, 1}) == [
        "0 mongodb/0 new 1",
        "1 mongodb/1 new-1 1",
        "2 mongodb/2 h2 1",
    ]


@pytest.mark.parametrize(
    ("answering", "units"), [({0, 1, 2}, {0, 1, 2}), ({0, 1}, {0, 1, 2}), ({1, 2}, {0, 1, 2})]
)
def test_moved_members_are_forced_if_majority_answers(answering: set[int], units: set[int]):
    assert forced("SSS", MOVED, answering) == [
        f"{n} mongodb/{n} new-h{n} 1" for n in sorted(units)
    ]


def test_single_member_that_moved_is_forced():
    assert forced("S", {"mongodb/0": "new"}, {0}) == ["0 mongodb/0 new 1"]


@pytest.mark.parametrize("answering", [set(), {0}])
def test_operator_decides_if_majority_of_moved_members_is_missing(answering: set[int]):
    with pytest.raises(
        NeedsOperatorError, match=r"start mongodb/1, mongodb/2|start mongodb/0, "
    ) as e:
        forced("SSS", MOVED, answering)
    assert "juju remove-unit --force mongodb/" in str(e.value)


def test_half_of_voters_is_not_a_majority():
    hosts = {f"mongodb/{n}": f"new-h{n}" for n in range(4)}
    with pytest.raises(NeedsOperatorError, match="start mongodb/2, mongodb/3"):
        forced("SSSS", hosts, {0, 1})
    # One of two members at its old address cannot elect a primary alone.
    hosts = {"mongodb/0": "h0", "mongodb/1": "new-h1"}
    assert forced("SS", hosts, {0, 1}) == ["0 mongodb/0 h0 1", "1 mongodb/1 new-h1 1"]


def test_remaining_members_are_forced_after_missing_units_are_removed():
    assert forced("SDD", {"mongodb/0": "h0"}, {0}) == ["0 mongodb/0 h0 1"]
    # One of the two remaining members is missing. It may have newer data.
    hosts = {unit: f"new-{host}" for unit, host in list(HERE.items())[:2]}
    config, _ = members("SSSSS")
    with pytest.raises(NeedsOperatorError, match="start mongodb/1"):
        forced_members(config, hosts, {"mongodb/0"})


def test_unit_with_storage_of_removed_unit_is_forced():
    assert forced("S", {"mongodb/5": "h5"}, {5}) == ["0 mongodb/5 h5 1"]


def test_forced_members_can_vote():
    config, _ = members("SSSSSSSS")  # The eighth has no vote.
    after = forced_members(config, {"mongodb/7": "h7"}, {"mongodb/7"})
    assert after
    assert [(member["votes"], member["priority"]) for member in after] == [(1, 1)]


def test_at_most_seven_forced_members_vote():
    config, _ = members("SSSSSSSSS")
    config[0] |= {"votes": 0, "priority": 0}
    config[8] |= {"votes": 1, "priority": 1}
    hosts = {f"mongodb/{n}": f"new-h{n}" for n in range(9)}
    after = forced_members(config, hosts, hosts.keys())
    assert after
    assert [member["votes"] for member in after] == [1] * 7 + [0] * 2


def test_secondaries_restart_first_and_primary_last():
    _, status = members("SPS")
    waiting = {"mongodb/0", "mongodb/1", "mongodb/2"}
    order = []
    while unit := next_to_restart(waiting, status):
        order.append(unit)
        waiting.remove(unit)
    assert order == ["mongodb/0", "mongodb/2", "mongodb/1"]


@pytest.mark.parametrize(
    ("waiting", "targets", "problem"),
    [
        ({0}, "aab", "waiting for mongodb/2 to receive the same change"),
        ({0}, "aaa", ""),
        ({1}, "aab", ""),  # A secondary may restart first.
        ({0, 1}, "aab", ""),
    ],
)
def test_primary_waits_for_units_without_change(waiting: set[int], targets: str, problem: str):
    _, status = members("PSS")
    published: dict[str, str | None] = {f"mongodb/{n}": t for n, t in enumerate(targets)}
    assert why_primary_waits({f"mongodb/{n}" for n in waiting}, status, published) == problem


@pytest.mark.parametrize(
    ("states", "lag", "problem"),
    [
        ("PSS", 0, ""),
        ("PSS", 5, ""),
        ("PSS", 61, "mongodb/2 is 61 s behind the primary"),
        ("PSN", 0, "mongodb/2 is STARTUP2"),
        ("PSD", 0, "mongodb/2 is (not reachable/healthy)"),
        ("SSS", 0, "there is no primary"),
    ],
)
def test_problem_names_unhealthy_member(states: str, lag: float, problem: str):
    _, status = members(states)
    status[-1]["lag"] = lag
    assert find_problem(status) == problem


@pytest.mark.parametrize(
    ("present", "wanted", "refusal"),
    [
        ("8.0", "8.0", ""),
        ("7.0", "8.0", ""),
        ("8.0", "8.2", ""),
        ("9.0", "10.0", ""),
        ("7.0", "9.0", "MongoDB cannot go from 7.0 to 9.0; upgrade to 8.0 first"),
        ("7.0", "8.2", "MongoDB cannot go from 7.0 to 8.2; upgrade to 8.0 first"),
        ("8.0", "7.0", "MongoDB cannot be downgraded from 8.0 to 7.0; keep 8.0"),
        ("10.0", "9.0", "MongoDB cannot be downgraded from 10.0 to 9.0; keep 10.0"),
    ],
)
def test_refused_upgrade_has_reason(present: str, wanted: str, refusal: str):
    assert upgrade_refusal(present, wanted) == refusal


@pytest.mark.parametrize(
    ("versions", "oldest"), [(["8.2.1", "8.0.4"], "8.0"), (["10.0.1", "8.2.0"], "8.2"), ([], "")]
)
def test_oldest_series_compares_numbers(versions: list[str], oldest: str):
    assert oldest_series(versions) == oldest


@pytest.mark.parametrize(
    ("present", "series", "needs_confirm"),
    [("5.0", "6.0", False), ("6.0", "7.0", True), ("8.0", "8.2", True), ("9.0", "10.0", True)],
)
def test_compatibility_version_is_confirmed_from_7_0_on(
    monkeypatch: pytest.MonkeyPatch, present: str, series: str, needs_confirm: bool
):
    admin = unittest.mock.Mock()
    admin.command.return_value = {"featureCompatibilityVersion": {"version": present}}
    with ReplicaSet("mongodb", ["127.0.0.1:1"], "password") as replica_set:
        monkeypatch.setattr(replica_set, "_admin", admin)
        replica_set.raise_compatibility_version(series)
    [command] = admin.command.call_args.args
    assert command["setFeatureCompatibilityVersion"] == series
    assert command.get("confirm", False) == needs_confirm
