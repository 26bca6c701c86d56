"""The status handlers of each charm change nothing, after every event that Juju can send."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = sorted(path.parent for path in ROOT.glob("charms/*/charmcraft.yaml"))

ONE_ENDPOINT = """\
name: made-up
provides: {db: {interface: db}}
"""
ALL_KINDS_OF_EVENTS = """\
name: made-up
provides: {db: {interface: db}, logs: {interface: logs, scope: container}}
requires: {web: {interface: http}}
peers: {peers: {interface: peers}}
storage: {data: {type: filesystem}}
config: {options: {port: {type: int, default: 80}}}
actions:
  go: {}
  make: {params: {size: {type: integer}}, required: [size]}
"""
CHARM = """\
import contextlib, os, pathlib, shutil, socket, subprocess, tempfile
import ops

class Charm(ops.CharmBase):
    _stored = ops.StoredState()

    def __init__(self, framework):
        super().__init__(framework)
        self._stored.set_default(seen=[])
        self.folder = pathlib.Path({folder!r})
        self.secret = self.model.get_secret(id="secret:given")
        self.own = self.model.get_secret(label="unit")
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)

    def _on_config_changed(self, event):
        # Other handlers may do this, but status handlers must not.
        self._stored.seen.append("config-changed")
        self.unit.open_port("tcp", 1234)
        self.secret.get_content(refresh=True)
        (self.folder / "file").write_text("written by a hook")
        subprocess.run(["true"])
        for relation in self.model.relations["db"]:
            relation.data[self.unit]["key"] = "value"

    def _on_collect_unit_status(self, event):
        {unit}
        event.add_status(ops.ActiveStatus())

    def _on_collect_app_status(self, event):
        {app}
        event.add_status(ops.ActiveStatus())
"""


def run(charm: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Check all events in a separate process, because each charm has a module charm."""
    command = [sys.executable, str(ROOT / "tests" / "status_rule.py"), str(charm)]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )


@pytest.mark.parametrize("charm", CHARMS, ids=lambda charm: charm.name)
def test_status_handlers_change_nothing(charm: pathlib.Path) -> None:
    done = run(charm)
    assert (done.returncode, done.stdout) == (0, "")


def found(
    tmp_path: pathlib.Path,
    unit: str,
    app: str = "pass",
    declared: str = ONE_ENDPOINT,
    source: str = CHARM,
) -> list[str]:
    """Return the problems of a charm with these statements in its status handlers."""
    folder = tmp_path / "made-up"
    (folder / "src").mkdir(parents=True)
    (folder / "charmcraft.yaml").write_text(declared)
    (tmp_path / "file").touch()
    text = source.format(folder=str(tmp_path), unit=unit, app=app)
    (folder / "src" / "charm.py").write_text(text)
    done = run(folder)
    lines = done.stdout.splitlines()
    assert all(line.startswith("made-up: status ") for line in lines), done.stdout
    assert done.returncode == bool(lines)
    return [line.removeprefix("made-up: status ").rpartition(" (")[0] for line in lines]


CHANGES = {
    'for db in self.model.relations["db"]: db.data[self.unit]["a"] = "b"': (
        "writes local_unit_data of db"
    ),
    "self.secret.get_content(refresh=True)": "refreshes a secret",
    "self.own.get_content(refresh=True)": "refreshes a secret",
    'self.unit.add_secret({"abc": "x"})': "adds a secret",
    'self.own.set_content({"abc": "x"})': "writes a secret",
    'self.own.set_info(description="x")': "changes the metadata of a secret",
    "self.own.remove_all_revisions()": "removes a secret",
    "self._stored.seen.append(1)": "writes a StoredState",
    'self.unit.open_port("tcp", 80)': "changes opened_ports",
    'self.unit.set_workload_version("1")': "changes workload_version",
    '(self.folder / "new").write_text("x")': "opens FOLDER/new to write",
    'open(self.folder / "file", "a").close()': "opens FOLDER/file to write",
    '(self.folder / "file").unlink()': "does os.remove to FOLDER/file",
    '(self.folder / "file").replace(self.folder / "new")': "does os.rename to FOLDER/file",
    '(self.folder / "file").chmod(0o600)': "does os.chmod to FOLDER/file",
    '(self.folder / "new").mkdir(exist_ok=True)': "does os.mkdir to FOLDER/new",
    'shutil.copy(self.folder / "file", self.folder / "new")': "opens FOLDER/new to write",
    'subprocess.run(["true", "now"])': "starts true now",
    'os.system("true")': "starts b'true'",
    'ops.hookcmds.state_set({"a": "b"})': "starts state-set --file -",
    "os.kill(os.getpid(), 0)": "signals 0",
    'socket.socket().bind(("127.0.0.1", 0))': "binds a socket to ('127.0.0.1', 0)",
    'with contextlib.suppress(OSError): socket.create_connection(("127.0.0.1", 9))': (
        "connects to ('127.0.0.1', 9) without a time limit"
    ),
    'raise ValueError("no")': "fails with ValueError('no')",
}


@pytest.mark.parametrize("statement", CHANGES)
def test_change_in_the_unit_status_handler_is_found(
    tmp_path: pathlib.Path, statement: str
) -> None:
    problem = CHANGES[statement].replace("FOLDER", str(tmp_path))
    assert problem in found(tmp_path, statement)


def test_change_in_the_app_status_handler_is_found(tmp_path: pathlib.Path) -> None:
    statement = 'for db in self.model.relations["db"]: db.data[self.app]["a"] = "b"'
    assert found(tmp_path, "pass", statement) == ["writes local_app_data of db"]


ONLY_READS = """\
for db in self.model.relations["db"]:
            dict(db.data[db.app]), dict(db.data[self.unit])
        self.secret.peek_content(), self.own.peek_content(), self.secret.get_content()
        self.model.get_binding("db").network.bind_address
        (self.folder / "file").read_text(), list(self.folder.iterdir()), os.listdir("/proc")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        with contextlib.suppress(OSError):
            command = ["systemctl", "--quiet", "is-active", "made-up"]
            subprocess.run(command, capture_output=True)
"""


def test_one_handler_for_both_status_events_is_checked(tmp_path: pathlib.Path) -> None:
    source = CHARM.replace("self._on_collect_app_status)", "self._on_collect_unit_status)")
    assert found(tmp_path, 'open(self.folder / "new", "w").close()', source=source) == [
        f"opens {tmp_path}/new to write"
    ]


def test_status_handler_may_read(tmp_path: pathlib.Path) -> None:
    assert found(tmp_path, ONLY_READS) == []


def test_every_event_is_checked(tmp_path: pathlib.Path) -> None:
    """The status handler writes a file with the name of the event, observed or not."""
    name = 'os.environ["JUJU_DISPATCH_PATH"].replace("/", "-")'
    opened = found(tmp_path, f"(self.folder / {name}).touch()", declared=ALL_KINDS_OF_EVENTS)
    relations = [
        f"hooks-{endpoint}-relation-{event}"
        for endpoint in ("db", "logs", "web", "peers")
        for event in ("created", "joined", "changed", "departed", "broken")
    ]
    others = """
        install start config-changed leader-elected update-status upgrade-charm stop remove
        pre-series-upgrade post-series-upgrade data-storage-attached data-storage-detaching
        secret-changed secret-rotate secret-remove secret-expired
    """
    expected = {*relations, *(f"hooks-{event}" for event in others.split())}
    expected |= {"actions-go", "actions-make"}
    prefix = f"opens {tmp_path}/"
    assert {line.removeprefix(prefix).removesuffix(" to write") for line in opened} >= expected
