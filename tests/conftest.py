"""The model that the suite runs on, and the bundle deployed in it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import jubilant
import pytest

from localjuju import LocalJuju

# Its assertions say what they compared, as those of tests do.
pytest.register_assert_rewrite("event_demos")

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module", params=["3.6", "4.0"])
def juju(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """A model of its own for each module, which behaves as that series of Juju."""
    with LocalJuju(request.param, charms=ROOT / "charms") as juju:
        failed = request.session.testsfailed
        yield juju
        if request.session.testsfailed > failed:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")


@pytest.fixture(scope="module")
def bundle(juju: LocalJuju) -> LocalJuju:
    """The model with the repository's bundle deployed and active."""
    juju.deploy(ROOT / "bundle.yaml")
    juju.wait(jubilant.all_active, error=jubilant.any_error)
    return juju
