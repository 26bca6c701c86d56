"""The charms of the bundle without their workloads. Only hooks run, so a run takes seconds."""

from __future__ import annotations

import pathlib
import shutil

HERE = pathlib.Path(__file__).parent
MACHINES = HERE / "machines"
CHARMS = HERE.parents[1] / "charms"
APPLICATIONS = ("mongodb", "my-node-app", "rsyslog-forwarder")


def copy_charms(folder: pathlib.Path) -> pathlib.Path:
    """Copy the charms, each with its fake machine from `machines`, and return the folder."""
    ignored = shutil.ignore_patterns("node_modules", "tests", "__pycache__", ".*")
    for name in APPLICATIONS:
        shutil.copytree(CHARMS / name, folder / name, ignore=ignored)
        (folder / name / "tests").mkdir()
        fake_machine = MACHINES / f"{name.replace('-', '_')}.py"
        shutil.copy(fake_machine, folder / name / "tests" / "fake_machine.py")
    return folder
