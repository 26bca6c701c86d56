"""The server with real ``juju`` programs: simultaneous commands, Ctrl-C, and cleaning up."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import tempfile
from collections.abc import Iterator

import psutil
import pytest

from conftest import MakeCharm, until
from localjuju import server_process
from localjuju.server_process import ServerError, ServerSession

WAITS = """
def observe(self):
    self.framework.observe(self.on.wait_action, self._on_wait)

def _on_wait(self, event):
    import os, time
    pathlib.Path(event.params["pid"]).write_text(str(os.getpid()))
    while not pathlib.Path(event.params["file"]).exists():
        time.sleep(0.02)
    event.set_results({"waited": "yes"})
"""
WAIT_ACTION = "  wait:\n    params: {file: {type: string}, pid: {type: string}}\n"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder for the files of servers. Below tmp_path the paths of sockets are too long."""
    del tmp_path  # It must exist before TMPDIR changes.
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield pathlib.Path(name)


@pytest.fixture
def server(series: str, temporary: pathlib.Path) -> Iterator[ServerSession]:
    del temporary
    with server_process.start(series, seed=1) as server:
        yield server


class Cli:
    """Starts ``juju`` programs."""

    def __init__(self, server: ServerSession, folder: pathlib.Path):
        self._environment = server.environment(os.environ)
        self._folder = folder

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["juju", *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        return stdout

    def agent(self) -> str:
        status = json.loads(self.run("status", "--format", "json"))
        return status["applications"]["a"]["units"]["a/0"]["juju-status"]["current"]


@pytest.fixture
def cli(server: ServerSession, tmp_path: pathlib.Path) -> Cli:
    cli = Cli(server, tmp_path)
    cli.run("add-model", "m")
    return cli


@pytest.fixture
def waiting(
    cli: Cli, tmp_path: pathlib.Path, waiting_charm: str
) -> Iterator[subprocess.Popen[str]]:
    """An action that runs until the file ``go`` exists."""
    cli.run("deploy", waiting_charm)
    process = cli.start("run", "a/0", "wait", f"file={tmp_path / 'go'}", f"pid={tmp_path / 'pid'}")
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def waiting_charm(make_charm: MakeCharm) -> str:
    """A path that is relative to the folder of the commands."""
    folder = make_charm("a", "", WAITS)
    with (folder / "charmcraft.yaml").open("a") as charmcraft:
        charmcraft.write(WAIT_ACTION)
    return "./a"


def test_commands_are_answered_while_an_action_runs(
    cli: Cli, waiting: subprocess.Popen[str], tmp_path: pathlib.Path
) -> None:
    assert cli.agent() == "executing"
    cli.run("config", "a")
    cli.run("add-unit", "a")
    assert waiting.poll() is None
    (tmp_path / "go").touch()
    stdout, stderr = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "waited: 'yes'" in stdout
    assert "Waiting for task" in stderr


def test_ctrl_c_ends_the_command_and_not_the_action(
    cli: Cli, waiting: subprocess.Popen[str], tmp_path: pathlib.Path
) -> None:
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(timeout=60) == -signal.SIGINT
    assert "status: running" in cli.run("show-operation", _operation(cli))
    (tmp_path / "go").touch()
    until(lambda: "status: completed" in cli.run("show-operation", _operation(cli)))
    until(lambda: cli.agent() == "idle")


def _operation(cli: Cli) -> str:
    return next(iter(json.loads(cli.run("operations", "--format", "json"))))


def test_run_waits_for_an_action_no_longer_than_its_timeout(
    cli: Cli, waiting: subprocess.Popen[str], tmp_path: pathlib.Path
) -> None:
    late = cli.start("run", "a/0", "evaluate", "python=self.app.name", "--wait=10ms")
    assert "timed out waiting for results from: unit a/0" in late.communicate(timeout=60)[1]
    assert late.returncode == 1
    (tmp_path / "go").touch()
    assert waiting.wait(timeout=60) == 0


def test_commands_run_at_the_same_time(cli: Cli, make_charm: MakeCharm) -> None:
    make_charm("a")
    started = [cli.start("deploy", "./a", f"a{letter}") for letter in "bcdef"]
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 5, errors
    assert len(json.loads(cli.run("status", "--format", "json"))["applications"]) == 5


def test_errors_have_the_exit_status_and_the_text_of_juju(cli: Cli) -> None:
    process = cli.start("deploy", "./nothing")
    assert process.communicate(timeout=60) == ("", 'ERROR no charm was found at "./nothing"\n')
    assert process.returncode == 1


def test_the_environment_names_a_model(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, server: ServerSession, tmp_path: pathlib.Path
) -> None:
    cli.run("add-model", "other")
    other = Cli(server, tmp_path)
    other._environment["JUJU_MODEL"] = "m"
    assert json.loads(other.run("status", "--format", "json"))["model"]["name"] == "m"
    assert json.loads(cli.run("status", "--format", "json"))["model"]["name"] == "other"


# The end of the server


def test_server_ends_with_its_last_session(temporary: pathlib.Path, waiting_charm: str) -> None:
    tmp_path = pathlib.Path(waiting_charm).parent
    first = server_process.start("3.6", seed=1)
    second = server_process.join()
    assert (second.pid, second.seed) == (first.pid, 1)
    first.close()
    assert psutil.pid_exists(first.pid)
    cli = Cli(second, tmp_path)
    cli.run("add-model", "m")
    processes = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    assert len(processes) == 2
    second.close()
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    assert list(temporary.iterdir()) == []


def test_everything_ends_with_a_killed_server(
    server: ServerSession,
    cli: Cli,
    waiting: subprocess.Popen[str],
    temporary: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    hook = psutil.Process(int((tmp_path / "pid").read_text()))
    hook_server = hook.parent()
    assert hook_server
    psutil.Process(server.pid).kill()
    assert psutil.wait_procs([hook, hook_server], timeout=30)[1] == []
    until(lambda: list(temporary.iterdir()) == [])
    _, error = waiting.communicate(timeout=60)
    assert (waiting.returncode, "has ended, with all its models" in error) == (1, True)


def test_several_servers_are_listed(temporary: pathlib.Path) -> None:
    del temporary
    with pytest.raises(ServerError, match="no server of localjuju is running"):
        server_process.join()
    with server_process.start("3.6", seed=1) as one, server_process.start("4.0", seed=2) as two:
        with pytest.raises(ServerError) as error:
            server_process.join()
        for server, series in ((one, "3.6"), (two, "4.0")):
            named = f"{server.pid}: Juju {series}, seed {server.seed}, started in {os.getcwd()}"
            assert named in str(error.value)
        with server_process.join(two.pid) as joined:
            assert joined.folder == two.folder
        with pytest.raises(ServerError, match="no server of localjuju has the number 1;"):
            server_process.join(1)
