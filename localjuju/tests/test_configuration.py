"""Options, resources, stored state and ports in charms."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

from conftest import MakeCharm, evaluate
from localjuju import LocalJuju


def test_config_changed_runs_once_for_each_change(juju: LocalJuju, make_charm: MakeCharm) -> None:
    options = "config: {options: {n: {type: int, default: 1}, s: {type: string}}}"
    juju.deploy(make_charm("a", options), config={"n": 2})
    juju.settle()
    juju.config("a", {"n": 2})
    assert juju.settle() == 0
    juju.config("a", {"n": 3, "s": "x"})
    assert juju.settle() == 1
    assert evaluate(juju, "a/0", "dict(self.config)") == "{'n': 3, 's': 'x'}"
    juju.config("a", reset=["n", "s"])
    juju.settle()
    assert evaluate(juju, "a/0", "dict(self.config)") == "{'n': 1}"


def test_resource_is_fetched_if_attached_and_otherwise_fails(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    charm = make_charm("a", "resources: {r: {type: file, filename: r.bin}}")
    (tmp_path / "r.bin").write_text("content")
    juju.deploy(charm, "with", resources={"r": str(tmp_path / "r.bin")})
    juju.deploy(charm, "without")
    fetch = "self.model.resources.fetch('r').read_text()"
    assert evaluate(juju, "with/0", fetch) == "'content'"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "without/0", fetch)
    assert "ModelError" in failure.value.task.stderr


def test_resource_with_another_extension_is_refused(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    charm = make_charm("a", "resources: {r: {type: file, filename: r.bin}}")
    (tmp_path / "r").write_text("content")
    with pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(charm, resources={"r": str(tmp_path / "r")})
    assert "incorrect extension on resource upload" in failure.value.stderr
    assert failure.value.stderr.strip().endswith('expected ".bin"')


def test_stored_state_is_kept_between_hooks(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = """
_stored = ops.StoredState()

def observe(self):
    self._stored.set_default(count=0)
    self._stored.count += 1
"""
    juju.deploy(make_charm("a", "", body), num_units=2)
    juju.settle()
    first = int(evaluate(juju, "a/0", "self._stored.count"))
    assert int(evaluate(juju, "a/0", "self._stored.count")) == first + 1


def test_ports_are_shown(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    evaluate(juju, "a/0", "self.unit.set_ports(80, ops.Port('udp', 53))")
    assert juju.status().apps["a"].units["a/0"].open_ports == ["53/udp", "80/tcp"]


def test_closed_port_is_no_longer_shown(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    evaluate(juju, "a/0", "self.unit.set_ports(80, 81)")
    evaluate(juju, "a/0", "self.unit.set_ports(81)")
    assert juju.status().apps["a"].units["a/0"].open_ports == ["81/tcp"]
