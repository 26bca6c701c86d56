"""Run the tests of interfaces on charms that use them.

    python -m interface_checks.charms FOLDER...

runs the tests for every endpoint of the charms in these folders (default: all charms of this
repository).
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

from interface_checks.registry import (
    INTERFACES,
    Interface,
    Role,
    charm_folders,
    endpoints,
    interface,
)


def declared_interfaces(charm: pathlib.Path) -> list[tuple[Interface, Role]]:
    """Return the interfaces of this repository that a charm declares, with its roles."""
    return [
        (one, role) for _, name, role in endpoints(charm) if (one := interface(name)) is not None
    ]


def run_tests(one: Interface, role: Role, charm: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of one side in a separate process, because each charm has a module charm."""
    command = [sys.executable, "-m", "pytest", "-p", "interface_checks.charm_side", "-q"]
    command += ["--rootdir", str(one.folder), "-p", "no:cacheprovider", "-W", "error"]
    command += ["--charm", str(charm), str(one.folder / "tests" / f"test_{role}.py")]
    environment = {**os.environ, "PYTHONPATH": str(INTERFACES)}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def main() -> int:
    """Test the charms that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(
        description="Test charms against the interfaces of their endpoints."
    )
    parser.add_argument("charms", nargs="*", type=pathlib.Path, help="folders of charms")
    failed = False
    for charm in parser.parse_args().charms or charm_folders():
        if not (charm / "charmcraft.yaml").is_file():
            parser.error(f"{charm} has no charmcraft.yaml")
        for one, role in declared_interfaces(charm):
            done = run_tests(one, role, charm)
            failed |= done.returncode != 0
            output = done.stdout if done.returncode else done.stdout.splitlines()[-1]
            print(f"{charm.name}, {role} of {one}: {output}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
