"""The replica set as a whole: its members and its users, managed through the primary.

This module does not use Juju. replica_set_rules.py decides about changes of the members.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from mongod import OPERATOR
from replica_set_rules import (
    SYNCING,
    UP,
    MemberConfig,
    MemberStatus,
    next_members,
    numbers_of,
    unit_of,
    upgrade_refusal,
)

logger = logging.getLogger(__name__)

# After these errors, read the configuration again and retry: the replica set is being reconfigured
# (mongod also does this itself, to give a new member its vote after the sync), or it has a new
# primary. A new primary that the reconfiguration would remove answers NodeNotFound.
_RETRY_ON = {
    "ConfigurationInProgress",
    "CurrentConfigNotCommittedYet",
    "ExceededTimeLimit",
    "InterruptedDueToReplStateChange",
    "MaxTimeMSExpired",
    "NewReplicaSetConfigurationIncompatible",
    "NodeNotFound",
    "NotWritablePrimary",
    "PrimarySteppedDown",
}


class ReplicaSet(contextlib.AbstractContextManager["ReplicaSet"]):
    """A replica set, managed through its primary.

    Every method raises PyMongoError if the replica set has no primary or cannot be reached.

    Args:
        name: the name of the replica set.
        hosts: the "host:port" of some of its members.
        password: the administrator's password.
    """

    def __init__(self, name: str, hosts: Collection[str], password: str):
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            sorted(hosts),
            replicaSet=name,
            username=OPERATOR,
            password=password,
            serverSelectionTimeoutMS=5000,
            connectTimeoutMS=2000,
            socketTimeoutMS=20000,
        )
        self._admin = self._client.admin

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def status(self) -> list[MemberStatus]:
        """Return the status of each member, in the order of the configuration."""
        return self._read()[1]

    def _read(self) -> tuple[dict[str, Any], list[MemberStatus], bool]:
        """Return the configuration, the members' status, and whether the configuration holds.

        It holds if a majority of the members has it, and every voter in it can already vote.
        """
        answer = self._admin.command("replSetGetConfig", commitmentStatus=True)
        config, known_to_most = answer["config"], answer["commitmentStatus"]
        answer = self._admin.command("replSetGetStatus")
        found = {member["name"]: member for member in answer["members"]}
        # MongoDB reports no time of a last write for an arbiter, because it has no data.
        written = {name: member.get("optimeDate") for name, member in found.items()}
        newest = max(filter(None, written.values()))
        # When a new member has synced, mongod itself reconfigures the set to give it its vote.
        # Until then a set of three may have two voters, and cannot lose one of them.
        all_vote = answer["votingMembersCount"] == sum(m["votes"] for m in config["members"])
        status: list[MemberStatus] = []
        for member in config["members"]:
            state = found.get(member["host"], {}).get("stateStr", "UNKNOWN")
            last = written.get(member["host"]) if state in UP else None
            status.append(
                {
                    "host": member["host"],
                    "unit": unit_of(member),
                    "state": state,
                    "lag": (newest - last).total_seconds() if last else 0.0,
                }
            )
        return config, status, known_to_most and all_vote

    def set_id(self) -> str:
        """Return MongoDB's unique id of this replica set. Two sets may have the same name."""
        return str(self._read()[0]["settings"]["replicaSetId"])

    def reconcile_members(
        self, leaving: Collection[str], joining: Mapping[str, str], seconds: float = 10
    ) -> None:
        """Remove and add members, one in each reconfiguration, and wait for new ones to sync.

        A member is removed only if the others keep a majority. A member is added only after the
        previous one has synced. Changes that are not possible in time are left for the next call.

        Args:
            leaving: the names of the units to remove. A primary among them hands over first.
            joining: the units that should be members, and the "host:port" of each.
            seconds: how long to wait at most.
        """
        if not self._repeat(lambda: self._take_next_step(leaving, joining), seconds):
            logger.warning("replica set: the members do not match the units yet")

    def hand_over(self, unit: str, seconds: float = 30) -> bool:
        """Make another member the primary, if the mongod of `unit` is the primary.

        Returns:
            True if `unit` may stop now: it is not the primary, or is the only member. False if no
            other member could become the primary in time.
        """
        return self._repeat(lambda: self._hand_over(unit), seconds)

    def _hand_over(self, unit: str) -> bool:
        _, status, _ = self._read()
        primary = next((m["unit"] for m in status if m["state"] == "PRIMARY"), None)
        if len(status) == 1 or primary not in (None, unit):
            return True
        if primary == unit:
            self._admin.command("replSetStepDown", 60, secondaryCatchUpPeriodSecs=10)
        return False

    def wait_until(self, condition: Callable[[list[MemberStatus]], bool], seconds: float) -> bool:
        """Wait until the members' status meets a condition; return whether it does."""

        def holds() -> bool:
            _, status, in_effect = self._read()
            return in_effect and condition(status)

        return self._repeat(holds, seconds)

    def _repeat(self, step: Callable[[], bool], seconds: float) -> bool:
        """Call `step` until it returns True; return False after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if step():
                    return True
            except OperationFailure as error:
                if _code_name(error) not in _RETRY_ON:
                    raise
                logger.info("replica set: %s; retrying", error.details)
            except ConnectionFailure as error:  # The primary has just changed, or is down.
                logger.info("replica set: %s; retrying", error)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)

    def _take_next_step(self, leaving: Collection[str], joining: Mapping[str, str]) -> bool:
        """Make the next change; return True if there is nothing left to change now."""
        config, status, in_effect = self._read()
        members = next_members(config["members"], status, leaving, joining)
        if members is None:
            states = [member["state"] for member in status]
            if all(state in UP for state in states):
                return in_effect
            return not any(state in SYNCING for state in states)
        primary = next((m["host"] for m in status if m["state"] == "PRIMARY"), None)
        if primary is None:  # It has stepped down since the configuration was read.
            return False
        if primary not in [member["host"] for member in members]:
            self._admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=5)
        else:
            config |= {"version": config["version"] + 1, "members": members}
            self._admin.command("replSetReconfig", config, maxTimeMS=5000)
        return False

    def raise_compatibility_version(self, series: str) -> None:
        """Raise MongoDB's featureCompatibilityVersion. Older series then cannot read the data.

        Args:
            series: the new version, such as "8.0". Every member already has to run this series.
        """
        name = "featureCompatibilityVersion"
        present = self._admin.command({"getParameter": 1, name: 1})[name]["version"]
        if upgrade_refusal(present, series) or present == series:
            return
        command: dict[str, Any] = {"setFeatureCompatibilityVersion": series}
        if numbers_of(series) >= [7, 0]:  # MongoDB requires `confirm` from 7.0 on.
            command["confirm"] = True
        self._admin.command(command)
        logger.info("replica set: raised %s from %s to %s", name, present, series)

    def users(self) -> dict[str, set[tuple[str, str]]]:
        """Return the name of every user, with its roles as pairs of role and database."""
        answer = self._admin.command("usersInfo", 1)
        return {
            user["user"]: {(role["role"], role["db"]) for role in user["roles"]}
            for user in answer["users"]
        }

    def set_user(
        self, name: str, roles: Collection[tuple[str, str]], password: str | None = None
    ) -> None:
        """Create a user with a password, or change its roles and, if given, its password."""
        settings: dict[str, Any] = {
            "roles": [{"role": role, "db": database} for role, database in sorted(roles)]
        }
        if password:
            settings["pwd"] = password
        verb = "updateUser" if name in self.users() else "createUser"
        self._admin.command(verb, name, **settings, writeConcern={"w": "majority"})

    def drop_user(self, name: str) -> None:
        """Drop a user, if it exists."""
        try:
            self._admin.command("dropUser", name, writeConcern={"w": "majority"})
        except OperationFailure as error:
            if _code_name(error) != "UserNotFound":
                raise


def fetch_config(host: str, password: str) -> dict[str, Any] | None:
    """Return the replica set configuration that one mongod has, even if it is not a member now.

    Returns:
        None if the mongod has no configuration, because it has never been a member.

    Raises:
        PyMongoError: the mongod does not answer, or its administrator has another password.
    """
    with _connect_to(host, password) as client:
        try:
            return client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if _code_name(error) == "NotYetInitialized":
                return None
            raise


def holds_data(host: str, password: str) -> bool:
    """Return whether the mongod at `host` is or was a member of a replica set.

    Raises:
        PyMongoError: it does not answer.
    """
    with MongoClient[dict[str, Any]](
        host, directConnection=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000
    ) as client:
        if "setName" in client.admin.command("hello"):
            return True
    try:
        return fetch_config(host, password) is not None
    except OperationFailure:  # There is no such user, so there are no data of this replica set.
        return False


def is_reachable(host: str) -> bool:
    """Return whether a mongod answers at `host`."""
    try:
        with MongoClient[dict[str, Any]](
            host, directConnection=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000
        ) as client:
            client.admin.command("hello")
    except PyMongoError:
        return False
    return True


def force_config(
    host: str, password: str, config: dict[str, Any], members: list[MemberConfig]
) -> None:
    """Force other members on a replica set without a primary, through one of its members."""
    forced = config | {"version": config["version"] + 1, "members": members}
    with _connect_to(host, password) as client:
        client.admin.command("replSetReconfig", forced, force=True)


def _connect_to(host: str, password: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        host,
        directConnection=True,
        username=OPERATOR,
        password=password,
        serverSelectionTimeoutMS=2000,
        socketTimeoutMS=5000,
    )


def _code_name(error: OperationFailure) -> str:
    return (error.details or {}).get("codeName", "")
