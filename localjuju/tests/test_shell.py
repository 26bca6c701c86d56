"""``localjuju shell`` and ``localjuju run``, in a terminal if one is needed."""

from __future__ import annotations

import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import psutil
import pytest

from conftest import MakeCharm, until

LOCALJUJU = [sys.executable, "-m", "localjuju"]

# The first process that opens the terminal controls it, and gets SIGHUP when it closes.
IN_TERMINAL = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)  # CI may run the tests with these ignored.
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder for servers' files, which must be empty at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("PS1", "ready> ")
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield pathlib.Path(name)


class Terminal:
    """A terminal that runs ``localjuju shell``."""

    def __init__(self, *options: str):
        self._screen, theirs = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *LOCALJUJU, "shell", *options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.read_until("ready> ")

    def read_until(self, text: str) -> str:
        """Read the output up to a text, and return it."""
        while text not in self.shown:
            try:
                self.shown += os.read(self._screen, 4096).decode().replace("\r", "")
            except OSError:
                raise AssertionError(f"the terminal ended after {self.shown!r}") from None
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, line: str) -> str:
        """Type a command, and return its output."""
        self.press(f"{line}\n")
        return self.read_until("ready> ").partition("\n")[2]

    def press(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def exit(self) -> int:
        """Leave the shell, and return its exit status."""
        self.press("exit 3\n")
        return self.process.wait(timeout=60)

    def close(self) -> None:
        os.close(self._screen)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal("--juju=4.0", "--seed=7")
    yield terminal
    terminal.close()
    assert terminal.process.wait(timeout=60) is not None


def test_second_terminal_joins_and_the_last_one_ends_the_models(
    terminal: Terminal, temporary: pathlib.Path
) -> None:
    terminal.type("juju add-model m")
    server = psutil.Process(_server_pid())
    second = Terminal("--join")
    assert "Model  Controller  Cloud/Region         Version" in second.type("juju status")
    assert terminal.exit() == 3
    assert "m  " in second.type("juju status")
    assert server.is_running()
    assert second.exit() == 3
    second.close()
    assert psutil.wait_procs([server], timeout=30)[1] == []
    assert list(temporary.iterdir()) == []


def _server_pid() -> int:
    """Return the number of the only server, from the error for a wrong number."""
    asked = subprocess.run(
        [*LOCALJUJU, "shell", "--join", "1"], capture_output=True, text=True, timeout=60
    )
    assert asked.returncode == 1
    found = re.search(r"^  (\d+): Juju 4.0, seed 7, started in (.*)$", asked.stderr, re.M)
    assert found
    assert found[2] == os.getcwd()
    return int(found[1])


def test_ctrl_c_ends_a_command_that_follows_the_log(terminal: Terminal) -> None:
    terminal.type("juju add-model m")
    terminal.press("juju status --watch 1s\n")
    terminal.read_until("Model  Controller")
    terminal.press("\x03")
    terminal.read_until("ready> ")
    assert "Model  Controller" in terminal.type("juju status")


@pytest.mark.parametrize("end", ["terminal closes", "SIGHUP", "SIGTERM", "SIGKILL"])
def test_the_server_ends_with_its_shell(
    terminal: Terminal, temporary: pathlib.Path, end: str
) -> None:
    terminal.type("juju add-model m")
    server = psutil.Process(_server_pid())
    processes = [server, *server.children(recursive=True)]
    if end.startswith("SIG"):
        processes += psutil.Process(terminal.process.pid).children()
        terminal.process.send_signal(signal.Signals[end])
        terminal.process.wait(timeout=60)
    if end in ("terminal closes", "SIGKILL"):
        terminal.close()
        terminal._screen = os.open(os.devnull, os.O_RDONLY)
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    until(lambda: list(temporary.iterdir()) == [])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOCALJUJU, "run", *arguments], capture_output=True, text=True, timeout=60
    )


def test_run_gives_its_command_a_juju_and_returns_its_status(temporary: pathlib.Path) -> None:
    done = run("--juju=4.0", "--", "sh", "-c", "juju add-model m && juju status; exit 5")
    assert done.returncode == 5
    assert re.search(r"^m +localjuju +localhost/localhost  4\.0", done.stdout, re.M)
    assert list(temporary.iterdir()) == []


def test_run_writes_the_page_of_each_model(make_charm: MakeCharm, tmp_path: pathlib.Path) -> None:
    charm = make_charm("a")
    file = tmp_path / "pages" / "run.html"
    script = f"juju add-model one && juju deploy {charm}"
    command = [*LOCALJUJU, "run", "--page", str(file), "--", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith(f"{file}\n")
    assert f"<td>deploy {charm}</td>" in file.read_text()
    script += f"; juju add-model two && juju deploy {charm}"
    done = subprocess.run([*command[:-1], script], capture_output=True, text=True, timeout=60)
    written = [tmp_path / "pages" / f"run-{model}.html" for model in ("one", "two")]
    assert done.stdout.endswith("".join(f"{path}\n" for path in written))
    assert all("The run of model" in path.read_text() for path in written)


def test_page_that_cannot_be_written_is_named(make_charm: MakeCharm) -> None:
    script = f"juju add-model one && juju deploy {make_charm('a')}"
    command = [*LOCALJUJU, "run", "--page", "/proc/run.html", "--", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1].startswith("ERROR /proc/run.html: ")


def test_run_returns_128_and_the_signal_that_ended_its_command() -> None:
    assert run("sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_run_passes_signals_on_to_its_command(tmp_path: pathlib.Path) -> None:
    script = f"trap 'exit 9' TERM; echo > {tmp_path}/started; while :; do sleep 0.05; done"
    process = subprocess.Popen([*LOCALJUJU, "run", "--", "sh", "-c", script])
    until(lambda: (tmp_path / "started").exists())
    process.terminate()
    assert process.wait(timeout=60) == 9


def test_run_names_a_missing_program(temporary: pathlib.Path) -> None:
    done = run("--", "no-such-program")
    assert done.returncode == 127
    assert done.stderr == "localjuju: cannot run no-such-program: No such file or directory\n"
    assert list(temporary.iterdir()) == []
    done = run()
    assert (done.returncode, done.stderr) == (2, "localjuju: give the command to run after --\n")


def test_join_without_a_shell_is_an_error() -> None:
    done = subprocess.run([*LOCALJUJU, "shell", "--join"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "no server of localjuju is running: start one with `localjuju shell`" in done.stderr
