"""Programs that do not know localjuju: jubilant, and a shell script."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, MakeCharm
from localjuju import server_process


@pytest.fixture(autouse=True)
def server(series: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a server's juju first on PATH."""
    with server_process.start(series, seed=1) as server:
        for name, value in server.environment(os.environ).items():
            monkeypatch.setenv(name, value)
        yield


def test_unchanged_jubilant(make_charm: MakeCharm, series: str, tmp_path: pathlib.Path) -> None:
    config = "config: {options: {word: {type: string, default: one}}}"
    with jubilant.temp_model() as juju:
        assert juju.version().major == int(series[0])
        juju.deploy(make_charm("a", f"{PROVIDER}\n{config}"), num_units=2)
        juju.deploy(make_charm("b", REQUIRER))
        juju.integrate("a:data", "b:data")
        status = juju.wait(jubilant.all_active, delay=0.1)
        assert status.apps["a"].relations["data"][0].related_app == "b"
        juju.config("a", {"word": "two"})
        assert juju.config("a")["word"] == "two"
        task = juju.run("a/0", "evaluate", {"python": "self.config['word']"})
        assert task.results["value"] == "'two'"
        with pytest.raises(jubilant.TaskError):
            juju.run("a/0", "evaluate", {"python": "1/0"})
        assert juju.exec("echo $JUJU_UNIT_NAME", unit="a/1").stdout == "a/1\n"
        secret = juju.add_secret("name", {"key": "value"})
        assert juju.show_secret(secret, reveal=True).content == {"key": "value"}
        (tmp_path / "file").write_text("sent")
        juju.scp(tmp_path / "file", "a/0:file")
        assert juju.ssh("a/0", "cat", "file") == "sent"
        assert juju.cli("ssh", "a/0", "cat", stdin="typed") == "typed"
        juju.remove_unit("a/1")
        juju.wait(lambda status: len(status.get_units("a")) == 1, delay=0.1)
        assert juju.show_unit("a/0").life == "alive"
        assert 'ran "start" hook' in juju.debug_log()
        assert juju.show_model().short_name == (juju.model or "")
        model = juju.model
    with pytest.raises(jubilant.CLIError, match="not found"):
        jubilant.Juju(model=model).status()


SCRIPT = """
set -eu
juju add-model script
juju deploy ./a
until juju status --format=json | grep -q '"current": *"active"'; do :; done
juju run a/leader evaluate python=self.unit.name
echo y | juju remove-application a
juju nothing 2>&1 || echo "status $?"
"""


def test_shell_script_runs_unchanged(make_charm: MakeCharm, tmp_path: pathlib.Path) -> None:
    make_charm("a")
    done = subprocess.run(
        ["sh", "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "value: '''a/0'''" in done.stdout
    assert "Continue [y/N]? " in done.stdout or "will remove unit a/0" in done.stdout
    assert "status " in done.stdout
