"""Actions: their parameters, how they end, and what ``juju run`` and other commands print."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jubilant
import pytest
import yaml

from conftest import MakeCharm, error_text, evaluate
from localjuju import LocalJuju

ECHO = """
def observe(self):
    for name in ("go", "backup", "open"):
        self.framework.observe(self.on[name].action, self._echo)

def _echo(self, event):
    import json
    event.set_results({"params": json.dumps(event.params, sort_keys=True)})
"""

ACTIONS = """
go:
backup:
  params:
    out: {type: string, default: o}
    num: {type: integer, minimum: 1, maximum: 9}
    kind: {type: string, enum: [xz, gz]}
    deep:
      type: object
      properties:
        x: {type: integer}
        y: {type: integer, default: 7}
  required: [num]
  additionalProperties: false
open:
  additionalProperties: true
"""


@pytest.fixture
def echo(make_charm: MakeCharm) -> pathlib.Path:
    """A charm whose actions return their parameters as results."""
    folder = make_charm("a", "", ECHO)
    file = folder / "charmcraft.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["actions"].update(yaml.safe_load(ACTIONS))
    file.write_text(yaml.safe_dump(declared))
    return folder


@pytest.fixture
def deployed(juju: LocalJuju, echo: pathlib.Path) -> LocalJuju:
    juju.deploy(echo, num_units=2)
    return juju


def run_with(juju: LocalJuju, *arguments: str) -> Any:
    """Run an action on the first unit, and return the parameters that it got."""
    task = json.loads(juju.cli("run", "--format", "json", "a/0", *arguments))["a/0"]
    return json.loads(task["results"]["params"])


def parameters_error(juju: LocalJuju, *arguments: str) -> str:
    """Return why the parameters are refused: the task is not scheduled, or it fails."""
    printed, message = juju._cli("run", "--format", "json", "a/0", *arguments)
    if juju.series == "3.6":
        assert printed == ""
        return message.partition("failed to schedule any tasks:\n")[2].rstrip("\n")
    task = json.loads(printed)["a/0"]
    assert task["status"] == "error"
    prefix = f'cannot run "{arguments[0]}" action: '
    assert task["message"].startswith(prefix)
    return task["message"].removeprefix(prefix)


def hook_command(command: list[str]) -> str:
    """Return Python code that runs a hook command and gives its exit status and error."""
    run = f"subprocess.run({command!r}, capture_output=True, text=True)"
    return f"(lambda done: (done.returncode, done.stderr))({run})"


# How an action ends


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["action-fail", ""], ""),
        (["action-fail", "on purpose"], "on purpose"),
        (["action-fail"], "action failed without reason given, check action for errors"),
    ],
)
def test_action_fail_fails_the_task_with_any_message(
    deployed: LocalJuju, command: list[str], message: str
) -> None:
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(deployed, "a/0", f"subprocess.run({command!r}, check=True)")
    task = failure.value.task
    assert (task.status, task.message, task.return_code) == ("failed", message, 0)


def test_crash_replaces_the_message_of_action_fail(deployed: LocalJuju) -> None:
    crash = "[subprocess.run(['action-fail', 'before']), 1 / 0]"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(deployed, "a/0", crash)
    assert failure.value.task.message == "exit status 1"
    assert failure.value.task.return_code == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["stdout=x"], 'cannot set reserved action key "stdout"'),
        (["a.stderr=x"], 'cannot set reserved action key "stderr"'),
        (["stdout-encoding=x"], 'cannot set reserved action key "stdout-encoding"'),
        (["stderr-encoding=x"], 'cannot set reserved action key "stderr-encoding"'),
        (["noequals"], 'argument "noequals" must be of the form key...=value'),
        (["Key=x"], 'key "Key" must start and end with lowercase alphanumeric'),
        ([".a=x"], 'key "" must start and end with lowercase alphanumeric'),
    ],
)
def test_invalid_key_of_a_result_is_refused_and_sets_nothing(
    deployed: LocalJuju, arguments: list[str], complaint: str
) -> None:
    command = ["action-set", "ok=1", *arguments]
    python = hook_command(command)
    task = deployed.run("a/0", "evaluate", {"python": python})
    assert task.results["value"].startswith(f"(2, 'ERROR {complaint}")
    assert "ok" not in task.results


def test_result_replaces_the_result_above_it(deployed: LocalJuju) -> None:
    python = "subprocess.run(['action-set', 'a=1', 'a.b=2', 'c.d=3', 'c=4']).returncode"
    results = deployed.run("a/0", "evaluate", {"python": python}).results
    assert (results["a"], results["c"]) == ({"b": "2"}, "4")


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (["action-log"], "ERROR no message specified"),
        (["action-fail", "a", "b"], 'ERROR unrecognized args: ["b"]'),
    ],
)
def test_mistake_in_a_hook_command_does_not_fail_the_action(
    deployed: LocalJuju, command: list[str], complaint: str
) -> None:
    python = hook_command(command)
    assert evaluate(deployed, "a/0", python) == repr((2, f"{complaint}\n"))


def test_log_has_the_time_of_each_message(deployed: LocalJuju) -> None:
    python = "subprocess.run(['action-log', 'step', 'one'])"
    (line,) = deployed.run("a/0", "evaluate", {"python": python}).log
    assert line.endswith(" +0000 UTC step one")


# Parameters


def test_action_without_declaration_runs(deployed: LocalJuju) -> None:
    assert run_with(deployed, "go") == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("y", True),
        ("off", False),
        ("1", 1),
        ("0x10", 16),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("null", None),
        ("", None),
        ("[a, 1]", ["a", 1]),
        ("'1'", "1"),
        ("2026-01-01", "2026-01-01"),
        ("1:30", "1:30"),
        ("a=b", "a=b"),
    ],
)
def test_value_is_yaml_as_go_reads_it(deployed: LocalJuju, text: str, value: Any) -> None:
    assert run_with(deployed, "open", f"out={text}") == {"out": value}


def test_value_is_a_string_with_string_args(deployed: LocalJuju) -> None:
    assert run_with(deployed, "open", "--string-args", "out=yes", "n=1") == {
        "out": "yes",
        "n": "1",
    }


def test_argument_takes_precedence_over_the_file(
    deployed: LocalJuju, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "p.yaml").write_text("out: file\nother: 1\n")
    given = run_with(deployed, "open", "--params", str(tmp_path / "p.yaml"), "out=argument")
    assert given == {"out": "argument", "other": 1}


def test_defaults_of_an_object_apply_only_if_it_is_given(echo: pathlib.Path) -> None:
    with LocalJuju("3.6") as juju:
        juju.deploy(echo)
        assert run_with(juju, "backup", "num=2") == {"num": 2, "out": "o"}
        assert run_with(juju, "backup", "num=2", "deep.x=5") == {
            "num": 2,
            "out": "o",
            "deep": {"x": 5, "y": 7},
        }


def test_object_arrives_as_text_on_juju_4(echo: pathlib.Path) -> None:
    with LocalJuju("4.0") as juju:
        juju.deploy(echo)
        assert parameters_error(juju, "backup", "num=2", "deep.x=5") == (
            'validation failed: (root).deep : must be of type object, given "map[x:5]"'
        )
        with pytest.raises(jubilant.TaskError) as failure:
            juju.run("a/0", "backup", {"num": 2, "deep": {"x": 5}})
        assert failure.value.task.status == "error"
        assert juju.cli("run", "a/0", "backup", "num=2", "deep.x=5") == (
            'Action id 6 failed: cannot run "backup" action: validation failed: (root).deep : '
            'must be of type object, given "map[x:5]"\n'
        )


def test_undeclared_parameter_is_accepted_only_if_allowed(
    deployed: LocalJuju, series: str
) -> None:
    assert run_with(deployed, "open", "extra=1") == {"extra": 1}
    wanted = 'validation failed: (root) : additional property "extra" is not allowed, given '
    assert parameters_error(deployed, "backup", "num=2", "extra=1").startswith(wanted)
    if series == "3.6":
        assert run_with(deployed, "go", "extra=1") == {"extra": 1}
    else:
        assert parameters_error(deployed, "go", "extra=1") == f'{wanted}{{"extra":1}}'


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["num=abc"], '(root).num : must be of type integer, given "abc"'),
        (["num=1.5"], "(root).num : must be of type integer, given 1.5"),
        (["num=yes"], "(root).num : must be of type integer, given true"),
        (["num=1", "out=yes"], "(root).out : must be of type string, given true"),
        (["num=0"], "(root).num : must be greater than or equal to 1, given 0"),
        (["num=10"], "(root).num : must be lower than or equal to 9, given 10"),
        (
            ["num=1", "kind=zip"],
            '(root).kind : must match one of the enum values ["xz","gz"], given "zip"',
        ),
    ],
)
def test_parameter_that_is_not_allowed_is_refused(
    deployed: LocalJuju, arguments: list[str], complaint: str
) -> None:
    assert parameters_error(deployed, "backup", *arguments) == f"validation failed: {complaint}"


def test_missing_parameter_is_refused(deployed: LocalJuju) -> None:
    complaint = parameters_error(deployed, "backup")
    assert '(root) : "num" property is missing and required, given ' in complaint


def test_whole_float_is_an_integer(deployed: LocalJuju) -> None:
    assert run_with(deployed, "backup", "num=2.0")["num"] == 2


# The command


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no unit specified"),
        (["go"], "no unit specified"),
        (["a/0"], "no action specified"),
        (["a/0", "b/0", "go"], "all units must be of the same application"),
        (["a/0", "Go"], 'invalid unit or action name "Go"'),
        (["a/0", "go", "x"], 'argument "x" must be of the form key.key.key...=value'),
        (
            ["a/0", "go", "a.B=1"],
            'key "B" must start and end with lowercase alphanumeric, and '
            "contain only lowercase alphanumeric and hyphens",
        ),
        (
            ["a/0", "go", "--background", "--wait", "1s"],
            "cannot specify both --wait and --background",
        ),
    ],
)
def test_mistake_on_the_command_line_is_refused(
    juju: LocalJuju, arguments: list[str], complaint: str
) -> None:
    assert error_text(juju, "run", *arguments) == f"ERROR {complaint}"


def test_several_units_run_in_one_operation(deployed: LocalJuju) -> None:
    printed, message = deployed._cli("run", "--format", "json", "a/0", "a/1", "go")
    assert {name: task["status"] for name, task in json.loads(printed).items()} == {
        "a/0": "completed",
        "a/1": "completed",
    }
    assert "with 2 tasks\n" in message
    plain = yaml.safe_load(deployed.cli("run", "a/0", "a/1", "go"))
    assert plain["a/1"]["output"] == "params: '{}'\n"
    assert plain["a/1"]["status"] == "completed"


def test_plain_results_of_several_units_have_their_messages(deployed: LocalJuju) -> None:
    python = "python=self.unit.name == 'a/1' and subprocess.run(['action-fail', 'on purpose'])"
    printed = deployed.cli("run", "--string-args", "a/0", "a/1", "evaluate", python)
    plain = yaml.safe_load(printed)
    assert "message" not in plain["a/0"]
    assert (plain["a/1"]["status"], plain["a/1"]["message"]) == ("failed", "on purpose")


def test_missing_units_do_not_stop_the_others(deployed: LocalJuju) -> None:
    printed, message = deployed._cli("run", "--format", "json", "a/0", "a/7", "go")
    assert list(json.loads(printed)) == ["a/0"]
    assert "Some actions could not be scheduled:\n" in message


def test_operation_runs_in_the_background(deployed: LocalJuju) -> None:
    printed, message = deployed._cli("run", "--background", "a/0", "go")
    assert printed == ""
    operation, task = (word for word in message.splitlines()[0].split() if word.isdecimal())
    assert message == (
        f"Scheduled operation {operation} with task {task}\n"
        f"Check operation status with 'juju show-operation {operation}'\n"
        f"Check task status with 'juju show-task {task}'\n"
    )
    shown = json.loads(deployed.cli("show-task", task, "--format", "json"))
    assert (shown["status"], shown["results"]["params"]) == ("completed", "{}")
    assert deployed.cli("show-task", task) == "params: '{}'\n\n"
    described = yaml.safe_load(deployed.cli("show-operation", operation))
    assert described["action"] == {"name": "go", "parameters": {}}
    assert described["tasks"][task]["host"] == "a/0"
    expected = "go run on unit-a-0" if deployed.series == "3.6" else "action go"
    assert described["summary"] == expected


def test_background_task_runs_in_wait(deployed: LocalJuju) -> None:
    python = "python=self.unit.set_ports(80)"
    deployed.cli("run", "--background", "--string-args", "a/0", "a/1", "evaluate", python)
    status = deployed.wait(jubilant.all_active)
    assert [unit.open_ports for unit in status.apps["a"].units.values()] == [["80/tcp"]] * 2


def test_pending_task_is_cancelled(deployed: LocalJuju) -> None:
    deployed.settle()
    message = deployed._cli("run", "--background", "a/0", "go")[1]
    task = message.splitlines()[0].split()[-1]
    (cancelled,) = yaml.safe_load(deployed.cli("cancel-task", task))["actions"]
    assert (cancelled["id"], cancelled["status"]) == (task, "cancelled")
    assert deployed.cli("show-task", task, "--format", "json").count("cancelled") == 1


def test_pending_task_of_a_removed_unit_is_cancelled(deployed: LocalJuju) -> None:
    message = deployed._cli("run", "--background", "a/0", "go")[1]
    task = message.splitlines()[0].split()[-1]
    deployed.remove_unit("a/0")
    shown = json.loads(deployed.cli("show-task", task, "--format", "json"))
    assert (shown["status"], shown["message"]) == ("cancelled", "unit removed")


def test_operations_are_listed_and_filtered(deployed: LocalJuju) -> None:
    assert deployed._cli("operations") == ("", "no matching operations\n")
    deployed.cli("run", "a/0", "go")
    deployed.cli("run", "a/1", "open")
    everything = json.loads(deployed.cli("operations", "--format", "json"))
    assert [one["action"]["name"] for one in everything.values()] == ["go", "open"]
    chosen = json.loads(deployed.cli("operations", "--units", "a/1", "--format", "json"))
    assert [one["action"]["name"] for one in chosen.values()] == ["open"]
    assert "go" in deployed.cli("operations", "--actions", "go").splitlines()[1]
    assert deployed._cli("operations", "--status", "failed")[1] == "no matching operations\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["show-task", "99"], 'task "99" not found'),
        (["show-task", "x"], 'task ID "x" not valid'),
        (["show-task"], "no task ID specified"),
        (["show-operation", "99"], 'operation "99" not found'),
        (["show-operation", "x"], 'operation ID "x" not valid'),
        (["cancel-task"], "no task IDs specified"),
    ],
)
def test_missing_operation_or_task_is_named(
    juju: LocalJuju, arguments: list[str], complaint: str
) -> None:
    with pytest.raises(jubilant.CLIError) as failure:
        juju.cli(*arguments)
    assert failure.value.stderr.strip() == f"ERROR {complaint}"
