"""Print how long a hook takes with the source runner and with the packed runner (the baseline).

Both runners run the same hooks of the same charms, in the same order. The charms use ops, and call
some hook commands in each hook. The packed runner starts a Python for each hook, as Juju does.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
import time
import zipfile

from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parents[1] / "tests" / "charms"
DISPATCH = f'#!/bin/sh\nexec {sys.executable} "$JUJU_CHARM_DIR/src/charm.py"\n'


def pack(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Make a ``.charm`` file of a test charm. It runs with the packages of this Python."""
    source, packed = CHARMS / name, folder / f"{name}.charm"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(source / "charmcraft.yaml", "metadata.yaml")
        archive.write(source / "src" / "charm.py", "src/charm.py")
        dispatch = zipfile.ZipInfo("dispatch")
        dispatch.external_attr = 0o755 << 16
        archive.writestr(dispatch, DISPATCH)
    return packed


def seconds_for_a_hook(juju: LocalJuju, provider: pathlib.Path, requirer: pathlib.Path) -> float:
    """Run two integrated charms with three units each, and return the mean time of a hook."""
    started = time.perf_counter()
    juju.deploy(provider, num_units=3)
    juju.deploy(requirer, num_units=3)
    juju.integrate("tprov:database", "treq:database")
    hooks = juju.settle()
    return (time.perf_counter() - started) / hooks


def main() -> None:
    """Measure both runners and print the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with LocalJuju(seed=1, runner="packed") as juju:
            packed = seconds_for_a_hook(juju, pack("tprov", folder), pack("treq", folder))
        with LocalJuju(seed=1) as juju:
            source = seconds_for_a_hook(juju, CHARMS / "tprov", CHARMS / "treq")
    print(f"packed runner (baseline): {packed * 1000:6.1f} ms for a hook")
    print(f"source runner:            {source * 1000:6.1f} ms for a hook")
    print(f"ratio:                    {packed / source:6.1f}")


if __name__ == "__main__":
    main()
