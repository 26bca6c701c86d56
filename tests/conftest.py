"""The model that the suite runs on, and the bundle deployed in it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import jubilant
import pytest

import bundles
from cloud import Cloud, ControllerCloud, LocalCloud
from interface_checks import watch
from localjuju import LocalJuju

# Its assertions say what they compared, as those of tests do.
pytest.register_assert_rewrite("event_demos")

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
NOT_PACKED = [name for name in CHARMS if not (bundles.BUILD / f"{name}.charm").exists()]

# These tests are of what `make pack` or `make pack-here` has made.
collect_ignore = ["test_packed.py"] if NOT_PACKED else []


@pytest.fixture(scope="session", autouse=True)
def every_databag_is_as_its_interface_says() -> Iterator[None]:
    with watch.every_databag():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cloud", "what the suite runs on")
    group.addoption(
        "--controller",
        action="store_true",
        help="run on the current Juju controller with build/*.charm, and not on localjuju",
    )
    group.addoption(
        "--mongod", type=pathlib.Path, help="a mongod, or a .tgz with one, as mongodb's resource"
    )
    # What pytest-jubilant calls --no-juju-teardown.
    group.addoption("--keep-models", action="store_true", dest="no_juju_teardown")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "localjuju(reason): a controller cannot show this, for the reason given"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a controller, leave out what has no model there, and what only localjuju can show."""
    if not config.getoption("--controller"):
        return
    left_out = [
        item
        for item in items
        if "cloud" not in getattr(item, "fixturenames", ()) or item.get_closest_marker("localjuju")
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cloud" in metafunc.fixturenames:
        params = ["controller"] if metafunc.config.getoption("--controller") else ["3.6", "4.0"]
        metafunc.parametrize("cloud", params, indirect=True, scope="module")


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A model of its own for each module: on localjuju, or as pytest-jubilant makes it."""
    if request.param == "controller":
        yield ControllerCloud(_controllers_model(request))
        return
    with LocalJuju(request.param, charms=ROOT / "charms") as juju:
        failed = request.session.testsfailed
        yield LocalCloud(juju)
        if request.session.testsfailed > failed:
            print(f"{juju}\n{juju.history.timeline()}\n{juju.debug_log(limit=300)}")


def _controllers_model(request: pytest.FixtureRequest) -> jubilant.Juju:
    assert not NOT_PACKED, f"not in build/: {', '.join(NOT_PACKED)}; run `make pack` first"
    juju: jubilant.Juju = request.getfixturevalue("juju")
    juju.wait_timeout = 20 * 60.0  # Machines have to be made, and programs installed.
    # Q5: of some removals Juju 4 tells nobody, and update-status is what finds them.
    juju.model_config({"update-status-hook-interval": "1m"})
    return juju


@pytest.fixture
def scratch() -> Iterator[pathlib.Path]:
    """A folder of the test's own, for files that a controller's juju is to read."""
    with bundles.scratch_folder() as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="module")
def bundle(request: pytest.FixtureRequest, cloud: Cloud) -> Cloud:
    """The model with the repository's bundle deployed and active, one unit of each application."""
    return deploy_bundle(request, cloud, bundles.BUNDLE, bundles.SMALL)


def deploy_bundle(
    request: pytest.FixtureRequest,
    cloud: Cloud,
    bundle: pathlib.Path,
    units: dict[str, int] | None = None,
) -> Cloud:
    """Deploy a bundle, with other numbers of units if so wished, and wait until it is active."""
    folder = bundles.scratch_folder()
    request.addfinalizer(folder.cleanup)
    variant = bundles.write_variant(
        pathlib.Path(folder.name),
        bundle,
        units=units,
        mongod=request.config.getoption("--mongod"),
        kubernetes=cloud.juju.status().model.type == "caas",
    )
    # As tools/deploy.py, which says why.
    cloud.juju.cli("deploy", str(variant))
    cloud.settle()
    return cloud
