"""``relation-ids``, ``relation-get``, ``relation-set`` and others, called without ops."""

from __future__ import annotations

import json

import pytest

from conftest import (
    PEERS,
    PROVIDER,
    REQUIRER,
    SCRIPT,
    MakeCharm,
    evaluate,
    follower_of,
    leader_of,
    run,
)
from localjuju import LocalJuju


@pytest.fixture
def pair(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    """Units a/0 and a/1, with a peer relation, and related to b/0."""
    juju.deploy(make_charm("a", f"{PROVIDER}\n{PEERS}", SCRIPT), num_units=2)
    juju.deploy(make_charm("b", REQUIRER, SCRIPT))
    juju.integrate("a", "b")
    juju.settle()
    return juju


def test_relation_ids_of_an_endpoint(pair: LocalJuju) -> None:
    assert run(
        pair,
        "relation-ids data",
        "relation-ids replicas --format=json",
        "relation-ids none",
        "relation-ids none --format=json",
        "relation-list -r data:1",
        "relation-list -r 1 --format=json",
        "relation-list --app -r data:1",
        "relation-list -r replicas:0",
    ) == ["data:1", '["replicas:0"]', 0, "[]", "b/0", '["b/0"]', "b", "a/1"]


def test_ids_are_sorted_as_texts(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PROVIDER, SCRIPT))
    requirer = make_charm("b", REQUIRER)
    for number in range(11):
        juju.deploy(requirer, f"b{number}", num_units=0)
        juju.integrate("a", f"b{number}")
    numbers = sorted(map(str, range(11)))
    assert run(juju, "relation-ids data") == ["\n".join(f"data:{n}" for n in numbers)]


def test_relation_hook_uses_its_own_relation_by_default(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_joined, self._look)

def _look(self, _):
    for line in ("relation-ids", "relation-list", "relation-get egress-subnets",
                 "relation-list -r 7", "relation-set key=one", "relation-get key a/0"):
        done = subprocess.run(line.split(), capture_output=True, text=True)
        print(f"{line}: {done.stdout or done.stderr or '-'}".strip())
"""
    juju.deploy(make_charm("a", PROVIDER, body))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    log = juju.debug_log()
    assert "relation-ids: data:0" in log
    assert "relation-list: b/0" in log
    assert "relation-get egress-subnets: 127." in log
    assert 'relation-list -r 7: ERROR invalid value "7" for option -r: relation not found' in log
    assert "relation-get key a/0: one" in log


def test_missing_databags_are_refused(pair: LocalJuju) -> None:
    assert run(
        pair,
        "relation-get -r data:1 - b/7",
        "relation-get -r data:1 - a/1",
        "relation-get -r replicas:0 none a/1",
        "relation-get -r data:1 --app - b",
        "relation-get -r data:1 --app - b/0",
        "relation-get -r data:1 --app - c",
    ) == [
        "ERROR permission denied",
        "ERROR permission denied",
        0,
        "{}",
        "{}",
        'ERROR application "c" not found (not found)',
    ]


TYPES = """\
word: yes
number: 08
ratio: 1.50
day: 2024-01-01
quoted: 'q'
gone: null
left: ~
"""


def test_settings_from_yaml_are_texts(pair: LocalJuju) -> None:
    run(pair, "relation-set -r data:1 gone=here left=here kept=here")
    command = ["relation-set", "-r", "data:1", "--file", "-", "more=pair", "ratio=2"]
    evaluate(pair, "a/0", f"subprocess.run({command!r}, input={TYPES!r}, text=True).returncode")
    (databag,) = run(pair, "relation-get -r data:1 - a/0 --format=json")
    read = json.loads(str(databag))
    assert {key: read[key] for key in sorted(read) if "-" not in key} == {
        "day": "2024-01-01",
        "kept": "here",
        "more": "pair",
        "number": "08",
        "quoted": "q",
        "ratio": "2",
        "word": "yes",
    }


def test_own_application_databag_can_be_read_by_the_leader_and_by_peers(pair: LocalJuju) -> None:
    leader, follower = leader_of(pair, "a"), follower_of(pair, "a")
    writes = [f"relation-set --app -r {relation} key=one" for relation in ("0", "1")]
    reads = [f"relation-get --app -r {relation} key a" for relation in ("0", "1")]
    assert run(pair, *writes, *reads, unit=leader) == [0, 0, "one", "one"]
    assert run(pair, *reads, *writes, unit=follower) == [
        "one",
        "ERROR permission denied",
        "ERROR cannot write relation settings",
        "ERROR cannot write relation settings",
    ]


INVALID_YAML = {
    "a: [1]": "yaml: unmarshal errors:\\n  line 1: cannot unmarshal !!seq into string",
    "a: {b: c}": "cannot unmarshal !!map into string",
    "- a": "cannot unmarshal !!seq into map[string]string",
    "text": "cannot unmarshal !!str `text` into map[string]string",
    "a: b: c": "yaml: mapping values are not allowed",
}


def test_yaml_that_is_not_a_map_of_texts_is_refused(pair: LocalJuju) -> None:
    for command in ("relation-set -r data:1 --file -", "state-set --file=-"):
        for text, complaint in INVALID_YAML.items():
            done = f"subprocess.run({command.split()!r}, input={text!r}, text=True, stderr=-1)"
            assert complaint in evaluate(pair, "a/0", f"{done}.stderr")
