"""``juju config`` and ``deploy --config``: the values that options accept, and the errors."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jubilant
import pytest
import yaml

from conftest import MakeCharm, error_text, evaluate
from localjuju import LocalJuju

OPTIONS = """
config:
  options:
    flag: {type: boolean, default: false}
    num: {type: int, default: 0}
    ratio: {type: float}
    key: {type: secret}
    text: {type: string, default: t}
"""
SECRET = "secret:cj4v5vm78ohs79o84r4g"


@pytest.fixture
def deployed(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    juju.deploy(make_charm("a", OPTIONS))
    return juju


def settings(juju: LocalJuju) -> dict[str, Any]:
    described = json.loads(juju.cli("config", "a", "--format", "json"))["settings"]
    return {name: one.get("value") for name, one in described.items()}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *[("flag", text, True) for text in ("1", "t", "T", "true", "TRUE", "True")],
        ("num", "+7", 7),
        ("num", "-7", -7),
        ("num", "007", 7),
        ("num", "9223372036854775807", 2**63 - 1),
        ("ratio", "2", 2),
        ("ratio", "1e3", 1000),
        ("ratio", ".5", 0.5),
        ("ratio", "0x1p-2", 0.25),
        ("key", SECRET, SECRET),
        ("key", "secret://0a0a0a0a-0000-4000-8000-00000000000a/cj4v5vm78ohs79o84r4g", None),
        ("text", "yes", "yes"),
        ("text", "a=b", "a=b"),
    ],
)
def test_option_accepts_what_go_reads(
    deployed: LocalJuju, name: str, text: str, value: Any
) -> None:
    deployed.cli("config", "a", f"{name}={text}")
    assert settings(deployed)[name] == (text if value is None else value)


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        *[("flag", "boolean", text) for text in ("tRuE", "yes", "on", "", " true")],
        *[
            ("num", "int", text)
            for text in ("1_000", "0x10", " 7 ", "1.0", "", "9223372036854775808")
        ],
        *[
            ("ratio", "float", text)
            for text in ("1_0", " 1", "", "x", "1e", "inf", "nan", "1e999")
        ],
    ],
)
def test_option_accepts_nothing_else(
    deployed: LocalJuju, make_charm: MakeCharm, name: str, kind: str, text: str
) -> None:
    prefix = "parsing settings for application: " if deployed.series == "3.6" else ""
    expected = f'ERROR {prefix}option "{name}" expected {kind}, got "{text}"'
    assert error_text(deployed, "config", "a", f"{name}={text}") == expected
    charm = str(make_charm("other", OPTIONS))
    assert expected in error_text(deployed, "deploy", charm, "--config", f"{name}={text}")
    assert "other" not in deployed.status().apps


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("plain", 'secret URI "plain" not valid'),
        ("secret:short", 'secret URI "secret:short" not valid'),
        ("http://x", 'secret URI scheme "http" not valid'),
    ],
)
def test_option_of_type_secret_is_checked(deployed: LocalJuju, text: str, complaint: str) -> None:
    expected = f'ERROR invalid secret URI for option "key": {complaint}'
    assert error_text(deployed, "config", "a", f"key={text}") == expected


def test_unknown_option_is_named(deployed: LocalJuju) -> None:
    reason = "invalid application config"
    if deployed.series == "3.6":
        reason = "parsing settings for application"
    assert error_text(deployed, "config", "a", "nosuch=1") == (
        f'ERROR {reason}: unknown option "nosuch"'
    )
    assert error_text(deployed, "config", "a", "--reset", "num,nosuch") == (
        'ERROR unknown option "nosuch"'
    )


def test_value_is_read_from_a_file(
    deployed: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "value.txt"
    file.write_text("two\nlines\n")
    deployed.cli("config", "a", f"text=@{file}")
    assert evaluate(deployed, "a/0", "self.config['text']") == repr("two\nlines\n")
    deployed.deploy(make_charm("b", OPTIONS), config={"text": f"@{file}"})
    assert evaluate(deployed, "b/0", "self.config['text']") == repr("two\nlines\n")
    missing = tmp_path / "nosuch"
    assert error_text(deployed, "config", "a", f"text=@{missing}") == (
        f'ERROR cannot read option from file "{missing}": stat {missing}: '
        "no such file or directory"
    )
    file.write_bytes(b"\xff")
    assert error_text(deployed, "config", "a", f"text=@{file}") == (
        'ERROR value for option "text" contains non-UTF-8 sequences'
    )


def test_options_are_read_from_a_yaml_file(deployed: LocalJuju, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "options.yaml"
    content = {"a": {"num": 5, "flag": "true", "ratio": 2.5, "text": None}}
    file.write_text(yaml.safe_dump(content))
    if deployed.series == "4.0":
        assert error_text(deployed, "config", "a", "--file", str(file)) == (
            "ERROR config yaml not supported not implemented"
        )
        return
    deployed.cli("config", "a", "text=before")
    deployed.cli("config", "a", "--file", str(file), "num=6")
    assert settings(deployed) | {"key": None} == {
        "flag": True,
        "key": None,
        "num": 6,
        "ratio": 2.5,
        "text": "t",
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a: {num: 1.5}", 'option "num" expected int, got 1.5'),
        ("a: {num: ''}", 'option "num" expected int, got ""'),
        ("a: {text: 123}", 'option "text" expected string, got 123'),
        ("a: {flag: 123}", 'option "flag" expected boolean, got 123'),
        ("a: {ratio: true}", 'option "ratio" expected float, got true'),
        ("a: {nosuch: 1}", 'unknown option "nosuch"'),
        ("b: {num: 1}", 'no settings found for "a"'),
        ("a: [", "cannot parse settings data: "),
    ],
)
def test_mistake_in_a_yaml_file_is_named(
    make_charm: MakeCharm, tmp_path: pathlib.Path, content: str, complaint: str
) -> None:
    file = tmp_path / "options.yaml"
    file.write_text(content)
    charm = make_charm("a", OPTIONS)
    with LocalJuju("3.6") as juju:
        message = error_text(juju, "deploy", str(charm), "--config", str(file))
        assert f"ERROR parsing settings for application: {complaint}" in message
        juju.deploy(charm)
        message = error_text(juju, "config", "a", "--file", str(file))
        assert message.startswith(f"ERROR parsing settings for application: {complaint}")


def test_option_without_a_type_accepts_text(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", "config: {options: {untyped: {default: u}}}"))
    juju.cli("config", "a", "untyped=1")
    described = json.loads(juju.cli("config", "a", "--format", "json"))["settings"]["untyped"]
    assert described == {
        "default": "u",
        "description": "",
        "source": "user",
        "type": "string",
        "value": "1",
    }


def test_several_options_are_reset(deployed: LocalJuju) -> None:
    deployed.cli("config", "a", "num=1", "flag=true", "text=x")
    deployed.cli("config", "a", "--reset", "num,flag", "--reset", "text", "ratio=2")
    now = settings(deployed)
    assert (now["num"], now["flag"], now["text"], now["ratio"]) == (0, False, "t", 2)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no application name specified"),
        (["num=1"], "no application name specified"),
        (["a", "num", "flag"], "cannot specify multiple keys to get"),
        (["a", "num", "flag=1"], "cannot get value and set key=value pairs simultaneously"),
        (["a", "num", "--reset", "flag"], "cannot use --reset flag and get value simultaneously"),
        (["a", "num=1", "--reset", "num"], 'cannot set and reset key "num" simultaneously'),
        (["a", "num=1", "num=2"], 'key "num" specified more than once'),
        (["a", "=1"], 'expected "key=value", got "=1"'),
        (
            ["a", "--reset", "num=1"],
            '--reset accepts a comma delimited set of keys "a,b,c", received: "num=1"',
        ),
    ],
)
def test_mistake_on_the_command_line_is_named(
    deployed: LocalJuju, arguments: list[str], complaint: str
) -> None:
    assert error_text(deployed, "config", *arguments) == f"ERROR {complaint}"


def test_one_option_is_printed_without_format(deployed: LocalJuju) -> None:
    deployed.cli("config", "a", "text=a: b", "ratio=2.0", "flag=1")
    assert [deployed.cli("config", "a", key) for key in ("text", "ratio", "flag", "key")] == [
        "a: b\n",
        "2\n",
        "true\n",
        "\n",
    ]
    assert deployed.cli("config", "a", "trust", "--format", "json") == "false\n"
    deployed.cli("config", "a", "trust=true")
    assert deployed.cli("config", "a", "trust") == "true\n"


def test_unchanged_value_gives_a_warning(deployed: LocalJuju) -> None:
    assert deployed._cli("config", "a", "num=0")[1] == (
        'WARNING the configuration setting "num" already has the value "0"\n'
    )


def test_charm_gets_numbers_from_json(deployed: LocalJuju) -> None:
    deployed.cli("config", "a", "ratio=2.0", "flag=t")
    assert evaluate(deployed, "a/0", "(self.config['ratio'], self.config['flag'])") == "(2, True)"


FAILS_OVER_100 = """
def observe(self):
    self.framework.observe(self.on.config_changed, self._check)

def _check(self, _):
    if self.config["num"] > 100:
        raise ValueError("too large")
"""


def test_unit_recovers_from_a_bad_value_when_it_is_corrected(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", OPTIONS, FAILS_OVER_100))
    juju.wait(jubilant.all_active)
    juju.config("a", {"num": 101})
    juju.wait(jubilant.any_error)
    juju.config("a", {"num": 1})
    juju.wait(jubilant.all_active)


def test_unit_recovers_from_a_bad_value_at_deploy(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", OPTIONS, FAILS_OVER_100), config={"num": 101})
    juju.wait(jubilant.any_error)
    juju.config("a", reset="num")
    juju.wait(jubilant.all_active)
