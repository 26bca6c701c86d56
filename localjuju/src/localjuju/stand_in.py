"""Calls a charm's ``tests/localmachine.py``, which stands in for the machine, before the charm.

A charm that is run from its source folder gets it called in the hook's process. For a packed one
:func:`install` puts a ``.pth`` file into the charm's venv: Python runs its one line as it starts,
and so this file, which is why it needs the standard library only. What the stand-in itself needs
(psutil, a mongod from PyPI) then comes from where localjuju runs, after the charm's own packages.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys
import traceback

ENVIRONMENT = "LOCALJUJU_STAND_IN", "LOCALJUJU_MACHINE", "LOCALJUJU_ADDRESS", "LOCALJUJU_PATH"
"""For a packed charm: the stand-in's file, its arguments, where else Python finds packages."""

PACKAGES = "venv/lib/python3*/site-packages"
"""Where charmcraft puts a packed charm's packages."""

PTH = """\
import os, runpy; "{variable}" in os.environ and runpy.run_path({file!r}, run_name="__main__")
"""


def call(file: pathlib.Path, machine: pathlib.Path, address: str) -> None:
    """Have the charm's workload use ``machine`` for its files, and ``address`` to listen on."""
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[file.stem] = module
    specification.loader.exec_module(module)
    module.stand_in(machine, address)


def install(charm: pathlib.Path) -> None:
    """Prepare the folder of a packed charm."""
    for folder in charm.glob(PACKAGES):
        line = PTH.format(variable=ENVIRONMENT[0], file=__file__)
        (folder / "localjuju_stand_in.pth").write_text(line)


def environment(file: pathlib.Path, machine: pathlib.Path, address: str) -> dict[str, str]:
    """Return what the Python of a packed charm is to be told."""
    path = os.pathsep.join(filter(None, sys.path))
    return dict(zip(ENVIRONMENT, (str(file), str(machine), address, path), strict=True))


def _call_as_told() -> None:
    # Taken away, so that other Pythons which the charm starts are not told.
    file, machine, address, path = (os.environ.pop(name) for name in ENVIRONMENT)
    sys.path.extend(path.split(os.pathsep))
    try:
        call(pathlib.Path(file), pathlib.Path(machine), address)
    except BaseException:
        # Python goes on after a .pth that fails, and the charm would meet the real machine.
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    _call_as_told()
