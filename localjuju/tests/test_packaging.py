"""The package: the content of its wheel, and the version of jubilant that it fits."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import pathlib
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser

import jubilant
import jubilant._juju
import pytest

from localjuju import LocalJuju

PROJECT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(folder.glob("localjuju-*-py3-none-any.whl")))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = PROJECT / "src"
    assert held == {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "localjuju/py.typed" in held


def test_the_wheel_has_metadata(wheel: zipfile.ZipFile) -> None:
    metadata = _metadata(wheel)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])
    assert (metadata["Author"], metadata["Keywords"], metadata["Summary"]) != (None, None, None)
    entry_points = _read(wheel, "entry_points.txt").split()
    assert "localjuju.cli:main" in entry_points
    assert "localjuju.pytest_plugin" in entry_points


def test_the_changelog_has_this_version(wheel: zipfile.ZipFile) -> None:
    version = _metadata(wheel)["Version"]
    assert f"\n## {version}" in (PROJECT / "CHANGELOG.md").read_text()


def _metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(_read(wheel, "METADATA"))


def _read(wheel: zipfile.ZipFile, name: str) -> str:
    path = next(path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


# LocalJuju replaces jubilant's private method that starts the juju program.


def test_jubilant_has_the_supported_minor_version() -> None:
    assert importlib.metadata.version("jubilant").startswith("1.14.")


@pytest.mark.parametrize("name", ["_cli", "wait"])
def test_jubilants_methods_have_the_same_signature(name: str) -> None:
    theirs, ours = (inspect.signature(getattr(one, name)) for one in (jubilant.Juju, LocalJuju))
    assert str(ours).replace("jubilant.", "") == str(theirs)


def test_jubilant_starts_programs_in_one_method_only() -> None:
    tree = ast.parse(inspect.getsource(jubilant._juju))
    starting = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("subprocess.run", "subprocess.Popen", "os.system")
    }
    assert starting == {"_cli"}
