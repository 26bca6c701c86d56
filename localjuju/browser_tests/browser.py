"""A browser with short methods, for the tests of the page."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHARMS = pathlib.Path(__file__).parents[1] / "tests" / "charms"

Run = dict[str, Any]


class Browser:
    """Opens the page in Chrome, and reads from it."""

    def __init__(self, driver: webdriver.Chrome):
        self.driver = driver

    def open(self, file: pathlib.Path, address: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get(f"{file.as_uri()}{address}")

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.driver, 30).until(lambda _: condition())

    def chrome(self, command: str, **parameters: Any) -> Any:
        """Run a command of the Chrome DevTools Protocol."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def requests(self) -> list[str]:
        """Return the addresses that the browser has requested since the page was opened."""
        messages = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        return [
            message["message"]["params"]["request"]["url"]
            for message in messages
            if message["message"]["method"] == "Network.requestWillBeSent"
        ]

    def new_errors(self) -> list[str]:
        """Return the new errors in the console, which include violations of the page's policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
