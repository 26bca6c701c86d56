"""Remove and restore the relation, and finally remove everything."""

from __future__ import annotations

import psutil
import pytest

import databags
from cloud import Cloud, LocalCloud, wait_until
from website import Website

ENDS = "my-node-app:database", "mongodb:database"


def test_application_stops_without_the_relation_and_is_blocked(bundle: Cloud) -> None:
    website = Website(bundle.address("my-node-app/0"))
    website.write("before")
    bundle.juju.remove_relation(*ENDS)
    (message,) = bundle.wait_until_blocked("my-node-app")
    assert "database" in message
    assert not website.is_healthy()
    assert not bundle.processes("my-node-app/0", "node")


def test_secret_is_removed_with_the_relation(bundle: Cloud) -> None:
    def user_has_secret() -> bool:
        return any("uris" in content for content in databags.all_secrets(bundle.juju))

    # The provider may get relation-broken later than the requirer.
    wait_until(lambda: not user_has_secret(), "the secret is removed", 120)
    found = databags.app_databags(bundle.juju, "database")
    assert not [databag for databag in found if "secret-user" in databag]


def test_notes_still_exist_after_the_relation_is_restored(bundle: Cloud) -> None:
    bundle.juju.integrate(*ENDS)
    bundle.settle()
    assert Website(bundle.address("my-node-app/0")).texts() == ["before"]


def test_several_units_share_one_database(bundle: Cloud) -> None:
    bundle.juju.add_unit("my-node-app")
    bundle.juju.wait(lambda status: len(status.get_units("my-node-app")) == 2)
    bundle.settle()
    Website(bundle.address("my-node-app/1")).write("from the other")
    assert Website(bundle.address("my-node-app/0")).texts() == ["from the other", "before"]


@pytest.mark.localjuju("a controller removes the machine with all its files")
def test_nothing_is_left_when_everything_is_removed(bundle: LocalCloud) -> None:
    status = bundle.juju.status()
    units = [unit for name in status.apps for unit in status.get_units(name)]
    folders = {str(bundle.root(unit)) for unit in units}
    bundle.juju.remove_application("mongodb", "my-node-app", "rsyslog-forwarder")
    bundle.juju.wait(lambda status: not status.apps)
    left = [line for line in bundle.juju.debug_log().splitlines() if "left behind" in line]
    assert left == []
    arguments = " ".join(
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    )
    assert not [folder for folder in folders if folder in arguments]


def test_everything_is_removed(bundle: Cloud) -> None:
    if (
        applications := bundle.juju.status().apps
    ):  # On localjuju, the previous test has removed them.
        bundle.juju.remove_application(*applications)
    bundle.juju.wait(lambda status: not status.apps)
