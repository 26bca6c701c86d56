"""A client of the website, and a thread that writes many notes to it."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

from cloud import wait_until


class Website:
    """The API of one unit of my-node-app."""

    def __init__(self, address: str, port: int = 3000):
        self.url = f"http://{address}:{port}"

    def write(self, text: str, key: str | None = None) -> str:
        """Write a note and return its id. The website saves it once for each idempotency key."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key or str(uuid.uuid4()),
        }
        body = json.dumps({"text": text}).encode()
        return self._request("/api/notes", body, headers)["id"]

    def texts(self) -> list[str]:
        """Return the texts of at most 1000 notes."""
        return [note["text"] for note in self._request("/api/notes?limit=1000")["notes"]]

    def is_healthy(self) -> bool:
        """Return whether the application answers and reaches its database."""
        try:
            return self._request("/health")["status"] == "ok"
        except OSError:
            return False

    def _request(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        request = urllib.request.Request(self.url + path, body, headers or {})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


class Load:
    """Writes one note after another in a thread, and remembers the acknowledged notes."""

    def __init__(self, website: Website, pause: float):
        """Take the website, and the pause in seconds between two notes."""
        self.website = website
        self._pause = pause
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def _write(self) -> None:
        while not self._stop.wait(self._pause):
            text = f"load {uuid.uuid4()}"
            try:
                self.website.write(text, key=text.replace(" ", "-"))
            except OSError as error:
                self.refused.append(f"{text}: {error}")
            else:
                self.acknowledged.append(text)

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        """Write notes while the block runs, and at least 20 notes before it and 20 after it."""
        self._thread.start()
        try:
            self._wait_for_more()
            yield self
            self._wait_for_more()
        finally:
            self._stop.set()
            self._thread.join(timeout=60)

    def _wait_for_more(self) -> None:
        target = len(self.acknowledged) + 20
        wait_until(lambda: len(self.acknowledged) >= target, "notes are written", 60)

    def lost_and_duplicated(self) -> tuple[list[str], list[str]]:
        """Return the acknowledged notes that are missing, and those that exist more than once."""
        texts = self.website.texts()
        lost = [text for text in self.acknowledged if text not in texts]
        return lost, [text for text in self.acknowledged if texts.count(text) > 1]
