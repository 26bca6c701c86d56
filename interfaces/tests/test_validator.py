"""The interfaces are well written down, and a folder that is not is refused."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil

import pytest

from interface_checks import readme, registry, validator
from interface_checks.registry import Interface, charm_folders, interfaces

ALL = [pytest.param(one, id=str(one)) for one in interfaces()]


@pytest.mark.parametrize("one", ALL)
def test_interface_is_well_written_down(one: Interface) -> None:
    assert validator.problems(one) == []


def test_each_endpoint_has_its_interface_and_the_other_way_round() -> None:
    assert validator.unlisted(interfaces(), charm_folders()) == []


@pytest.mark.parametrize("one", ALL)
def test_charms_have_copies_of_the_models(one: Interface) -> None:
    assert one.copies
    stale = [path for path in one.copies if path.read_text() != one.copied_text]
    assert stale == [], "run make sync-interfaces"


WITHOUT_PYDANTIC = [
    pytest.param(one, id=str(one))
    for one in interfaces()
    if (one.folder / "charm_models.py").exists()
]


@pytest.mark.parametrize("one", WITHOUT_PYDANTIC)
def test_models_without_pydantic_have_the_same_fields(one: Interface) -> None:
    plain = registry.load_module(one.folder / "charm_models.py", f"plain_{one.name}")
    for role in one.roles:
        for bag in ("app", "unit"):
            if model := one.bag_model(role, bag):
                fields = dataclasses.fields(getattr(plain, model.__name__))
                assert [field.metadata.get("alias", field.name) for field in fields] == [
                    field.alias or name for name, field in model.model_fields.items()
                ]


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> Interface:
    """An interface to spoil."""
    folder = tmp_path / "mongodb" / "interface" / "v0"
    shutil.copytree(registry.INTERFACES / "mongodb" / "interface" / "v0", folder)
    return Interface(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("interface.yaml", "status:", "state:", 'unknown key "state"'),
        ("interface.yaml", "status: draft\n", "", 'no "status"'),
        ("interface.yaml", "status: draft", "status: done", '"status" is none of'),
        ("interface.yaml", "version: 0", "version: zero", "\"version\" is no int: 'zero'"),
        ("interface.yaml", "version: 0", "version: 1", '"version" is 1'),
        (
            "interface.yaml",
            "name: mongodb\nversion",
            "name: other\nversion",
            "\"name\" is 'other'",
        ),
        ("interface.yaml", "test_setup", "setup", 'unknown key "setup" of mongodb'),
        ("interface.yaml", "    url: charms/mongodb\n", "", "has no name or url"),
        ("README.md", "## Usage", "## Use", 'no section "Usage"'),
        ("README.md", "## Direction", "## Where", 'no section "Direction"'),
        ("README.md", "## Behavior", "## Behaviour", 'no section "Behavior"'),
        ("README.md", "## Relation Data", "## Data", 'no section "Relation Data"'),
        ("README.md", "```mermaid", "```", "no Mermaid diagram"),
        ("README.md", "### Requirer\n", "### Other\n", "does not tell of the requirer"),
        ("README.md", "| `endpoints` |", "| `endpoint` |", "not those of schema.py"),
        ("README.md", "Name of the replica set", "The set", "not those of schema.py"),
        ("README.md", "database: '\"notes\"'", "database: '5'", 'field "database": Input should'),
        ("README.md", "database: '\"notes\"'", "data: '\"notes\"'", 'field "data": the interface'),
        ("README.md", '10.0.0.11:27017", "10.0.0.12', 'b:1", "a', 'field "endpoints": not as'),
        ("README.md", "  password: example\n", "", 'field "password": Field required'),
        ("README.md", "```yaml", "```json", "no ```yaml block"),
        (
            "schema.py",
            "database: str | None = None",
            "database: str",
            "mandatory in the requirer's app databag",
        ),
        (
            "schema.py",
            "pydantic.AfterValidator(sorted)",
            "pydantic.AfterValidator(list)",
            'field "endpoints" of the provider\'s app databag is a list in no fixed order',
        ),
        ("schema.py", '    """Name of the replica set."""\n', "", "README.md is silent"),
        ("schema.py", "    replset: str | None", "    replica_set: str | None", "vectors/"),
        ("schema.py", "class ProviderSchema", "class ProvidersSchema", "no ProviderSchema"),
        ("schema.py", "    port: str | None", "    port: list[int] | None", 'field "port": Input'),
    ],
)
def test_spoilt_folder_is_refused(
    copy: Interface, file: str, old: str, new: str, complaint: str
) -> None:
    path = copy.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    problems = validator.problems(copy)
    assert any(complaint in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("tests/test_provider.py", "tests/test_provider.py is missing"),
        ("README.md", "README.md"),
        ("interface.yaml", "interface.yaml"),
        ("schema.py", "schema.py"),
    ],
)
def test_missing_file_is_named(copy: Interface, file: str, complaint: str) -> None:
    (copy.folder / file).unlink()
    problems = validator.problems(copy)
    assert any(complaint in problem for problem in problems), problems


def test_vectors_are_needed(copy: Interface) -> None:
    shutil.rmtree(copy.folder / "vectors")
    assert any("vectors/ holds no databag" in problem for problem in validator.problems(copy))


def test_vector_that_cannot_be_read_any_more_is_named(copy: Interface) -> None:
    path = next((copy.folder / "vectors").glob("*.json"))
    vector = json.loads(path.read_text())
    vector["data"] = {"of-another-time": '"x"'}
    path.write_text(json.dumps(vector))
    problems = validator.problems(copy)
    assert any(path.name in p and '"of-another-time"' in p for p in problems), problems


def test_readme_without_a_place_for_the_tables_is_named(copy: Interface) -> None:
    path = copy.folder / "README.md"
    path.write_text(path.read_text().replace(readme.BEGIN, ""))
    assert any("README.md has no line" in problem for problem in validator.problems(copy))


def test_charm_and_interface_that_do_not_know_each_other_are_named(
    copy: Interface, tmp_path: pathlib.Path
) -> None:
    charm = tmp_path / "stranger"
    charm.mkdir()
    (charm / "charmcraft.yaml").write_text("requires: {db: {interface: mongodb}}")
    assert validator.unlisted([copy], [charm]) == [
        "stranger is a requirer of mongodb, whose interface.yaml does not list it",
        "mongodb: interface.yaml lists mongodb, which is no provider of it",
        "mongodb: interface.yaml lists my-node-app, which is no requirer of it",
    ]
