"""A plugin of pytest: a charm's own integration tests run on localjuju, in place of a controller.

pytest -p on_localjuju -p no:pytest-jubilant tests/integration
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from interface_checks import watch
from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parents[1] / "charms"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "juju_setup: as of pytest-jubilant")


@pytest.fixture(scope="module")
def juju(request: pytest.FixtureRequest) -> Iterator[LocalJuju]:
    """A model of its own for each module, as pytest-jubilant has it."""
    with watch.every_databag(), LocalJuju("4.0", charms=CHARMS) as juju:
        failed = request.session.testsfailed
        yield juju
        if request.session.testsfailed > failed:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")
