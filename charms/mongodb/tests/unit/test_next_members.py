"""One step on the way to the members that there should be."""

from __future__ import annotations

from typing import Any

import pytest

from mongod import ReplicaSet, next_members


def members(states: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """P(rimary), S(econdary), D(own) or N(ew): one letter for each of mongodb/0, mongodb/1, ..."""
    names = {"P": "PRIMARY", "S": "SECONDARY", "D": "(not reachable/healthy)", "N": "STARTUP2"}
    config = [
        {"_id": n, "host": f"h{n}", "votes": int(n < 7), "priority": int(n < 7)}
        for n in range(len(states))
    ]
    status = [
        {"host": f"h{n}", "unit": f"mongodb/{n}", "state": names[letter]}
        for n, letter in enumerate(states)
    ]
    return config, status


@pytest.mark.parametrize(
    ("states", "leaving", "left"),
    [
        ("PSS", {2}, [0, 1]),
        ("PSS", {1, 2}, [0, 2]),  # One at a time.
        ("PSD", {1, 2}, [0, 1]),  # First the one that is away.
        ("PSSD", {1, 3}, [0, 1, 2]),
        ("PSD", {1}, None),  # One of two would be no majority.
        ("PDD", {1}, None),
        ("PS", {0}, [1]),
        ("PD", {0}, None),
        ("P", {0}, None),
        ("PS", set(), None),
    ],
)
def test_leaving(states: str, leaving: set[int], left: list[int] | None):
    config, status = members(states)
    after = next_members(config, status, {f"mongodb/{n}" for n in leaving}, {})
    assert (after and [member["_id"] for member in after]) == left


def test_joining_one_at_a_time():
    config, status = members("P")
    after = next_members(config, status, set(), {"mongodb/1": "h1", "mongodb/2": "h2"})
    assert after
    assert after[1:] == [
        {"_id": 1, "host": "h1", "tags": {"unit": "mongodb/1"}, "votes": 1, "priority": 1}
    ]


def test_member_joins_once_and_with_an_id_of_its_own():
    config, status = members("PSS")
    config, status = [config[0], config[2]], [status[0], status[2]]  # One has left.
    there = {"mongodb/0": "h0", "mongodb/2": "h2"}
    assert next_members(config, status, set(), there) is None
    after = next_members(config, status, set(), {**there, "mongodb/3": "h3"})
    assert after
    assert [member["_id"] for member in after] == [0, 2, 3]


def test_next_joins_when_the_last_has_synced():
    config, status = members("PN")
    assert next_members(config, status, set(), {"mongodb/2": "h2"}) is None


def test_one_that_is_down_holds_up_nobody():
    config, status = members("PSD")
    assert next_members(config, status, set(), {"mongodb/3": "h3"})


def test_eighth_has_no_vote_until_one_leaves():
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
def test_member_with_another_address(moved: int):
    config, status = members("PSS")
    there = {f"mongodb/{n}": f"h{n}" for n in range(3)} | {f"mongodb/{moved}": "new"}
    after = next_members(config, status, set(), there)
    assert after
    assert [member["host"] for member in after] == [
        "new" if n == moved else f"h{n}" for n in range(3)
    ]
    assert [member["_id"] for member in after] == [0, 1, 2]


def test_primary_that_has_just_stepped_down_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    config, status = members("SSS")
    with ReplicaSet("mongodb", ["127.0.0.1:1"], "password") as replica_set:
        monkeypatch.setattr(replica_set, "_read", lambda: ({"members": config}, status, True))
        monkeypatch.setattr(replica_set, "_admin", None)  # Nobody is told anything.
        replica_set.align({"mongodb/2"}, {}, seconds=0)
