"""New charms and resources for a running application: upgrade-charm runs on every unit."""

from __future__ import annotations

import json
import os
import pathlib

import jubilant

from conftest import PEERS, PROVIDER, REQUIRER, MakeCharm, error_text, evaluate, hooks_of
from localjuju import LocalJuju

RESOURCE = "resources: {tool: {type: file, filename: tool.bin}}"
FETCH = "self.model.resources.fetch('tool').read_text()"
PRINTS_VERSION = """
VERSION = {version!r}
_stored = ops.StoredState()

def observe(self):
    self._stored.set_default(installed=self.VERSION)
    for event in ("install", "upgrade_charm", "data_relation_created"):
        if event in self.on.events():
            self.framework.observe(getattr(self.on, event), self._say)

def _say(self, event):
    print("runs", self.VERSION, event.handle.kind, self._stored.installed)
"""


def rewrite(charm: pathlib.Path, old: str, new: str) -> None:
    """Change the code of a charm. The file's time stays: only its content shows the change."""
    source = charm / "src" / "charm.py"
    times = source.stat()
    source.write_text(source.read_text().replace(old, new))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def runs_of(juju: LocalJuju, unit: str) -> list[str]:
    found = []
    for line in juju.debug_log().splitlines():
        entity, _, what = line.partition(" runs ")
        if what and entity.startswith(f"unit-{unit.replace('/', '-')}:"):
            found.append(what)
    return found


def test_attached_resource_runs_upgrade_charm_with_the_new_file(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "tool.bin"
    file.write_text("old")
    juju.deploy(make_charm("a", RESOURCE), num_units=2, resources={"tool": str(file)})
    file.write_text("not uploaded")
    where = "str(self.model.resources.fetch('tool'))"
    before = {unit: evaluate(juju, unit, where) for unit in ("a/0", "a/1")}
    assert evaluate(juju, "a/0", FETCH) == "'old'"
    file.write_text("new")
    juju.cli("attach-resource", "a", f"tool={file}")
    juju.settle()
    for unit in ("a/0", "a/1"):
        assert hooks_of(juju, unit)[-2:] == ["upgrade-charm", "config-changed"]
        assert evaluate(juju, unit, FETCH) == "'new'"
        assert evaluate(juju, unit, where) == before[unit]
    juju.add_unit("a")
    juju.settle()
    assert "upgrade-charm" not in hooks_of(juju, "a/2")
    assert evaluate(juju, "a/2", FETCH) == "'new'"


def test_refresh_replaces_the_code_and_keeps_stored_state(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    charm = make_charm("a", PEERS, PRINTS_VERSION.format(version="one"))
    juju.deploy(charm, num_units=2)
    juju.settle()
    rewrite(charm, "'one'", "'two'")
    juju.add_unit("a")  # It gets the deployed charm, not the current content of the folder.
    juju.settle()
    juju.refresh("a", path=charm)
    juju.settle()
    for unit in ("a/0", "a/1", "a/2"):
        assert runs_of(juju, unit) == ["one install one", "two upgrade_charm one"]
        assert hooks_of(juju, unit)[-2:] == ["upgrade-charm", "config-changed"]
    assert juju.status().apps["a"].charm_rev == 1
    juju.add_unit("a")
    juju.settle()
    assert runs_of(juju, "a/3") == ["two install two"]


def test_unit_runs_its_old_code_until_its_own_upgrade_charm(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    charm = make_charm("a", PROVIDER, PRINTS_VERSION.format(version="one"))
    juju.deploy(charm, num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.settle()
    rewrite(charm, "'one'", "'two'")
    juju.integrate("a", "b")
    juju.refresh("a", path=charm)
    juju.settle()
    for unit in ("a/0", "a/1"):
        assert runs_of(juju, unit)[1:] == [
            "one data_relation_created one",
            "two upgrade_charm one",
        ]


def test_refresh_of_a_unit_in_error(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.config_changed, self._fail)

def _fail(self, _):
    raise RuntimeError("told to")
"""
    charm = make_charm("a", "", body)
    juju.deploy(charm)
    juju.settle()
    rewrite(charm, 'raise RuntimeError("told to")', "pass")
    juju.refresh("a", path=charm)
    assert juju.status().apps["a"].units["a/0"].workload_status.current == "error"
    juju.refresh("a", path=charm, force=True)
    juju.wait(jubilant.all_active)
    assert hooks_of(juju, "a/0").count("upgrade-charm") == 0


def test_refresh_adds_resources_options_and_endpoints(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "tool.bin"
    file.write_text("new")
    old = "config: {options: {gone: {type: string}, kept: {type: string}}}"
    charm = make_charm("a", old)
    juju.deploy(charm, config={"gone": "x", "kept": "y"})
    juju.settle()
    new = "config: {options: {kept: {type: string}, n: {type: int, default: 4}}}"
    text = (charm / "charmcraft.yaml").read_text().replace(old, new)
    (charm / "charmcraft.yaml").write_text(
        f"{text}\n{RESOURCE}\n{PEERS}\nstorage: {{data: {{type: filesystem}}}}\n"
    )
    juju.refresh("a", path=charm, resources={"tool": str(file)}, config={"n": 5})
    assert evaluate(juju, "a/0", "dict(self.config)") == "{'kept': 'y', 'n': 5}"
    assert evaluate(juju, "a/0", FETCH) == "'new'"
    assert "replicas-relation-created" in hooks_of(juju, "a/0")
    assert "data-storage-attached" in hooks_of(juju, "a/0")
    assert json.loads(juju.cli("config", "a", "--format", "json"))["settings"]["n"]["value"] == 5


def test_charm_that_breaks_relations_or_storage_is_refused(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    charm = make_charm("a", f"{PROVIDER}\nstorage: {{data: {{type: filesystem}}}}")
    juju.deploy(charm)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    path = ("refresh", "a", "--path")
    assert "requires either --path or --switch" in error_text(juju, "refresh", "a")
    assert 'cannot refresh "a" to "b"' in error_text(juju, *path, str(charm.parent / "b"))
    assert 'application "c" not found' in error_text(juju, "refresh", "c", *path[2:], str(charm))
    text = (charm / "charmcraft.yaml").read_text()
    (charm / "charmcraft.yaml").write_text(text.replace("interface: data", "interface: other"))
    assert 'would break relation "b:data a:data"' in error_text(juju, *path, str(charm))
    (charm / "charmcraft.yaml").write_text(text.replace("{data: {type", "{other: {type"))
    assert 'in-use storage "data" removed' in error_text(juju, *path, str(charm))
    attach = ("attach-resource", "a")
    assert 'unrecognized resource "tool"' in error_text(juju, *attach, f"tool={charm}")
    assert juju.settle() == 0
