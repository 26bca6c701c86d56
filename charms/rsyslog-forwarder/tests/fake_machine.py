"""A fake machine: an rsyslogd runs from a folder, as an ordinary user.

This replaces the installation and the service, and moves every path into the folder. The machine's
syslog socket is `dev/log` there: `logger -u FOLDER/dev/log a message` writes to it.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import time

import psutil

import rsyslog

_STOP_SECONDS = 10

_MAIN = """\
global(workDirectory="{folder}/var/spool/rsyslog")
module(load="imuxsock" SysSock.Name="{folder}/dev/log")
include(file="{folder}/etc/rsyslog.d/*.conf")
action(type="omfile" file="{folder}/var/log/syslog")
"""


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `rsyslog.Rsyslog` use `folder` as the root folder of its machine.

    The forwarders of one machine share its rsyslogd, which runs while there is something to
    forward.

    Args:
        folder: the machine's own root folder; it exists.
        address: the machine's own loopback address, which rsyslogd does not need: it only sends.
    """
    machine = rsyslog.Rsyslog
    run_dir = folder / "run/rsyslog"
    pid_file = run_dir / "pid"
    output = run_dir / "output"
    users = run_dir / "users"

    def install(self: rsyslog.Rsyslog) -> None:
        if not self.program.exists():
            raise rsyslog.RsyslogError(f"{self.program} is missing: apt install rsyslog")
        for needed in (
            users,
            self.snippet_dir,
            self.spool_dir,
            folder / "dev",
            folder / "var/log",
        ):
            needed.mkdir(parents=True, exist_ok=True)
        (users / self.app).touch()
        self.main_file.write_text(_MAIN.format(folder=folder))

    def restart(self: rsyslog.Rsyslog) -> None:
        stop()
        if not any(self.snippet_dir.glob("*.conf")):
            return
        # It goes into the background by itself, and this returns when it is ready. Not into a
        # pipe: it would stay open for a second longer.
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
        running = process()
        if running:
            running.terminate()
            if not ended(_STOP_SECONDS):
                running.kill()
                ended(_STOP_SECONDS)
        pid_file.unlink(missing_ok=True)

    def process() -> psutil.Process | None:
        try:
            found = psutil.Process(int(pid_file.read_text()))
            ours = str(machine.main_file) in found.cmdline()  # and not another with its number
            return found if ours and found.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, psutil.Error):
            return None

    def ended(seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while process():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def uninstall(self: rsyslog.Rsyslog) -> None:
        self.configure({})
        (users / self.app).unlink(missing_ok=True)
        if users.exists() and any(users.iterdir()):
            return
        stop()
        for path in (run_dir, self.spool_dir):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.main_file, folder / "dev/log", folder / "var/log/syslog"):
            path.unlink(missing_ok=True)

    for replaced in (install, restart, uninstall):
        setattr(machine, replaced.__name__, replaced)
    machine.is_installed = lambda self: (users / self.app).exists()
    machine.is_running = lambda self: process() is not None

    machine.main_file = folder / "etc/rsyslog.conf"
    machine.snippet_dir = folder / "etc/rsyslog.d"
    machine.spool_dir = folder / "var/spool/rsyslog"
    machine.apparmor_dir = folder / "etc/apparmor.d/rsyslog.d"
