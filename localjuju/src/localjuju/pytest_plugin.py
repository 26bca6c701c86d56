"""Runs integration tests that use jubilant on localjuju: ``pytest --localjuju=4.0``.

It puts a ``juju`` program first on PATH, so the tests do not have to change. Without the option it
does nothing.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from localjuju.server_process import ServerSession


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("localjuju", "Juju with no controller")
    group.addoption(
        "--localjuju",
        metavar="SERIES",
        choices=["3.6", "4.0"],
        help="run the juju commands of tests on this computer, as in this series of Juju",
    )
    group.addoption(
        "--localjuju-seed",
        metavar="SEED",
        type=int,
        help="decides the order if Juju guarantees none; by default a random seed",
    )
    group.addoption(
        "--localjuju-runner",
        choices=["source", "packed"],
        default="source",
        help="run a charm from its folder, or a .charm file's own dispatch",
    )
    group.addoption(
        "--localjuju-pages",
        metavar="FOLDER",
        type=pathlib.Path,
        help="write the page of the run of each failed test to this folder",
    )
    group.addoption(
        "--localjuju-charms",
        metavar="FOLDER",
        type=pathlib.Path,
        help="the folder with the source folders of .charm files",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start a server if --localjuju is given."""
    option = config.option
    # With pytest-xdist the tests run in workers, and each worker has its own server.
    starts_workers = getattr(option, "dist", "no") != "no" and not hasattr(config, "workerinput")
    if not option.localjuju or option.collectonly or starts_workers:
        return
    from localjuju.server_process import ServerError, start

    try:
        server = start(
            option.localjuju,
            option.localjuju_seed,
            option.localjuju_charms,
            option.localjuju_runner,
        )
    except ServerError as error:
        raise pytest.UsageError(str(error)) from None
    plugin = ServerPlugin(server, option.localjuju_pages)
    config.pluginmanager.register(plugin, "localjuju-server")


class ServerPlugin:
    """Gives the tests a server, and adds its log to the reports of tests that fail."""

    def __init__(self, server: ServerSession, pages: pathlib.Path | None):
        self._server = server
        self._pages = pages
        self._environment = dict(os.environ)
        _set_environment(server.environment(os.environ))

    def pytest_unconfigure(self) -> None:
        _set_environment(self._environment)
        self._server.close()

    def pytest_report_header(self) -> str:
        return f"localjuju: Juju {self._server.juju}, seed {self._server.seed}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and (summary := self._server.summary()):
            options = f"--localjuju={self._server.juju} --localjuju-seed={self._server.seed}"
            report.sections.append((f"localjuju: {options}", summary))
            if self._pages:
                name = re.sub(r"[^\w.-]+", "-", report.nodeid)
                written = self._server.write_page(self._pages / f"{name}-{report.when}.html")
                report.sections.append(("localjuju: step through the run in a browser", written))
        return report


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
