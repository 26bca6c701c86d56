"""Each charm's folder is a complete repository, and shared files are equal in all charms."""

from __future__ import annotations

import pathlib
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHARMS = sorted(path.parent for path in ROOT.glob("charms/*/charmcraft.yaml"))
EQUAL = [
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "LICENSE",
    "terraform/versions.tf",
]
LONGER_WITH_FUNCTIONAL_TESTS = ["tox.ini", ".github/workflows/ci.yaml"]

each_charm = pytest.mark.parametrize("charm", CHARMS, ids=lambda charm: charm.name)


def texts(name: str) -> dict[str, str]:
    return {charm.name: (charm / name).read_text() for charm in CHARMS}


@pytest.mark.parametrize("name", EQUAL)
def test_file_is_equal_in_all_charms(name: str) -> None:
    assert len(set(texts(name).values())) == 1, name


def test_licence_is_the_licence_of_the_repository() -> None:
    assert (ROOT / "LICENSE").read_text() in texts("LICENSE").values()


@pytest.mark.parametrize("name", LONGER_WITH_FUNCTIONAL_TESTS)
def test_only_a_charm_with_functional_tests_adds_to_the_shared_file(name: str) -> None:
    shared = texts(name)["replicas-demo"]
    for charm, text in texts(name).items():
        assert text.startswith(shared), charm
        has_tests = (ROOT / "charms" / charm / "tests/functional").exists()
        assert ("functional" in text.removeprefix(shared)) == has_tests, charm


def test_modules_of_the_same_name_are_equal_in_all_charms() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for path in ROOT.glob("charms/*/src/*.py"):
        if path.name != "charm.py":
            found.setdefault(path.name, {}).setdefault(path.read_text(), []).append(str(path))
    differ = {name: list(paths.values()) for name, paths in found.items() if len(paths) > 1}
    assert differ == {}


@each_charm
def test_icon_is_square_and_unique(charm: pathlib.Path) -> None:
    root = ElementTree.parse(charm / "icon.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == (
        "100",
        "100",
        "0 0 100 100",
    )
    others = [text for name, text in texts("icon.svg").items() if name != charm.name]
    assert (charm / "icon.svg").read_text() not in others


@each_charm
def test_packed_charm_contains_icon_licence_and_readme(charm: pathlib.Path) -> None:
    metadata = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    steps = metadata["parts"]["charm"]["override-build"]
    assert 'cp icon.svg LICENSE README.md "$CRAFT_PART_INSTALL"' in steps


def test_links_are_equal_in_all_charms() -> None:
    links = [yaml.safe_load(text)["links"] for text in texts("charmcraft.yaml").values()]
    assert [each for each in links if each != links[0]] == []
    assert sorted(links[0]) == ["contact", "documentation", "issues", "source"]


@each_charm
def test_tox_environments_have_their_dependency_groups(charm: pathlib.Path) -> None:
    project = (charm / "pyproject.toml").read_text()
    lines = (charm / "tox.ini").read_text().splitlines()
    groups = [line.split("= ")[1] for line in lines if line.startswith("dependency_groups")]
    assert set(groups) >= {"integration", "lint", "unit"}
    assert [group for group in groups if f"\n{group} = [" not in project] == []
