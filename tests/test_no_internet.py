"""If the charm has a mongod as a resource, it needs no apt repository of MongoDB.

On a controller, ``make integration MONGOD=...`` runs the whole suite with a resource.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

import bundles
import deploy
from cloud import LocalCloud
from localjuju import LocalJuju
from website import Website


@pytest.fixture
def local_model() -> Iterator[LocalCloud]:
    with LocalJuju("4.0", charms=bundles.ROOT / "charms") as juju:
        yield LocalCloud(juju)


def test_bundle_runs_the_mongod_of_the_resource(
    local_model: LocalCloud, mongod: pathlib.Path, scratch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    small = bundles.write_variant(tmp_path, bundles.BUNDLE, units=bundles.SMALL)
    status = deploy.deploy(local_model.juju, scratch, small, mongod)
    assert status.apps["mongodb"].version == "6.0.5"
    (process,) = local_model.processes("mongodb/0", "mongod")
    assert process.arguments[0] == str(local_model.root("mongodb/0") / "usr/local/bin/mongod")
    # apt has installed no other mongod.
    assert not (local_model.root("mongodb/0") / "usr/bin/mongod").exists()
    Website(local_model.address("my-node-app/0")).write("kept without the internet")


def test_resource_without_a_mongod_is_refused(
    local_model: LocalCloud, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "mongod.tgz").write_text("no archive, and no program")
    resources = {"mongod": str(tmp_path / "mongod.tgz")}
    local_model.juju.deploy(bundles.BUILD / "mongodb.charm", resources=resources)
    status = local_model.juju.wait(
        lambda status: status.apps["mongodb"].units["mongodb/0"].is_blocked
    )
    message = status.apps["mongodb"].units["mongodb/0"].workload_status.message
    assert message == "resource mongod: the file is not a mongod that runs on this machine"
    assert not (local_model.root("mongodb/0") / "usr/bin/mongod").exists()
