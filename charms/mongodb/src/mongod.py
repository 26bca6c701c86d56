"""One mongod on this machine, and the replica set that it belongs to.

`Mongod` is the machine's part: installation, configuration, service, and the mongod's own first
steps. `ReplicaSet` administers the whole set through whichever member is its primary.
Neither knows of Juju.
"""

from __future__ import annotations

import contextlib
import filecmp
import logging
import os
import pathlib
import shutil
import subprocess
import tarfile
import time
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml
from charmlibs import apt, passwd, pathops, systemd
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

logger = logging.getLogger(__name__)

OPERATOR = "operator"
"""The administrator's name; it may administer the set and its users, and read no data."""

ELECTION_TIMEOUT_MS = 4000
"""How long the members miss their primary before they elect another one.

MongoDB's default is 10 s. Members of one application are near each other and send a heartbeat
every 2 s, so two missed ones are enough; a needless election costs well under a second.
"""

MOST_VOTERS = 7
"""MongoDB's own limit; further members hold the data and have no vote."""

_UP = ("PRIMARY", "SECONDARY")
_SYNCING = ("STARTUP", "STARTUP2", "RECOVERING", "UNKNOWN")

# The set is just being reconfigured (mongod does that by itself too, when a new member has synced
# and may vote), or just has a new primary (to which it is NodeNotFound that it was to be taken
# out itself): read the configuration again and retry.
_TRY_AGAIN = {
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

_UNIT_FILE = """\
[Unit]
Description=MongoDB, run by its charm
Wants=network-online.target
After=network-online.target

[Service]
User={user}
ExecStart={binary} --config {config}
RuntimeDirectory={run}
RuntimeDirectoryMode=0700
Restart=on-failure
LimitNOFILE=64000

[Install]
WantedBy=multi-user.target
"""

_APT_SOURCE = """\
Types: deb
URIs: https://repo.mongodb.org/apt/ubuntu
Suites: noble/mongodb-org/{version}
Components: multiverse
Signed-By: {key}
"""


class MongodError(Exception):
    """This machine's mongod could not be installed or started; the message says why."""


class UnusableMongodError(MongodError):
    """There will be no mongod until the operator mends what the message says."""


ERRORS = (MongodError, PyMongoError)
"""What can go wrong with MongoDB, and may go right in a later hook."""


class Mongod:
    """The mongod of this machine."""

    user: str | None = "mongodb"
    service = "mongod"
    packaged_binary = pathlib.Path("/usr/bin/mongod")
    own_binary = pathlib.Path("/usr/local/bin/mongod")
    config_file = pathlib.Path("/etc/mongod.conf")
    key_file = pathlib.Path("/etc/mongod.key")
    data_dir = pathlib.Path("/var/lib/mongodb")
    run_dir = pathlib.Path("/run/mongodb")
    unit_file = pathlib.Path("/etc/systemd/system/mongod.service")
    apt_source = pathlib.Path("/etc/apt/sources.list.d/mongodb-org.sources")
    apt_key = pathlib.Path("/usr/share/keyrings/mongodb-org.asc")
    cache_gigabytes: float | None = None  # None: mongod takes half of the memory.

    # The machine: what tests/localmachine.py replaces.

    def install_package(self, version: str) -> None:
        """Install MongoDB of the series `version` ("8.0") from its own apt repository.

        Raises:
            MongodError: the repository or the package cannot be had.
        """
        try:
            url = f"https://pgp.mongodb.com/server-{version}.asc"
            with urllib.request.urlopen(url, timeout=30) as response:
                pathops.ensure_contents(self.apt_key, response.read())
            source = _APT_SOURCE.format(version=version, key=self.apt_key)
            pathops.ensure_contents(self.apt_source, source)
            apt.add_package("mongodb-org-server", update_cache=True)
        except (OSError, subprocess.CalledProcessError, apt.Error) as error:
            raise MongodError(f"cannot install MongoDB {version} with apt: {error}") from error

    def remove_package(self) -> None:
        """Remove what `install_package` added, if anything."""
        if self.apt_source.exists():
            apt.remove_package("mongodb-org-server")
        self.apt_source.unlink(missing_ok=True)
        self.apt_key.unlink(missing_ok=True)

    def add_user(self) -> None:
        """Make the user that mongod runs as, unless the package has made it."""
        if self.user:
            passwd.add_user(
                self.user, shell="/usr/sbin/nologin", system_user=True, create_home=False
            )

    def start(self) -> None:
        """Start the service, with the present binary and configuration, now and at every boot.

        Raises:
            MongodError: systemd cannot start it.
        """
        text = _UNIT_FILE.format(
            user=self.user, binary=self.binary, config=self.config_file, run=self.run_dir.name
        )
        try:
            if pathops.ensure_contents(self.unit_file, text):
                systemd.daemon_reload()
            systemd.service_enable(self.service)
            systemd.service_restart(self.service)
        except systemd.SystemdError as error:
            raise MongodError(f"cannot start mongod: {error}") from error

    def stop(self) -> None:
        """Stop the service, now and at every boot; does nothing if there is none."""
        if self.unit_file.exists():
            try:
                systemd.service_disable("--now", self.service)
            except systemd.SystemdError as error:
                raise MongodError(f"cannot stop mongod: {error}") from error

    def is_running(self) -> bool:
        """Whether the service runs."""
        return systemd.service_running(self.service)

    # Plain code from here on.

    @property
    def binary(self) -> pathlib.Path:
        """The program: the one that was handed over, or else the package's."""
        return self.own_binary if self.own_binary.exists() else self.packaged_binary

    def is_installed(self) -> bool:
        """Whether there is a mongod to run."""
        return self.binary.exists()

    def install(self, version: str, resource: pathlib.Path | None) -> bool:
        """Install mongod from a file, or without one from MongoDB's apt repository.

        Args:
            version: series of MongoDB for the apt repository, such as "8.0".
            resource: a mongod binary, or a .tgz that holds a file called mongod.

        Returns:
            Whether the program is another one than before.

        Raises:
            MongodError: there is no mongod to be had; what was there before stays.
        """
        if resource:
            changed = self._install_file(resource)
        elif changed := not self.is_installed():
            self.install_package(version)
        self.add_user()
        return changed

    def _install_file(self, resource: pathlib.Path) -> bool:
        candidate = self.own_binary.with_name("mongod.new")
        candidate.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.ExitStack() as stack:
                if tarfile.is_tarfile(resource):
                    archive = stack.enter_context(tarfile.open(resource))
                    found = next((m for m in archive if _is_mongod(m)), None)
                    source = archive.extractfile(found) if found else None
                    if source is None:
                        raise MongodError("the archive holds no file called mongod")
                else:
                    source = stack.enter_context(resource.open("rb"))
                with candidate.open("wb") as target:
                    shutil.copyfileobj(source, target)
            candidate.chmod(0o755)
            if "db version" not in _version_output(candidate):
                raise MongodError("the file is not a mongod for this machine")
            if self.own_binary.exists() and filecmp.cmp(candidate, self.own_binary, shallow=False):
                return False
            candidate.replace(self.own_binary)  # A running program cannot be written to.
            return True
        except (OSError, tarfile.TarError, EOFError) as error:
            raise MongodError(f"cannot read the file: {error}") from error
        finally:
            candidate.unlink(missing_ok=True)

    def version(self) -> str:
        """The program's version, such as "8.0.4"; empty if it does not tell."""
        line = _version_output(self.binary).partition("\n")[0]
        return line.rpartition(" v")[2]

    def run(self, address: str, port: int, replset: str, key: str) -> None:
        """Make mongod run with these settings: started or restarted only if it has to be.

        Args:
            address: address of this machine that the other members and the clients use.
            port: port there.
            replset: name of the replica set.
            key: what the members know each other by: 6 to 1024 base64 characters.

        Raises:
            MongodError: it does not start, or does not answer in half a minute.
        """
        with contextlib.suppress(FileExistsError):
            self.key_file.parent.mkdir(parents=True, exist_ok=True)
            self.key_file.touch(mode=0o600, exist_ok=False)  # Never readable by others.
        changed = pathops.ensure_contents(self.key_file, key, mode=0o600, user=self.user)
        directory = pathops.LocalPath(self.data_dir)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True, user=self.user)
        config = yaml.safe_dump(self._config(address, port, replset))
        changed = pathops.ensure_contents(self.config_file, config) or changed
        if changed or not self.is_running():
            self.start()
        self._wait_for("no answer", lambda hello: True, seconds=30)

    def _config(self, address: str, port: int, replset: str) -> dict[str, Any]:
        config: dict[str, Any] = {
            "net": {
                "port": port,
                # Not the loopback address: before there is a first user, anybody who comes from
                # there may make one.
                "bindIp": address,
                "ipv6": ":" in address,
                "unixDomainSocket": {"pathPrefix": str(self.run_dir), "filePermissions": 0o700},
            },
            "replication": {"replSetName": replset},
            "security": {"authorization": "enabled", "keyFile": str(self.key_file)},
            # How long a mongod that is told to stop sends its clients elsewhere; 15 s by default.
            "setParameter": {"shutdownTimeoutMillisForSignaledShutdown": 1000},
            "storage": {"dbPath": str(self.data_dir)},
        }
        if self.cache_gigabytes:
            config["storage"]["wiredTiger"] = {
                "engineConfig": {"cacheSizeGB": self.cache_gigabytes}
            }
        return config

    def uninstall(self) -> None:
        """Remove the program, its settings and all its data."""
        self.remove_package()
        for file in (self.own_binary, self.config_file, self.key_file, self.unit_file):
            file.unlink(missing_ok=True)
        for directory in (self.data_dir, self.run_dir):
            shutil.rmtree(directory, ignore_errors=True)

    def hello(self) -> dict[str, Any]:
        """What this mongod says of itself; it is asked over its unix socket.

        Raises:
            PyMongoError: it does not answer.
        """
        with self._connect() as client:
            return client.admin.command("hello")

    def state(self) -> str:
        """Tell "primary", "secondary", or "" for the rest (starting, syncing, not in a set)."""
        try:
            hello = self.hello()
        except PyMongoError:
            return ""
        if hello.get("isWritablePrimary"):
            return "primary"
        return "secondary" if hello.get("secondary") else ""

    def initiate(self, replset: str, unit: str, host: str, password: str) -> None:
        """Make this mongod the first member of a new replica set, and make the administrator.

        Does what is still missing, so it may be called again at any time.

        Args:
            replset: name of the replica set.
            unit: name of this unit: members are told apart by it.
            host: "host:port" that the other members and the clients use for this mongod.
            password: the administrator's password.

        Raises:
            PyMongoError, MongodError: mongod does not do so.
        """
        if not self.hello().get("setName"):
            config = {
                "_id": replset,
                "members": [{"_id": 0, "host": host, "tags": {"unit": unit}}],
                "settings": {"electionTimeoutMillis": ELECTION_TIMEOUT_MS},
            }
            with self._connect() as client:
                client.admin.command("replSetInitiate", config)
            self._wait_for("not primary", lambda hello: hello["isWritablePrimary"], seconds=15)
        if self.hello()["isWritablePrimary"]:
            # The localhost exception: whoever comes over the socket (its directory is open to
            # mongod's own user and root only) may make the first user, and nothing else.
            roles = ["clusterAdmin", "userAdminAnyDatabase"]
            with self._connect() as client:
                try:
                    client.admin.command("createUser", OPERATOR, pwd=password, roles=roles)
                except OperationFailure as error:
                    if _code_name(error) != "Unauthorized":  # There is a first user already.
                        raise

    def _wait_for(self, complaint: str, condition: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(PyMongoError):
                if condition(self.hello()):
                    return
            if time.monotonic() > deadline:
                raise MongodError(f"mongod: {complaint} after {seconds} s")
            time.sleep(0.05)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[MongoClient[dict[str, Any]]]:
        port = yaml.safe_load(self.config_file.read_text())["net"]["port"]
        socket = urllib.parse.quote(str(self.run_dir / f"mongodb-{port}.sock"), safe="")
        with MongoClient(
            f"mongodb://{socket}",
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            socketTimeoutMS=10000,
        ) as client:
            yield client


def has_replica_set(host: str) -> bool:
    """Whether the mongod at `host` ("host:port") belongs to a replica set.

    Raises:
        PyMongoError: it does not answer.
    """
    with MongoClient(
        host, directConnection=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000
    ) as client:
        return "setName" in client.admin.command("hello")


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

    def status(self) -> list[dict[str, str]]:
        """Each member: its `host` ("host:port"), `unit` and `state` ("PRIMARY", ...), in order."""
        return self._read()[1]

    def _read(self) -> tuple[dict[str, Any], list[dict[str, str]], bool]:
        """Return the configuration, what `status` says, and whether both have taken effect."""
        answer = self._admin.command("replSetGetConfig", commitmentStatus=True)
        config, known_to_most = answer["config"], answer["commitmentStatus"]
        answer = self._admin.command("replSetGetStatus")
        states = {member["name"]: member["stateStr"] for member in answer["members"]}
        # mongod lets a new member vote some time after it has synced, by a reconfiguration of its
        # own. Until then a set of three may have two voters, and not survive the loss of one.
        all_vote = answer["votingMembersCount"] == sum(m["votes"] for m in config["members"])
        status = [
            {
                "host": member["host"],
                "unit": member.get("tags", {}).get("unit", ""),
                "state": states.get(member["host"], "UNKNOWN"),
            }
            for member in config["members"]
        ]
        return config, status, known_to_most and all_vote

    def align(
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
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self._step(leaving, joining):
                    return
            except OperationFailure as error:
                if _code_name(error) not in _TRY_AGAIN:
                    raise
                logger.info("replica set: %s; trying again", error.details)
            except ConnectionFailure as error:  # The primary has just changed, or is away.
                logger.info("replica set: %s; trying again", error)
            if time.monotonic() > deadline:
                logger.warning("replica set: not all members are as they should be yet")
                return
            time.sleep(0.1)

    def _step(self, leaving: Collection[str], joining: Mapping[str, str]) -> bool:
        """Do the next thing; True if nothing is left to do now."""
        config, status, in_effect = self._read()
        members = next_members(config["members"], status, leaving, joining)
        if members is None:
            states = [member["state"] for member in status]
            if all(state in _UP for state in states):
                return in_effect
            return not any(state in _SYNCING for state in states)
        primary = next((m["host"] for m in status if m["state"] == "PRIMARY"), None)
        if primary is None:  # It has stepped down since the configuration was read.
            return False
        if primary not in [member["host"] for member in members]:
            self._admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=5)
        else:
            config |= {"version": config["version"] + 1, "members": members}
            self._admin.command("replSetReconfig", config, maxTimeMS=5000)
        return False

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


def next_members(
    members: list[dict[str, Any]],
    status: list[dict[str, str]],
    leaving: Collection[str],
    joining: Mapping[str, str],
) -> list[dict[str, Any]] | None:
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
    units = {member["host"]: member["unit"] for member in status}

    # Those that are away already first: that only helps the majority.
    for member in sorted(members, key=lambda member: states[member["host"]] in _UP):
        if units[member["host"]] in leaving:
            rest = [other for other in members if other is not member]
            voters = [other for other in rest if other["votes"]]
            up = [other for other in voters if states[other["host"]] in _UP]
            if 2 * len(up) > len(voters):
                return rest

    if any(state in _SYNCING for state in states.values()):
        return None

    vote = sum(member["votes"] for member in members) < MOST_VOTERS
    for unit, host in sorted(joining.items()):
        if unit not in units.values():
            new = {
                "_id": max(member["_id"] for member in members) + 1,
                "host": host,
                "tags": {"unit": unit},
                "votes": int(vote),
                "priority": int(vote),
            }
            return [*members, new]

    for member in members:
        host = joining.get(units[member["host"]], member["host"])
        if host != member["host"]:  # The machine has another address.
            moved = member | {"host": host}
            return [moved if other is member else other for other in members]

    for member in members:
        if vote and not member["votes"] and states[member["host"]] == "SECONDARY":
            more = member | {"votes": 1, "priority": 1}
            return [more if other is member else other for other in members]
    return None


def _code_name(error: OperationFailure) -> str:
    return (error.details or {}).get("codeName", "")


def _is_mongod(member: tarfile.TarInfo) -> bool:
    return member.isfile() and pathlib.PurePath(member.name).name == "mongod"


def _version_output(binary: pathlib.Path) -> str:
    try:
        return subprocess.run(
            [os.fspath(binary), "--version"], capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return ""
