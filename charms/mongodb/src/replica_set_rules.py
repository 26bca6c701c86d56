"""The rules for the replica set: its next members, the next restart, the allowed upgrades.

These are pure functions: they use only their arguments, not MongoDB or Juju.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypedDict

MAX_VOTERS = 7
"""MongoDB's limit. Additional members have the data, but no vote."""

MAX_LAG = 20.0
"""A synced member is at most this many seconds behind the primary.

An idle primary writes every 10 s, and members report to each other every 2 s.
"""

UP = ("PRIMARY", "SECONDARY", "ARBITER")
# RECOVERING is not in this list: a member that was down for too long stays in that state, and
# must not block the others.
SYNCING = ("STARTUP", "STARTUP2", "UNKNOWN")

MemberConfig = dict[str, Any]
"""A member as `replSetGetConfig` returns it. Its `tags.unit` is the name of its unit."""


class MemberStatus(TypedDict):
    """The status of a member, as MongoDB reports it."""

    host: str
    """`host:port`."""
    unit: str
    state: str
    """MongoDB's name of the state, such as `PRIMARY` or `SECONDARY`."""
    lag: float
    """How many seconds the member is behind the primary, as far as the primary knows."""


class NeedsOperatorError(Exception):
    """Only the operator can decide how to continue. The message says what to do."""


def unit_of(member: MemberConfig) -> str:
    """Return the unit of a member; empty if this charm did not add the member."""
    return member.get("tags", {}).get("unit", "")


# Add, move and remove members.


def next_members(
    members: list[MemberConfig],
    status: list[MemberStatus],
    leaving: Collection[str],
    joining: Mapping[str, str],
) -> list[MemberConfig] | None:
    """Return the members after the next change; MongoDB allows one change at a time.

    Args:
        members: the members in the current configuration.
        status: the result of `ReplicaSet.status`.
        leaving: the units to remove from the members.
        joining: the units that should be members, and the "host:port" of each.

    Returns:
        The members after the removal, the renaming, the addition, the move or the new vote; None
        if there is nothing to change now.
    """
    states = {member["host"]: member["state"] for member in status}
    if fewer := _remove_one(members, states, leaving):
        return fewer
    if any(state in SYNCING for state in states.values()):
        return None
    return (
        _rename_members(members, joining)
        or _add_one(members, joining)
        or _move_one(members, joining)
        or _add_one_vote(members, states)
    )


def _remove_one(
    members: list[MemberConfig], states: Mapping[str, str], leaving: Collection[str]
) -> list[MemberConfig] | None:
    # Remove members that are down first: this can only help the majority.
    for member in sorted(members, key=lambda member: states[member["host"]] in UP):
        if unit_of(member) in leaving:
            rest = [other for other in members if other is not member]
            voters = [other for other in rest if other["votes"]]
            up = [other for other in voters if states[other["host"]] in UP]
            if 2 * len(up) > len(voters):
                return rest
    return None


def _rename_members(
    members: list[MemberConfig], joining: Mapping[str, str]
) -> list[MemberConfig] | None:
    """Name each member after the unit at its host, because machines can swap addresses.

    MongoDB knows members by their hosts, so only the unit names have to change. Example: the
    members a and b were at h0 and h1. Now a is at h1, and b is at another address. The member at
    h1 becomes a, and the member at h0 becomes b; a later step moves b to its new address.
    """
    unit_at = {host: unit for unit, host in joining.items()}
    old_names = [unit_of(member) for member in members]
    new_names = [unit_at.get(member["host"]) for member in members]
    unused = [name for name in old_names if name not in new_names]
    for number, old_name in enumerate(old_names):
        if new_names[number] is None:  # No unit is at this host now.
            name_is_taken = old_name and old_name not in unused
            new_names[number] = unused[0] if name_is_taken else old_name
            unused = [name for name in unused if name != new_names[number]]
    if new_names == old_names:
        return None
    return [
        member if name == unit_of(member) else member | {"tags": {"unit": name}}
        for member, name in zip(members, new_names, strict=True)
    ]


def _add_one(members: list[MemberConfig], joining: Mapping[str, str]) -> list[MemberConfig] | None:
    present = {unit_of(member) for member in members}
    for unit, host in sorted(joining.items()):
        if unit not in present:
            return [*members, _new_member(members, unit, host)]
    return None


def _new_member(members: list[MemberConfig], unit: str, host: str) -> MemberConfig:
    number = max((member["_id"] for member in members), default=-1) + 1
    vote = int(_can_add_vote(members))
    return {
        "_id": number,
        "host": host,
        "tags": {"unit": unit},
        "votes": vote,
        "priority": vote,
    }


def _move_one(
    members: list[MemberConfig], joining: Mapping[str, str]
) -> list[MemberConfig] | None:
    for member in members:
        host = joining.get(unit_of(member), member["host"])
        if host != member["host"]:  # The machine has another address.
            moved = member | {"host": host}
            return [moved if other is member else other for other in members]
    return None


def _add_one_vote(
    members: list[MemberConfig], states: Mapping[str, str]
) -> list[MemberConfig] | None:
    for member in members:
        synced = states[member["host"]] == "SECONDARY"
        if synced and not member["votes"] and _can_add_vote(members):
            more = member | {"votes": 1, "priority": 1}
            return [more if other is member else other for other in members]
    return None


def _can_add_vote(members: list[MemberConfig]) -> bool:
    return sum(member["votes"] for member in members) < MAX_VOTERS


# Force a new configuration, when the members cannot elect a primary.


def forced_members(
    members: list[MemberConfig], hosts: Mapping[str, str | None], answering: Collection[str]
) -> list[MemberConfig] | None:
    """Return the members to force on a replica set that cannot elect a primary.

    This happens when most voters have new addresses, for example after a power cut, or when the
    units of most voters were removed.

    Args:
        members: the members in the configuration.
        hosts: each unit that still exists, and the "host:port" of its mongod; None if the unit
            has not published it yet.
        answering: the units whose mongod answers at that host and has the data of the replica set.

    Returns:
        The members at their current hosts, without removed units; None if the voters can elect a
        primary without help as soon as they run.

    Raises:
        NeedsOperatorError: units with data are missing, and one of them may have newer data.
    """
    remaining = [
        member | {"host": hosts[unit_of(member)] or member["host"]}
        for member in members
        if unit_of(member) in hosts
    ]
    voters = [member for member in members if member["votes"]]
    # A majority of the voters has every acknowledged write, and elects the member with the newest
    # data.
    answering_voters = [voter for voter in voters if unit_of(voter) in answering]
    most_answer = 2 * len(answering_voters) > len(voters)
    missing = sorted(unit_of(member) for member in remaining if unit_of(member) not in answering)
    if missing and not most_answer:
        raise NeedsOperatorError(
            f"no primary: writes are unavailable; start {', '.join(missing)}, or discard their "
            f"data with juju remove-unit --force {' '.join(missing)}"
        )
    unmoved = [member for member in remaining if member["votes"] and member in members]
    if most_answer and 2 * len(unmoved) > len(voters):
        return None
    for unit in sorted(answering):
        # For example, a new unit may have the storage of a removed unit.
        if unit not in map(unit_of, remaining):
            remaining.append(_new_member(remaining, unit, hosts[unit] or ""))
    for number, member in enumerate(remaining):
        vote = int(number < MAX_VOTERS)
        member |= {"votes": vote, "priority": vote}
    return remaining


# Restart one member at a time.


def next_to_restart(waiting: Collection[str], status: list[MemberStatus]) -> str | None:
    """Return the unit that may restart its mongod now: secondaries first, the primary last.

    Args:
        waiting: the units that have to restart.
        status: the result of `ReplicaSet.status` for a healthy replica set.
    """
    return min(waiting, key=lambda unit: (unit == _primary(status), unit), default=None)


def why_primary_waits(
    waiting: Collection[str], status: list[MemberStatus], targets: Mapping[str, str | None]
) -> str:
    """Return why the primary may not restart yet, for the operator; empty if it may.

    The primary restarts last. So it waits if another unit has not received the change yet.

    Args:
        waiting: the units that have to restart.
        status: the result of `ReplicaSet.status`.
        targets: the field `target` of each unit's databag.
    """
    primary = _primary(status)
    others = sorted(unit for unit in targets if targets[unit] != targets.get(primary))
    if set(waiting) == {primary} and others:
        return f"waiting for {', '.join(others)} to receive the same change"
    return ""


def _primary(status: list[MemberStatus]) -> str:
    return next((member["unit"] for member in status if member["state"] == "PRIMARY"), "")


def find_problem(status: list[MemberStatus]) -> str:
    """Return the first problem, for the operator; empty if every member is up and synced."""
    for member in status:
        name = member["unit"] or member["host"]
        if member["state"] not in UP:
            return f"{name} is {member['state']}"
        if member["lag"] > MAX_LAG:
            return f"{name} is {member['lag']:.0f} s behind the primary"
    if not _primary(status):
        return "there is no primary"
    return ""


# Upgrade to another series of MongoDB.


def series_of(version: str) -> str:
    """Return the series of a version, such as "8.0" for "8.0.4"."""
    return ".".join(version.split(".")[:2])


def numbers_of(series: str) -> list[int]:
    """Return the numbers of a series, to compare it with another. As text, "10.0" < "8.0"."""
    return [int(part) for part in series.split(".")]


def oldest_series(versions: Iterable[str]) -> str:
    """Return the oldest series of these versions; empty if there is no version."""
    return min(map(series_of, versions), key=numbers_of, default="")


def upgrade_refusal(present: str, wanted: str) -> str:
    """Return why MongoDB cannot go from the series `present` to `wanted`; empty if it can.

    MongoDB upgrades only from one major version to the next, and never downgrades. See
    https://www.mongodb.com/docs/manual/release-notes/8.0-upgrade-replica-set/
    """
    old, new = numbers_of(present), numbers_of(wanted)
    following = f"{old[0] + 1}.0"
    if new < old:
        return f"MongoDB cannot be downgraded from {present} to {wanted}; keep {present}"
    if new[0] > old[0] and wanted != following:
        return f"MongoDB cannot go from {present} to {wanted}; upgrade to {following} first"
    return ""
