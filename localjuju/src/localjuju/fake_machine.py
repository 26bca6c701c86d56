"""Calls a charm's ``tests/fake_machine.py``, which replaces the machine, before the charm runs.

If the charm runs from its source folder, the call happens in the hook's process. For a packed
charm, :func:`install` puts a ``.pth`` file into the charm's venv. Python executes that line at its
start, and the line runs this file, which therefore imports the standard library only. The packages
that the fake machine imports (psutil, a mongod from PyPI) are those of localjuju's environment;
the charm's own packages come first.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys
import traceback

ENVIRONMENT = "LOCALJUJU_FAKE_MACHINE", "LOCALJUJU_MACHINE", "LOCALJUJU_ADDRESS", "LOCALJUJU_PATH"
"""For a packed charm: the fake machine's file, its arguments, and more folders of packages."""

PACKAGES = "venv/lib/python3*/site-packages"
"""Where charmcraft puts a packed charm's packages."""

PTH = """\
import os, runpy; "{variable}" in os.environ and runpy.run_path({file!r}, run_name="__main__")
"""


def call(file: pathlib.Path, machine: pathlib.Path, address: str) -> None:
    """Make the charm's workload use files below ``machine``, and listen on ``address``."""
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[file.stem] = module
    specification.loader.exec_module(module)
    module.fake_machine(machine, address)


def install(charm: pathlib.Path) -> None:
    """Prepare the folder of a packed charm."""
    for folder in charm.glob(PACKAGES):
        line = PTH.format(variable=ENVIRONMENT[0], file=__file__)
        (folder / "localjuju_fake_machine.pth").write_text(line)


def environment(file: pathlib.Path, machine: pathlib.Path, address: str) -> dict[str, str]:
    """Return the environment variables that a packed charm's Python reads (see `ENVIRONMENT`)."""
    path = os.pathsep.join(filter(None, sys.path))
    return dict(zip(ENVIRONMENT, (str(file), str(machine), address, path), strict=True))


def _call_from_environment() -> None:
    # Remove the variables, so that other Python programs that the charm starts do not read them.
    file, machine, address, path = (os.environ.pop(name) for name in ENVIRONMENT)
    sys.path.extend(path.split(os.pathsep))
    try:
        call(pathlib.Path(file), pathlib.Path(machine), address)
    except BaseException:
        # Python continues after a .pth file fails, and the charm would change the real machine.
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    _call_from_environment()
