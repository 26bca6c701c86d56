"""The folders of the interfaces are valid, and invalid folders are refused."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil

import pytest

from interface_checks import databags, readme, registry, sync, validator
from interface_checks.registry import Interface, charm_folders, interfaces

ALL = [pytest.param(interface, id=str(interface)) for interface in interfaces()]


@pytest.mark.parametrize("interface", ALL)
def test_interface_is_valid(interface: Interface) -> None:
    assert validator.problems(interface) == []


def test_interfaces_list_the_charms_that_use_them() -> None:
    assert validator.list_problems(interfaces(), charm_folders()) == []


@pytest.mark.parametrize("interface", ALL)
def test_copies_of_the_models_in_charms_are_current(interface: Interface) -> None:
    assert interface.copies
    stale = [path for path in interface.copies if path.read_text() != interface.copied_text]
    assert stale == [], "run make sync-interfaces"


WITHOUT_PYDANTIC = [
    pytest.param(interface, id=str(interface))
    for interface in interfaces()
    if (interface.folder / "charm_models.py").exists()
]


@pytest.mark.parametrize("interface", WITHOUT_PYDANTIC)
def test_models_without_pydantic_have_the_same_fields(interface: Interface) -> None:
    plain = registry.load_module(interface.folder / "charm_models.py", f"plain_{interface.name}")
    for role in interface.roles:
        for databag in ("app", "unit"):
            if model := interface.databag_model(role, databag):
                fields = dataclasses.fields(getattr(plain, model.__name__))
                assert [field.metadata.get("alias", field.name) for field in fields] == [
                    field.alias or name for name, field in model.model_fields.items()
                ]


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> Interface:
    """A copy of an interface, which a test changes."""
    folder = tmp_path / "mongodb" / "interface" / "v0"
    shutil.copytree(registry.INTERFACES / "mongodb" / "interface" / "v0", folder)
    return Interface(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("interface.yaml", "status:", "state:", 'unknown key "state"'),
        ("interface.yaml", "status: draft\n", "", 'no "status"'),
        ("interface.yaml", "status: draft", "status: done", '"status" must be'),
        ("interface.yaml", "version: 0", "version: zero", "\"version\" must be int, not 'zero'"),
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
        ("README.md", "## Usage\n", "## Usage\n## Use\n", 'section "Usage" is empty'),
        ("README.md", "```mermaid", "```", "no Mermaid diagram"),
        ("README.md", "### Requirer\n", "### Other\n", "does not describe the requirer"),
        ("README.md", "| `endpoints` |", "| `endpoint` |", "do not match schema.py"),
        ("README.md", "The name of the replica set", "The set", "do not match schema.py"),
        ("README.md", "database: '\"notes\"'", "database: '5'", 'field "database": Input should'),
        ("README.md", "database: '\"notes\"'", "data: '\"notes\"'", 'field "data": the interface'),
        ("README.md", '10.0.0.11:27017", "10.0.0.12', 'b:1", "a', 'field "endpoints": not in'),
        ("README.md", "  password: example\n", "", 'field "password" of MongodbUserSecret'),
        ("README.md", "    version: 8.0.4\n", "", 'field "version" of MongodbProviderUnit'),
        ("README.md", "secret-user:\n  user", "secret:\n  user", '"secret" is neither a side'),
        ("README.md", "requirer:\n  app:", "requirer:\n  apps:", '"apps" is not a databag'),
        ("README.md", "password: example", "pass: example", 'a secret: field "pass": unknown'),
        ("README.md", "replset, version,", "replset, series,", '"Direction" has "series"'),
        ("README.md", "```yaml", "```json", "no ```yaml block"),
        (
            "schema.py",
            "database: str | None = None",
            "database: str",
            "mandatory fields in the requirer's app databag",
        ),
        (
            "schema.py",
            "pydantic.AfterValidator(sorted)",
            "pydantic.AfterValidator(list)",
            'field "endpoints" of the provider\'s app databag is a list that is not sorted',
        ),
        (
            "schema.py",
            "    username: str | None = None",
            "    username: str",
            "mandatory fields in the secret of secret-user",
        ),
        (
            "schema.py",
            "Annotated[list[str], pydantic.AfterValidator(sorted)]",
            "frozenset[str]",
            'field "endpoints" of the provider\'s app databag is a frozenset',
        ),
        (
            "schema.py",
            "    type: str | None",
            "    type: Literal['database'] | None",
            'field "type" of the provider\'s unit databag refuses unknown values',
        ),
        ("schema.py", "database: str | None = None", "database: str = ''", "must accept null"),
        (
            "schema.py",
            "validate_by_alias=True,",
            "validate_by_alias=True, extra='forbid',",
            "must ignore unknown fields",
        ),
        (
            "schema.py",
            '    """The name of the replica set."""\n',
            "",
            "no docstring for README.md",
        ),
        ("schema.py", "    replset: str | None", "    replica_set: str | None", "vectors/"),
        ("schema.py", "class ProviderSchema", "class ProvidersSchema", "no ProviderSchema"),
        ("schema.py", "    port: str | None", "    port: list[int] | None", 'field "port": Input'),
    ],
)
def test_problem_in_a_folder_is_named(
    copy: Interface, file: str, old: str, new: str, problem: str
) -> None:
    path = copy.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(
        text.replace(old, new).replace("import Annotated", "import Annotated, Literal")
    )
    problems = validator.problems(copy)
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("tests/test_provider.py", "tests/test_provider.py is missing"),
        ("README.md", "README.md"),
        ("interface.yaml", "interface.yaml"),
        ("schema.py", "schema.py"),
    ],
)
def test_missing_file_is_named(copy: Interface, file: str, problem: str) -> None:
    (copy.folder / file).unlink()
    problems = validator.problems(copy)
    assert any(problem in found for found in problems), problems


def test_missing_vectors_are_a_problem(copy: Interface) -> None:
    shutil.rmtree(copy.folder / "vectors")
    problem = 'vectors/ has no app databag of the requirer with field "database"'
    assert any(problem in found for found in validator.problems(copy))


def test_vector_that_is_no_longer_valid_is_named(copy: Interface) -> None:
    path = next((copy.folder / "vectors").glob("*.json"))
    vector = json.loads(path.read_text())
    vector["data"] = {"of-an-old-version": '"x"'}
    path.write_text(json.dumps(vector))
    problems = validator.problems(copy)
    assert any(path.name in p and '"of-an-old-version"' in p for p in problems), problems


def test_readme_without_markers_for_the_tables_is_named(copy: Interface) -> None:
    path = copy.folder / "README.md"
    path.write_text(path.read_text().replace(readme.BEGIN, ""))
    assert any("README.md has no line" in problem for problem in validator.problems(copy))


def test_unused_interface_is_named(copy: Interface) -> None:
    path = copy.folder / "interface.yaml"
    kept = path.read_text().partition("providers:")[0] + "maintainer: x\n"
    path.write_text(kept)
    assert validator.list_problems([copy], []) == [
        "mongodb: no charm has an endpoint with this interface"
    ]


@pytest.mark.parametrize("value", ['"27017"', "true", "27017.0", "no JSON"])
def test_number_in_another_form_is_refused(value: str) -> None:
    interface = registry.find_interface("mongodb-replica-set")
    assert interface
    assert len(databags.problems(interface, "peer", "app", {"port": value})) == 1
    assert databags.problems(interface, "peer", "app", {"port": "27017"}) == []


def test_sync_writes_tables_and_copies(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("interfaces", "charms"):
        origin = registry.INTERFACES.parent / name
        ignored = shutil.ignore_patterns("tests", "node_modules", "__pycache__", ".*")
        shutil.copytree(origin, tmp_path / name, ignore=ignored)
    stale = [
        tmp_path / "charms/mongodb/src/mongodb_interface.py",
        tmp_path / "charms/my-node-app/src/mongodb_interface.py",
        tmp_path / "charms/demo-provider/src/demo_interface.py",
        tmp_path / "interfaces/http/interface/v0/README.md",
    ]
    texts = [path.read_text() for path in stale]
    for path in stale[:3]:
        path.write_text("")
    stale[3].write_text(texts[3].replace("from 1 to 65535.", "or not."))
    found = interfaces(tmp_path / "interfaces")
    monkeypatch.setattr(sync, "interfaces", lambda: found)
    monkeypatch.setattr(registry, "CHARMS", tmp_path / "charms")
    sync.main()
    assert [path.read_text() for path in stale] == texts
    assert sorted(capsys.readouterr().out.split()[1::2]) == sorted(map(str, stale))


def test_charms_that_are_missing_or_wrong_in_a_list_are_named(
    copy: Interface, tmp_path: pathlib.Path
) -> None:
    charm = tmp_path / "stranger"
    charm.mkdir()
    (charm / "charmcraft.yaml").write_text("requires: {db: {interface: mongodb}}")
    assert validator.list_problems([copy], [charm]) == [
        "stranger is a requirer of mongodb, but interface.yaml does not list it",
        "mongodb: interface.yaml lists mongodb, which is not a provider of it",
        "mongodb: interface.yaml lists my-node-app, which is not a requirer of it",
    ]
