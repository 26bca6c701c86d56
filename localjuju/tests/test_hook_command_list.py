"""Juju's hook commands and their options, one by one: localjuju has it, or refuses it by name."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, SCRIPT, MakeCharm, run
from localjuju import LocalJuju
from localjuju.hook_commands import SUPPORTED, UNSUPPORTED

PRINTS = ("--format=json", "--format=yaml", "-o FILE", "--output=FILE")
SMART = (*PRINTS, "--format=smart")
RELATION = ("-r data:0", "--relation=data:0")
SECRET_OPTIONS = ("--label=x", "--description=x", "--expire=1h", "--rotate=daily", "--owner=unit")

# From the commands' SetFlags in juju/juju, internal/worker/uniter/runner/jujuc.
OPTIONS: dict[str, tuple[str, ...]] = {
    "action-fail": (),
    "action-get": SMART,
    "action-log": (),
    "action-set": (),
    "application-version-set": (),
    "close-port": ("--endpoints=data", "--format=x"),
    "config-get": (*SMART, "-a", "--all"),
    "credential-get": SMART,
    "goal-state": PRINTS,
    "is-leader": SMART,
    "juju-log": ("--debug", "-l INFO", "--log-level=INFO", "--format=x"),
    "juju-reboot": ("--now",),
    "leader-get": SMART,
    "leader-set": (),
    "network-get": (
        *SMART,
        *RELATION,
        "--primary-address",
        "--bind-address",
        "--ingress-address",
        "--egress-subnets",
    ),
    "open-port": ("--endpoints=data", "--format=x"),
    "opened-ports": (*SMART, "--endpoints"),
    "relation-get": (*SMART, *RELATION, "--app"),
    "relation-ids": SMART,
    "relation-list": (*SMART, *RELATION, "--app"),
    "relation-model-get": (*SMART, *RELATION),
    "relation-set": (*RELATION, "--app", "--file=FILE", "--format=x"),
    "resource-get": (),
    "secret-add": (*SECRET_OPTIONS, "--file=FILE"),
    "secret-get": (*PRINTS, "--label=x", "--peek", "--refresh"),
    "secret-grant": (*RELATION, "--unit=b/0"),
    "secret-ids": SMART,
    "secret-info-get": (*PRINTS, "--label=x"),
    "secret-remove": ("--revision=1",),
    "secret-revoke": (*RELATION, "--app=b", "--application=b", "--unit=b/0"),
    "secret-set": (*SECRET_OPTIONS, "--file=FILE"),
    "state-delete": (),
    "state-get": (*SMART, "--strict"),
    "state-set": ("--file=FILE",),
    "status-get": (*SMART, "--include-data", "--application"),
    "status-set": ("--application",),
    "storage-add": (),
    "storage-get": (*SMART, "-s data/0"),
    "storage-list": SMART,
    "unit-get": SMART,
}


@pytest.fixture
def pair(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    juju.deploy(make_charm("a", PROVIDER, SCRIPT))
    juju.deploy(make_charm("b", REQUIRER, SCRIPT))
    juju.integrate("a", "b")
    juju.settle()
    return juju


def test_every_hook_command_is_in_this_list() -> None:
    assert sorted(SUPPORTED) == sorted(OPTIONS)
    assert len(set(SUPPORTED)) == len(SUPPORTED)


def test_every_option_is_known(pair: LocalJuju, series: str, tmp_path: pathlib.Path) -> None:
    lines = [
        f"{command} {option.replace('FILE', str(tmp_path / 'file'))}"
        for command, options in OPTIONS.items()
        for option in options
        if series == "3.6" or not command.startswith("leader-")
    ]
    answers = dict(zip(lines, run(pair, *lines), strict=True))
    assert not {line for line, answer in answers.items() if "not defined" in str(answer)}


def test_unknown_options_are_refused_as_in_juju(pair: LocalJuju, series: str) -> None:
    commands = [c for c in OPTIONS if series == "3.6" or not c.startswith("leader-")]
    answers = run(pair, *(f"{command} --loudly" for command in commands))
    assert answers == ["ERROR option provided but not defined: --loudly"] * len(commands)


def test_missing_hook_command_fails_the_hook_with_its_name(pair: LocalJuju) -> None:
    for command in UNSUPPORTED:
        with pytest.raises(jubilant.TaskError) as failure:
            run(pair, f"{command} type class id")
        assert f'"{command}" is not known to localjuju' in failure.value.task.message


def test_arguments_are_parsed_as_in_juju(pair: LocalJuju, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "answer"
    assert run(
        pair,
        "relation-set --app=true -rdata:0 key=one",
        "relation-get --relation data:0 key a --app",
        "relation-get --app=maybe",
        "relation-get -r",
        "relation-get --relation=db:x",
        "relation-get -r 7",
        "relation-get -r data:0 - a/0 more",
        "is-leader --format xml",
        "is-leader more",
        "goal-state --format=smart",
        "secret-add --format=json key=one",
        "secret-remove secret:d0000000000000000000 --revision one",
        f"is-leader --format=json -o {file}",
        f"is-leader -o {tmp_path}/none/file",
    ) == [
        0,
        "one",
        'ERROR invalid value "maybe" for option --app: strconv.ParseBool: parsing "maybe": '
        "invalid syntax",
        "ERROR option needs an argument: -r",
        'ERROR invalid value "db:x" for option --relation: invalid relation id',
        'ERROR invalid value "7" for option -r: relation not found',
        'ERROR unrecognized args: ["more"]',
        'ERROR invalid value "xml" for option --format: unknown format "xml"',
        'ERROR unrecognized args: ["more"]',
        'ERROR invalid value "smart" for option --format: unknown format "smart"',
        "ERROR option provided but not defined: --format",
        'ERROR invalid value "one" for option --revision: strconv.ParseInt: parsing "one": '
        "invalid syntax",
        0,
        f"ERROR open {tmp_path}/none/file: no such file or directory",
    ]
    assert file.read_text() == "true\n"


def test_missing_argument_is_named(pair: LocalJuju) -> None:
    assert run(
        pair,
        "application-version-set",
        "action-log",
        "juju-log",
        "network-get",
        "relation-ids",
        "relation-list",
        "relation-set key=one",
        "resource-get",
        "secret-grant",
        "secret-grant secret:d0000000000000000000",
        "secret-revoke",
        "secret-revoke secret:d0000000000000000000",
        "secret-set",
        "secret-remove",
        "secret-info-get",
        "storage-get",
        "storage-add",
        "state-delete",
    ) == [
        "ERROR no version specified",
        "ERROR no message specified",
        "ERROR no message specified",
        "ERROR no arguments specified",
        "ERROR no endpoint name specified",
        "ERROR no relation id specified",
        "ERROR no relation id specified",
        "ERROR missing required resource name",
        "ERROR missing secret URI",
        "ERROR no relation id specified",
        "ERROR missing secret URI",
        "ERROR missing relation or application or unit",
        "ERROR missing secret URI",
        "ERROR missing secret URI",
        "ERROR require either a secret URI or label",
        "ERROR no storage instance specified",
        "ERROR storage add requires a storage directive",
        0,
    ]


def test_invalid_arguments_exit_with_2_and_failures_with_1(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def statuses(self, *lines):
    return [subprocess.run(line.split(), capture_output=True).returncode for line in lines]
"""
    juju.deploy(make_charm("a", PROVIDER, body))
    lines = (
        "relation-get -r data:9",
        "relation-list",
        "storage-get",
        "is-leader --loudly",
        "secret-add ab=one",
        "secret-get secret:d0000000000000000000",
        "state-get --strict none",
    )
    (unit,) = juju.status().get_units("a")
    answer = juju.run(unit, "evaluate", {"python": f"self.statuses(*{lines!r})"})
    assert answer.results["value"] == "[2, 2, 2, 2, 2, 1, 1]"
