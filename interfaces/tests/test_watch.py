"""What charms write on localjuju is held to its interface, without a test's asking."""

from __future__ import annotations

import pathlib

import pytest

from interface_checks import watch
from localjuju import LocalJuju

CHARM = """\
import ops


class ACharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on["demo"].relation_created, self._write)

    def _write(self, event):
        event.relation.data[self.unit]["{field}"] = "x"


ops.main(ACharm)
"""


@pytest.mark.parametrize("field", ["special-field", "another-field"])
def test_hook_that_writes_what_the_interface_does_not_say_is_named(
    tmp_path: pathlib.Path, field: str
) -> None:
    for name, section in (("a", "provides"), ("b", "requires")):
        (tmp_path / name / "src").mkdir(parents=True)
        declared = f"{{name: {name}, {section}: {{demo: {{interface: demo}}}}}}"
        (tmp_path / name / "charmcraft.yaml").write_text(declared)
        (tmp_path / name / "src" / "charm.py").write_text(CHARM.format(field=field))
    with watch.every_databag(), LocalJuju() as juju:
        juju.deploy(tmp_path / "a")
        juju.deploy(tmp_path / "b", num_units=0)
        juju.integrate("a", "b")
        if field == "special-field":
            juju.settle()
        else:
            with pytest.raises(AssertionError, match=r'a/0 .*created.*field "another-field"'):
                juju.settle()
