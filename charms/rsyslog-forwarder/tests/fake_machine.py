"""A fake machine: rsyslogd runs from a folder, as an ordinary user.

This replaces the installation and the service, and moves every path into the folder. The rest of
`rsyslog.Rsyslog` runs as it ships. The machine's syslog socket is `dev/log` in the folder:
`logger -u FOLDER/dev/log a message` writes to it.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
import time

import psutil

import rsyslog

_MAIN = """\
global(workDirectory="{folder}/var/spool/rsyslog")
module(load="imuxsock" SysSock.Name="{folder}/dev/log")
include(file="{folder}/etc/rsyslog.d/*.conf")
action(type="omfile" file="{folder}/var/log/syslog")
"""


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `rsyslog.Rsyslog` use `folder` as the root folder of its machine.

    All forwarders of a machine share its rsyslogd. It runs only while there is something to
    forward.

    Args:
        folder: the machine's root folder, which exists.
        address: the machine's loopback address. It is not used here: rsyslogd listens on no
            address.
    """
    machine = rsyslog.Rsyslog
    run_dir = folder / "run/rsyslog"
    pid_file = run_dir / "pid"
    output = run_dir / "output"
    forwarders = run_dir / "forwarders"  # One empty file for each application.

    def install(self: rsyslog.Rsyslog) -> None:
        if not self.program.exists():
            raise rsyslog.RsyslogError(f"{self.program} is missing: apt install rsyslog")
        for directory in (
            forwarders,
            self.snippet_dir,
            self.spool_dir,
            folder / "dev",
            folder / "var/log",
        ):
            directory.mkdir(parents=True, exist_ok=True)
        (forwarders / self.app).touch()
        self.main_file.write_text(_MAIN.format(folder=folder))

    def restart(self: rsyslog.Rsyslog) -> None:
        stop()
        if not any(self.snippet_dir.glob("*.conf")):
            return
        # rsyslogd moves itself to the background when it is ready, and then run() returns. Its
        # output goes to a file, because it would keep a pipe open for a second longer.
        with output.open("w") as stream:
            done = subprocess.run(
                [self.program, "-f", self.main_file, "-i", pid_file],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        if done.returncode:
            raise rsyslog.RsyslogError(f"cannot start rsyslogd: {output.read_text()}")

    def stop() -> None:
        # psutil's wait() would wait for a zombie too, and its parent may never reap it.
        for send in (psutil.Process.terminate, psutil.Process.kill):
            deadline = time.monotonic() + 10
            if running := process():
                with contextlib.suppress(psutil.NoSuchProcess):
                    send(running)
            while process() and time.monotonic() < deadline:
                time.sleep(0.02)
        pid_file.unlink(missing_ok=True)

    def process() -> psutil.Process | None:
        try:
            found = psutil.Process(int(pid_file.read_text()))
            # Another process may have this number after rsyslogd has ended.
            is_rsyslogd = str(machine.main_file) in found.cmdline()
            is_alive = found.status() != psutil.STATUS_ZOMBIE
            return found if is_rsyslogd and is_alive else None
        except (OSError, ValueError, psutil.Error):
            return None

    def uninstall(self: rsyslog.Rsyslog) -> None:
        self.configure({})
        (forwarders / self.app).unlink(missing_ok=True)
        if forwarders.exists() and any(forwarders.iterdir()):
            return
        stop()
        for path in (run_dir, self.spool_dir):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.main_file, folder / "dev/log", folder / "var/log/syslog"):
            path.unlink(missing_ok=True)

    machine.install = install
    machine.restart = restart
    machine.uninstall = uninstall
    machine.is_installed = lambda self: (forwarders / self.app).exists()
    machine.is_running = lambda self: process() is not None

    machine.main_file = folder / "etc/rsyslog.conf"
    machine.snippet_dir = folder / "etc/rsyslog.d"
    machine.spool_dir = folder / "var/spool/rsyslog"
    machine.apparmor_dir = folder / "etc/apparmor.d/rsyslog.d"
