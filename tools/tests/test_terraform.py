"""The Terraform modules fit the charms and the bundle.

These tests only parse the modules. `make terraform` validates them with Terraform.
"""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import hcl2
import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHARMS = sorted(path.parent for path in ROOT.glob("charms/*/charmcraft.yaml"))
BUNDLE = yaml.safe_load((ROOT / "bundle.yaml").read_text())
MODULES = [ROOT / "terraform", *(charm / "terraform" for charm in CHARMS)]

each_charm = pytest.mark.parametrize("charm", CHARMS, ids=lambda charm: charm.name)
each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda module: str(module.relative_to(ROOT))
)


def plain(value: Any) -> Any:
    """Return parsed HCL without the quotes that the parser keeps around text."""
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return json.loads(value) if isinstance(value, str) and value.startswith('"') else value


def blocks(module: pathlib.Path, file: str, kind: str) -> dict[str, Any]:
    """Return the blocks of one kind in a module's file, by name."""
    parsed = plain(hcl2.loads((module / file).read_text()))
    return {name: block for each in parsed.get(kind, []) for name, block in each.items()}


@each_module
def test_module_has_the_files_of_canonicals_modules(module: pathlib.Path) -> None:
    files = {"README.md", "main.tf", "outputs.tf", "variables.tf", "versions.tf"}
    assert {path.name for path in module.iterdir() if path.is_file()} == files
    (terraform,) = plain(hcl2.loads((module / "versions.tf").read_text()))["terraform"]
    assert terraform["required_providers"][0]["juju"]["source"] == "juju/juju"


@each_module
def test_every_variable_is_declared_used_and_documented(module: pathlib.Path) -> None:
    variables = blocks(module, "variables.tf", "variable")
    used = set(re.findall(r"\bvar\.(\w+)", (module / "main.tf").read_text()))
    assert used == variables.keys()
    assert list(variables) == sorted(variables)
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", _readme(module), re.M)
    assert [row[0] for row in rows] == list(variables)
    for name, _, description, default in rows:
        assert description == variables[name]["description"]
        assert (default == "required") == ("default" not in variables[name])


@each_module
def test_every_output_is_documented(module: pathlib.Path) -> None:
    documented = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", _readme(module), re.M)
    assert documented == list(blocks(module, "outputs.tf", "output"))


def _readme(module: pathlib.Path) -> str:
    return (module / "README.md").read_text()


@each_charm
def test_outputs_contain_the_endpoints_of_the_charm(charm: pathlib.Path) -> None:
    metadata = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    outputs = blocks(charm / "terraform", "outputs.tf", "output")
    assert outputs["application"]["value"] == "${juju_application.this}"
    for side in ("provides", "requires"):
        endpoints = list(metadata.get(side, {}))
        assert outputs[side]["value"] == dict(zip(endpoints, endpoints, strict=True))
        row = re.search(rf"^\| `{side}` \| .*: (.*) \|$", _readme(charm / "terraform"), re.M)
        assert row
        assert row[1] == (", ".join(f"`{each}`" for each in endpoints) or "none")


@each_charm
def test_variables_cover_options_resources_and_storage(charm: pathlib.Path) -> None:
    metadata = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    variables = blocks(charm / "terraform", "variables.tf", "variable")
    always = {"app_name", "base", "channel", "charm_name", "model_uuid", "revision"}
    # The principals determine the number of a subordinate's units, and their machines.
    principals = set() if metadata.get("subordinate") else {"constraints", "units"}
    declared = {
        "config": metadata.get("config", {}).get("options", {}),
        "resources": metadata.get("resources", {}),
        "storage_directives": metadata.get("storage", {}),
    }
    for name, names in declared.items():
        if names:
            assert variables[name]["description"].endswith(": " + ", ".join(names))
    assert variables.keys() == {
        *always,
        *principals,
        *(n for n, has in declared.items() if has),
    }
    assert variables["app_name"]["default"] == metadata["name"]
    assert variables["base"]["default"] == metadata["base"]


def test_modules_of_the_bundle_match_its_applications() -> None:
    modules = blocks(ROOT / "terraform", "main.tf", "module")
    found = {name.replace("_", "-"): module.get("units") for name, module in modules.items()}
    assert found == {name: app.get("num_units") for name, app in BUNDLE["applications"].items()}
    for module in modules.values():
        folder = (ROOT / "terraform" / module["source"]).resolve()
        given = {key for key in module if not key.startswith("__")} - {"source"}
        variables = blocks(folder, "variables.tf", "variable")
        assert given <= variables.keys()
        assert given >= {name for name, each in variables.items() if "default" not in each}


def test_integrations_of_the_bundle_match_its_relations() -> None:
    parsed = plain(hcl2.loads((ROOT / "terraform/main.tf").read_text()))
    found = []
    for resource in parsed["resource"]:
        for integration in resource["juju_integration"].values():
            ends = [_end(application) for application in integration["application"]]
            found.append(sorted(ends))
    assert sorted(found) == sorted(sorted(relation) for relation in BUNDLE["relations"])


def _end(application: dict[str, str]) -> str:
    """Return one end of an integration in the form of a bundle: application:endpoint."""
    name = re.fullmatch(r"\$\{module\.(\w+)\.application\.name\}", application["name"])
    assert name
    charm = ROOT / "charms" / name[1].replace("_", "-")
    endpoint = application["endpoint"]
    output = re.fullmatch(r"\$\{module\.(\w+)\.(\w+)\.([\w-]+)\}", endpoint)
    if output:
        assert output[1] == name[1]
        outputs = blocks(charm / "terraform", "outputs.tf", "output")
        endpoint = outputs[output[2]]["value"][output[3]]
    return f"{charm.name}:{endpoint}"
