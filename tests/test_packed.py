"""The bundles run from packed charms, with each charm's own dispatch and dependencies.

Pytest collects this file only if ``build/`` has all charms: see ``conftest.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import bundles
import conftest
from cloud import LocalCloud
from localjuju import LocalJuju
from website import Website


@pytest.fixture
def packed() -> Iterator[LocalCloud]:
    # Juju 4 accepts only packed charms.
    with LocalJuju("4.0", runner="packed", charms=conftest.ROOT / "charms") as juju:
        yield LocalCloud(juju)


def test_bundle_saves_notes_and_leaves_nothing_behind(
    request: pytest.FixtureRequest, packed: LocalCloud
) -> None:
    conftest.deploy_bundle(request, packed, bundles.BUNDLE, bundles.SMALL)
    website = Website(packed.address("my-node-app/0"))
    website.write("from packed charms", key="1")
    assert website.texts() == ["from packed charms"]
    packed.juju.remove_application("mongodb", "my-node-app", "rsyslog-forwarder")
    assert packed.juju.status().apps == {}
    assert "left behind" not in packed.juju.debug_log()


def test_demos_settle(request: pytest.FixtureRequest, packed: LocalCloud) -> None:
    conftest.deploy_bundle(request, packed, bundles.DEMOS)
    assert packed.juju.settle() == 0
    action = packed.juju.run("replicas-demo/leader", "show-relation-data")
    assert action.status == "completed"
