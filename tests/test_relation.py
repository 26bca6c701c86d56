"""The relation ends and comes back; at last everything ends, and nothing is left."""

from __future__ import annotations

import jubilant
import psutil

import cloud
import databags
from localjuju import LocalJuju
from website import Website

ENDS = "my-node-app:database", "mongodb:database"


def test_application_stops_with_the_relation_and_says_why(bundle: LocalJuju) -> None:
    website = Website(cloud.address(bundle, "my-node-app/0"))
    website.write("before")
    bundle.remove_relation(*ENDS)
    status = bundle.wait(lambda status: status.apps["my-node-app"].is_blocked)
    assert "database" in status.apps["my-node-app"].app_status.message
    assert not website.is_healthy()
    assert not cloud.processes(bundle, "my-node-app/0", "node")


def test_user_and_secret_end_with_the_relation(bundle: LocalJuju) -> None:
    contents = [bundle.show_secret(s.uri, reveal=True).content for s in bundle.secrets()]
    assert not [content for content in contents if "uris" in content]
    assert not [bag for bag in databags.app_bags(bundle, "database") if "secret-user" in bag]


def test_notes_are_there_when_the_relation_comes_back(bundle: LocalJuju) -> None:
    bundle.integrate(*ENDS)
    bundle.wait(jubilant.all_active, error=jubilant.any_error)
    assert Website(cloud.address(bundle, "my-node-app/0")).texts() == ["before"]


def test_several_units_share_one_database(bundle: LocalJuju) -> None:
    bundle.add_unit("my-node-app")
    bundle.wait(jubilant.all_active, error=jubilant.any_error)
    Website(cloud.address(bundle, "my-node-app/1")).write("from the other")
    assert Website(cloud.address(bundle, "my-node-app/0")).texts() == ["from the other", "before"]


def test_nothing_is_left_when_everything_is_removed(bundle: LocalJuju) -> None:
    status = bundle.status()
    units = [unit for name in status.apps for unit in status.get_units(name)]
    folders = {str(bundle.machine_folder(unit)) for unit in units}
    bundle.remove_application("mongodb", "my-node-app", "rsyslog-forwarder")
    bundle.settle()
    assert bundle.status().apps == {}
    left = [line for line in bundle.debug_log().splitlines() if "left behind" in line]
    assert left == []
    arguments = " ".join(
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    )
    assert not [folder for folder in folders if folder in arguments]
