"""Fixtures: a browser that Selenium controls, and pages of runs."""

from __future__ import annotations

import copy
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from browser import CHARMS, Browser, Run
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from localjuju import LocalJuju, run_data
from localjuju.html_page import page_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    program = shutil.which("chromedriver")
    if not browser or not program:
        raise RuntimeError(
            "chromium or its driver is missing: apt install chromium chromium-driver"
        )
    options = Options()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",  # Chromium requires this for root, and CI may run as root.
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(program))
    yield driver
    driver.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome) -> Iterator[Browser]:
    driver.get_log("browser")
    browser = Browser(driver)
    yield browser
    assert browser.new_errors() == []


@pytest.fixture(scope="session")
def run_of_charms() -> Run:
    """A run with two relations, a subordinate, a hook that fails, and a removed unit."""
    with LocalJuju("3.6", seed=7) as juju:
        juju.deploy(CHARMS / "tprov", num_units=2)
        juju.deploy(CHARMS / "treq")
        juju.deploy(CHARMS / "tsub")
        juju.integrate("treq:database", "tprov:database")
        juju.integrate("treq:logging", "tsub:logging")
        juju.settle()
        juju.deploy(CHARMS / "fprov")
        juju.settle()
        juju.config("fprov", {"fail": 1})
        juju.settle()
        juju.remove_unit("tprov/0")
        juju.settle()
        return run_data.describe(juju.history, "Charms meet")


@pytest.fixture(scope="session")
def page(run_of_charms: Run, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(page_of([run_of_charms]))
    return file


@pytest.fixture(scope="session")
def long_page(run_of_charms: Run, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A page that repeats the events of the run until it has at least 2,000 hooks."""
    run = copy.deepcopy(run_of_charms)
    events: list[Run] = []
    counts = {"command": 0, "hook": 0}
    while counts["hook"] < 2000:
        before = len(events)
        for event in copy.deepcopy(run_of_charms["events"]):
            kind = "command" if event["kind"] == "command" else "hook"
            counts[kind] += 1
            event["number"] = counts[kind]
            if kind == "hook":
                event["origins"] = [place + before for place in event["origins"]]
                event["why"]["events"] = [place + before for place in event["why"]["events"]]
            events.append(event)
    file = tmp_path_factory.mktemp("page") / "long.html"
    file.write_text(page_of([{**run, "events": events}]))
    return file
