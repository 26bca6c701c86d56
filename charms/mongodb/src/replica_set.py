"""The replica set as a whole, administered through its primary.

Knows nothing of Juju; what the members should be is in members.py.
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
    unit_of,
    upgrade_refusal,
)

logger = logging.getLogger(__name__)

# The set is just being reconfigured (mongod does that by itself too, when a new member has synced
# and may vote), or just has a new primary (to which it is NodeNotFound that it was to be taken
# out itself): read the configuration again and retry.
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
    """A replica set, administered through its primary.

    Every method raises PyMongoError if the set has no primary now or cannot be reached.

    Args:
        name: name of the replica set.
        hosts: "host:port" of some of its members.
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
        """Each member, in the order of the configuration."""
        return self._read()[1]

    def _read(self) -> tuple[dict[str, Any], list[MemberStatus], bool]:
        """Return the configuration, what `status` says, and whether both have taken effect."""
        answer = self._admin.command("replSetGetConfig", commitmentStatus=True)
        config, known_to_most = answer["config"], answer["commitmentStatus"]
        answer = self._admin.command("replSetGetStatus")
        found = {member["name"]: member for member in answer["members"]}
        # An arbiter has no data, and so no time of its last write.
        written = {name: member.get("optimeDate") for name, member in found.items()}
        newest = max(filter(None, written.values()))
        # mongod lets a new member vote some time after it has synced, by a reconfiguration of its
        # own. Until then a set of three may have two voters, and not survive the loss of one.
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
        """What MongoDB tells this set by from every other, also from one of the same name."""
        return str(self._read()[0]["settings"]["replicaSetId"])

    def reconcile_members(
        self, leaving: Collection[str], joining: Mapping[str, str], seconds: float = 10
    ) -> None:
        """Take members out and in, one a reconfiguration, and give new ones time to sync.

        What cannot be done now, or not in time, is left for the next call: nothing is taken out
        while the rest would have no majority, and a member is added when the last has synced.

        Args:
            leaving: names of the units that are to be members no longer. A primary among them
                hands over first.
            joining: units that are to be members, and the "host:port" of each.
            seconds: when to give up waiting.
        """
        if not self._repeat(lambda: self._take_next_step(leaving, joining), seconds):
            logger.warning("replica set: not all members are as they should be yet")

    def hand_over(self, unit: str, seconds: float = 30) -> bool:
        """Have another member be the primary, if the mongod of `unit` is, and there is another.

        Returns:
            Whether `unit` may stop now; False if no other member could take over in time.
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
        """Wait until the members are as wished; return whether they are."""

        def holds() -> bool:
            _, status, in_effect = self._read()
            return in_effect and condition(status)

        return self._repeat(holds, seconds)

    def _repeat(self, step: Callable[[], bool], seconds: float) -> bool:
        """Call `step` until it returns True; return False if it does not in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if step():
                    return True
            except OperationFailure as error:
                if _code_name(error) not in _RETRY_ON:
                    raise
                logger.info("replica set: %s; trying again", error.details)
            except ConnectionFailure as error:  # The primary has just changed, or is away.
                logger.info("replica set: %s; trying again", error)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)

    def _take_next_step(self, leaving: Collection[str], joining: Mapping[str, str]) -> bool:
        """Do the next thing; True if nothing is left to do now."""
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
        """Let the data use what a series of MongoDB has; older programs cannot read them then.

        Args:
            series: such as "8.0"; every member has to run it.
        """
        name = "featureCompatibilityVersion"
        present = self._admin.command({"getParameter": 1, name: 1})[name]["version"]
        if upgrade_refusal(present, series) or present == series:
            return
        command: dict[str, Any] = {"setFeatureCompatibilityVersion": series}
        if not upgrade_refusal("7.0", series):  # From 7.0 on it asks whether one is sure.
            command["confirm"] = True
        self._admin.command(command)
        logger.info("replica set: the data are of series %s now, before of %s", series, present)

    def users(self) -> dict[str, set[tuple[str, str]]]:
        """Every user's name, and its roles as pairs of role and database."""
        answer = self._admin.command("usersInfo", 1)
        return {
            user["user"]: {(role["role"], role["db"]) for role in user["roles"]}
            for user in answer["users"]
        }

    def set_user(
        self, name: str, roles: Collection[tuple[str, str]], password: str | None = None
    ) -> None:
        """Make a user, or give the one there is these roles, and this password if there is one."""
        settings: dict[str, Any] = {
            "roles": [{"role": role, "db": database} for role, database in sorted(roles)]
        }
        if password:
            settings["pwd"] = password
        verb = "updateUser" if name in self.users() else "createUser"
        self._admin.command(verb, name, **settings, writeConcern={"w": "majority"})

    def drop_user(self, name: str) -> None:
        """Drop a user; it is no error if there is none of that name."""
        try:
            self._admin.command("dropUser", name, writeConcern={"w": "majority"})
        except OperationFailure as error:
            if _code_name(error) != "UserNotFound":
                raise


def fetch_config(host: str, password: str) -> dict[str, Any] | None:
    """Return the configuration that one mongod has, whether it finds itself in it or not.

    Returns:
        None if it has none, because it has never belonged to a set.

    Raises:
        PyMongoError: it does not answer, or its administrator has another password.
    """
    with _connect_to(host, password) as client:
        try:
            return client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if _code_name(error) == "NotYetInitialized":
                return None
            raise


def holds_data(host: str, password: str) -> bool:
    """Whether the mongod at `host` belongs to a replica set, or did once.

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
    except OperationFailure:  # No such user: there are no data, or they are not of this set.
        return False


def is_reachable(host: str) -> bool:
    """Whether a mongod answers at `host`."""
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
    """Give a set without a primary other members, through one of them; it tells the others."""
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
