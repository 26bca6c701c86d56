"""``LocalJuju``: waiting, showing a run, and ending every process."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import jubilant
import psutil
import pytest

from conftest import MakeCharm, until
from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parent / "charms"

FAKE_MACHINE = """
import pathlib, subprocess

def fake_machine(folder: pathlib.Path, address: str) -> None:
    if not (folder / "pid").exists():
        process = subprocess.Popen(["tail", "-f", "/dev/null"], start_new_session=True)
        (folder / "pid").write_text(str(process.pid))
        (folder / "address").write_text(address)
"""


def test_wait_raises_at_once_with_the_status_of_each_unit(make_charm: MakeCharm) -> None:
    body = """
def _on_start(self, _):
    self.unit.status = ops.BlockedStatus("integrate something")
"""
    with LocalJuju(seed=7) as juju:
        juju.deploy(make_charm("a", "", body))
        with pytest.raises(TimeoutError) as failure:
            juju.wait(jubilant.all_active, timeout=3600)
    assert "a/0: blocked integrate something" in str(failure.value)
    assert "seed=7" in str(failure.value)


def test_wait_times_out_while_something_still_changes(make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.update_status, self._on_start)

def _on_start(self, _):
    import uuid
    self.unit.status = ops.WaitingStatus(str(uuid.uuid4()))
"""
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "", body))
        with pytest.raises(TimeoutError, match=r"wait timed out after 0\.5s"):
            juju.wait(jubilant.all_active, timeout=0.5)


def test_wait_raises_on_error(make_charm: MakeCharm) -> None:
    body = "def observe(self):\n    raise RuntimeError('no')"
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "", body))
        with pytest.raises(jubilant.WaitError):
            juju.wait(jubilant.all_active, error=jubilant.any_error)


def test_update_status_runs_during_wait(make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.update_status, self._update)

def _on_start(self, _):
    self.unit.status = ops.WaitingStatus("for update-status")

def _update(self, _):
    self.unit.status = ops.ActiveStatus()
"""
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "", body))
        juju.wait(jubilant.all_active)


def test_endless_loop_of_hooks_is_reported(
    make_charm: MakeCharm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localjuju.controller.MOST_HOOKS", 50)
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_changed, self._changed)

def _changed(self, event):
    import uuid
    event.relation.data[self.unit]["token"] = str(uuid.uuid4())
"""
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "provides: {data: {interface: data}}", body))
        juju.deploy(make_charm("b", "requires: {data: {interface: data}}", body))
        juju.integrate("a", "b")
        with pytest.raises(RuntimeError, match="not settled after 50 hooks"):
            juju.settle()


def test_fake_machine_runs_before_the_charm_and_close_ends_its_processes(
    make_charm: MakeCharm,
) -> None:
    charm = make_charm("a")
    (charm / "tests").mkdir()
    (charm / "tests" / "fake_machine.py").write_text(FAKE_MACHINE)
    with LocalJuju() as juju:
        juju.deploy(charm, num_units=2)
        juju.wait(jubilant.all_active)
        folders = [juju.machine_folder(f"a/{n}") for n in range(2)]
        processes = [psutil.Process(int((f / "pid").read_text())) for f in folders]
        addresses = {(f / "address").read_text() for f in folders}
        assert all(process.is_running() for process in processes)
        assert len(addresses) == 2
    assert not any(process.is_running() for process in processes)
    assert not any(folder.exists() for folder in folders)


SLOW = """
def _on_start(self, _):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    subprocess.run(["sleep", "1000"])
"""
INTERRUPTED = """
import signal
import sys
from localjuju import LocalJuju

# A shell has what it runs in the background ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
with LocalJuju() as juju:
    print(juju._folder, flush=True)
    juju.deploy(sys.argv[1])
    juju.settle()
"""


def test_ctrl_c_during_a_slow_hook_leaves_no_process_and_no_file(make_charm: MakeCharm) -> None:
    charm = make_charm("a", "", SLOW)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, charm],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as operator:
        assert operator.stdout
        folder = pathlib.Path(operator.stdout.readline().strip())
        until(lambda: _names_of_children(operator.pid).count("sleep") == 2)
        started = psutil.Process(operator.pid).children(recursive=True)
        operator.send_signal(signal.SIGINT)
        _, message = operator.communicate(timeout=30)
    assert message.rstrip().endswith("KeyboardInterrupt")
    assert not folder.exists()
    assert not [process for process in started if process.is_running()]


def _names_of_children(pid: int) -> list[str]:
    try:
        return [process.name() for process in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:  # A process has ended meanwhile.
        return []


def test_endless_hook_fails(make_charm: MakeCharm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localjuju.hook_runner.LONGEST_HOOK", 0.5)
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "", SLOW))
        juju.settle()
        assert juju.status().apps["a"].app_status.message == 'hook failed: "start"'
        assert 'hook "start" failed: ended after 0.5 s' in juju.debug_log()


def test_close_ends_processes_started_by_exec(make_charm: MakeCharm) -> None:
    with LocalJuju() as juju:
        juju.deploy(make_charm("a"))
        task = juju.exec("sleep 1000 >/dev/null 2>&1 & echo $!", unit="a/0")
        process = psutil.Process(int(task.stdout))
        assert process.is_running()
    assert not process.is_running()


def test_action_and_exec_that_take_too_long_time_out(make_charm: MakeCharm) -> None:
    with LocalJuju() as juju:
        juju.deploy(make_charm("a"))
        with pytest.raises(TimeoutError):
            juju.exec("sleep 1000", unit="a/0", wait=0.5)
        with pytest.raises(TimeoutError):
            juju.run("a/0", "evaluate", {"python": "__import__('time').sleep(1000)"}, wait=0.5)
        assert juju.exec("echo well", unit="a/0", wait=30).stdout == "well\n"


def test_log_of_a_hook_excludes_processes_of_earlier_hooks(
    make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    for path in (go, done):
        os.mkfifo(path)
    body = f"""
def _on_start(self, _):
    subprocess.Popen(["sh", "-c", "read x < {go}; echo late; echo x > {done}"])
"""
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "", body))
        juju.settle()
        wait_for_process = (
            f"pathlib.Path('{go}').write_text('x\\n'), pathlib.Path('{done}').read_text()"
        )
        juju.run("a/0", "evaluate", {"python": wait_for_process})
        assert "late" not in juju.debug_log().replace(wait_for_process, "")


def test_run_is_shown_as_a_timeline_and_a_diagram(make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_created, self._created)

def _created(self, event):
    event.relation.data[self.unit]["greeting"] = "hello"
"""
    events = []
    with LocalJuju() as juju:
        juju.history.on_event = events.append
        juju.deploy(make_charm("a", "provides: {data: {interface: data}}", body))
        juju.deploy(make_charm("b", "requires: {data: {interface: data}}"))
        juju.integrate("a", "b")
        juju.settle()
        timeline, diagram = juju.history.timeline(), juju.history.sequence_diagram()
        assert events == juju.history.events
    assert "$ juju integrate a b" in timeline
    assert "data-relation-created data:0  [a/0: greeting]" in timeline
    assert diagram.startswith("sequenceDiagram\n")
    assert "a_0->>b_0: a/0 greeting" in diagram
    assert "participant b_0 as b/0" in diagram


def test_diagram_shows_who_sees_a_write(series: str) -> None:
    """On Juju 3.6 a subordinate on another machine does not see it (Q2)."""
    with LocalJuju(series) as juju:
        juju.deploy(CHARMS / "treq", num_units=2)
        juju.deploy(CHARMS / "tsub")
        juju.integrate("treq:logging", "tsub:logging")
        juju.settle()
        diagram = juju.history.sequence_diagram()
    readers = {
        line.split(":")[0].split(">>")[1]
        for line in diagram.splitlines()
        if "joined-tsub-0" in line
    }
    assert len(readers) == (1 if series == "3.6" else 2)


def test_debug_log_has_the_format_and_limit_of_juju(make_charm: MakeCharm) -> None:
    body = "def observe(self):\n    import logging; logging.getLogger().warning('look')"
    with LocalJuju() as juju:
        juju.deploy(make_charm("a", "", body))
        juju.settle()
        assert " WARNING unit.a/0.juju-log look\n" in juju.debug_log()
        assert 'ran "start" hook' in juju.debug_log(limit=1)
        assert juju.debug_log(limit=2).count("\n") == 2


def test_unknown_series_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match=r"'2\.9'.*3\.6, 4\.0"):
        LocalJuju("2.9")


def test_folder_without_a_charm_is_named(tmp_path: pathlib.Path) -> None:
    with LocalJuju() as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(tmp_path)
    assert f'no charm was found at "{tmp_path}"' in failure.value.stderr


def test_charms_source_folder_is_not_changed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("a", "config: {options: {n: {type: int, default: 1}}}")
    before = {path: path.read_bytes() for path in charm.rglob("*") if path.is_file()}
    juju.deploy(charm)
    juju.wait(jubilant.all_active)
    after = {path: path.read_bytes() for path in before if path.is_file()}
    assert after == before


def test_declaration_in_two_files_is_refused(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("a")
    (charm / "actions.yaml").write_text("go: {}")
    with pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(charm)
    assert "move the content of actions.yaml to charmcraft.yaml" in failure.value.stderr
