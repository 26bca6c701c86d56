"""The commands print the same as the ``juju`` command of real controllers.

``recorded.py`` reads the recordings, and lists what the comparison leaves out.
"""

from __future__ import annotations

import json
import pathlib
import re

import jubilant
import pytest
import recorded
import yaml

from conftest import MakeCharm
from localjuju import LocalJuju

HERE = pathlib.Path(__file__).parent

RECORDED_BEFORE_THE_RETRY = "config fprov fail=0"
"""Repairs a failed hook. In the recording, the next command ran before Juju retried the hook."""


def test_commands_print_what_juju_prints(series: str) -> None:
    differences = []
    with LocalJuju(series) as juju:
        for call in recorded.commands(series):
            if recorded.why_not_run(call, series):
                continue
            command = recorded.command_of(call)
            arguments = [a for a in call["args"] if a not in ("-m", "cli")]
            arguments = [
                str(HERE / "charms" / a.removeprefix("./")).replace(".charm", "")
                if a.startswith("./") and (HERE / "charms" / a[2:-6]).exists()
                else a
                for a in arguments
            ]
            printed = _run_recorded(juju, *arguments)
            if recorded.why_not_compared(call):
                continue
            if command != RECORDED_BEFORE_THE_RETRY:
                juju.settle()
            real = call["rc"], *map(_comparable, (call["stdout"], call["stderr"]))
            if printed != real:
                differences.append((command, printed, real))
    for command, printed, real in differences:
        print(f"$ {command}\n  localjuju {printed}\n  recorded  {real}")
    assert not differences


def _run_recorded(juju: LocalJuju, *arguments: str) -> tuple[int, object, object]:
    try:
        stdout, stderr = juju._cli(*arguments)
    except jubilant.CLIError as error:
        return error.returncode, _comparable(error.stdout), _comparable(error.stderr)
    return 0, _comparable(stdout), _comparable(stderr)


def _comparable(text: str) -> object:
    """Remove what differs between runs: numbers, addresses, times, ids."""
    try:
        data = json.loads(text)
    except ValueError:
        text = re.sub(r'local charm "(\w+)", revision \d', r'local charm "\1", revision N', text)
        text = re.sub(r"([Tt]ask|[Oo]peration|[Aa]ction id|id) \"?\d+\"?", r"\1 N", text)
        text = re.sub(r"checking unit \"\S+\"", "checking unit", text)
        text = re.sub(r"secret:[0-9a-v]{20}", "secret:ID", text)
        if text.startswith("Model  Controller"):
            text = _table(text)
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _shape(data)


def _table(text: str) -> str:
    """Remove from a status table what differs between runs, and the widths of columns."""
    text = re.sub(r"\S+ +\S+ +localhost/localhost +(3\.6\.28|4\.0\.15)(\.1)?", r"MODEL \1", text)
    text = re.sub(r"\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"\d+\.\d+\.\d+\.\d+", "ADDRESS", text)
    text = re.sub(r"(local)?juju-\S*\d ", "NAME ", text)
    text = re.sub(r"  vm  (Running)$", r"  \1", text, flags=re.M)
    text = re.sub(
        r"  (install|start|config-changed|\S+-relation-\S+)$", "  HOOK", text, flags=re.M
    )
    text = re.sub(r"(/\d)\*? +", r"\1  ", text)  # Which unit leads is chance.
    # The number of spaces between columns depends on these values.
    return re.sub(r"  +", "  ", text)


def _shape(data: object) -> object:
    """Keep the keys, and the values that do not depend on the controller."""
    volatile = ("public-address", "id", "timing", "since", "relation-id", "charm", "machine")
    volatile += ("model", "machines", "controller")  # Of status: cloud, version, hardware.
    volatile += ("created", "updated")  # Times of secrets.
    volatile += ("leader", "app-from")  # Which unit leads is chance.
    if isinstance(data, dict):
        kept = {k: v for k, v in data.items() if k not in volatile and "address" not in k}
        return {
            re.sub("^[0-9a-v]{20}$", "secret", k): _shape(v)
            for k, v in kept.items()
            if k != "egress-subnets"
        }
    if isinstance(data, list):
        return sorted((_shape(v) for v in data), key=str)
    if isinstance(data, str):
        data = re.sub(r"secret://\S+", "secret", data)
        data = re.sub(r"^model-[0-9a-f-]{36}$", "model-UUID", data)
        data = re.sub(r"^cred-\d+$", "cred-N", data)  # Contains the relation's number.
        # The recorded charms write their last hook, which is chance if several are due.
        data = re.sub(r"^(start|config-changed|\S+-relation-\S+)$", "a hook", data)
        return re.sub(r"^(3\.6\.28|4\.0\.15)\.1$", r"\1", data)  # Recorded with a local build.
    return data


def test_unknown_option_is_named() -> None:
    with LocalJuju() as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.cli("integrate", "a", "b", "--fast")
    assert "--fast" in failure.value.stderr
    assert failure.value.returncode == 2


def test_jubilant_reads_the_status_of_subordinates_and_relations(series: str) -> None:
    with LocalJuju(series) as juju:
        for name in ("tprov", "treq", "tsub"):
            juju.deploy(HERE / "charms" / name)
        juju.integrate("treq:database", "tprov:database")
        juju.integrate("treq:logging", "tsub:logging")
        status = juju.wait(jubilant.all_active)
    assert status.apps["tsub"].subordinate_to == ["treq"]
    assert set(status.get_units("tsub")) == {"tsub/0"}
    assert status.apps["treq"].relations["database"][0].related_app == "tprov"


def test_bundle_deploys_folders_and_relations(tmp_path: pathlib.Path, series: str) -> None:
    bundle = {
        "applications": {
            "database": {"charm": str(HERE / "charms" / "tprov"), "num_units": 2},
            "web": {"charm": str(HERE / "charms" / "treq"), "num_units": 1},
        },
        "relations": [["web:database", "database:database"]],
    }
    (tmp_path / "bundle.yaml").write_text(yaml.safe_dump(bundle))
    with LocalJuju(series) as juju:
        juju.deploy(tmp_path / "bundle.yaml")
        status = juju.wait(jubilant.all_active)
    assert len(status.apps["database"].units) == 2
    assert status.apps["web"].relations["database"][0].related_app == "database"


def test_packed_charm_runs_from_its_source_folder() -> None:
    with LocalJuju(charms=HERE / "charms") as juju:
        juju.deploy("./anywhere/tprov_ubuntu-24.04-amd64.charm", "database")
        assert juju.status().apps["database"].charm_name == "tprov"


def test_bundle_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text("applications: [")
    with LocalJuju() as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(bundle)
    assert str(bundle) in failure.value.stderr


@pytest.mark.parametrize(
    ("bundle", "complaint"),
    [
        ("- a", "has no applications"),
        ("applications: {a: {num_units: 1}}", 'application "a" does not name a charm'),
        ("applications: {a: {charm: x, num_units: many}}", "\"num_units\" is 'many'"),
        ("applications: {a: {charm: x, via: [0]}}", 'localjuju does not support "via"'),
        ("applications: {}\nsaas: {}", 'localjuju does not support "saas"'),
        ("applications: {}\nmachines: [a]", "machines is not a map"),
        ("applications: {}\nmachines: {0: a}", "machine \"0\" is 'a', not a map"),
        ("applications: {}\nrelations: [[a]]", "a pair of endpoints, not ['a']"),
        ("applications: {}\nrelations: a", "relations is not a list"),
    ],
)
def test_mistake_in_a_bundle_is_named(tmp_path: pathlib.Path, bundle: str, complaint: str) -> None:
    path = tmp_path / "bundle.yaml"
    path.write_text(bundle)
    with LocalJuju() as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(path)
    assert complaint in failure.value.stderr
    assert str(path) in failure.value.stderr


def test_bundle_supports_all_keys_of_applications(tmp_path: pathlib.Path, series: str) -> None:
    bundle = {
        "applications": {
            "database": {"charm": str(HERE / "charms" / "tprov"), "scale": 1, "expose": True},
            "web": {"charm": str(HERE / "charms" / "treq"), "num_units": 2, "trust": True},
            "shop": {"charm": str(HERE / "charms" / "treq"), "options": None},
            "logs": {"charm": str(HERE / "charms" / "tsub"), "num_units": 0},
        },
        "relations": [["database:database", ["web:database", "shop:database"]]],
    }
    (tmp_path / "bundle.yaml").write_text(yaml.safe_dump(bundle))
    with LocalJuju(series) as juju:
        juju.deploy(tmp_path / "bundle.yaml")
        apps = juju.status().apps
        trusted = json.loads(juju.cli("config", "web", "--format", "json"))
    assert apps["database"].exposed
    assert trusted["application-config"]["trust"]["value"] is True
    assert {name: len(app.units) for name, app in apps.items()} == {
        "database": 1,
        "web": 2,
        "shop": 0,
        "logs": 0,
    }
    related = {relation.related_app for relation in apps["database"].relations["database"]}
    assert related == {"web", "shop"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no command"),
        (["status", "-h"], "-h"),
        (["expose"], "application"),
        (["run", "a/0", "evaluate", "python=["], '"python" is not YAML'),
        (["run", "a/0", "evaluate", "--params", "/nosuch"], "/nosuch"),
        (["run", "a/0", "evaluate", "--wait", "soon"], '"soon" for option --wait'),
        (["add-unit", "a", "-n", "0"], "positive integer"),
        (["deploy", "./a", "--num-units", "-1"], "no charm"),
        (["deploy", "a", "--overlay", "b"], "--overlay"),
        (["integrate", "a", "b", "--via", "10.0.0.0/8"], "--via"),
    ],
)
def test_mistake_on_the_command_line_is_named(
    make_charm: MakeCharm, arguments: list[str], complaint: str
) -> None:
    with LocalJuju() as juju:
        juju.deploy(make_charm("a"))
        with pytest.raises(jubilant.CLIError) as failure:
            juju.cli(*arguments)
    assert complaint in failure.value.stderr


def test_status_of_a_model_with_hooks_left_to_run(make_charm: MakeCharm) -> None:
    with LocalJuju() as juju:
        juju.deploy(make_charm("a"))
        unit = juju.look().apps["a"].units["a/0"]
        assert unit.workload_status.message == "waiting for machine"
        assert juju.status().apps["a"].units["a/0"].workload_status.current == "active"
