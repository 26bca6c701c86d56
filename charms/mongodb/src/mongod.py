"""The mongod of this machine: installation, configuration, service, and its own first steps.

Knows nothing of Juju. The replica set as a whole is the subject of replica_set.py.
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
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from charmlibs import apt, passwd, pathops, systemd
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

import mongodb_repository
from replica_set_rules import series_of, upgrade_refusal

OPERATOR = "operator"
"""The administrator's name; it may administer the set and its users.

None of its roles reads data, but it can give itself one that does: its password protects all data.
"""

ELECTION_TIMEOUT_MS = 4000
"""How long the members miss their primary before they elect another one.

MongoDB's default is 10 s. Members of one application are near each other and send a heartbeat
every 2 s, so two missed ones are enough; a needless election costs well under a second.
"""

# Codes of MongoDB's errors.
_UNAUTHORIZED = 13
_NOT_YET_INITIALIZED = 94

# What charmlibs and the machine raise. LookupError: there is no such user.
_MACHINE_ERRORS = (
    OSError,
    LookupError,
    subprocess.SubprocessError,
    apt.Error,
    systemd.SystemdError,
)

# In the environment of mongod: tells which settings it was started with.
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
# Slow enough that systemd never gives up: after a boot the old address may be gone, until the
# charm writes the new one.
RestartSec=5
LimitNOFILE=64000
# It needs the network, its settings to read and its data to write, and nothing else.
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
# AF_NETLINK: it asks the system for the machine's own addresses.
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


class MongodError(Exception):
    """This machine's mongod could not be installed or started; the message says why."""


class InstallError(MongodError):
    """The program cannot be had now, for instance because the network is away."""


class UnusableMongodError(MongodError):
    """Trying again does not help: the operator has to mend it."""


ERRORS = (MongodError, PyMongoError)
"""What can go wrong with MongoDB; the next hook tries again."""


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What opens the data of a replica set."""

    replset: str
    """Name of the replica set."""
    set_id: str
    """What MongoDB tells the set by from every other of that name."""
    series: str
    """Series of MongoDB that the data are of."""
    keyfile: str = dataclasses.field(repr=False)
    """What the members know each other by."""
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
    old_data_dir = pathlib.Path("/var/lib/mongodb")  # Of this charm before it had storage.
    unit_file = pathlib.Path("/etc/systemd/system/mongod.service")
    apt_source = pathlib.Path("/etc/apt/sources.list.d/mongodb-org.sources")
    apt_key = pathlib.Path("/usr/share/keyrings/mongodb-org.asc")
    cache_gigabytes: float | None = None  # None: mongod takes half of the memory.
    proxies: Mapping[str, str] = {}
    """What to download through, as `mongodb_repository.fetch_key` takes it."""

    def __init__(self, storage_dir: pathlib.Path = pathlib.Path("/var/lib/mongodb")):
        """Take the folder for the data and what opens them; it may outlive the machine."""
        self.storage_dir = storage_dir
        self.data_dir = storage_dir / "db"
        self.credentials_file = storage_dir / "credentials.json"

    # The machine: what tests/localmachine.py replaces.

    def install_package(self, version: str) -> None:
        """Install MongoDB of the series `version` ("8.0") from its own apt repository.

        Raises:
            UnusableMongodError: there is no such series, or its key is not MongoDB's.
            InstallError: the repository or the package cannot be had now.
        """
        try:
            # The proxies are for the key only: Juju tells apt of them itself.
            key = mongodb_repository.fetch_key(version, self.proxies)
        except ValueError as error:
            raise UnusableMongodError(str(error)) from error
        except OSError as error:
            raise InstallError(f"cannot get the key of MongoDB {version}: {error}") from error
        try:
            pathops.ensure_contents(self.apt_key, key)
            source = mongodb_repository.source(version, self.apt_key)
            pathops.ensure_contents(self.apt_source, source)
            apt.update()
            # Not apt.add_package: that is content with an older version that is installed.
            package = apt.DebianPackage.from_apt_cache("mongodb-org-server")
            package.ensure(apt.PackageState.Latest)
        except _MACHINE_ERRORS as error:
            raise InstallError(f"cannot install MongoDB {version} with apt: {error}") from error

    def series(self) -> str:
        """The series of MongoDB that `install_package` has installed; empty if it has not."""
        return series_of(_version(self.packaged_binary))

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
        """Start or restart the service with what is there, and have it start at every boot.

        Raises:
            MongodError: systemd cannot start it.
        """
        with _wrap_errors("start mongod"):
            pathops.ensure_contents(self.unit_file, self._unit_text(self.settings_variable()))
            systemd.daemon_reload()
            systemd.service_enable(self.service)
            systemd.service_restart(self.service)

    def stop(self) -> None:
        """Stop the service, now and at every boot; does nothing if there is none.

        Raises:
            MongodError: systemd cannot stop it.
        """
        with _wrap_errors("stop mongod"):
            if self.unit_file.exists():
                systemd.service_disable("--now", self.service)

    def is_running(self) -> bool:
        """Whether the service runs."""
        return systemd.service_running(self.service)

    # Plain code from here on.

    @property
    def binary(self) -> pathlib.Path:
        """The program: the one that was handed over, or else the package's."""
        return self.custom_binary if self.custom_binary.exists() else self.packaged_binary

    def is_installed(self) -> bool:
        """Whether there is a mongod to run."""
        return self.binary.exists()

    def version(self) -> str:
        """The program's version, such as "8.0.4"; empty if it does not tell."""
        return _version(self.binary)

    def install(self, series: str, file: pathlib.Path | None, present: str = "") -> None:
        """Install mongod from a file, or without one from MongoDB's apt repository.

        A mongod that runs goes on as it is: `is_up_to_date` tells that it has to be restarted.

        Args:
            series: series of MongoDB for the apt repository, such as "8.0".
            file: a mongod binary, or a .tgz that holds a file called mongod.
            present: version that the other members run, where none is installed here.

        Raises:
            UnusableMongodError: the file or the series cannot be used; what was there stays.
            InstallError: the package cannot be had now.
        """
        if file:
            self._install_file(file, self.version() if self.is_installed() else present)
        elif self.series() != series:
            self.install_package(series)
        with _wrap_errors("add the user of mongod"):
            self.add_user()

    def _install_file(self, file: pathlib.Path, present: str) -> None:
        candidate = self.custom_binary.with_name("mongod.new")
        candidate.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.ExitStack() as stack:
                if tarfile.is_tarfile(file):
                    archive = stack.enter_context(tarfile.open(file))
                    found = next((m for m in archive if _is_mongod(m)), None)
                    source = archive.extractfile(found) if found else None
                    if source is None:
                        raise UnusableMongodError("the archive holds no file called mongod")
                else:
                    source = stack.enter_context(file.open("rb"))
                with candidate.open("wb") as target:
                    shutil.copyfileobj(source, target)
            candidate.chmod(0o755)
            version = _version(candidate)
            if not version:
                raise UnusableMongodError("the file is not a mongod for this machine")
            if present:
                refusal = upgrade_refusal(series_of(present), series_of(version))
                if refusal:
                    raise UnusableMongodError(refusal)
            if self.custom_binary.exists() and filecmp.cmp(
                candidate, self.custom_binary, shallow=False
            ):
                return
            candidate.replace(self.custom_binary)  # A running program cannot be written to.
        except (OSError, tarfile.TarError, EOFError) as error:
            raise UnusableMongodError(f"cannot read the file: {error}") from error
        finally:
            candidate.unlink(missing_ok=True)

    def configure(self, address: str, port: int, key: str, replset: str) -> None:
        """Write the settings; a mongod that runs goes on with those it was started with.

        Args:
            address: address of this machine that the other members and the clients use.
            port: port there.
            key: what the members know each other by: 6 to 1024 base64 characters.
            replset: name of the replica set.

        Raises:
            MongodError: they cannot be written.
        """
        with _wrap_errors("write the settings of mongod"):
            _write_private_file(self.key_file, key, self.user)
            directory = pathops.LocalPath(self.data_dir)
            directory.mkdir(mode=0o700, parents=True, exist_ok=True, user=self.user)
            if self.user and directory.owner() != self.user:  # It was on another machine.
                for path in (directory, *directory.rglob("*")):
                    shutil.chown(path, self.user)
            config = yaml.safe_dump(self._config(address, port, replset))
            pathops.ensure_contents(self.config_file, config)

    def settings_variable(self) -> str:
        """What mongod gets into its environment: changes whenever its settings do."""
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
        """A digest of the program and of this file, whose text makes the settings.

        It is the same on all machines that have taken up a change.

        Args:
            series: series of MongoDB that counts where no file was installed.
        """
        file = self.custom_binary
        program = f"{self.version()} {file.stat().st_size}" if file.exists() else series
        settings = pathlib.Path(__file__).read_text()
        return hashlib.sha256((program + settings).encode()).hexdigest()[:16]

    def is_up_to_date(self) -> bool:
        """Whether the mongod that runs is the program, and has the settings, that are installed.

        It is asked of the process, so it is true after restarts of any kind.
        """
        try:
            process = pathlib.Path("/proc", (self.data_dir / "mongod.lock").read_text().strip())
            environment = (process / "environ").read_bytes().split(b"\0")
            same_program = os.path.samefile(process / "exe", self.binary)
        except OSError:
            return False
        return same_program and self.settings_variable().encode() in environment

    def wait_until_it_answers(self) -> None:
        """Wait after a start until mongod answers.

        Raises:
            MongodError: it does not in half a minute.
        """
        self._wait_for("no answer", lambda hello: True, seconds=30)

    def wait_until_it_is_a_member(self) -> None:
        """Wait after a restart until mongod is a synced member again.

        Raises:
            MongodError: it is not in a minute; it may be later.
        """
        self._wait_for("not synced", _is_member, seconds=60)

    def has_data_outside_storage(self) -> bool:
        """Whether data lie where this charm kept them before it had storage, and none in that."""
        former = (self.old_data_dir / "WiredTiger").exists()
        return former and not self.data_dir.exists()

    def save_credentials(self, credentials: Credentials) -> None:
        """Keep with the data what opens them, for whoever is given the storage one day.

        Raises:
            MongodError: the file cannot be written.
        """
        with _wrap_errors("keep the credentials with the data"):
            text = json.dumps(dataclasses.asdict(credentials))
            _write_private_file(self.credentials_file, text, user=None)

    def saved_credentials(self) -> Credentials | None:
        """Return what opens the data in the storage; None if it is empty.

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
        """Remove the program and its settings; the data stay in their storage.

        Raises:
            MongodError: something cannot be removed.
        """
        with _wrap_errors("remove mongod"):
            self.remove_package()
            for file in (self.custom_binary, self.config_file, self.key_file, self.unit_file):
                file.unlink(missing_ok=True)
            shutil.rmtree(self.run_dir, ignore_errors=True)

    def hello(self) -> dict[str, Any]:
        """What this mongod says of itself; it is asked over its unix socket.

        Raises:
            MongodError, PyMongoError: it does not answer.
        """
        with self._connect() as client:
            return client.admin.command("hello")

    def state(self) -> str:
        """Tell "primary", "secondary", "no primary" (a secondary that sees none), or "".

        The last is for a mongod that is starting or syncing, or in no set.
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
        """Whether the set may need this mongod: also when it syncs, or is too busy to answer."""
        if not self.is_running():
            return False
        try:
            return "setName" in self.hello()
        except ERRORS:
            return True

    def holds_data(self) -> bool:
        """Whether this mongod has the data of a replica set, a member of which it may be no more.

        Raises:
            MongodError, PyMongoError: it does not answer.
        """
        with self._connect() as client:
            try:
                client.admin.command("replSetGetStatus")
            except OperationFailure as error:
                # With data there are users, and so it is refused to whoever says no password.
                return error.code != _NOT_YET_INITIALIZED
        return True

    def initiate(self, replset: str, unit: str, host: str, password: str) -> None:
        """Make this mongod the first member of a new replica set, and make the administrator.

        Does what is still missing, so it may be called again at any time. Data that there are
        stay as they are.

        Args:
            replset: name of the replica set.
            unit: name of this unit: members are told apart by it.
            host: "host:port" that the other members and the clients use for this mongod.
            password: the administrator's password.

        Raises:
            PyMongoError, MongodError: mongod does not do so.
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
            # The localhost exception: whoever comes over the socket (its directory is open to
            # mongod's own user and root only) may make the first user, and nothing else.
            roles = ["clusterAdmin", "userAdminAnyDatabase"]
            with self._connect() as client:
                try:
                    client.admin.command("createUser", OPERATOR, pwd=password, roles=roles)
                except OperationFailure as error:
                    if error.code != _UNAUTHORIZED:  # There is a first user already.
                        raise

    def _wait_for(self, complaint: str, condition: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(*ERRORS):
                if condition(self.hello()):
                    return
            if time.monotonic() > deadline:
                raise MongodError(f"mongod: {complaint} after {seconds} s")
            time.sleep(0.05)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[MongoClient[dict[str, Any]]]:
        try:
            port = yaml.safe_load(self.config_file.read_text())["net"]["port"]
        except (OSError, LookupError, TypeError, yaml.YAMLError) as error:
            raise MongodError(f"cannot find out the port of mongod: {error}") from error
        socket = urllib.parse.quote(str(self.run_dir / f"mongodb-{port}.sock"), safe="")
        with MongoClient(
            f"mongodb://{socket}",
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            socketTimeoutMS=10000,
        ) as client:
            yield client


@contextlib.contextmanager
def _wrap_errors(do: str) -> Iterator[None]:
    """Let nothing but MongodError out of a block that uses the machine."""
    try:
        yield
    except _MACHINE_ERRORS as error:
        raise MongodError(f"cannot {do}: {error}") from error


def _write_private_file(file: pathlib.Path, text: str, user: str | None) -> None:
    with contextlib.suppress(FileExistsError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=False)  # Never readable by others.
    pathops.ensure_contents(file, text, mode=0o600, user=user)


def _is_member(hello: dict[str, Any]) -> bool:
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
