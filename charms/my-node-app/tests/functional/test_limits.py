"""A client opens many connections: memory stays limited, and other clients are served."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import pathlib
import socket
import threading
from collections.abc import Iterator

import psutil
import pytest
from conftest import Database, wait_for
from test_node_app import request, running_process

from node_app import NodeApp, Settings

MEGABYTE = 1024 * 1024
LIST = b"GET /api/notes?limit=1000 HTTP/1.1\r\nHost: notes\r\n\r\n"
INCOMPLETE_BODY = (
    b"POST /api/notes HTTP/1.1\r\nHost: notes\r\n"
    b"Content-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
)


@pytest.fixture
def app_with_many_notes(running: NodeApp, settings: Settings, database: Database) -> NodeApp:
    """The application with the most notes in an answer, each with the maximum length."""
    now = datetime.datetime.now(datetime.timezone.utc)
    notes = [{"_id": str(n), "text": "x" * 1000, "created": now} for n in range(1000)]
    with database.connect() as client:
        client[settings.database].notes.insert_many(notes)
    return running


class Memory(threading.Thread):
    """Measures the highest memory use of a process."""

    def __init__(self, process: psutil.Process):
        super().__init__(daemon=True)
        self._process = process
        self.most = self.before = process.memory_info().rss
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.01):
            self.most = max(self.most, self._process.memory_info().rss)


@contextlib.contextmanager
def attack(settings: Settings, connections: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Open connections, send the same data on each, read nothing, and return the sockets."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(connections):
            client = socket.create_connection((settings.host, settings.port), timeout=10)
            opened.append(stack.enter_context(client))
            with contextlib.suppress(ConnectionError):  # The application may have closed it.
                client.sendall(sent)
        yield opened


@pytest.mark.parametrize(
    ("connections", "sent"),
    [
        pytest.param(60, LIST * 20, id="more pipelined requests than are allowed"),
        pytest.param(60, LIST * 10, id="as many pipelined requests as are allowed"),
        pytest.param(600, LIST, id="more connections than are allowed"),
        pytest.param(1000, INCOMPLETE_BODY, id="incomplete bodies"),
        pytest.param(1000, b"GET / HT", id="incomplete headers"),
    ],
)
def test_many_connections_use_little_memory_and_do_not_block_other_clients(
    connections: int,
    sent: bytes,
    app_with_many_notes: NodeApp,
    settings: Settings,
    tmp_path: pathlib.Path,
):
    memory = Memory(running_process(tmp_path))
    memory.start()
    with attack(settings, connections, sent):
        wait_for(lambda: app_with_many_notes.health() == "ok")
        wait_for(lambda: request(settings, "POST", "/api/notes", "served", "key")[0] in (200, 201))
        wait_for(lambda: request(settings, "GET", "/api/notes?limit=1000")[0] == 200)
        memory.stop.set()
        memory.join()
    assert memory.most - memory.before < 250 * MEGABYTE
    assert app_with_many_notes.health() == "ok"


def test_repeated_connections_do_not_block_other_clients(
    app_with_many_notes: NodeApp, settings: Settings, tmp_path: pathlib.Path
):
    memory = Memory(running_process(tmp_path))
    memory.start()
    with contextlib.ExitStack() as stack:
        for number in range(15):
            stack.enter_context(attack(settings, 20, LIST * 5))
            wait_for(lambda: request(settings, "GET", "/api/notes")[0] == 200, 5)
            assert request(settings, "POST", "/api/notes", f"note {number}")[0] == 201
        assert app_with_many_notes.health() == "ok"
    memory.stop.set()
    memory.join()
    assert memory.most - memory.before < 250 * MEGABYTE


def test_connections_that_send_nothing_are_closed(running: NodeApp, settings: Settings):
    answered = http.client.HTTPConnection(settings.host, settings.port, timeout=30)
    answered.request("GET", "/health")
    answered.getresponse().read()
    with attack(settings, 1, b"") as silent, attack(settings, 1, b"GET / HT") as halfway:
        for client in (answered.sock, *silent, *halfway):
            client.settimeout(30)
            with contextlib.suppress(ConnectionError):
                while client.recv(1000):
                    pass
    answered.close()
    assert running.health() == "ok"
