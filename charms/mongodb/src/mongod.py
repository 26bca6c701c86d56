"""The mongod of this machine: its program, settings, service and storage, and commands to it.

This module does not use Juju. See replica_set.py for the replica set as a whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import filecmp
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from charmlibs import apt, passwd, pathops, systemd
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

import mongodb_repository
from replica_set_rules import series_of, upgrade_refusal

OPERATOR = "operator"
"""The name of the administrator, who manages the replica set and its users.

The administrator's roles do not include access to data. But the administrator can grant itself
such a role, so its password protects all data.
"""

ELECTION_TIMEOUT_MS = 4000
"""How long the members wait for a lost primary before they elect another one.

MongoDB's default is 10 s. The members of one application are near each other, and send a heartbeat
every 2 s. So two lost heartbeats are enough, and an unnecessary election takes less than a second.
"""

# MongoDB's error codes.
_UNAUTHORIZED = 13
_NOT_YET_INITIALIZED = 94

# The errors of charmlibs and of the machine. LookupError means that a user does not exist.
_MACHINE_ERRORS = (
    OSError,
    LookupError,
    subprocess.SubprocessError,
    apt.Error,
    systemd.SystemdError,
)

# The variable in mongod's environment that identifies the settings with which mongod was started.
_SETTINGS_VARIABLE = "MONGOD_SETTINGS"

_UNIT_FILE = """\
[Unit]
Description=MongoDB, run by its charm
Wants=network-online.target
After=network-online.target
RequiresMountsFor={data}

[Service]
User={user}
Environment={settings}
ExecStart={binary} --config {config}
RuntimeDirectory={run}
RuntimeDirectoryMode=0700
Restart=on-failure
# After a boot the machine may have a new address. mongod cannot start until the charm has written
# it to the settings. With 5 s between its attempts, systemd never gives up.
RestartSec=5
LimitNOFILE=64000
# mongod needs only the network, read access to its settings and write access to its data.
ReadWritePaths={data}
CapabilityBoundingSet=
LockPersonality=true
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
ProtectClock=true
ProtectControlGroups=true
ProtectHome=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectSystem=strict
# mongod lists the machine's addresses through AF_NETLINK.
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


class MongodError(Exception):
    """This mongod cannot be installed, started or used, for the reason in the message."""


class InstallError(MongodError):
    """mongod cannot be installed now, for example because the network is down. Retry later."""


class UnusableMongodError(MongodError):
    """mongod cannot be used until the operator fixes the problem. A retry does not help."""


ERRORS = (MongodError, PyMongoError)
"""The errors of this module and of pymongo. A later hook retries."""


@dataclasses.dataclass(frozen=True)
class Credentials:
    """The credentials of a replica set, with its name, id and series."""

    replset: str
    """The name of the replica set."""
    set_id: str
    """MongoDB's unique id of the replica set. Two sets may have the same name."""
    series: str
    """The series of MongoDB that wrote the data, such as `8.0`."""
    keyfile: str = dataclasses.field(repr=False)
    """The key with which the members authenticate to each other."""
    password: str = dataclasses.field(repr=False)
    """The administrator's password."""


class Mongod:
    """The mongod of this machine."""

    user: str | None = "mongodb"
    service = "mongod"
    packaged_binary = pathlib.Path("/usr/bin/mongod")
    custom_binary = pathlib.Path("/usr/local/bin/mongod")
    config_file = pathlib.Path("/etc/mongod.conf")
    key_file = pathlib.Path("/etc/mongod.key")
    run_dir = pathlib.Path("/run/mongodb")
    old_data_dir = pathlib.Path("/var/lib/mongodb")
    """Old revisions of this charm kept the data here, because they had no storage."""
    unit_file = pathlib.Path("/etc/systemd/system/mongod.service")
    apt_source = pathlib.Path("/etc/apt/sources.list.d/mongodb-org.sources")
    apt_key = pathlib.Path("/usr/share/keyrings/mongodb-org.asc")
    cache_gigabytes: float | None = None
    """The size of the cache. If it is None, mongod uses half of the machine's memory."""
    proxies: Mapping[str, str] = {}
    """The proxies for downloads, in the form that `mongodb_repository.fetch_key` accepts."""

    def __init__(self, storage_dir: pathlib.Path = pathlib.Path("/var/lib/mongodb")):
        """Use the storage in a folder, which may outlive the machine.

        Args:
            storage_dir: the folder for the data and their credentials.
        """
        self.storage_dir = storage_dir
        self.data_dir = storage_dir / "db"
        self.credentials_file = storage_dir / "credentials.json"

    # The methods that tests/fake_machine.py replaces.

    def install_package(self, series: str) -> None:
        """Install MongoDB of a series, such as "8.0", from MongoDB's apt repository.

        Raises:
            UnusableMongodError: the series does not exist, or the key is not MongoDB's.
            InstallError: the key or the package cannot be downloaded now.
        """
        try:
            # Only the key needs the proxies here, because Juju configures apt's proxies itself.
            key = mongodb_repository.fetch_key(series, self.proxies)
        except ValueError as error:
            raise UnusableMongodError(str(error)) from error
        except OSError as error:
            raise InstallError(f"cannot download the key of MongoDB {series}: {error}") from error
        try:
            pathops.ensure_contents(self.apt_key, key)
            source = mongodb_repository.source(series, self.apt_key)
            pathops.ensure_contents(self.apt_source, source)
            apt.update()
            # apt.add_package would keep an older version that is already installed.
            package = apt.DebianPackage.from_apt_cache("mongodb-org-server")
            package.ensure(apt.PackageState.Latest)
        except _MACHINE_ERRORS as error:
            raise InstallError(f"cannot install MongoDB {series} with apt: {error}") from error

    def package_series(self) -> str:
        """Return the series of the installed package; empty if no package is installed."""
        return series_of(_version(self.packaged_binary))

    def remove_package(self) -> None:
        """Remove all that `install_package` has added."""
        if self.apt_source.exists():
            apt.remove_package("mongodb-org-server")
        self.apt_source.unlink(missing_ok=True)
        self.apt_key.unlink(missing_ok=True)

    def start(self) -> None:
        """Start or restart the service with the current settings, and start it at every boot.

        Raises:
            MongodError: systemd cannot start it.
        """
        with _wrap_errors("start mongod"):
            pathops.ensure_contents(self.unit_file, self._unit_text(self.settings_variable()))
            systemd.daemon_reload()
            systemd.service_enable(self.service)
            systemd.service_restart(self.service)

    def stop(self) -> None:
        """Stop the service, and do not start it at boot. Does nothing without a service.

        Raises:
            MongodError: systemd cannot stop it.
        """
        with _wrap_errors("stop mongod"):
            if self.unit_file.exists():
                systemd.service_disable("--now", self.service)

    def is_running(self) -> bool:
        """Return whether the service runs."""
        return systemd.service_running(self.service)

    # The program.

    @property
    def binary(self) -> pathlib.Path:
        """The program that was installed from a file, or else the program of the package."""
        return self.custom_binary if self.custom_binary.exists() else self.packaged_binary

    def is_installed(self) -> bool:
        """Return whether mongod is installed."""
        return self.binary.exists()

    def version(self) -> str:
        """Return the program's version, such as "8.0.4"; empty if it cannot be read."""
        return _version(self.binary)

    def install(self, series: str, file: pathlib.Path | None, members_series: str = "") -> None:
        """Install mongod from a file or, without a file, from MongoDB's apt repository.

        A running mongod keeps the old program until its restart: see `is_up_to_date`.

        Args:
            series: the series of MongoDB for the apt repository, such as "8.0".
            file: a mongod binary, or a .tgz with a file named mongod in it.
            members_series: the oldest series of the other members. It must be possible to upgrade
                it to the file, if mongod is not installed here.

        Raises:
            UnusableMongodError: the file or the series cannot be used. The installed program
                stays.
            InstallError: the package cannot be installed now.
        """
        if file:
            old = series_of(self.version()) if self.is_installed() else members_series
            self._install_file(file, old)
        elif self.package_series() != series:
            self.install_package(series)
        with _wrap_errors("add the user of mongod"):
            self.add_user()

    def _install_file(self, file: pathlib.Path, old_series: str) -> None:
        candidate = self.custom_binary.with_name("mongod.new")
        candidate.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.ExitStack() as stack:
                if tarfile.is_tarfile(file):
                    archive = stack.enter_context(tarfile.open(file))
                    found = next((m for m in archive if _is_mongod(m)), None)
                    source = archive.extractfile(found) if found else None
                    if source is None:
                        raise UnusableMongodError("the archive has no file named mongod")
                else:
                    source = stack.enter_context(file.open("rb"))
                with candidate.open("wb") as target:
                    shutil.copyfileobj(source, target)
            candidate.chmod(0o755)
            version = _version(candidate)
            if not version:
                raise UnusableMongodError("the file is not a mongod that runs on this machine")
            refusal = old_series and upgrade_refusal(old_series, series_of(version))
            if refusal:
                raise UnusableMongodError(refusal)
            installed = self.custom_binary
            if installed.exists() and filecmp.cmp(candidate, installed, shallow=False):
                return
            # Replace the file, because Linux does not allow to write to a running program.
            candidate.replace(installed)
        except (OSError, tarfile.TarError, EOFError) as error:
            raise UnusableMongodError(f"cannot read the file: {error}") from error
        finally:
            candidate.unlink(missing_ok=True)

    def add_user(self) -> None:
        """Create the user that runs mongod, unless the package has created it."""
        if self.user:
            passwd.add_user(
                self.user, shell="/usr/sbin/nologin", system_user=True, create_home=False
            )

    def uninstall(self) -> None:
        """Remove the program and its settings. The data stay in the storage.

        Raises:
            MongodError: a file or the package cannot be removed.
        """
        with _wrap_errors("remove mongod"):
            self.remove_package()
            for file in (self.custom_binary, self.config_file, self.key_file, self.unit_file):
                file.unlink(missing_ok=True)
            shutil.rmtree(self.run_dir, ignore_errors=True)

    # The settings.

    def configure(self, address: str, port: int, key: str, replset: str) -> None:
        """Write the settings. A running mongod keeps the old settings until its restart.

        Args:
            address: the address of this machine, for the other members and the clients.
            port: the port that mongod listens on.
            key: the key that all members share: 6 to 1024 base64 characters.
            replset: the name of the replica set.

        Raises:
            MongodError: the settings cannot be written.
        """
        with _wrap_errors("write the settings of mongod"):
            _write_private_file(self.key_file, key, self.user)
            directory = pathops.LocalPath(self.data_dir)
            directory.mkdir(mode=0o700, parents=True, exist_ok=True, user=self.user)
            # Storage from another machine may belong to another user.
            if self.user and directory.owner() != self.user:
                for path in (directory, *directory.rglob("*")):
                    shutil.chown(path, self.user)
            config = yaml.safe_dump(self._config(address, port, replset))
            pathops.ensure_contents(self.config_file, config)

    def _config(self, address: str, port: int, replset: str) -> dict[str, Any]:
        config: dict[str, Any] = {
            "net": {
                "port": port,
                # Do not listen on the loopback address: every local process could create the
                # first user there.
                "bindIp": address,
                "ipv6": ":" in address,
                "unixDomainSocket": {"pathPrefix": str(self.run_dir), "filePermissions": 0o700},
            },
            "replication": {"replSetName": replset},
            "security": {"authorization": "enabled", "keyFile": str(self.key_file)},
            # When mongod stops, it first redirects its clients for this time. The default is 15 s.
            "setParameter": {"shutdownTimeoutMillisForSignaledShutdown": 1000},
            "storage": {"dbPath": str(self.data_dir)},
        }
        if self.cache_gigabytes:
            config["storage"]["wiredTiger"] = {
                "engineConfig": {"cacheSizeGB": self.cache_gigabytes}
            }
        return config

    def settings_variable(self) -> str:
        """Return "NAME=value" for mongod's environment. The value changes with the settings."""
        text = self._unit_text("") + self.config_file.read_text()
        return f"{_SETTINGS_VARIABLE}={hashlib.sha256(text.encode()).hexdigest()}"

    def _unit_text(self, settings: str) -> str:
        return _UNIT_FILE.format(
            user=self.user,
            binary=self.binary,
            config=self.config_file,
            run=self.run_dir.name,
            data=self.storage_dir,
            settings=settings,
        )

    def target_digest(self, series: str) -> str:
        """Return a digest of the program that should run and of its settings.

        All machines have the same digest after they have received the same change. The digest
        includes the text of this file, because this file generates the settings.

        Args:
            series: the series of MongoDB that should run, used if mongod was not installed from a
                file.
        """
        file = self.custom_binary
        program = f"{self.version()} {file.stat().st_size}" if file.exists() else series
        settings = pathlib.Path(__file__).read_text()
        return hashlib.sha256((program + settings).encode()).hexdigest()[:16]

    def is_up_to_date(self) -> bool:
        """Return whether the running mongod has the installed program and the current settings.

        This reads the environment and the program of the process itself. So the answer is right
        even if another program than this charm has restarted mongod.
        """
        try:
            process = pathlib.Path("/proc", (self.data_dir / "mongod.lock").read_text().strip())
            environment = (process / "environ").read_bytes().split(b"\0")
            same_program = os.path.samefile(process / "exe", self.binary)
        except OSError:
            return False
        return same_program and self.settings_variable().encode() in environment

    # The storage.

    def has_data_outside_storage(self) -> bool:
        """Return whether an old revision of this charm left data, and the storage is empty."""
        has_old_data = (self.old_data_dir / "WiredTiger").exists()
        return has_old_data and not self.data_dir.exists()

    def save_credentials(self, credentials: Credentials) -> None:
        """Save the credentials with the data, for a unit that gets this storage later.

        Raises:
            MongodError: the file cannot be written.
        """
        with _wrap_errors("save the credentials with the data"):
            text = json.dumps(dataclasses.asdict(credentials))
            _write_private_file(self.credentials_file, text, user=None)

    def saved_credentials(self) -> Credentials | None:
        """Return the credentials of the data in the storage; None if the storage is empty.

        Raises:
            UnusableMongodError: the file cannot be read.
        """
        try:
            return Credentials(**json.loads(self.credentials_file.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            message = f"cannot read {self.credentials_file.name} in the storage: {error}"
            raise UnusableMongodError(message) from error

    # Commands to the running mongod.

    def hello(self) -> dict[str, Any]:
        """Return the answer of this mongod to the command `hello`, over its Unix socket.

        Raises:
            MongodError, PyMongoError: it does not answer.
        """
        with self._connect() as client:
            return client.admin.command("hello")

    def state(self) -> str:
        """Return the state of this mongod: "primary", "secondary", "no primary" or "".

        "no primary" is a secondary that sees no primary. Empty means that mongod is starting,
        syncing, or not a member of a replica set.
        """
        try:
            hello = self.hello()
        except ERRORS:
            return ""
        if hello.get("isWritablePrimary"):
            return "primary"
        if hello.get("secondary"):
            return "secondary" if hello.get("primary") else "no primary"
        return ""

    def is_member(self) -> bool:
        """Return whether this mongod may be a member. A mongod that does not answer may be one."""
        if not self.is_running():
            return False
        try:
            return "setName" in self.hello()
        except ERRORS:
            return True

    def holds_data(self) -> bool:
        """Return whether this mongod has data of a replica set, even if it is not a member now.

        Raises:
            MongodError, PyMongoError: it does not answer.
        """
        with self._connect() as client:
            try:
                client.admin.command("replSetGetStatus")
            except OperationFailure as error:
                # A mongod with data has users, and so refuses this command without a password.
                return error.code != _NOT_YET_INITIALIZED
        return True

    def initiate(self, replset: str, unit: str, host: str, password: str) -> None:
        """Initiate a replica set with this mongod as its only member; create the administrator.

        This may be called again at any time: it does only what is still missing, and changes no
        existing data.

        Args:
            replset: the name of the replica set.
            unit: the name of this unit, which becomes the member's tag.
            host: the "host:port" of this mongod, for the other members and the clients.
            password: the administrator's password.

        Raises:
            PyMongoError, MongodError: mongod does not answer, or refuses a command.
        """
        if not self.holds_data():
            config = {
                "_id": replset,
                "members": [{"_id": 0, "host": host, "tags": {"unit": unit}}],
                "settings": {"electionTimeoutMillis": ELECTION_TIMEOUT_MS},
            }
            with self._connect() as client:
                client.admin.command("replSetInitiate", config)
            self._wait_for("not primary", lambda hello: hello["isWritablePrimary"], seconds=15)
        if self.hello()["isWritablePrimary"]:
            # MongoDB's localhost exception: while there are no users, a client on the socket may
            # create the first user, and nothing else. Only root and mongod's own user can open
            # the directory of the socket.
            roles = ["clusterAdmin", "userAdminAnyDatabase"]
            with self._connect() as client:
                try:
                    client.admin.command("createUser", OPERATOR, pwd=password, roles=roles)
                except OperationFailure as error:
                    if error.code != _UNAUTHORIZED:  # The first user exists already.
                        raise

    def wait_until_it_answers(self) -> None:
        """Wait after a start until mongod answers.

        Raises:
            MongodError: it does not answer within 30 seconds.
        """
        self._wait_for("no answer", lambda hello: True, seconds=30)

    def wait_until_it_is_a_member(self) -> None:
        """Wait after a restart until mongod is a synced member again.

        Raises:
            MongodError: it has not synced within 60 seconds. It may sync later.
        """
        self._wait_for("not synced", _is_synced_member, seconds=60)

    def _wait_for(
        self, problem: str, condition: Callable[[dict[str, Any]], bool], seconds: float
    ) -> None:
        """Wait until the answer to `hello` meets a condition."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(*ERRORS):
                if condition(self.hello()):
                    return
            if time.monotonic() > deadline:
                raise MongodError(f"mongod: {problem} after {seconds} s")
            time.sleep(0.05)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[MongoClient[dict[str, Any]]]:
        try:
            port = yaml.safe_load(self.config_file.read_text())["net"]["port"]
        except (OSError, LookupError, TypeError, yaml.YAMLError) as error:
            raise MongodError(f"cannot read the port of mongod: {error}") from error
        socket = urllib.parse.quote(str(self.run_dir / f"mongodb-{port}.sock"), safe="")
        with MongoClient(
            f"mongodb://{socket}",
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            socketTimeoutMS=10000,
        ) as client:
            yield client


@contextlib.contextmanager
def _wrap_errors(action: str) -> Iterator[None]:
    """Turn every error of charmlibs and of the machine into a MongodError."""
    try:
        yield
    except _MACHINE_ERRORS as error:
        raise MongodError(f"cannot {action}: {error}") from error


def _write_private_file(file: pathlib.Path, text: str, user: str | None) -> None:
    with contextlib.suppress(FileExistsError):
        file.parent.mkdir(parents=True, exist_ok=True)
        # Create it with this mode, so that other users can never read it.
        file.touch(mode=0o600, exist_ok=False)
    pathops.ensure_contents(file, text, mode=0o600, user=user)


def _is_synced_member(hello: dict[str, Any]) -> bool:
    return bool(hello.get("isWritablePrimary") or hello.get("secondary"))


def _is_mongod(member: tarfile.TarInfo) -> bool:
    return member.isfile() and pathlib.PurePath(member.name).name == "mongod"


def _version(binary: pathlib.Path) -> str:
    try:
        output = subprocess.run(
            [os.fspath(binary), "--version"], capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return ""
    return output.partition("db version v")[2].partition("\n")[0]
