"""The Node application on this machine: its files, its settings and its service.

This module does not know Juju. It writes only to the paths at the top of `NodeApp`.
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
"""The oldest major version of Node.js that can run the application and its MongoDB driver."""

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
# A reload signal ends the application if it has not set up its signal handler yet.
RestartForceExitStatus=SIGHUP
# Time for a write that waits for a new primary.
TimeoutStopSec=30
# The application needs only the network, its own files and its log.
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

# The application opens its log for each line, so rotation needs no signal.
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
    """An operation on this machine failed. A retry may succeed."""


class UnusableNodeError(NodeAppError):
    """The operator must replace the machine's Node.js. The message says how."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The application's settings: where it listens, and its database."""

    host: str
    """The address of this machine to listen on."""
    port: int
    uri: str = dataclasses.field(repr=False)
    """MongoDB connection string with the password. Never log it."""
    database: str
    id: str = dataclasses.field(default="", compare=False)
    """Identifies these settings. `NodeApp.configure` sets it, and `/health` returns it."""


_SETTING_NAMES = [field.name for field in dataclasses.fields(Settings)]


class NodeApp:
    """The application, which runs as a systemd service."""

    user: str | None = "my-node-app"
    service = "my-node-app"
    app_dir = pathlib.Path("/opt/my-node-app")
    settings_file = pathlib.Path("/etc/my-node-app/settings.json")
    log_file = pathlib.Path("/var/log/my-node-app/app.log")
    unit_file = pathlib.Path("/etc/systemd/system/my-node-app.service")
    rotation_file = pathlib.Path("/etc/logrotate.d/my-node-app")

    # These methods use the system. tests/fake_machine.py replaces them.

    def install(self, source: pathlib.Path) -> None:
        """Install the application, and Node.js if there is none. Stop a running application first.

        Args:
            source: the folder with server.js, its other files and node_modules.

        Raises:
            UnusableNodeError: the Node.js of this machine cannot run the application.
            NodeAppError: another problem, for example a network that is down.
        """
        node = _find_node()
        self.stop()
        with _node_app_error(f"install {self.service}"):
            if self.user:
                nologin = "/usr/sbin/nologin"
                passwd.add_user(self.user, shell=nologin, system_user=True, create_home=False)
            # Copy the files: Juju replaces the charm's folder while the application runs.
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
        """Start the application now and at every boot.

        Raises:
            NodeAppError: systemd cannot start it.
        """
        with _node_app_error(f"start {self.service}"):
            systemd.service_enable("--now", self.service)

    def reload(self) -> None:
        """Make the application read its settings again. The application drops no request.

        Raises:
            NodeAppError: systemd cannot send the signal.
        """
        with _node_app_error(f"reload {self.service}"):
            systemd.service_reload(self.service, restart_on_failure=True)

    def stop(self) -> None:
        """Stop the application and do not start it at boot. It answers its open requests first.

        Raises:
            NodeAppError: systemd cannot stop it.
        """
        with _node_app_error(f"stop {self.service}"):
            if self.unit_file.exists():
                systemd.service_disable("--now", self.service)

    def is_running(self) -> bool:
        """Return whether the service is running."""
        return systemd.service_running(self.service)

    def uninstall(self) -> None:
        """Remove the application's files, log and user.

        Node.js stays, because other programs may use it.

        Raises:
            NodeAppError: a file or the user cannot be removed.
        """
        self.stop()
        with _node_app_error(f"remove {self.service}"):
            self.unit_file.unlink(missing_ok=True)
            self.rotation_file.unlink(missing_ok=True)
            systemd.daemon_reload()
            for folder in (self.app_dir, self.settings_file.parent, self.log_file.parent):
                if folder.exists():
                    shutil.rmtree(folder)
            if self.user:
                passwd.remove_user(self.user)

    # The methods from here on do not need the system.

    def version(self) -> str:
        """Return the version of the installed application, such as "0.1.0"."""
        return json.loads((self.app_dir / "package.json").read_text())["version"]

    def configure(self, settings: Settings) -> None:
        """Write the settings file, unless it is up to date. Only the user can read it.

        Raises:
            NodeAppError: the file cannot be written.
        """
        if settings == self.settings():
            return
        new = self.settings_file.with_suffix(".new")
        content = dataclasses.asdict(settings)
        content |= {"id": secrets.token_hex(8), "log": str(self.log_file)}
        with _node_app_error(f"write {self.settings_file}"):
            new.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            # Create it with its final mode, and rename it when it is complete.
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(content, file, indent=2)
            if self.user:
                shutil.chown(new, self.user)
            new.replace(self.settings_file)

    def settings(self) -> Settings | None:
        """Return the settings in the settings file, or None if there are none."""
        try:
            content = json.loads(self.settings_file.read_text())
            return Settings(**{name: content[name] for name in _SETTING_NAMES if name in content})
        except (OSError, ValueError, TypeError):
            return None

    def unconfigure(self) -> None:
        """Remove the settings file, which has the credentials.

        Raises:
            NodeAppError: the file cannot be removed.
        """
        with _node_app_error(f"remove {self.settings_file}"):
            self.settings_file.unlink(missing_ok=True)

    def run(self) -> bool:
        """Run the application with the settings in the settings file. Stop it if there are none.

        Returns whether the application uses these settings. Ask the application itself: it may
        have refused the settings.

        Raises:
            NodeAppError: systemd cannot start, stop or reload it.
        """
        if self.settings() is None:
            if self.is_running():
                self.stop()
            return False
        if not self.is_running():
            self.start()
        elif self.health() in ("old settings", "no answer"):
            self.reload()
        else:
            return True
        return self._wait_until_it_runs()

    def health(self) -> Health:
        """Ask the running application for its state. This takes a few seconds at most.

        Returns "old settings" if it does not use the settings in the settings file.
        """
        settings = self.settings()
        if settings is None:
            return "no answer"
        # Not urllib: it would use the proxy of the model's configuration.
        connection = http.client.HTTPConnection(settings.host, settings.port, timeout=5)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            body = json.loads(answer.read(200))
        except (OSError, http.client.HTTPException, ValueError):
            return "no answer"
        finally:
            connection.close()
        if not isinstance(body, dict):  # Another program uses the port.
            return "no answer"
        if body.get("settings", "") != settings.id:
            return "old settings"
        return "ok" if answer.status == 200 else "no database"

    def _wait_until_it_runs(self, seconds: float = 10) -> bool:
        """Wait until the application uses its settings. Return whether it does."""
        deadline = time.monotonic() + seconds
        while self.health() in ("old settings", "no answer"):
            if time.monotonic() > deadline or not self.is_running():
                return False
            time.sleep(0.05)
        return True


@contextlib.contextmanager
def _node_app_error(action: str) -> Iterator[None]:
    """Convert the errors of a block that uses the system to NodeAppError.

    Args:
        action: what the block does, for the message: "start my-node-app".
    """
    try:
        yield
    except (
        OSError,
        LookupError,  # The user does not exist.
        subprocess.SubprocessError,
        apt.Error,
        systemd.SystemdError,
    ) as error:
        raise NodeAppError(f"cannot {action}: {error}") from error


def _find_node() -> str:
    """Return the path of Node.js. Install it with apt if there is none.

    Ubuntu 24.04 has Node.js 18. On a site without internet the operator installs it.

    Raises:
        UnusableNodeError: the program is not Node.js, or it is too old.
        NodeAppError: apt cannot install it.
    """
    node = shutil.which("node")
    if node is None:
        with _node_app_error("install Node.js with apt"):
            apt.add_package("nodejs", update_cache=True)
        node = "/usr/bin/node"
    try:
        done = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
        version = done.stdout.strip()  # "v18.19.1"
        major = int(version.removeprefix("v").partition(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise UnusableNodeError(f"replace {node}: it is not Node.js: {error}") from error
    if major < OLDEST_NODE:
        raise UnusableNodeError(f"install Node.js {OLDEST_NODE} or newer: {node} is {version}")
    return node
