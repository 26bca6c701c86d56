"""Run a command in the folder of each charm.

    each_charm.py [--having PATH] [--jobs NUMBER] COMMAND...

The command runs for all charms, even if it fails for one. Then the exit status is 1. With
--having, it runs only for charms whose folder contains PATH. With --jobs, it runs for this number
of charms at the same time, and the output of each charm appears when its command ends.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]


def run(folder: pathlib.Path, command: list[str], capture: bool) -> bool:
    """Run a command in the folder of a charm, and return whether it succeeded."""
    title = f"== charms/{folder.name}: {' '.join(command)}\n"
    start = time.monotonic()
    if capture:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        text = title + done.stdout + done.stderr
    else:
        print(title, end="", flush=True)
        done = subprocess.run(command, cwd=folder)
        text = ""
    # Print all in one call, so that the output of other threads cannot come between.
    seconds = time.monotonic() - start
    print(f"{text}== charms/{folder.name}: {seconds:.1f} s\n\n", end="", flush=True)
    return done.returncode == 0


def main() -> int:
    """Run the command that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(description="Run a command in each charm's folder.")
    parser.add_argument("--having", metavar="PATH", default="charmcraft.yaml")
    parser.add_argument("--jobs", metavar="NUMBER", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("a command is needed")

    folders = sorted(
        metadata.parent
        for metadata in ROOT.glob("charms/*/charmcraft.yaml")
        if (metadata.parent / args.having).exists()
    )
    if not folders:
        print(f"no charm has {args.having}", file=sys.stderr)
        return 1
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        succeeded = list(pool.map(lambda each: run(each, args.command, args.jobs > 1), folders))
    failed = [folder.name for folder, ok in zip(folders, succeeded, strict=True) if not ok]
    if failed:
        print(f"failed in {', '.join(failed)}: {' '.join(args.command)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
