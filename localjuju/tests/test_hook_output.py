"""How hook commands print values."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import SCRIPT, MakeCharm, run
from localjuju import LocalJuju
from localjuju.hook_output import format_value

# The output of Go's yaml.v2 and encoding/json.
PRINTED: list[tuple[Any, str, str, str]] = [
    ("12345", "12345", '"12345"', '"12345"'),
    ("abc", "abc", "abc", '"abc"'),
    ("", "", '""', '""'),
    ("yes", "yes", '"yes"', '"yes"'),
    ("a: b", "a: b", "'a: b'", '"a: b"'),
    ("2024-01-01", "2024-01-01", '"2024-01-01"', '"2024-01-01"'),
    ("two\nlines\n", "two\nlines\n", "|\n  two\n  lines", '"two\\nlines\\n"'),
    ("grün", "grün", "grün", '"grün"'),
    (True, "True", "true", "true"),
    (None, "", "null", "null"),
    (7, "7", "7", "7"),
    (2.0, "2", "2", "2"),
    (0.5, "0.5", "0.5", "0.5"),
    ({}, "{}", "{}", "{}"),
    ({"b": "1", "a": [2.0]}, 'a:\n- 2\nb: "1"', 'a:\n- 2\nb: "1"', '{"a":[2],"b":"1"}'),
    ((), "", "[]", "[]"),
    (("1", "b"), "1\nb", '- "1"\n- b', '["1","b"]'),
    (["a", "b"], "- a\n- b", "- a\n- b", '["a","b"]'),
]


@pytest.mark.parametrize(("value", "smart", "as_yaml", "as_json"), PRINTED)
def test_values_are_printed_as_in_go(value: Any, smart: str, as_yaml: str, as_json: str) -> None:
    styles = ("smart", "yaml", "json")
    assert [format_value(value, style) for style in styles] == [smart, as_yaml, as_json]


def test_order_of_keys_is_kept_on_request() -> None:
    assert format_value({"b": 1, "a": 2}, "json", in_order=True) == '{"b":1,"a":2}'
    assert format_value({"b": 1, "a": 2}, "yaml", in_order=True) == "b: 1\na: 2"


OPTIONS = """
config:
  options:
    ratio: {type: float, default: 2.0}
    unset: {type: string}
    word: {type: string, default: "off"}
"""


def test_hook_commands_print_in_each_format(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", OPTIONS, SCRIPT))
    answers = run(
        juju,
        "config-get",
        "config-get --all --format=json",
        "config-get -a ratio",
        "config-get none",
        "config-get word",
        "config-get word --format=yaml",
        "secret-add pin=12345",
        "secret-get {secret} pin",
        "secret-get {secret}",
        "is-leader --format=yaml",
        "is-leader --format=json",
        "state-get",
        "state-set key=",
        "state-get key --format=json",
        "state-get none --format=json",
        "state-get --strict none",
        "state-get --strict key",
        "state-get -",
        "state-delete key",
    )
    del answers[6]  # The secret's id.
    assert answers == [
        'ratio: 2\nword: "off"',
        '{"ratio":2,"unset":null,"word":"off"}',
        'ERROR cannot use argument --all together with key "ratio"',
        0,
        "off",
        '"off"',
        '"12345"',
        'pin: "12345"',
        "true",
        "true",
        "{}",
        0,
        '""',
        '""',
        'ERROR "none" not found',
        0,
        'key: ""',
        0,
    ]
