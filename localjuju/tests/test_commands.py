"""What the commands print is what the ``juju`` command of real controllers printed.

``recordings/commands-*.jsonl`` holds the calls on a controller, in their order, and what was said.
"""

from __future__ import annotations

import json
import pathlib
import re

import jubilant
import pytest
import yaml

from localjuju import LocalJuju

HERE = pathlib.Path(__file__).parent

NOT_AS_RECORDED = "exec --unit tprov/0 -- hostname"
"""The machines of localjuju have no host names of their own."""


def test_commands_say_what_juju_says(series: str) -> None:
    recording = HERE / "recordings" / f"commands-{series}.jsonl"
    differences = []
    with LocalJuju(series) as juju:
        for line in recording.read_text().splitlines():
            call = json.loads(line)
            arguments = [a for a in call["args"] if a not in ("-m", "cli")]
            command = " ".join(arguments)
            if command == NOT_AS_RECORDED:
                continue
            arguments = [
                str(HERE / "charms" / a.removeprefix("./")).replace(".charm", "")
                if a.startswith("./") and (HERE / "charms" / a[2:-6]).exists()
                else a
                for a in arguments
            ]
            if arguments[0] == "status":
                # Recorded before and after a settled model; here it always has settled.
                assert juju.cli(*arguments)
                continue
            said = _said(juju, *arguments)
            juju.settle()
            recorded = call["rc"], *map(_comparable, (call["stdout"], call["stderr"]))
            if said != recorded:
                differences.append((command, said, recorded))
    for command, said, recorded in differences:
        print(f"$ {command}\n  said     {said}\n  recorded {recorded}")
    assert not differences


def _said(juju: LocalJuju, *arguments: str) -> tuple[int, object, object]:
    try:
        stdout, stderr = juju._cli(*arguments)
    except jubilant.CLIError as error:
        return error.returncode, _comparable(error.stdout), _comparable(error.stderr)
    return 0, _comparable(stdout), _comparable(stderr)


def _comparable(text: str) -> object:
    """Leave out what differs from run to run: numbers, addresses, times, ids."""
    try:
        data = json.loads(text)
    except ValueError:
        text = re.sub(r'local charm "(\w+)", revision \d', r'local charm "\1", revision N', text)
        text = re.sub(r"([Tt]ask|[Oo]peration|[Aa]ction id|id) \"?\d+\"?", r"\1 N", text)
        text = re.sub(r"checking unit \"\S+\"", "checking unit", text)
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _shape(data)


def _shape(data: object) -> object:
    """Keep the keys, and the values that a model decides."""
    volatile = ("public-address", "id", "timing", "since", "relation-id", "charm", "machine")
    volatile += ("leader", "app-from")  # Which unit leads is chance.
    if isinstance(data, dict):
        kept = {k: v for k, v in data.items() if k not in volatile and "address" not in k}
        return {k: _shape(v) for k, v in kept.items() if k != "egress-subnets"}
    if isinstance(data, list):
        return sorted((_shape(v) for v in data), key=str)
    return re.sub(r"secret://\S+", "secret", data) if isinstance(data, str) else data


def test_unknown_command_is_named(series: str) -> None:
    with LocalJuju(series) as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.cli("dance")
    assert "no command 'dance'" in failure.value.stderr


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


def test_packed_charm_stands_for_its_source_folder() -> None:
    with LocalJuju(charms=HERE / "charms") as juju:
        juju.deploy("./anywhere/tprov_ubuntu-24.04-amd64.charm", "database")
        assert juju.status().apps["database"].charm_name == "tprov"


def test_bundle_that_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text("applications: [")
    with LocalJuju() as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(bundle)
    assert str(bundle) in failure.value.stderr
