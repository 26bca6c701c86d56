"""Rotate credentials while the website gets a new relation.

Juju runs website-relation-created before secret-changed. If the charm refreshed the secret in
website-relation-created and did not give the new content to the application, Juju might send no
secret-changed event.
"""

from __future__ import annotations

import pathlib

import jubilant
import pymongo
import pymongo.errors
import pytest

import databags
from cloud import Cloud, wait_until
from website import Website

pytestmark = pytest.mark.localjuju("the reader charm is not packed")

READER = """\
import ops


class ReaderCharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_collect_unit_status(self, event):
        event.add_status(ops.ActiveStatus())


ops.main(ReaderCharm)
"""


@pytest.fixture(scope="module")
def reader(bundle: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """The bundle, and an application that requires the website, without units and relations.

    Because it has no units, its new relation triggers only website-relation-created.
    """
    folder: pathlib.Path = tmp_path_factory.mktemp("reader")
    (folder / "src").mkdir()
    (folder / "src" / "charm.py").write_text(READER)
    declared = "{name: reader, requires: {site: {interface: http}}}"
    (folder / "charmcraft.yaml").write_text(declared)
    bundle.juju.deploy(folder)
    bundle.settle()
    bundle.juju.remove_unit("reader/0")
    settle(bundle)
    return bundle


def settle(cloud: Cloud) -> None:
    """Wait until the bundle is active."""
    bundled = ("mongodb", "my-node-app", "rsyslog-forwarder")
    cloud.juju.wait(lambda status: jubilant.all_active(status, *bundled))


def user_is_gone(uri: str) -> bool:
    """Return whether the user of a connection string no longer exists."""
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
        try:
            client.admin.command("connectionStatus")
        except pymongo.errors.OperationFailure:
            return True
        return False


def test_website_uses_the_new_password_after_a_rotation_with_a_new_relation(reader: Cloud) -> None:
    before = databags.secret(reader.juju).content
    reader.juju.run("mongodb/leader", "rotate-password")
    reader.juju.integrate("reader:site", "my-node-app:website")
    settle(reader)
    after = databags.secret(reader.juju).content
    assert after["password"] != before["password"]
    wait_until(lambda: user_is_gone(before["uris"]), "the old user is removed", 120)
    website = Website(reader.address("my-node-app/0"))
    website.write("with the new password")
    assert "with the new password" in website.texts()
