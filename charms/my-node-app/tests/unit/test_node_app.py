"""The calls of `NodeApp` to the machine. It raises only its own errors."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Callable

import pytest
from charmlibs import apt, passwd, systemd

import node_app
from node_app import NodeApp, NodeAppError, UnusableNodeError

CALLS = {
    "useradd": (passwd, "add_user"),
    "userdel": (passwd, "remove_user"),
    "daemon-reload": (systemd, "daemon_reload"),
    "enable": (systemd, "service_enable"),
    "reload": (systemd, "service_reload"),
    "disable": (systemd, "service_disable"),
}


class System:
    """A machine that does nothing and records all calls."""

    def __init__(self, folder: pathlib.Path):
        self.calls: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.node = folder / "node"
        self.source = folder / "source"
        self.source.mkdir()
        (self.source / "server.js").write_text("new")

    def install_node(self, script: str) -> None:
        self.node.write_text(f"#!/bin/sh\n{script}\n")
        self.node.chmod(0o755)


@pytest.fixture
def system(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> System:
    system = System(tmp_path)
    system.install_node("echo v18.19.1")

    def answer(call: str) -> Callable[..., None]:
        def function(*_: object, **__: object) -> None:
            code = NodeApp.app_dir / "server.js"
            system.calls.append(f"{call} with {code.read_text()}" if code.exists() else call)
            if call in system.failures:
                raise system.failures[call]

        return function

    for call, (module, name) in CALLS.items():
        monkeypatch.setattr(module, name, answer(call))
    monkeypatch.setattr(apt, "add_package", answer("apt"))
    monkeypatch.setattr(
        node_app.shutil, "which", lambda _: str(system.node) if system.node.exists() else None
    )
    for name in ("app_dir", "settings_file", "log_file", "unit_file", "rotation_file"):
        path = tmp_path / "machine" / name / "name"
        path.parent.mkdir(parents=True)
        monkeypatch.setattr(NodeApp, name, path)
    return system


def test_install_installs_node_and_the_application(system: System):
    app = NodeApp()
    app.install(system.source)
    assert system.calls == ["useradd", "daemon-reload with new"]
    assert f"ExecStart={system.node} {app.app_dir}/server.js" in app.unit_file.read_text()


def test_upgrade_stops_the_application_before_removing_its_folder(system: System):
    app = NodeApp()
    app.install(system.source)
    (app.app_dir / "server.js").write_text("old")
    system.calls.clear()
    app.install(system.source)
    assert system.calls == ["disable with old", "useradd with old", "daemon-reload with new"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo v12.22.9", "install Node.js 18 or newer: .*node is v12.22.9"),
        ("echo no version", "it is not Node.js"),
        ("exit 1", "it is not Node.js"),
        ("printf '\\377'", "it is not Node.js"),
    ],
)
def test_unusable_node_is_named_and_the_application_keeps_running(
    script: str, message: str, system: System
):
    app = NodeApp()
    app.install(system.source)
    system.calls.clear()
    system.install_node(script)
    with pytest.raises(UnusableNodeError, match=message):
        app.install(system.source)
    assert system.calls == []


@pytest.mark.parametrize(
    "failure",
    [
        apt.PackageError("Failed to install packages: nodejs"),
        subprocess.CalledProcessError(100, ["apt-get", "update"]),  # The network is down.
        FileNotFoundError("apt-get"),
    ],
)
def test_failure_of_apt_is_temporary(failure: Exception, system: System):
    system.node.unlink()
    system.failures["apt"] = failure
    with pytest.raises(NodeAppError, match=r"^cannot install Node\.js with apt: ") as caught:
        NodeApp().install(system.source)
    assert not isinstance(caught.value, UnusableNodeError)


@pytest.mark.parametrize(
    ("method", "call", "failure"),
    [
        ("install", "useradd", subprocess.CalledProcessError(10, "useradd")),
        ("install", "disable", systemd.SystemdError("no bus")),
        ("install", "daemon-reload", systemd.SystemdError("no bus")),
        ("start", "enable", systemd.SystemdError("no bus")),
        ("reload", "reload", systemd.SystemdError("no bus")),
        ("stop", "disable", systemd.SystemdError("no bus")),
        ("stop", "disable", FileNotFoundError("systemctl")),
        ("uninstall", "disable", systemd.SystemdError("no bus")),
        ("uninstall", "daemon-reload", systemd.SystemdError("no bus")),
        ("uninstall", "userdel", subprocess.CalledProcessError(8, "userdel")),
    ],
)
def test_only_own_errors_are_raised(method: str, call: str, failure: Exception, system: System):
    app = NodeApp()
    app.install(system.source)
    system.failures[call] = failure
    with pytest.raises(NodeAppError, match=r"^cannot "):
        if method == "install":
            app.install(system.source)
        else:
            getattr(app, method)()


def test_failure_to_write_settings_raises_node_app_error(system: System):
    app = NodeApp()  # Its user does not exist here.
    with pytest.raises(NodeAppError, match=r"^cannot write .*settings_file"):
        app.configure(node_app.Settings("127.0.0.1", 3000, "mongodb://", "notes"))
    assert app.settings() is None


def test_stop_and_uninstall_succeed_without_an_installation(system: System):
    NodeApp().stop()
    assert system.calls == []
    NodeApp().uninstall()
    assert system.calls == ["daemon-reload", "userdel"]
