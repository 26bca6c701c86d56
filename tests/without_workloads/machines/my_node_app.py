"""A fake machine for my-node-app that runs no Node.js, but reports a healthy application."""

from __future__ import annotations

import pathlib
import shutil

import node_app


def fake_machine(folder: pathlib.Path, address: str) -> None:
    """Make `node_app.NodeApp` use `folder` as the root of its machine, and start no process."""
    workload = node_app.NodeApp
    loaded = folder / "run/my-node-app/loaded"

    def install(self: node_app.NodeApp, source: pathlib.Path) -> None:
        self.app_dir.parent.mkdir(parents=True, exist_ok=True)
        self.app_dir.unlink(missing_ok=True)
        self.app_dir.symlink_to(source)

    def load(self: node_app.NodeApp) -> None:
        settings = self.settings()
        loaded.parent.mkdir(parents=True, exist_ok=True)
        loaded.write_text(settings.id if settings else "")

    def health(self: node_app.NodeApp) -> node_app.Health:
        settings = self.settings()
        if not (settings and loaded.exists()):
            return "no answer"
        return "ok" if loaded.read_text() == settings.id else "old settings"

    def uninstall(self: node_app.NodeApp) -> None:
        self.stop()
        self.app_dir.unlink(missing_ok=True)
        for path in (self.settings_file.parent, self.log_file.parent, loaded.parent):
            shutil.rmtree(path, ignore_errors=True)

    workload.install = install
    workload.start = workload.reload = load
    workload.stop = lambda self: loaded.unlink(missing_ok=True)
    workload.is_running = lambda self: loaded.exists()
    workload.health = health
    workload.uninstall = uninstall

    workload.user = None
    workload.app_dir = folder / "opt/my-node-app"
    workload.settings_file = folder / "etc/my-node-app/settings.json"
    workload.log_file = folder / "var/log/my-node-app/app.log"
