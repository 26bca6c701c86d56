"""Run a command in the folder of each charm, one after the other.

    each_charm.py [--having PATH] COMMAND...

All charms have their turn, also after one has failed; the exit status is 1 if any did. With
--having, only the charms whose folder has PATH take part.
"""

import argparse
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]


def main() -> int:
    """Run the command that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(description="Run a command in each charm's folder.")
    parser.add_argument("--having", metavar="PATH", default="charmcraft.yaml")
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
    failed = []
    for folder in folders:
        print(f"== charms/{folder.name}: {' '.join(args.command)}", flush=True)
        start = time.monotonic()
        if subprocess.run(args.command, cwd=folder).returncode != 0:
            failed.append(folder.name)
        print(f"== charms/{folder.name}: {time.monotonic() - start:.1f} s\n", flush=True)
    if failed:
        print(f"failed in {', '.join(failed)}: {' '.join(args.command)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
