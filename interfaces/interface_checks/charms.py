"""Run the tests of interfaces on charms that use them.

    python -m interface_checks.charms FOLDER...

This runs the tests for every endpoint of the charms in these folders. Without a folder, it runs
them for all charms of this repository.
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
    find_interface,
)


def declared_interfaces(charm: pathlib.Path) -> list[tuple[Interface, Role]]:
    """Return the interfaces of this repository that a charm declares, with its roles."""
    return [
        (interface, role)
        for _, name, role in endpoints(charm)
        if (interface := find_interface(name))
    ]


def run_tests(
    interface: Interface, role: Role, charm: pathlib.Path
) -> subprocess.CompletedProcess[str]:
    """Run the tests of one role on a charm.

    They run in a separate process, because each charm has its own module `charm`.
    """
    command = [sys.executable, "-m", "pytest", "-p", "interface_checks.charm_side", "-q"]
    command += ["--rootdir", str(interface.folder), "-p", "no:cacheprovider", "-W", "error"]
    command += ["--charm", str(charm), str(interface.folder / "tests" / f"test_{role}.py")]
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
        for interface, role in declared_interfaces(charm):
            done = run_tests(interface, role, charm)
            failed |= done.returncode != 0
            output = done.stdout if done.returncode else done.stdout.splitlines()[-1]
            print(f"{charm.name}, {role} of {interface}: {output}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
