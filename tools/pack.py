"""Pack charms with charmcraft, as build/<folder's name>.charm.

    pack.py [--here] [--wrapper COMMAND] FOLDER...

Without --here this runs `charmcraft pack`. With --here, charmcraft packs on this machine itself
(its destructive mode). This machine must run the Ubuntu of the charm's base, or the wrapper must
start programs in such a system. With --here this packs a temporary copy of the charm, without the
build snaps and packages whose programs this machine already has.
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
# The program of a snap or Debian package, if the program has another name than its package.
PROGRAMS = {"astral-uv": "uv", "nodejs": "node"}


def copy_charm(charm: pathlib.Path, to: pathlib.Path) -> None:
    """Copy the charm's files that git does not ignore: not environments, not build products."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=charm,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if os.path.lexists(charm / name):  # git lists a deleted file until the next commit.
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            # Copy links as links, so that a link to a file outside of the charm is broken.
            shutil.copy2(charm / name, to / name, follow_symlinks=False)


def remove_available_packages(charmcraft_yaml: pathlib.Path) -> None:
    """Remove build snaps and packages from the parts if their program is on PATH."""
    import yaml  # Imported here, because only the environment of `make pack-here` always has it.

    metadata = yaml.safe_load(charmcraft_yaml.read_text())
    for name, part in metadata.get("parts", {}).items():
        for key in ("build-snaps", "build-packages"):
            for package in list(part.get(key, [])):
                # The name of a snap may include its channel: node/24/stable.
                name_alone: str = package.split("/")[0]
                program = PROGRAMS.get(name_alone, name_alone)
                if shutil.which(program):
                    print(f"part {name}: {program} exists, so {key} {package} is not needed")
                    part[key].remove(package)
    charmcraft_yaml.write_text(yaml.safe_dump(metadata, sort_keys=False))


def run_charmcraft(folder: pathlib.Path, command: list[str], charm: str) -> None:
    """Run a charmcraft command in a folder, and move the packed charm to build/<charm>.charm."""
    # charmcraft writes next to charmcraft.yaml, where older packed charms may exist.
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.charm")}
    subprocess.run(command, cwd=folder, check=True)
    products = [
        path for path in folder.glob("*.charm") if before.get(path) != path.stat().st_mtime_ns
    ]
    if len(products) != 1:
        # charmcraft writes one file for each platform, but bundle.yaml needs exactly one.
        names = ", ".join(product.name for product in products) or "nothing"
        raise SystemExit(f"pack: charmcraft must write one .charm file of {charm}, not {names}")
    shutil.move(products[0], BUILD / f"{charm}.charm")
    print(f"build/{charm}.charm", flush=True)


def main() -> int:
    """Pack the charms that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(description="Pack charms, to build/<folder's name>.charm.")
    parser.add_argument("--here", action="store_true", help="pack on this machine itself")
    parser.add_argument("--wrapper", default="", help="a command that runs charmcraft")
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    BUILD.mkdir(exist_ok=True)
    wrapper = shlex.split(args.wrapper)
    if wrapper:
        # Make a relative path absolute, because charmcraft runs in another folder.
        found = shutil.which(wrapper[0])
        if not found:
            raise SystemExit(f"pack: {wrapper[0]} is not an executable program")
        wrapper[0] = str(pathlib.Path(found).resolve())

    for folder in args.folders:
        charm = folder.resolve()
        try:
            if args.here:
                with tempfile.TemporaryDirectory() as scratch:
                    copy_charm(charm, pathlib.Path(scratch))
                    remove_available_packages(pathlib.Path(scratch) / "charmcraft.yaml")
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
