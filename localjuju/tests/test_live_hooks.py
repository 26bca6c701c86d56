"""Hooks in the background: those that are due at a time, and those that a command triggers."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator

import pytest

from conftest import MakeCharm, until
from localjuju.command import TERMINAL, Terminal
from localjuju.command_line import CommandLine
from localjuju.controller import Controller
from localjuju.faults import NO_FAULTS
from localjuju.history import Event
from localjuju.live_hooks import LiveHooks
from localjuju.turns import SharedModels
from localjuju.versions import behaviour

FAILS = """
def observe(self):
    self.framework.observe(self.on.config_changed, self._on_config_changed)

def _on_config_changed(self, _):
    if not self.config["works"]:
        raise RuntimeError("told to fail")
"""
WORKS = "config: {options: {works: {type: boolean, default: false}}}"


class Live:
    """A controller with a model ``m``, and a clock that tests can advance."""

    def __init__(self, series: str, folder: pathlib.Path):
        self.failures: list[BaseException] = []
        self.turns = SharedModels()
        self.controller = Controller(behaviour(series), 1, folder, NO_FAULTS, self.turns)
        self.model = self.controller.add_model("m")
        self.commands = CommandLine(self.controller)
        self.controller.current_model = "m"
        self.hooks = LiveHooks(self.controller, self.turns, self.failures.append)

    def run(self, *arguments: str) -> str:
        with self.turns:
            return self.commands.run(list(arguments)).stdout

    def pass_time(self, seconds: float) -> None:
        self.controller.clock.pass_time(seconds)
        self.turns.notify()

    def events(self, hook: str) -> list[Event]:
        with self.turns:
            return [e for e in self.model.history.events if e.hook and e.hook.name == hook]

    def close(self) -> None:
        closing = threading.Thread(target=self.hooks.close, daemon=True)
        closing.start()
        closing.join(30)
        assert not closing.is_alive(), "close has not returned after 30 seconds"

    def until_hooks(self, hook: str, count: int) -> None:
        until(lambda: len(self.events(hook)) >= count)
        assert len(self.events(hook)) == count


@pytest.fixture
def live(series: str, tmp_path: pathlib.Path) -> Iterator[Live]:
    folder = tmp_path / "live"
    folder.mkdir()
    live = Live(series, folder)
    yield live
    live.close()
    assert live.failures == []
    assert not folder.exists()


def test_failed_hook_runs_again_after_increasing_delays(live: Live, make_charm: MakeCharm) -> None:
    live.run("deploy", str(make_charm("a", WORKS, FAILS)))
    live.until_hooks("config-changed", 1)
    pauses = (5, 10, 20, 40, 80, 160, 300, 300)
    for count, pause in enumerate(pauses, start=2):
        live.pass_time(pause)
        live.until_hooks("config-changed", count)
    moments = [event.time for event in live.events("config-changed")]
    for before, after, pause in zip(moments, moments[1:], pauses, strict=False):
        assert after - before >= pause


def test_failed_hook_runs_again_at_once_after_a_config_change(
    live: Live, make_charm: MakeCharm
) -> None:
    live.run("deploy", str(make_charm("a", WORKS, FAILS)))
    live.until_hooks("config-changed", 1)
    for count in range(2, 7):
        live.pass_time(300)
        live.until_hooks("config-changed", count)
    # The next attempt would be later than the end of this test.
    live.run("config", "a", "works=true")
    until(lambda: bool(live.events("start")))
    assert live.events("config-changed")[-1].error == ""


def test_update_status_runs_at_the_interval_of_the_model(
    live: Live, make_charm: MakeCharm
) -> None:
    live.run("deploy", str(make_charm("a")))
    live.until_hooks("start", 1)
    live.pass_time(300)
    live.until_hooks("update-status", 1)
    live.run("model-config", "update-status-hook-interval=1h")
    live.pass_time(3000)
    live.run("status")
    live.until_hooks("update-status", 1)
    live.pass_time(600)
    live.until_hooks("update-status", 2)


def test_secret_rotates_on_time(live: Live, make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.install, self._on_install)
    self.framework.observe(self.on.secret_rotate, self._on_rotate)

def _on_install(self, _):
    self.app.add_secret({"key": "one"}, rotate=ops.SecretRotate.HOURLY)

def _on_rotate(self, event):
    event.secret.set_content({"key": "another"})
"""
    live.run("deploy", str(make_charm("a", "", body)))
    live.until_hooks("start", 1)
    live.run("model-config", "update-status-hook-interval=100h")
    for count in (1, 2):
        live.pass_time(3601)
        live.until_hooks("secret-rotate", count)


def test_an_action_waits_until_its_unit_is_installed(live: Live, make_charm: MakeCharm) -> None:
    with live.turns:
        live.commands.run(["deploy", str(make_charm("a"))])
        # No hook can have run yet.
        printed = live.commands.run(["run", "a/0", "evaluate", "python=self.app.name"])
    assert printed.stdout == "value: '''a'''\n\n"


def test_shell_commands_run_even_if_hooks_never_end(live: Live, make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.replicas_relation_changed, self._on_changed)

def _on_changed(self, event):
    databag = event.relation.data[self.unit]
    databag["count"] = str(int(databag.get("count", "0")) + 1)
"""
    charm = make_charm("a", "peers: {replicas: {interface: replicas}}", body)
    live.run("deploy", str(charm), "-n", "2")
    until(lambda: len(live.events("replicas-relation-changed")) > 5)
    assert live.run("exec", "--unit", "a/0", "--", "echo $JUJU_UNIT_NAME") == "a/0\n"


def test_commands_that_wait_for_a_machine_get_their_own_input(
    live: Live, make_charm: MakeCharm
) -> None:
    live.run("deploy", str(make_charm("a")))
    live.until_hooks("start", 1)
    printed: list[str] = []

    def cat(text: str) -> None:
        TERMINAL.set(Terminal(read_stdin=lambda: text))
        printed.append(live.run("ssh", "a/0", "cat"))

    second = threading.Thread(target=cat, args=("second",))
    with live.turns, live.turns.my_turn():
        second.start()
        # The second command has to wait, because this thread has its turn.
        live.turns.wait_until(lambda: second.ident in live.turns._queue)
        first = live.commands.run(["ssh", "a/0", "cat"])
    second.join()
    assert first.stdout == "" and printed == ["second"]


def test_close_ends_a_thread_that_waits_for_its_turn(series: str, tmp_path: pathlib.Path) -> None:
    live = Live(series, tmp_path)
    closing = threading.Thread(target=live.close)
    with live.turns, live.turns.my_turn():
        live.turns.wait_until(lambda: len(live.turns._queue) == 2)
        closing.start()
        live.turns.wait_until(lambda: live.hooks._is_closing)
    closing.join()
    assert live.failures == []
