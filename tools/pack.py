"""Pack charms with charmcraft, as build/<folder's name>.charm.

    pack.py [--here] [--wrapper COMMAND] FOLDER...

Without --here this is `charmcraft pack` as it comes. With --here charmcraft packs on this machine
itself (its destructive mode), which must be an Ubuntu of the charm's base, or look like one to a
program that the wrapper starts. A scratch copy of the charm is packed then, without the snaps and
Debian packages that this machine has under another name.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
BUILD = ROOT / "build"
# The program that each snap or Debian package is named for; others are named like their program.
PROGRAMS = {"astral-uv": "uv", "nodejs": "node"}


def copy_charm(charm: pathlib.Path, to: pathlib.Path) -> None:
    """Copy what git has of the charm, or would take: no environments, no build products."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=charm,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if os.path.lexists(charm / name):  # deleted files are listed until that is committed
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            # A link stays one: if it leads out of the charm, it leads nowhere in the copy.
            shutil.copy2(charm / name, to / name, follow_symlinks=False)


def leave_out_what_is_here(charmcraft_yaml: pathlib.Path) -> None:
    """Take those snaps and Debian packages out of the parts whose program is on PATH."""
    import yaml  # Here, because only the environment of `make pack-here` is sure to have it.

    metadata = yaml.safe_load(charmcraft_yaml.read_text())
    for name, part in metadata.get("parts", {}).items():
        for key in ("build-snaps", "build-packages"):
            for package in list(part.get(key, [])):
                # A snap may be named with its channel: node/24/stable.
                name_alone: str = package.split("/")[0]
                program = PROGRAMS.get(name_alone, name_alone)
                if shutil.which(program):
                    print(f"part {name}: {program} is here, so {key} {package} is left out")
                    part[key].remove(package)
    charmcraft_yaml.write_text(yaml.safe_dump(metadata, sort_keys=False))


def run_charmcraft(folder: pathlib.Path, command: list[str], charm: str) -> None:
    """Run a charmcraft command in a folder, and move its product to build/<charm>.charm."""
    # charmcraft writes beside charmcraft.yaml; a file that was there before is not its product.
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.charm")}
    subprocess.run(command, cwd=folder, check=True)
    products = [
        path for path in folder.glob("*.charm") if before.get(path) != path.stat().st_mtime_ns
    ]
    if len(products) != 1:
        # One file for each platform, while bundle.yaml has one name for the charm.
        names = ", ".join(product.name for product in products) or "nothing"
        raise SystemExit(f"pack: one .charm file was expected of {charm}, and there is {names}")
    shutil.move(products[0], BUILD / f"{charm}.charm")
    print(f"build/{charm}.charm", flush=True)


def main() -> int:
    """Pack the charms that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(description="Pack charms, to build/<folder's name>.charm.")
    parser.add_argument("--here", action="store_true", help="pack on this machine itself")
    parser.add_argument("--wrapper", default="", help="a command to run charmcraft under")
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    BUILD.mkdir(exist_ok=True)
    wrapper = shlex.split(args.wrapper)
    if wrapper:
        # The wrapper may be named relative to here, and charmcraft runs in another folder.
        found = shutil.which(wrapper[0])
        if not found:
            raise SystemExit(f"pack: {wrapper[0]} is no program that can be run")
        wrapper[0] = str(pathlib.Path(found).resolve())

    for folder in args.folders:
        charm = folder.resolve()
        try:
            if args.here:
                with tempfile.TemporaryDirectory() as scratch:
                    copy_charm(charm, pathlib.Path(scratch))
                    leave_out_what_is_here(pathlib.Path(scratch) / "charmcraft.yaml")
                    command = [*wrapper, "charmcraft", "pack", "--destructive-mode"]
                    run_charmcraft(pathlib.Path(scratch), command, charm.name)
            else:
                run_charmcraft(charm, ["charmcraft", "pack"], charm.name)
        except subprocess.CalledProcessError as error:
            print(f"pack: {folder}: {shlex.join(map(str, error.cmd))} failed", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
