"""`NodeApp` with the real Node.js and a real mongod."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import http.client
import http.server
import json
import pathlib
import socket
import stat
import subprocess
import threading
import time

import fake_machine
import psutil
import pytest
from conftest import SOURCE, Database, wait_for

import node_app
from node_app import NodeApp, Settings


def request(
    settings: Settings, method: str, path: str, note: str | None = None, key: str | None = None
) -> tuple[int, dict]:
    """Send a request, and return the status and the JSON of the answer."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=60)
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    body = json.dumps({"text": note}) if note is not None else None
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def running_process(folder: pathlib.Path) -> psutil.Process:
    return psutil.Process(int((folder / "run/my-node-app/pid").read_text().split()[0]))


def texts(settings: Settings) -> list[str]:
    status, answer = request(settings, "GET", "/api/notes?limit=1000")
    assert status == 200, answer
    return [note["text"] for note in answer["notes"]]


def events(app: NodeApp) -> list[dict]:
    return [json.loads(line) for line in app.log_file.read_text().splitlines()]


def wait_for_event(app: NodeApp, event: str) -> None:
    wait_for(lambda: event in [line["event"] for line in events(app)])


def test_javascript_tests_pass(app: NodeApp):
    test_files = sorted(str(path) for path in (SOURCE / "test").glob("*.test.js"))
    done = subprocess.run(
        [fake_machine.find_node(), "--test", *test_files],
        cwd=SOURCE,
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_notes_are_stored_in_order_in_the_configured_database(
    running: NodeApp, settings: Settings, database: Database
):
    for text in ("one", "<two>", "thr\u00e9e \U0001f600"):
        status, note = request(settings, "POST", "/api/notes", text)
        assert (status, note["text"]) == (201, text)
    assert texts(settings) == ["thr\u00e9e \U0001f600", "<two>", "one"]
    with database.connect() as client:
        assert client[settings.database].notes.count_documents({}) == 3


def test_page_escapes_notes(running: NodeApp, settings: Settings):
    request(settings, "POST", "/api/notes", "<img src=x onerror=alert(1)>")
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    connection.close()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page


def test_concurrent_posts_with_the_same_key_create_one_note(running: NodeApp, settings: Settings):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: request(settings, "POST", "/api/notes", "once", "the-key"), range(24)
            )
        )
    assert sorted({status for status, _ in answers}) == [200, 201]
    assert [status for status, _ in answers].count(201) == 1
    assert all(note == answers[0][1] for _, note in answers)
    assert texts(settings) == ["once"]
    status, answer = request(settings, "POST", "/api/notes", "another", "the-key")
    assert (status, "Idempotency-Key" in answer["error"]) == (422, True)


def test_health_shows_a_killed_database_and_no_note_is_lost(
    running: NodeApp, settings: Settings, database: Database
):
    database.kill()
    wait_for(lambda: running.health() == "no database")
    assert running.is_running()
    assert request(settings, "GET", "/api/notes")[0] == 503
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        posted = pool.submit(
            request, settings, "POST", "/api/notes", "while the database is down", "key"
        )
        for _ in range(2):  # Each lasts as long as the driver waits for a server.
            assert running.health() == "no database"
        assert not posted.done()
        database.start()
        status, note = posted.result(timeout=60)
    assert (status, note["text"]) == (201, "while the database is down")
    wait_for(lambda: running.health() == "ok")
    assert texts(settings) == ["while the database is down"]
    assert [line["event"] for line in events(running)].count("started") == 1


def test_no_note_is_lost_when_credentials_rotate(
    running: NodeApp, settings: Settings, database: Database
):
    written: list[str] = []
    stop = threading.Event()

    def write(worker: int) -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            text = f"{worker}-{number}"
            status, answer = request(settings, "POST", "/api/notes", text)
            assert status == 201, answer
            written.append(text)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(write, worker) for worker in range(4)]
        try:
            wait_for(lambda: len(written) > 20)
            uri = database.add_user("second", "second-password", settings.database)
            running.configure(dataclasses.replace(settings, uri=uri))
            assert running.run()
            database.remove_user(settings.database)  # The first user has the database's name.
            count = len(written)
            wait_for(lambda: len(written) > count + 50)
        finally:
            stop.set()
        for worker in workers:
            worker.result(timeout=60)
    assert len(written) < 1000
    assert sorted(texts(settings)) == sorted(written)


def test_health_fails_if_the_user_has_lost_its_rights(
    running: NodeApp, settings: Settings, database: Database
):
    database.remove_user(settings.database)
    wait_for(lambda: running.health() == "no database")


def test_stop_answers_current_requests(running: NodeApp, settings: Settings):
    address = (settings.host, settings.port)
    idle = http.client.HTTPConnection(*address, timeout=10)
    idle.request("GET", "/health")
    idle.getresponse().read()  # The connection stays open.
    slow = http.client.HTTPConnection(*address, timeout=10)
    body = b'{"text": "slow"}'
    slow.putrequest("POST", "/api/notes")
    slow.putheader("Content-Type", "application/json")
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders(body[:5])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(running.stop)
        wait_for_event(running, "stopping")
        slow.send(body[5:])
        assert slow.getresponse().status == 201
        stopped.result(timeout=4)  # Less than the timeout of an open connection.
    idle.close()
    slow.close()
    assert not running.is_running()
    assert events(running)[-1]["event"] == "stopped"


def test_stop_does_not_wait_for_an_incomplete_request(running: NodeApp, settings: Settings):
    with socket.create_connection((settings.host, settings.port), timeout=10) as slow:
        slow.sendall(
            b"POST /api/notes HTTP/1.1\r\nHost: notes\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n{"
        )
        assert slow.recv(1000).startswith(b"HTTP/1.1 100 ")  # It waits for the body.
        running.stop()
    assert events(running)[-1]["event"] == "stopped"  # It was not killed.


def test_stop_without_a_database_is_quick(
    running: NodeApp, settings: Settings, database: Database
):
    database.kill()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        posted = pool.submit(request, settings, "POST", "/api/notes", "x")
        assert running.health() == "no database"
        start = time.monotonic()
        running.stop()
        assert time.monotonic() - start < 10  # A write is retried for 25 s.
        assert posted.result()[0] == 503


def test_reload_changes_the_port(running: NodeApp, settings: Settings):
    moved = dataclasses.replace(settings, port=3001)
    running.configure(moved)
    assert running.run()
    assert request(moved, "GET", "/health")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        request(settings, "GET", "/health")


def test_health_shows_which_settings_are_loaded(
    running: NodeApp, settings: Settings, tmp_path: pathlib.Path
):
    process = running_process(tmp_path)
    running.configure(dataclasses.replace(settings, uri=f"{settings.uri}&appName=other"))
    assert running.health() == "old settings"  # As after a hook that failed before the reload.
    assert running.run()
    assert running.health() == "ok"
    assert running_process(tmp_path) == process
    # A restart loads the new settings.
    running.configure(settings)
    process.kill()
    wait_for(lambda: not running.is_running())
    running.start()
    wait_for(lambda: running.health() == "ok")
    started = running_process(tmp_path)
    assert running.run()
    assert running_process(tmp_path) == started
    assert [line["event"] for line in events(running)].count("reloaded") == 1


@pytest.mark.parametrize("problem", ["no uri", "no uri, and another port", "a port in use"])
def test_unusable_settings_are_not_loaded(
    problem: str, running: NodeApp, settings: Settings, database: Database
):
    unusable = {
        "no uri": dataclasses.replace(settings, uri="nonsense://"),
        "no uri, and another port": dataclasses.replace(settings, uri="nonsense://", port=3001),
        "a port in use": dataclasses.replace(settings, host=database.host, port=27017),
    }
    running.configure(unusable[problem])
    running.reload()
    wait_for_event(running, "cannot use the new settings")
    assert running.health() in ("old settings", "no answer")
    assert request(settings, "POST", "/api/notes", "still here")[0] == 201
    running.configure(settings)
    assert running.run()
    assert running.health() == "ok"


def test_settings_in_invalid_json_are_not_loaded(running: NodeApp, settings: Settings):
    running.settings_file.write_text("{")
    running.reload()
    wait_for_event(running, "cannot use the new settings")
    assert request(settings, "POST", "/api/notes", "still here")[0] == 201


def test_application_does_not_run_without_settings(running: NodeApp):
    running.unconfigure()
    assert not running.run()
    assert not running.is_running()


def test_answer_of_another_program_is_ignored(app: NodeApp, settings: Settings):
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'["ok"]')

        def log_message(self, format: str, *args: object) -> None:
            pass

    app.configure(settings)
    with http.server.HTTPServer((settings.host, settings.port), Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        assert app.health() == "no answer"
        other.shutdown()
        thread.join()


def test_upgrade_stops_the_application(running: NodeApp):
    running.install(SOURCE)
    assert not running.is_running()
    assert events(running)[-1]["event"] == "stopped"
    assert running.run()


def test_health_fails_if_the_port_is_in_use(app: NodeApp, settings: Settings, database: Database):
    app.configure(dataclasses.replace(settings, host=database.host, port=27017))
    app.start()
    wait_for(lambda: not app.is_running())
    assert "EADDRINUSE" in (app.settings_file.parents[2] / "run/my-node-app/output").read_text()


def test_password_is_only_in_the_settings_file(
    running: NodeApp, settings: Settings, tmp_path: pathlib.Path
):
    assert stat.S_IMODE(running.settings_file.stat().st_mode) == 0o600
    holders = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and b"first-password" in path.read_bytes()
    ]
    assert holders == [running.settings_file]
    process = running_process(tmp_path)
    assert "first-password" not in " ".join(process.cmdline()) + str(process.environ())
    assert "first-password" not in repr(settings)


def test_different_settings_have_different_ids(app: NodeApp, settings: Settings):
    assert app.settings() is None
    ids = []
    for configured in (settings, settings, dataclasses.replace(settings, port=3002)):
        app.configure(configured)
        found = app.settings()
        assert found and found == configured
        ids.append(found.id)
    assert ids[0] == ids[1] != ids[2]
    app.unconfigure()
    app.unconfigure()
    assert app.settings() is None
    assert app.health() == "no answer"


def test_application_listens_only_on_its_address(running: NodeApp, settings: Settings):
    elsewhere = dataclasses.replace(settings, host="127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        request(elsewhere, "GET", "/health")


def test_uninstall_leaves_nothing(running: NodeApp, tmp_path: pathlib.Path):
    running.uninstall()
    assert not running.is_running()
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    running.uninstall()  # A second time is no error.
    running.stop()
    assert (SOURCE / "server.js").exists()


def test_version_is_the_version_of_the_application(app: NodeApp):
    assert app.version() == json.loads((SOURCE / "package.json").read_text())["version"]
    assert node_app.OLDEST_NODE == 18
