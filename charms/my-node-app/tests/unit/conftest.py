"""A fake machine that starts no program, for unit tests of the charm."""

from __future__ import annotations

import pathlib

import pytest
from ops import testing

import node_app
from charm import MyNodeAppCharm

ADDRESS = "10.1.2.3"
SECRET = {"username": "relation-1", "password": "s3cret", "uris": "mongodb://ignored"}
DATABAG = {
    "database": '"notes"',
    "endpoints": '["10.0.0.2:27017", "10.0.0.1:27017"]',
    "replset": '"mongodb"',
    "version": '"8.0.4"',
    "secret-user": '"secret:user"',
}


class Machine:
    """The calls of the charm to the service, and the state of the service."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failures: dict[str, node_app.NodeAppError] = {}
        """The exceptions that methods raise, by the names of the methods."""
        self.running = False
        self.health: node_app.Health = "ok"
        self.healthy_after_reload = False
        """Whether a reload sets `health` to "ok"."""
        self.loaded: str | None = None
        """The id of the settings that the application has loaded."""
        self.refuses_settings = False
        """Whether the application refuses new settings."""


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    app = node_app.NodeApp

    def fake_method(call: str, running: bool | None = None):
        """Return a method that records its call, and then sets `machine.running` to `running`."""

        def method(self: node_app.NodeApp, *args: object) -> None:
            machine.calls.append(call)
            if call in machine.failures:
                raise machine.failures[call]
            if running is not None:
                machine.running = running
            settings = self.settings()
            if call in ("start", "reload") and settings and not machine.refuses_settings:
                machine.loaded = settings.id
            if call == "reload" and machine.healthy_after_reload:
                machine.health = "ok"

        return method

    def health(self: node_app.NodeApp) -> node_app.Health:
        settings = self.settings()
        if not (settings and machine.running):
            return "no answer"
        return machine.health if machine.loaded == settings.id else "old settings"

    monkeypatch.setattr(app, "install", fake_method("install", running=False))
    monkeypatch.setattr(app, "start", fake_method("start", running=True))
    monkeypatch.setattr(app, "reload", fake_method("reload"))
    monkeypatch.setattr(app, "stop", fake_method("stop", running=False))
    monkeypatch.setattr(app, "uninstall", fake_method("uninstall", running=False))
    monkeypatch.setattr(app, "is_running", lambda self: machine.running)
    monkeypatch.setattr(app, "health", health)
    # Do not wait: the state of the fake machine does not change during a hook.
    monkeypatch.setattr(
        app, "_wait_until_it_runs", lambda self: health(self) in ("ok", "no database")
    )
    monkeypatch.setattr(app, "version", lambda self: "1.2.3")
    monkeypatch.setattr(app, "user", None)
    monkeypatch.setattr(app, "settings_file", tmp_path / "settings.json")
    return machine


@pytest.fixture
def context(machine: Machine) -> testing.Context[MyNodeAppCharm]:
    return testing.Context(MyNodeAppCharm, app_name="my-node-app", unit_id=0)


@pytest.fixture
def network() -> testing.Network:
    return testing.Network(
        "website",
        [testing.BindAddress([testing.Address(ADDRESS)])],
        ingress_addresses=[ADDRESS],
    )


@pytest.fixture
def secret() -> testing.Secret:
    return testing.Secret(SECRET, id="secret:user")


@pytest.fixture
def database() -> testing.Relation:
    return testing.Relation("database", remote_app_name="mongodb", remote_app_data=DATABAG)


@pytest.fixture
def interface_setup(
    context: testing.Context[MyNodeAppCharm],
    database: testing.Relation,
    network: testing.Network,
    secret: testing.Secret,
) -> tuple[testing.Context[MyNodeAppCharm], testing.State]:
    """Return the context and the state for the tests of this charm's interfaces."""
    return context, testing.State(relations={database}, networks={network}, secrets={secret})
