"""Run the commands of docs/localjuju-shell.md on a real server of localjuju."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from unittest import mock

import jubilant

from localjuju import server_process

ROOT = pathlib.Path(__file__).parents[1]

STEPS = {
    "deploy": (
        "juju add-model welcome",
        "juju deploy ./charms/demo-provider",
        "juju deploy ./charms/demo-requirer",
        "juju status",
    ),
    "log": ("juju debug-log --include demo-provider",),
    "relate": (
        "juju integrate demo-provider demo-requirer",
        "juju status --relations",
    ),
    "scale": (
        "juju add-unit demo-requirer",
        "juju remove-unit --no-prompt demo-requirer/0",
        "juju status --format short",
    ),
}


def walk() -> dict[str, str]:
    """Return the text for each marker in the page: commands and their output."""
    with (
        server_process.start("4.0", seed=7) as server,
        mock.patch.dict(os.environ, server.environment(os.environ)),
    ):
        return {place: _console(commands) for place, commands in STEPS.items()}


def _console(commands: tuple[str, ...]) -> str:
    text = ""
    for command in commands:
        done = subprocess.run(
            command.split(),
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
        text += f"$ {command}\n{output}"
        # Wait for the hooks, because a person types more slowly than they run.
        jubilant.Juju().wait(jubilant.all_agents_idle, delay=0.3)
    return f"```console\n{text}```\n"


def comparable(text: str) -> str:
    """Remove values that differ between runs, and the spaces between columns."""
    text = re.sub(r"\d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"127\.\d+\.\d+\.\d+", "ADDRESS", text)
    text = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"  +", "  ", text)
