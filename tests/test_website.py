"""A requirer of the website finds the units that serve it, at their published addresses."""

from __future__ import annotations

import pytest

import databags
from cloud import Cloud
from website import Website

pytestmark = pytest.mark.localjuju("the reader charm is not packed")

READER = """\
import ops


class ReaderCharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.start, self._on_start)

    def _on_start(self, event):
        self.unit.status = ops.ActiveStatus()


ops.main(ReaderCharm)
"""


@pytest.fixture(scope="module")
def reader(bundle: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """The bundle with two units of the website, and a charm that requires it."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "src").mkdir()
    (folder / "src" / "charm.py").write_text(READER)
    declared = "{name: reader, requires: {site: {interface: http}}}"
    (folder / "charmcraft.yaml").write_text(declared)
    bundle.juju.deploy(folder)
    bundle.juju.add_unit("my-node-app")
    bundle.juju.integrate("reader:site", "my-node-app:website")
    bundle.settle()
    return bundle


def published_addresses(cloud: Cloud) -> dict[str, tuple[str, str]]:
    """Return the host name and port of each unit that has published both."""
    found = databags.unit_databags(cloud.juju, "website", "my-node-app")
    return {
        name: (databag["hostname"], databag["port"])
        for name, databag in found.items()
        if "hostname" in databag and "port" in databag
    }


def test_each_unit_answers_at_its_published_address(reader: Cloud) -> None:
    found = published_addresses(reader)
    assert sorted(found) == ["my-node-app/0", "my-node-app/1"]
    assert len(set(found.values())) == 2
    for hostname, port in found.values():
        assert Website(hostname, int(port)).is_healthy()


def test_published_port_changes_with_the_option(reader: Cloud) -> None:
    reader.juju.config("my-node-app", {"port": 3001})
    reader.settle()
    for hostname, port in published_addresses(reader).values():
        assert port == "3001"
        assert Website(hostname, 3001).is_healthy()


def test_blocked_units_publish_no_address(reader: Cloud) -> None:
    reader.juju.remove_relation("my-node-app:database", "mongodb:database")
    reader.wait_until_blocked("my-node-app")
    assert published_addresses(reader) == {}
