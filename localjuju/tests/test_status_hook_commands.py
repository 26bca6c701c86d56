"""``status-get``, ``juju-log``, ``goal-state`` and others, called without ops."""

from __future__ import annotations

import json

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, SCRIPT, MakeCharm, follower_of, leader_of, run
from localjuju import LocalJuju


@pytest.fixture
def pair(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    juju.deploy(make_charm("a", PROVIDER, SCRIPT), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    return juju


def test_status_get_with_and_without_data(pair: LocalJuju) -> None:
    leader, follower = leader_of(pair, "a"), follower_of(pair, "a")
    assert run(
        pair,
        "status-set --application=true blocked all",
        "status-set waiting --application=false one",
        "status-get",
        "status-get --format=json",
        "status-get --include-data",
        "status-get --application",
        "status-get --application --format=json",
        "status-set waiting one more",
        unit=leader,
    ) == [
        0,
        0,
        "waiting",
        '{"status":"waiting"}',
        "message: one\nstatus: waiting\nstatus-data: {}",
        "blocked",
        '{"application-status":{"status":"blocked","units":{'
        + ",".join(
            f'"{unit}":{{"status":"{"waiting" if unit == leader else "active"}"}}'
            for unit in ("a/0", "a/1")
        )
        + "}}}",
        'ERROR unrecognized args: ["more"]',
    ]
    assert run(
        pair, "status-get --application", "status-set --application active", unit=follower
    ) == [
        "ERROR finding application status: this unit is not the leader",
        "ERROR this unit is not the leader",
    ]


def test_juju_log_has_levels(pair: LocalJuju) -> None:
    assert (
        run(
            pair,
            "juju-log plain words",
            "juju-log -l warn two",
            "juju-log --log-level=Critical three",
            "juju-log --debug -l ERROR four",
            "juju-log -l loud five",
            "juju-log -lTRACE six",
        )
        == [0] * 6
    )
    log = pair.debug_log()
    for line in (
        "INFO unit.a/0.juju-log plain words",
        "WARNING unit.a/0.juju-log two",
        "CRITICAL unit.a/0.juju-log three",
        'WARNING unit.a/0.juju-log Specified log level of "loud" is not valid',
        "INFO unit.a/0.juju-log five",
    ):
        assert line in log
    # The model logs INFO and higher levels.
    assert "juju-log four" not in log
    assert "juju-log six" not in log


def test_goal_state(pair: LocalJuju) -> None:
    as_yaml, as_json = run(pair, "goal-state", "goal-state --format=json")
    assert str(as_yaml).startswith("units:\n  a/0:\n    status: active\n    since: ")
    goal = json.loads(str(as_json))
    assert list(goal) == ["units", "relations"]
    assert sorted(goal["units"]) == ["a/0", "a/1"]
    assert goal["relations"].keys() == {"data"}
    statuses = {name: one["status"] for name, one in goal["relations"]["data"].items()}
    assert statuses == {"b": "joined", "b/0": "active"}


def test_workload_version_is_set(pair: LocalJuju) -> None:
    refused = 'ERROR unrecognized args: ["7"]'
    assert run(pair, "application-version-set 6", "application-version-set 6 7") == [0, refused]
    assert pair.status().apps["a"].version == "6"


def test_action_commands_fail_outside_actions(pair: LocalJuju) -> None:
    for command in ("action-get", "action-set a=b", "action-fail", "action-log x"):
        with pytest.raises(jubilant.TaskError) as failure:
            pair.exec(command, unit="a/0")
        assert failure.value.task.stderr == "ERROR not running an action\n"
