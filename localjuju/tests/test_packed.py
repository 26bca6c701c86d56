"""The packed runner: a ``.charm`` file's own programs, with the hook commands on their PATH."""

from __future__ import annotations

import json
import pathlib
import sys
import zipfile

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, MakeCharm, evaluate, hooks_of
from localjuju import LocalJuju

METADATA = """
name: {name}
provides: {{data: {{interface: data}}}}
requires: {{other: {{interface: data}}}}
"""

DISPATCH = """\
#!/bin/sh
set -e
case "$JUJU_DISPATCH_PATH" in
hooks/start)
    status-set active "at $(network-get data --ingress-address)" ;;
hooks/*-relation-created)
    echo 'greeting: "hello from file"' | relation-set --file - ;;
hooks/*-relation-changed)
    juju-log "$JUJU_UNIT_NAME reads $(relation-get greeting "$JUJU_REMOTE_UNIT")" ;;
hooks/config-changed)
    relation-get greeting nobody/7 -r data:99 2>refused || juju-log "refused: $(cat refused)"
    test "$(config-get n)" = 1 ;;
actions/shout)
    action-set "words=$(action-get words)!" ;;
esac
"""


def pack(folder: pathlib.Path, name: str, files: dict[str, str]) -> pathlib.Path:
    """Zip a charm as charmcraft does, with executable programs."""
    path = folder / f"{name}.charm"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            member = zipfile.ZipInfo(file)
            member.external_attr = 0o755 << 16
            archive.writestr(member, content)
    return path


@pytest.fixture
def shell_charm(tmp_path: pathlib.Path) -> pathlib.Path:
    """A charm of another project, in another language."""
    files = {
        "metadata.yaml": METADATA.format(name="shell"),
        "config.yaml": "options: {n: {type: int, default: 1}}",
        "actions.yaml": "shout: {params: {words: {type: string}}}",
        "dispatch": DISPATCH,
    }
    return pack(tmp_path, "shell", files)


def test_charm_in_shell_relates_and_answers_actions(
    shell_charm: pathlib.Path, series: str
) -> None:
    with LocalJuju(series, runner="packed") as juju:
        juju.deploy(shell_charm, "a")
        juju.deploy(shell_charm, "b")
        juju.integrate("a:data", "b:other")
        status = juju.wait(jubilant.all_active)
        assert status.apps["a"].app_status.message.startswith("at 127.")
        assert "b/0 reads hello from file" in juju.debug_log()
        assert "refused: ERROR" in juju.debug_log()
        assert juju.run("a/0", "shout", {"words": "hey"}).results == {"words": "hey!"}
        juju.config("a", {"n": 2})
        juju.settle()
        assert juju.status().apps["a"].app_status.message == 'hook failed: "config-changed"'


def test_charm_without_dispatch_runs_its_hook_programs(tmp_path: pathlib.Path) -> None:
    files = {
        "metadata.yaml": METADATA.format(name="hooks"),
        "hooks/start": "#!/bin/sh\nstatus-set active started\n",
    }
    with LocalJuju(runner="packed") as juju:
        juju.deploy(pack(tmp_path, "hooks", files))
        status = juju.wait(jubilant.all_active)
        assert status.apps["hooks"].app_status.message == "started"
        assert "install" in hooks_of(juju, "hooks/0")


def test_packed_ops_charm_behaves_like_its_source(
    make_charm: MakeCharm, tmp_path: pathlib.Path, series: str
) -> None:
    def packed(name: str, endpoints: str) -> pathlib.Path:
        source = make_charm(name, endpoints)
        files = {
            "metadata.yaml": (source / "charmcraft.yaml").read_text(),
            "actions.yaml": "evaluate: {params: {python: {type: string}}}",
            "dispatch": f'#!/bin/sh\nexec {sys.executable} "$JUJU_CHARM_DIR/src/charm.py"\n',
            "src/charm.py": (source / "src" / "charm.py").read_text(),
        }
        return pack(tmp_path, name, files)

    with LocalJuju(series, runner="packed") as juju:
        juju.deploy(packed("a", PROVIDER))
        juju.deploy(packed("b", REQUIRER))
        juju.integrate("a", "b")
        juju.wait(jubilant.all_active)
        write = "self.model.get_relation('data').data[self.app].update(k='v')"
        evaluate(juju, "a/0", write)
        read = "self.model.get_relation('data').data[self.model.get_app('a')]['k']"
        assert evaluate(juju, "b/0", read) == "'v'"
        with pytest.raises(jubilant.TaskError) as failure:
            evaluate(juju, "b/0", write.replace("self.app", "self.model.get_app('a')"))
        assert "RelationDataAccessError" in failure.value.task.stderr


def test_hook_gets_the_environment_of_juju_and_not_of_the_operator(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "x")
    dispatch = f"#!{sys.executable}\nimport json, os\nprint('env', json.dumps(dict(os.environ)))\n"
    files = {"metadata.yaml": METADATA.format(name="env"), "dispatch": dispatch}
    with LocalJuju(runner="packed") as juju:
        juju.deploy(pack(tmp_path, "env", files))
        juju.settle()
        line = next(line for line in juju.debug_log().splitlines() if " env {" in line)
    environment = json.loads(line.partition(" env ")[2])
    assert environment["JUJU_DISPATCH_PATH"] == "hooks/install"
    assert "SECRET_OF_THE_OPERATOR" not in environment


def test_exec_can_run_hook_commands(make_charm: MakeCharm, series: str) -> None:
    with LocalJuju(series) as juju:
        juju.deploy(make_charm("a", PROVIDER))
        juju.deploy(make_charm("b", REQUIRER))
        juju.integrate("a", "b")
        command = "r=$(relation-ids data); relation-set -r $r k=v; relation-list -r $r"
        assert juju.exec(command, unit="a/0").stdout == "b/0\n"
        shown = evaluate(
            juju, "b/0", "self.model.get_relation('data').data[self.model.get_unit('a/0')]['k']"
        )
    assert shown == "'v'"


FAKE_MACHINE = """
import pathlib

def fake_machine(folder: pathlib.Path, address: str) -> None:
    import workload
    workload.WHERE = str(folder)
"""


def test_fake_machine_is_called_inside_the_packed_charm(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "charms" / "machine"
    (source / "tests").mkdir(parents=True)
    (source / "tests" / "fake_machine.py").write_text(FAKE_MACHINE)
    venv = f"venv/lib/python3.{sys.version_info.minor}/site-packages"
    files = {
        "metadata.yaml": METADATA.format(name="machine"),
        "dispatch": (
            f"#!/bin/sh\nexport PYTHONPATH=src\n"
            f"exec {sys.executable} -c 'import site; site.addsitedir(\"{venv}\"); import charm'\n"
        ),
        "src/workload.py": "WHERE = '/'\n",
        "src/charm.py": "import workload\nprint('works in', workload.WHERE)\n",
        f"{venv}/package.py": "",
    }
    packed = pack(tmp_path, "machine", files)
    with LocalJuju(runner="packed", charms=tmp_path / "charms") as juju:
        juju.deploy(packed)
        juju.settle()
        assert f"works in {juju.machine_folder('machine/0')}" in juju.debug_log()


def test_fake_machine_that_fails_fails_the_hook_before_the_charm(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "charms" / "machine"
    (source / "tests").mkdir(parents=True)
    (source / "tests" / "fake_machine.py").write_text("raise RuntimeError('no machine')")
    venv = f"venv/lib/python3.{sys.version_info.minor}/site-packages"
    python = f'{sys.executable} -c \'import site; site.addsitedir("{venv}"); print("ran")\''
    files = {
        "metadata.yaml": METADATA.format(name="machine"),
        "dispatch": f"#!/bin/sh\nexec {python}\n",
        f"{venv}/package.py": "",
    }
    packed = pack(tmp_path, "machine", files)
    with LocalJuju(runner="packed", charms=tmp_path / "charms") as juju:
        juju.deploy(packed)
        juju.settle()
        assert juju.status().apps["machine"].app_status.current == "error"
        assert "RuntimeError: no machine" in juju.debug_log()
        assert "machine/0.install ran" not in juju.debug_log()


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"metadata.yaml": "summary: nameless"}, "metadata.yaml has no name"),
        ({"dispatch": ""}, "metadata.yaml has no name"),
        ({"metadata.yaml": "name: machine"}, "has no venv"),
        ({"metadata.yaml": "name: ["}, "no charm was found"),
    ],
)
def test_invalid_charm_file_is_refused_with_its_name(
    tmp_path: pathlib.Path, files: dict[str, str], complaint: str
) -> None:
    (tmp_path / "charms" / "machine" / "tests").mkdir(parents=True)
    (tmp_path / "charms" / "machine" / "tests" / "fake_machine.py").touch()
    packed = pack(tmp_path, "machine", files)
    with (
        LocalJuju(runner="packed", charms=tmp_path / "charms") as juju,
        pytest.raises(jubilant.CLIError) as failure,
    ):
        juju.deploy(packed)
    assert complaint in failure.value.stderr
    assert str(packed) in failure.value.stderr


def test_folder_is_refused(make_charm: MakeCharm) -> None:
    with LocalJuju(runner="packed") as juju, pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(make_charm("a"))
    assert "takes .charm files only" in failure.value.stderr


def test_unknown_runner_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match="'docker'"):
        LocalJuju(runner="docker")  # type: ignore[arg-type]


def test_packed_charm_has_storage_and_is_refreshed(tmp_path: pathlib.Path, series: str) -> None:
    metadata = "name: shell\nstorage: {data: {type: filesystem}}\n"
    attached = "hooks/data-storage-attached"
    old = {
        "metadata.yaml": metadata,
        attached: '#!/bin/sh\necho "$(storage-list)" > "$(storage-get location)/list"\n',
        "hooks/start": "#!/bin/sh\necho written > own; status-set active old\n",
        "hooks/gone": "",
    }
    new = {
        "metadata.yaml": metadata,
        "hooks/upgrade-charm": "#!/bin/sh\ntest ! -e hooks/gone\nstatus-set active $(cat own)\n",
    }
    with LocalJuju(series, runner="packed") as juju:
        juju.deploy(pack(tmp_path, "shell", old))
        storage = juju.wait(jubilant.all_active).storage.storage["data/0"]
        assert storage.attachments
        location = pathlib.Path(storage.attachments.units["shell/0"].location)
        assert (location / "list").read_text() == "data/0\n"
        file = pack(tmp_path, "shell", new)
        assert juju.settle() == 0
        juju.refresh("shell", path=file)
        status = juju.wait(jubilant.all_active)
        assert status.apps["shell"].app_status.message == "written"
        assert hooks_of(juju, "shell/0")[-2:] == ["upgrade-charm", "config-changed"]
