"""What the members of the replica set should be, and which of them may restart next.

Only decisions: nothing here asks MongoDB or Juju.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypedDict

MAX_VOTERS = 7
"""MongoDB's own limit; further members hold the data and have no vote."""

MAX_LAG = 20.0
"""Seconds that a member may be behind the primary and still count as synced.

An idle primary writes every 10 s, and hears of the others every 2 s.
"""

UP = ("PRIMARY", "SECONDARY", "ARBITER")
# Not RECOVERING: a member that was away for too long stays so, and must not hold up the others.
SYNCING = ("STARTUP", "STARTUP2", "UNKNOWN")

MemberConfig = dict[str, Any]
"""A member as `replSetGetConfig` has it; `tags.unit` is the name of its unit."""


class MemberStatus(TypedDict):
    """What MongoDB says of a member."""

    host: str
    """`host:port`."""
    unit: str
    state: str
    """`PRIMARY`, `SECONDARY`, …"""
    lag: float
    """Seconds that it is behind the primary, as far as the primary knows."""


class NeedsOperatorError(Exception):
    """Only the operator can decide how to go on; the message says what to do."""


def unit_of(member: MemberConfig) -> str:
    """The unit of a member; empty for a member that somebody else has added."""
    return member.get("tags", {}).get("unit", "")


# Members come, move and go.


def next_members(
    members: list[MemberConfig],
    status: list[MemberStatus],
    leaving: Collection[str],
    joining: Mapping[str, str],
) -> list[MemberConfig] | None:
    """The next configuration on the way to the members that there should be.

    Args:
        members: the present configuration's members.
        status: what `ReplicaSet.status` says of them.
        leaving: units that should be members no longer.
        joining: units that should be members, and their hosts.

    Returns:
        The members with one taken out, one added, one moved or one more vote; None if nothing is
        to be done now.
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
    # Those that are away already go first: that only helps the majority.
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
    """Name each member after the unit that is at its host: machines may have swapped addresses.

    MongoDB does not mind: who is at a host is the member of that host. So if the members a and b
    are at h0 and h1, and a is at h1 now while b is somewhere else, then the names become b and a.
    """
    unit_at = {host: unit for unit, host in joining.items()}
    units = [unit_at.get(member["host"]) for member in members]
    spare = [unit_of(member) for member in members if unit_of(member) not in units]
    for number, member in enumerate(members):
        if units[number] is None:  # Its host is nobody's now.
            own = unit_of(member)
            taken = own and own not in spare
            units[number] = spare[0] if taken else own
            spare = [unit for unit in spare if unit != units[number]]
    if units == [unit_of(member) for member in members]:
        return None
    return [
        member if unit == unit_of(member) else member | {"tags": {"unit": unit}}
        for member, unit in zip(members, units, strict=True)
    ]


def _add_one(members: list[MemberConfig], joining: Mapping[str, str]) -> list[MemberConfig] | None:
    there = {unit_of(member) for member in members}
    for unit, host in sorted(joining.items()):
        if unit not in there:
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


# A set without a primary: when no election can help, the members are forced.


def forced_members(
    members: list[MemberConfig], hosts: Mapping[str, str | None], answering: Collection[str]
) -> list[MemberConfig] | None:
    """The members to force on a set that can have no primary any more as it is configured.

    That is so when most voters have other addresses than the configuration says, as after a power
    cut and new leases, or when their units were removed.

    Args:
        members: the configuration's members.
        hosts: each unit that is not gone yet, and "host:port" where it says that its mongod is;
            None for a unit that has not said it yet.
        answering: those units among them whose mongod answers there, with the set's data.

    Returns:
        The members at their present hosts, without those whose unit is gone; None if the voters
        can elect a primary by themselves as soon as they run.

    Raises:
        NeedsOperatorError: units with data are missing, and one of them may have newer data.
    """
    there = [
        member | {"host": hosts[unit_of(member)] or member["host"]}
        for member in members
        if unit_of(member) in hosts
    ]
    voters = [member for member in members if member["votes"]]
    # Most voters have whatever the majority acknowledged, and elect the one with the newest data.
    known = [voter for voter in voters if unit_of(voter) in answering]
    most_answer = 2 * len(known) > len(voters)
    missing = sorted(unit_of(member) for member in there if unit_of(member) not in answering)
    if missing and not most_answer:
        raise NeedsOperatorError(
            f"no primary: writes are unavailable; start {', '.join(missing)}, or give up their "
            f"data with juju remove-unit --force {' '.join(missing)}"
        )
    # Those whose host is still as configured.
    unmoved = [member for member in there if member["votes"] and member in members]
    if most_answer and 2 * len(unmoved) > len(voters):
        return None
    for unit in sorted(answering):  # For instance a unit with the storage of one that is gone.
        if unit not in map(unit_of, there):
            there.append(_new_member(there, unit, hosts[unit] or ""))
    for number, member in enumerate(there):
        vote = int(number < MAX_VOTERS)
        member |= {"votes": vote, "priority": vote}
    return there


# Restarts, one member at a time.


def next_to_restart(waiting: Collection[str], status: list[MemberStatus]) -> str | None:
    """The unit that may restart its mongod now: secondaries first, the primary last.

    Args:
        waiting: the units that have to restart.
        status: what `ReplicaSet.status` says of a set that nothing is wrong with.
    """
    return min(waiting, key=lambda unit: (unit == _primary(status), unit), default=None)


def why_primary_waits(
    waiting: Collection[str], status: list[MemberStatus], targets: Mapping[str, str | None]
) -> str:
    """Why the primary may not restart yet, for the operator, if only the primary waits; or empty.

    Args:
        waiting: the units that have to restart.
        status: what `ReplicaSet.status` says.
        targets: for each unit, what its mongod should be.
    """
    primary = _primary(status)
    others = sorted(unit for unit in targets if targets[unit] != targets.get(primary))
    if set(waiting) == {primary} and others:
        return f"first {', '.join(others)} must take up the change that {primary} has"
    return ""


def _primary(status: list[MemberStatus]) -> str:
    return next((member["unit"] for member in status if member["state"] == "PRIMARY"), "")


def find_problem(status: list[MemberStatus]) -> str:
    """What is wrong with the set, for the operator; empty if every member is up and synced."""
    for member in status:
        name = member["unit"] or member["host"]
        if member["state"] not in UP:
            return f"{name} is {member['state']}"
        if member["lag"] > MAX_LAG:
            return f"{name} is {member['lag']:.0f} s behind the primary"
    if not _primary(status):
        return "there is no primary"
    return ""


# Series of MongoDB.


def series_of(version: str) -> str:
    """The series of a version: "8.0" for "8.0.4"."""
    return ".".join(version.split(".")[:2])


def upgrade_refusal(present: str, wanted: str) -> str:
    """Why data of the series `present` cannot move to the series `wanted`; empty if they can.

    MongoDB's rule: from one major version to the next, and never back. See
    https://www.mongodb.com/docs/manual/release-notes/8.0-upgrade-replica-set/
    """
    old, new = ([int(part) for part in series.split(".")] for series in (present, wanted))
    following = f"{old[0] + 1}.0"
    if new < old:
        return f"MongoDB cannot go back from {present} to {wanted}; stay at {present}"
    if new[0] > old[0] and wanted != following:
        return f"MongoDB cannot go from {present} to {wanted}; the next series is {following}"
    return ""
