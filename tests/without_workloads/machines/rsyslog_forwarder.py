"""A fake machine for rsyslog-forwarder that runs no rsyslogd and accepts every configuration."""

from __future__ import annotations

import pathlib
import shutil

import rsyslog


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `rsyslog.Rsyslog` use `folder` as the root of its machine, and start no process."""
    workload = rsyslog.Rsyslog
    running = folder / "run/rsyslog/running"

    def install(self: rsyslog.Rsyslog) -> None:
        for needed in (self.snippet_dir, self.spool_dir, running.parent):
            needed.mkdir(parents=True, exist_ok=True)
        self.main_file.write_text(f'include(file="{self.snippet_dir}/*.conf")\n')

    def uninstall(self: rsyslog.Rsyslog) -> None:
        self.configure({})
        if not self._written():  # No other unit has a snippet here.
            shutil.rmtree(running.parent, ignore_errors=True)
            shutil.rmtree(self.spool_dir, ignore_errors=True)
            self.main_file.unlink(missing_ok=True)

    workload.is_installed = lambda self: self.main_file.exists()
    workload.install = install
    workload.version = lambda self: "8.2312.0"
    workload.check = lambda self, wanted: None
    workload.restart = lambda self: running.touch()
    workload.is_running = lambda self: running.exists()
    workload.uninstall = uninstall

    workload.main_file = folder / "etc/rsyslog.conf"
    workload.snippet_dir = folder / "etc/rsyslog.d"
    workload.spool_dir = folder / "var/spool/rsyslog"
    workload.apparmor_dir = folder / "etc/apparmor.d/rsyslog.d"
