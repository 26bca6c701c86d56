"""Databags that charms write on localjuju are checked automatically."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from interface_checks import watch
from localjuju import LocalJuju

CHARM = """\
import ops


class ACharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on["demo"].relation_created, self._on_created)
        framework.observe(self.on["write"].action, self._on_action)

    def _on_created(self, event):
        event.relation.data[self.unit]["special-field"] = "x"

    def _on_action(self, event):
        for relation in self.model.relations["demo"]:
            relation.data[self.unit]["special-field"] = "y"


ops.main(ACharm)
"""


@pytest.fixture
def deploy(tmp_path: pathlib.Path) -> Callable[..., None]:
    def deploy(juju: LocalJuju, source: str) -> None:
        for name, section in (("a", "provides"), ("b", "requires")):
            (tmp_path / name / "src").mkdir(parents=True)
            (tmp_path / name / "charmcraft.yaml").write_text(
                f"{{name: {name}, actions: {{write: {{}}}}, "
                f"{section}: {{demo: {{interface: demo}}}}}}"
            )
            (tmp_path / name / "src" / "charm.py").write_text(source)
        juju.deploy(tmp_path / "a")
        juju.deploy(tmp_path / "b", num_units=0)
        juju.integrate("a", "b")

    return deploy


def test_valid_databag_is_accepted(deploy: Callable[..., None]) -> None:
    with watch.every_databag(), LocalJuju() as juju:
        deploy(juju, CHARM)
        juju.settle()
        juju.run("a/0", "write")


def test_hook_that_writes_an_unknown_field_is_named(deploy: Callable[..., None]) -> None:
    with watch.every_databag(), LocalJuju() as juju:
        deploy(juju, CHARM.replace('["special-field"] = "x"', '["another-field"] = "x"'))
        with pytest.raises(AssertionError, match=r'a/0 .*created.*field "another-field"'):
            juju.settle()


def test_action_that_writes_an_unknown_field_is_named(deploy: Callable[..., None]) -> None:
    with watch.every_databag(), LocalJuju() as juju:
        deploy(juju, CHARM.replace('["special-field"] = "y"', '["another-field"] = "y"'))
        juju.settle()
        with pytest.raises(AssertionError, match=r'a/0 write.*field "another-field"'):
            juju.run("a/0", "write")


def test_juju_exec_is_not_checked(
    deploy: Callable[..., None],
) -> None:
    with watch.every_databag(), LocalJuju() as juju:
        deploy(juju, CHARM)
        juju.settle()
        juju.exec("relation-set -r demo:0 another-field=x", unit="a/0")
