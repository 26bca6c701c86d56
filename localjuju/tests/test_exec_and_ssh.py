"""Commands on units and machines: exec, ssh and scp."""

from __future__ import annotations

import json
import pathlib

import jubilant
import pytest
import yaml

from conftest import PEERS, MakeCharm, error_of, leader_of
from localjuju import LocalJuju


@pytest.fixture
def two(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    """A model with the units a/0 and a/1 on the machines 0 and 1."""
    juju.deploy(make_charm("a", PEERS), num_units=2)
    juju.settle()
    return juju


def test_exec_on_one_prints_what_the_command_printed(two: LocalJuju) -> None:
    assert two.cli("exec", "--unit", "a/0", "--", "echo out; echo err >&2") == "out\nerr\n"
    assert two.cli("exec", "-u", "a/0", "printf", "x") == "x\n"
    assert two.cli("exec", "-u", "a/0", "--", "echo", "a  b", "$HOME;", "--", "-n").startswith(
        "a  b"
    )
    assert two.cli("exec", "-u", "a/0", "--", "true") == ""


def test_exec_on_several_prints_each_under_its_name(two: LocalJuju) -> None:
    for target in (["--application", "a"], ["-a", "a"], ["--unit", "a/1,a/0"]):
        printed = two.cli("exec", *target, "--", "echo $JUJU_UNIT_NAME")
        assert printed == "a/0:\na/0\n\na/1:\na/1\n\n"
    both = yaml.safe_load(two.cli("exec", "--app", "a", "--format", "yaml", "--", "echo x"))
    assert both["a/1"]["results"] == {"return-code": 0, "stdout": "x\n"}


def test_exec_on_a_leader_prints_the_units_name(two: LocalJuju) -> None:
    shown = json.loads(two.cli("exec", "--unit", "a/leader", "--format", "json", "--", "true"))
    assert list(shown) == [leader_of(two, "a")]


def test_exec_on_a_machine_has_no_hook_commands(two: LocalJuju) -> None:
    task = two.exec("echo foo", machine=0)
    assert (task.stdout, task.return_code, task.success) == ("foo\n", 0, True)
    assert two.exec("echo", "bar", "baz", machine="1").stdout == "bar baz\n"
    assert two.exec("env | grep -c ^JUJU_ || true", machine=0).stdout == "0\n"
    shown = json.loads(two.cli("exec", "--all", "--format", "json", "--", "pwd"))
    assert {name: one["machine"] for name, one in shown.items()} == {"0": "0", "1": "1"}
    with pytest.raises(jubilant.TaskError) as failure:
        two.exec("exit 4", machine=0)
    assert failure.value.task.return_code == 4


def test_exec_that_fails_names_the_units(two: LocalJuju) -> None:
    failure = error_of(two, "exec", "-a", "a", "--", 'test "$JUJU_UNIT_NAME" = a/0')
    assert "the following task failed" in failure.stderr
    failure = error_of(two, "exec", "-a", "a", "--", "exit 3")
    assert "the following tasks failed" in failure.stderr
    assert failure.stderr.count("with return code 3") == 2


def test_exec_times_out(two: LocalJuju) -> None:
    with pytest.raises(TimeoutError):
        two.exec("tail -f /dev/null", unit="a/0", wait=0.01)
    waiting = ("--machine", "1", "--wait", "10ms", "--", "tail -f /dev/null")
    assert "results from: machine 1" in error_of(two, "exec", *waiting).stderr


def test_exec_in_the_background_is_shown_as_a_task(two: LocalJuju) -> None:
    _, message = two._cli("exec", "--background", "--unit", "a/0", "--", "echo later")
    assert message.startswith("Scheduled operation ")
    task = message.split()[5]
    shown = json.loads(two.cli("show-task", task, "--format", "json"))
    assert shown["results"]["stdout"] == "later\n"
    assert "juju-exec" in two.cli("operations", "--format", "yaml")


def test_exec_names_missing_targets(two: LocalJuju, series: str) -> None:
    _, message = two._cli("exec", "--unit", "a/0,a/7", "--", "true")
    unit = '"unit-a-7" not found' if series == "3.6" else 'unit "a/7" not found'
    assert message.startswith("Some actions could not be scheduled:\n")
    assert unit in message
    with pytest.raises(ValueError, match="failed to schedule any tasks"):
        two.exec("true", machine=9)
    assert 'application "nosuch" not found' in error_of(two, "exec", "-a", "nosuch", "true").stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--unit", "a/0"], "no commands specified"),
        (["true"], "You must specify a target"),
        (["--all", "--unit", "a/0", "true"], "--all and individual units"),
        (["--unit", "a", "--machine", "x", "true"], '"x" is not a valid machine id\n  "a" is not'),
        (["--unit", "a/0", "--operator", "true"], "only k8s models"),
        (["--unit", "a/0", "--background", "--wait", "1s", "true"], "both --wait and"),
        (["--unit", "a/0", "--relation", "db:1", "true"], "--relation"),
    ],
)
def test_mistake_in_exec_is_named(arguments: list[str], complaint: str) -> None:
    with LocalJuju() as juju:
        assert complaint in error_of(juju, "exec", *arguments).stderr


def test_exec_accepts_options_for_parallel_runs(two: LocalJuju) -> None:
    words = ("--parallel=false", "--execution-group", "g", "--unit", "a/0", "--", "echo x")
    assert two.cli("exec", *words) == "x\n"


def test_ssh_runs_a_command(two: LocalJuju, tmp_path: pathlib.Path) -> None:
    key = str(tmp_path / "key")
    assert two.ssh("a/0", "echo", "UNIT", ssh_options=["-i", key, "-q"]) == "UNIT\n"
    assert two.ssh(1, "echo", "MACHINE", host_key_checks=False) == "MACHINE\n"
    assert two.ssh("a/leader", "echo a; echo b", user="ubuntu") == "a\nb\n"
    assert two.ssh("a/0", "echo", "two  spaces", ssh_options=["-oUser=x"]) == "two spaces\n"
    assert two.cli("ssh", "--pty=false", "a/0", "--", "echo", "-n", "x") == "x"


def test_ssh_passes_on_input_status_and_errors(two: LocalJuju) -> None:
    assert two.cli("ssh", "--container", "charm", "a/0", "cat", stdin="foo") == "foo"
    failure = error_of(two, "ssh", "a/0", "echo out; echo err >&2; exit 3")
    assert (failure.returncode, failure.stdout, failure.stderr) == (3, "out\n", "err\n")
    assert error_of(two, "ssh", "a/0", "false").stderr == ""
    _, message = two._cli("ssh", "a/0", "echo warned >&2")
    assert message == "warned\n"


def test_ssh_has_no_hook_commands(two: LocalJuju) -> None:
    assert two.ssh("a/0", "env | grep -c ^JUJU_ || true") == "0\n"
    assert error_of(two, "ssh", "a/0", "status-get").returncode == 127
    home = pathlib.Path(two.ssh("a/0", "pwd").strip())
    assert home == two.machine_folder("a/0") / "home" / "ubuntu"


def test_process_started_by_ssh_ends_with_its_machine(two: LocalJuju) -> None:
    # Until the new process has become tail, it still has the name of the shell.
    is_tail = '[ "$(cat /proc/$!/comm)" = tail ]'
    two.ssh("a/0", f"tail -f /dev/null > /dev/null 2>&1 & until {is_tail}; do :; done")
    two.remove_unit("a/0")
    two.settle()
    assert "tail" in two.debug_log()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ssh", "a/0"], "opens no shell"),
        (["ssh"], "no target name specified"),
        (["ssh", "a/9", "true"], 'unit "a/9" not found'),
        (["ssh", "9", "true"], "machine 9 not found"),
        (["ssh", "nosuch/leader", "true"], 'application "nosuch" not found'),
        (["ssh", "example.org", "true"], 'not "example.org"'),
        (["ssh", "--fast", "a/0", "true"], "--fast"),
        (["scp", "x"], "at least two arguments"),
        (["scp", "nosuch", "a/0:"], "scp: nosuch: No such file"),
        (["scp", "a/0:/nosuch", "."], "scp: /nosuch: No such file"),
        (["scp", ".", "a/0:"], "not a regular file"),
        (["scp", "a/0:/tmp", "b/0:/tmp", "."], 'unit "b/0" not found'),
        (["scp", "-r", "x", "a/0:"], "-r"),
    ],
)
def test_mistake_in_ssh_and_scp_is_named(
    make_charm: MakeCharm, arguments: list[str], complaint: str
) -> None:
    with LocalJuju() as juju:
        juju.deploy(make_charm("a"))
        assert complaint in error_of(juju, *arguments).stderr


def test_scp_copies_to_a_machine_and_back(two: LocalJuju, tmp_path: pathlib.Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    two.scp(tmp_path / "one", "a/0:")
    assert two.ssh("a/0", "cat one") == "1"
    two.cli("scp", str(tmp_path / "one"), str(tmp_path / "two"), "a/0:/tmp")
    folder = two.machine_folder("a/0")
    assert (folder / "tmp" / "two").read_text() == "2"
    two.scp("0:/tmp/two", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "2"
    two.scp("a/0:/tmp/two", "a/1:/etc/renamed")
    assert (two.machine_folder("a/1") / "etc" / "renamed").read_text() == "2"
    two.scp("ubuntu@a/1:../../etc/renamed", tmp_path / "again")
    assert (tmp_path / "again").read_text() == "2"


def test_scp_cannot_leave_the_machines_folder(two: LocalJuju, tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("x")
    two.scp(tmp_path / "x", "a/0:../../../../../tmp/x")
    assert (two.machine_folder("a/0") / "tmp" / "x").exists()
    assert "No such file" in error_of(two, "scp", str(tmp_path / "x"), "a/0:/no/such/x").stderr


def test_scp_copies_folders(two: LocalJuju, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source" / "folder"
    source.mkdir(parents=True)
    (source / "a.txt").write_text("A")
    key = str(tmp_path / "key")
    two.scp(source, "a/0:/tmp/folder", scp_options=["-r", "-i", key])
    (tmp_path / "back").mkdir()
    two.scp("a/0:/tmp/folder", tmp_path / "back" / "folder", scp_options=["-r", "-i", key])
    assert (tmp_path / "back" / "folder" / "a.txt").read_text() == "A"
    two.scp("a/0:/tmp/folder", tmp_path / "back", scp_options=["-rp"])
    assert (tmp_path / "back" / "folder" / "a.txt").read_text() == "A"
