"""A fake machine for rsyslog-forwarder that runs no rsyslogd: it accepts every configuration."""

from __future__ import annotations

import pathlib
import shutil

import rsyslog


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Move `rsyslog.Rsyslog` into `folder`, without a process."""
    machine = rsyslog.Rsyslog
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

    machine.is_installed = lambda self: self.main_file.exists()
    machine.install = install
    machine.version = lambda self: "8.2312.0"
    machine.check = lambda self, wanted: None
    machine.restart = lambda self: running.touch()
    machine.is_running = lambda self: running.exists()
    machine.uninstall = uninstall

    machine.main_file = folder / "etc/rsyslog.conf"
    machine.snippet_dir = folder / "etc/rsyslog.d"
    machine.spool_dir = folder / "var/spool/rsyslog"
    machine.apparmor_dir = folder / "etc/apparmor.d/rsyslog.d"
