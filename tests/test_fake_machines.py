"""A fake machine replaces only attributes that its workload class has.

Otherwise a renamed path would stay on the computer, because the fake machine sets the old name.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# By charm: the fake machine of the charm itself, and the one that runs no workload.
FILES = [
    (file.parents[1], file) for file in sorted(ROOT.glob("charms/*/tests/fake_machine.py"))
] + [
    (ROOT / "charms" / file.stem.replace("_", "-"), file)
    for file in sorted(ROOT.glob("tests/without_workloads/machines/*.py"))
]

# Each charm needs a process, because the modules of different charms have the same names.
PRINT_ADDED_NAMES = """
import importlib, pathlib, runpy, sys
source, file, folder = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(source))
modules = [importlib.import_module(path.stem) for path in source.glob("*.py")]
classes = {
    value for module in modules for value in vars(module).values()
    if isinstance(value, type) and value.__module__ == module.__name__
}
before = {one: set(dir(one)) for one in classes}
runpy.run_path(str(file))["fake_machine"](folder, "127.0.0.1")
print(*(f"{one.__name__}.{name}" for one in classes for name in set(dir(one)) - before[one]))
"""


@pytest.mark.parametrize(
    ("charm", "file"), FILES, ids=[str(file.relative_to(ROOT)) for _, file in FILES]
)
def test_fake_machine_adds_no_attribute(
    charm: pathlib.Path, file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    command = [sys.executable, "-c", PRINT_ADDED_NAMES, charm / "src", file, tmp_path]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "\n"
