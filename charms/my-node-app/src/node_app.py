"""The Node application on this machine: its files, its settings and its service.

Knows nothing of Juju. Everything that is written is in the paths at the top of `NodeApp`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Literal

from charmlibs import apt, passwd, systemd

OLDEST_NODE = 18
"""The oldest major version of Node.js that the application and its MongoDB driver run on."""

_UNIT_FILE = """\
[Unit]
Description=my-node-app: notes, kept in MongoDB
Wants=network-online.target
After=network-online.target

[Service]
User={user}
ExecStart={node} {app}/server.js {settings}
ExecReload=/bin/kill -HUP $MAINPID
Environment=NODE_ENV=production
LogsDirectory={logs}
LogsDirectoryMode=0755
Restart=on-failure
RestartSec=2
# A reload that comes before the application listens to the signal ends it.
RestartForceExitStatus=SIGHUP
# A write that waits for a new primary gets this long to finish.
TimeoutStopSec=30
# It needs the network, its own files to read and its log to write, and nothing else.
CapabilityBoundingSet=
LockPersonality=true
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
ProtectControlGroups=true
ProtectHome=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictSUIDSGID=true

[Install]
WantedBy=multi-user.target
"""

# The application opens its log anew for each line, so it needs no signal.
_ROTATION = """\
{log} {{
    weekly
    maxsize 100M
    rotate 4
    compress
    delaycompress
    missingok
    notifempty
}}
"""


Health = Literal["ok", "no database", "old settings", "no answer"]


class NodeAppError(Exception):
    """Something on this machine failed, and may work the next time; the message says what."""


class UnusableNodeError(NodeAppError):
    """The operator must mend the machine's Node.js first; the message says how."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where the application listens, and where its notes are."""

    host: str
    """Address of this machine to listen on."""
    port: int
    uri: str = dataclasses.field(repr=False)
    """Connection string of MongoDB, with its password: never to be shown."""
    database: str
    id: str = dataclasses.field(default="", compare=False)
    """What the application calls these settings; given by `NodeApp.configure`."""


_SETTING_NAMES = [field.name for field in dataclasses.fields(Settings)]


class NodeApp:
    """The application, as a service of this machine."""

    user: str | None = "my-node-app"
    service = "my-node-app"
    app_dir = pathlib.Path("/opt/my-node-app")
    settings_file = pathlib.Path("/etc/my-node-app/settings.json")
    log_file = pathlib.Path("/var/log/my-node-app/app.log")
    unit_file = pathlib.Path("/etc/systemd/system/my-node-app.service")
    rotation_file = pathlib.Path("/etc/logrotate.d/my-node-app")

    # The machine: what tests/localmachine.py replaces.

    def install(self, source: pathlib.Path) -> None:
        """Install the application, and Node.js if there is none; an older one is stopped first.

        Args:
            source: folder with server.js, its files and node_modules.

        Raises:
            UnusableNodeError: the Node.js of this machine cannot run the application.
            NodeAppError: anything else, such as a network that is down.
        """
        node = _find_node()
        self.stop()
        with _failure_to(f"install {self.service}"):
            if self.user:
                nologin = "/usr/sbin/nologin"
                passwd.add_user(self.user, shell=nologin, system_user=True, create_home=False)
            # A copy, because Juju replaces the charm's own folder while the application runs.
            shutil.rmtree(self.app_dir, ignore_errors=True)
            shutil.copytree(source, self.app_dir)
            self.unit_file.write_text(
                _UNIT_FILE.format(
                    user=self.user,
                    node=node,
                    app=self.app_dir,
                    settings=self.settings_file,
                    logs=self.log_file.parent.name,
                )
            )
            self.rotation_file.write_text(_ROTATION.format(log=self.log_file))
            systemd.daemon_reload()

    def start(self) -> None:
        """Start the application now and at every boot, or raise NodeAppError."""
        with _failure_to(f"start {self.service}"):
            systemd.service_enable("--now", self.service)

    def reload(self) -> None:
        """Make the application read its settings again, without dropping a request.

        Raises:
            NodeAppError: systemd cannot send the signal.
        """
        with _failure_to(f"reload {self.service}"):
            systemd.service_reload(self.service, restart_on_failure=True)

    def stop(self) -> None:
        """Stop the application, now and at every boot; requests under way are answered.

        Raises:
            NodeAppError: systemd cannot stop it.
        """
        with _failure_to(f"stop {self.service}"):
            if self.unit_file.exists():
                systemd.service_disable("--now", self.service)

    def is_running(self) -> bool:
        """Whether the service runs."""
        return systemd.service_running(self.service)

    def uninstall(self) -> None:
        """Remove every file of the application, its log and its user; Node.js stays.

        Other programs may use Node.js by now.

        Raises:
            NodeAppError: something cannot be removed.
        """
        self.stop()
        with _failure_to(f"remove {self.service}"):
            self.unit_file.unlink(missing_ok=True)
            self.rotation_file.unlink(missing_ok=True)
            systemd.daemon_reload()
            for folder in (self.app_dir, self.settings_file.parent, self.log_file.parent):
                if folder.exists():
                    shutil.rmtree(folder)
            if self.user:
                passwd.remove_user(self.user)

    # Plain code from here on.

    def version(self) -> str:
        """Version of the installed application, such as "0.1.0"."""
        return json.loads((self.app_dir / "package.json").read_text())["version"]

    def configure(self, settings: Settings) -> None:
        """Write the settings, for the application's user alone, unless they are there already.

        Raises:
            NodeAppError: they cannot be written.
        """
        if settings == self.settings():
            return
        new = self.settings_file.with_suffix(".new")
        content = dataclasses.asdict(settings)
        content |= {"id": secrets.token_hex(8), "log": str(self.log_file)}
        with _failure_to(f"write {self.settings_file}"):
            new.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            # Made with its final mode, and never half written under its own name.
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(content, file, indent=2)
            if self.user:
                shutil.chown(new, self.user)
            new.replace(self.settings_file)

    def settings(self) -> Settings | None:
        """Return the settings that were written last, or None if there are none."""
        try:
            written = json.loads(self.settings_file.read_text())
            return Settings(**{name: written[name] for name in _SETTING_NAMES if name in written})
        except (OSError, ValueError, TypeError):
            return None

    def unconfigure(self) -> None:
        """Remove the settings, and with them the credentials, or raise NodeAppError."""
        with _failure_to(f"remove {self.settings_file}"):
            self.settings_file.unlink(missing_ok=True)

    def run(self) -> bool:
        """Have the application run with the settings that were written last; without any, stop it.

        Returns whether it does run with them. It is the application itself that is asked: it may
        have been started again since, have refused the settings, or never have been told of them.

        Raises:
            NodeAppError: systemd cannot do it.
        """
        if self.settings() is None:
            if self.is_running():
                self.stop()
            return False
        if not self.is_running():
            self.start()
        elif self.health() in ("old settings", "no answer"):  # perhaps its port was in use
            self.reload()
        return self._wait_until_it_runs()

    def health(self) -> Health:
        """Ask the running application how it is; takes a few seconds at most.

        Returns "old settings" if it runs with others than those that were written last.
        """
        settings = self.settings()
        if settings is None:
            return "no answer"
        # Not urllib: it would ask the proxy that the model's configuration may name.
        connection = http.client.HTTPConnection(settings.host, settings.port, timeout=5)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            told = json.loads(answer.read(200))
        except (OSError, http.client.HTTPException, ValueError):
            return "no answer"
        finally:
            connection.close()
        if not isinstance(told, dict):  # another program listens there
            return "no answer"
        if told.get("settings", "") != settings.id:
            return "old settings"
        return "ok" if answer.status == 200 else "no database"

    def _wait_until_it_runs(self, seconds: float = 10) -> bool:
        """Wait until the application runs with its settings; return whether it does."""
        deadline = time.monotonic() + seconds
        while self.health() in ("old settings", "no answer"):
            if time.monotonic() > deadline or not self.is_running():
                return False
            time.sleep(0.05)
        return True


@contextlib.contextmanager
def _failure_to(do: str) -> Iterator[None]:
    """Let nothing but NodeAppError out of a block that uses the machine."""
    try:
        yield
    except (
        OSError,
        LookupError,  # there is no such user
        subprocess.SubprocessError,
        apt.Error,
        systemd.SystemdError,
    ) as error:
        raise NodeAppError(f"cannot {do}: {error}") from error


def _find_node() -> str:
    """Return the path of Node.js: what is there already (a site without internet), or apt's.

    Ubuntu 24.04 has Node.js 18.
    """
    node = shutil.which("node")
    if node is None:
        with _failure_to("install Node.js with apt"):
            apt.add_package("nodejs", update_cache=True)
        node = "/usr/bin/node"
    try:
        done = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
        version = done.stdout.strip()  # "v18.19.1"
        major = int(version.removeprefix("v").partition(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UnusableNodeError(f"replace {node}, which is no Node.js: {error}") from error
    if major < OLDEST_NODE:
        raise UnusableNodeError(f"install Node.js {OLDEST_NODE} or newer: {node} is {version}")
    return node
