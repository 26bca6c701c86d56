"""Charms in folders of other forms that Juju accepts."""

from __future__ import annotations

import os
import pathlib

import jubilant
import pytest

from conftest import MakeCharm, evaluate, hooks_of
from localjuju import LocalJuju

HOOK = """#!/bin/sh
set -e
status-set active "$(basename "$0") of $JUJU_UNIT_NAME, $(config-get text)"
"""
METADATA = "name: a\nsummary: s\ndescription: d\n"


@pytest.fixture
def scripts(tmp_path: pathlib.Path) -> pathlib.Path:
    """A charm with metadata.yaml, config.yaml, actions.yaml and shell scripts."""
    folder = tmp_path / "a"
    for name in ("hooks", "actions"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata.yaml").write_text(METADATA + "provides: {}\npeers: {p: {interface: p}}\n")
    (folder / "config.yaml").write_text("options: {text: {type: string, default: t}}\n")
    (folder / "actions.yaml").write_text("go:\nmissing: {description: Has no file.}\n")
    program(folder / "hooks" / "start", HOOK)
    program(folder / "hooks" / "config-changed", HOOK)
    program(folder / "actions" / "go", '#!/bin/sh\naction-set unit="$JUJU_UNIT_NAME"\n')
    return folder


def program(file: pathlib.Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def deploy_error(juju: LocalJuju, charm: pathlib.Path) -> str:
    with pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(charm)
    return failure.value.stderr.strip()


def message(juju: LocalJuju) -> str:
    return juju.status().apps["a"].units["a/0"].workload_status.message


def test_hooks_of_a_folder_without_charmcraft_run(juju: LocalJuju, scripts: pathlib.Path) -> None:
    juju.deploy(scripts)
    juju.wait(jubilant.all_active)
    assert message(juju) == "start of a/0, t"
    assert {"install", "p-relation-created", "leader-elected"} <= set(hooks_of(juju, "a/0"))
    juju.config("a", {"text": "x"})
    assert message(juju) == "config-changed of a/0, x"


def test_actions_of_a_folder_without_charmcraft_run(
    juju: LocalJuju, scripts: pathlib.Path
) -> None:
    juju.deploy(scripts)
    assert juju.run("a/0", "go").results == {"unit": "a/0"}
    with pytest.raises(jubilant.TaskError) as failure:
        juju.run("a/0", "missing")
    assert failure.value.task.message == 'action not implemented on unit "a/0"'


def test_hook_is_a_copy_from_the_time_of_deploy(juju: LocalJuju, scripts: pathlib.Path) -> None:
    before = {path: path.read_bytes() for path in scripts.rglob("*") if path.is_file()}
    juju.deploy(scripts)
    assert {path: path.read_bytes() for path in before} == before
    program(scripts / "hooks" / "start", "#!/bin/sh\nexit 1\n")
    juju.wait(jubilant.all_active)
    juju.refresh("a", path=scripts)
    juju.wait(jubilant.all_active)


def test_dispatch_of_a_folder_runs_every_hook(juju: LocalJuju, scripts: pathlib.Path) -> None:
    program(scripts / "dispatch", '#!/bin/sh\nstatus-set active "$JUJU_DISPATCH_PATH"\n')
    juju.deploy(scripts)
    juju.wait(jubilant.all_active)
    assert message(juju).startswith("hooks/")


def test_python_charm_may_have_separate_files_beside_charmcraft(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    charm = make_charm("a")
    declared = (charm / "charmcraft.yaml").read_text()
    (charm / "charmcraft.yaml").write_text("type: charm\nbases: []\n")
    (charm / "metadata.yaml").write_text(METADATA)
    (charm / "config.yaml").write_text("options: {text: {type: string, default: t}}\n")
    actions = declared.partition("actions:\n")[2].replace("\n  ", "\n").removeprefix("  ")
    (charm / "actions.yaml").write_text(actions)
    juju.deploy(charm)
    assert evaluate(juju, "a/0", "self.config['text']") == "'t'"


@pytest.mark.parametrize("entrypoint", ["src/main.py", "code/charm.py"])
def test_entrypoint_may_have_another_name(
    juju: LocalJuju, make_charm: MakeCharm, entrypoint: str
) -> None:
    parts = f"parts: {{charm: {{plugin: charm, charm-entrypoint: {entrypoint}}}}}"
    charm = make_charm("a", parts)
    assert "charm entry point was not found" in deploy_error(juju, charm)
    (charm / entrypoint).parent.mkdir(exist_ok=True)
    (charm / "src" / "charm.py").rename(charm / entrypoint)
    (charm / entrypoint).with_name("beside.py").write_text("NAME = 'beside'\n")
    juju.deploy(charm)
    (charm / entrypoint).write_text("raise SystemExit('changed since')\n")
    juju.wait(jubilant.all_active)
    assert evaluate(juju, "a/0", "__import__('beside').NAME") == "'beside'"


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("metadata.yaml", "summary: s", "metadata.yaml has no name"),
        ("metadata.yaml", "- a", "metadata.yaml has no keys"),
        ("metadata.yaml", METADATA + "provides:", "metadata: provides: expected map, got nothing"),
        ("config.yaml", "", "invalid config: empty configuration"),
        ("actions.yaml", "run_me:", "bad action name run_me"),
        ("tests/fake_machine.py", "", "localjuju cannot call its fake machine"),
    ],
)
def test_mistake_in_a_folder_without_charmcraft_is_named(
    juju: LocalJuju, scripts: pathlib.Path, file: str, text: str, complaint: str
) -> None:
    (scripts / file).parent.mkdir(exist_ok=True)
    (scripts / file).write_text(text)
    assert complaint in deploy_error(juju, scripts)


def test_unreadable_file_is_named_and_changes_nothing(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    charm = make_charm("a")
    juju.deploy(charm)
    juju.settle()
    pipe = charm / "src" / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(charm, "other")
    assert failure.value.stderr == f"ERROR cannot read {pipe}: `{pipe}` is a named pipe\n"
    with pytest.raises(jubilant.CLIError, match="is a named pipe"):
        juju.refresh("a", path=charm)
    status = juju.status()
    assert {name: app.charm_rev for name, app in status.apps.items()} == {"a": 0}
    assert hooks_of(juju, "a/0")[-1] == "start"


def test_relative_links_are_followed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("a")
    (charm.parent / "shared.py").write_text("NAME = 'shared'\n")
    (charm / "src" / "shared.py").symlink_to("../../shared.py")
    juju.deploy(charm)
    assert evaluate(juju, "a/0", "__import__('shared').NAME") == "'shared'"
