"""The Node application on this machine: its files, its settings and its service.

Knows nothing of Juju. Everything that is written is in the paths at the top of `NodeApp`.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import time

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


class NodeAppError(Exception):
    """The application could not be installed or started; the message says why."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where the application listens, and where its notes are."""

    host: str
    """Address of this machine to listen on."""
    port: int
    uri: str = dataclasses.field(repr=False)
    """Connection string of MongoDB, with its password: never to be shown."""
    database: str


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
        """Install Node.js if there is none, and the application; also replaces an older one.

        Args:
            source: folder with server.js, its files and node_modules.

        Raises:
            NodeAppError: Node.js cannot be had, or is too old.
        """
        node = _find_node()
        assert self.user
        passwd.add_user(self.user, shell="/usr/sbin/nologin", system_user=True, create_home=False)
        # A copy, because the charm's own folder is replaced while the application runs from it.
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
        try:
            systemd.service_enable("--now", self.service)
        except systemd.SystemdError as error:
            raise NodeAppError(f"cannot start {self.service}: {error}") from error

    def reload(self) -> None:
        """Make the running application read its settings again; it drops no request."""
        try:
            systemd.service_reload(self.service, restart_on_failure=True)
        except systemd.SystemdError as error:
            raise NodeAppError(f"cannot reload {self.service}: {error}") from error

    def stop(self) -> None:
        """Stop the application, now and at every boot; requests under way are answered."""
        if self.unit_file.exists():
            systemd.service_disable("--now", self.service)

    def is_running(self) -> bool:
        """Whether the service runs."""
        return systemd.service_running(self.service)

    def uninstall(self) -> None:
        """Remove every file of the application, its log and its user; Node.js stays.

        Other programs may use Node.js by now.
        """
        self.stop()
        self.unit_file.unlink(missing_ok=True)
        self.rotation_file.unlink(missing_ok=True)
        systemd.daemon_reload()
        for folder in (self.app_dir, self.settings_file.parent, self.log_file.parent):
            shutil.rmtree(folder, ignore_errors=True)
        if self.user:
            passwd.remove_user(self.user)

    # Plain code from here on.

    def version(self) -> str:
        """Version of the installed application, such as "0.1.0"."""
        return json.loads((self.app_dir / "package.json").read_text())["version"]

    def configure(self, settings: Settings) -> bool:
        """Write the settings, for the application's user alone; return whether they changed."""
        if settings == self.settings():
            return False
        self.settings_file.parent.mkdir(parents=True, exist_ok=True)
        new = self.settings_file.with_suffix(".new")
        new.unlink(missing_ok=True)
        # Made with its final mode, and never half written under its own name.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({**dataclasses.asdict(settings), "log": str(self.log_file)}, file, indent=2)
        if self.user:
            shutil.chown(new, self.user)
        new.replace(self.settings_file)
        return True

    def settings(self) -> Settings | None:
        """Return the settings that were written last, or None if there are none."""
        try:
            written = json.loads(self.settings_file.read_text())
            return Settings(**{name: written[name] for name in _SETTING_NAMES})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def unconfigure(self) -> None:
        """Remove the settings, and with them the credentials."""
        self.settings_file.unlink(missing_ok=True)

    def health(self) -> str:
        """Ask the running application how it is: "ok", "no database" or "no answer".

        Takes at most 5 seconds.
        """
        settings = self.settings()
        if settings is None:
            return "no answer"
        # Not urllib: it would ask the proxy that the model's configuration may name.
        connection = http.client.HTTPConnection(settings.host, settings.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return "ok" if connection.getresponse().status == 200 else "no database"
        except (OSError, http.client.HTTPException):
            return "no answer"
        finally:
            connection.close()

    def wait_until_it_answers(self, seconds: float = 10) -> bool:
        """Wait after a start until the application answers; return whether it does."""
        deadline = time.monotonic() + seconds
        while self.health() == "no answer":
            if time.monotonic() > deadline or not self.is_running():
                return False
            time.sleep(0.05)
        return True


def _find_node() -> str:
    """Return the path of Node.js: what is there already (a site without internet), or apt's.

    Ubuntu 24.04 has Node.js 18.
    """
    node = shutil.which("node")
    try:
        if node is None:
            apt.add_package("nodejs", update_cache=True)
            node = shutil.which("node") or "/usr/bin/node"
        text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        version = text.stdout.strip()  # "v18.19.1"
        if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
            raise NodeAppError(f"{node} is {version}, older than {OLDEST_NODE}")
    except (OSError, ValueError, subprocess.CalledProcessError, apt.Error) as error:
        raise NodeAppError(f"cannot install or run Node.js: {error}") from error
    return node
