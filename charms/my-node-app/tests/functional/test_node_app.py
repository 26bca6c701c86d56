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


def ask(
    settings: Settings, method: str, path: str, note: str | None = None, key: str | None = None
) -> tuple[int, dict]:
    """Send one request; return the status and the JSON of the answer."""
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
    status, answer = ask(settings, "GET", "/api/notes?limit=1000")
    assert status == 200, answer
    return [note["text"] for note in answer["notes"]]


def events(app: NodeApp) -> list[dict]:
    return [json.loads(line) for line in app.log_file.read_text().splitlines()]


def wait_for_event(app: NodeApp, event: str) -> None:
    wait_for(lambda: event in [line["event"] for line in events(app)])


def test_the_javascript_tests_pass(app: NodeApp):
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


def test_notes_are_stored_in_order_and_in_the_settings_database(
    running: NodeApp, settings: Settings, database: Database
):
    for text in ("one", "<two>", "thr\u00e9e \U0001f600"):
        status, note = ask(settings, "POST", "/api/notes", text)
        assert (status, note["text"]) == (201, text)
    assert texts(settings) == ["thr\u00e9e \U0001f600", "<two>", "one"]
    with database.connect() as client:
        assert client[settings.database].notes.count_documents({}) == 3


def test_a_page_shows_notes_escaped(running: NodeApp, settings: Settings):
    ask(settings, "POST", "/api/notes", "<img src=x onerror=alert(1)>")
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    connection.close()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page


def test_concurrent_posts_with_one_key_are_one_note(running: NodeApp, settings: Settings):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: ask(settings, "POST", "/api/notes", "once", "the-key"), range(24))
        )
    assert sorted({status for status, _ in answers}) == [200, 201]
    assert [status for status, _ in answers].count(201) == 1
    assert all(note == answers[0][1] for _, note in answers)
    assert texts(settings) == ["once"]
    status, answer = ask(settings, "POST", "/api/notes", "another", "the-key")
    assert (status, "Idempotency-Key" in answer["error"]) == (422, True)


def test_a_killed_database_is_told_and_no_posted_note_is_lost(
    running: NodeApp, settings: Settings, database: Database
):
    database.kill()
    wait_for(lambda: running.health() == "no database")
    assert running.is_running()
    assert ask(settings, "GET", "/api/notes")[0] == 503
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        posted = pool.submit(ask, settings, "POST", "/api/notes", "while away", "key")
        for _ in range(2):  # each takes as long as the driver waits for a server in one try
            assert running.health() == "no database"
        assert not posted.done()
        database.start()
        status, note = posted.result(timeout=60)
    assert (status, note["text"]) == (201, "while away")
    wait_for(lambda: running.health() == "ok")
    assert texts(settings) == ["while away"]
    assert [line["event"] for line in events(running)].count("started") == 1


def test_rotated_credentials_lose_no_note(
    running: NodeApp, settings: Settings, database: Database
):
    written: list[str] = []
    stop = threading.Event()

    def write(worker: int) -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            text = f"{worker}-{number}"
            status, answer = ask(settings, "POST", "/api/notes", text)
            assert status == 201, answer
            written.append(text)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(write, worker) for worker in range(4)]
        try:
            wait_for(lambda: len(written) > 20)
            uri = database.add_user("second", "second-password", settings.database)
            running.configure(dataclasses.replace(settings, uri=uri))
            assert running.run()
            database.remove_user(settings.database)  # the first user has the database's name
            count = len(written)
            wait_for(lambda: len(written) > count + 50)
        finally:
            stop.set()
        for worker in workers:
            worker.result(timeout=60)
    assert len(written) < 1000
    assert sorted(texts(settings)) == sorted(written)


def test_a_user_that_may_no_longer_read_is_no_health(
    running: NodeApp, settings: Settings, database: Database
):
    database.remove_user(settings.database)
    wait_for(lambda: running.health() == "no database")


def test_a_stop_answers_what_is_under_way(running: NodeApp, settings: Settings):
    address = (settings.host, settings.port)
    idle = http.client.HTTPConnection(*address, timeout=10)
    idle.request("GET", "/health")
    idle.getresponse().read()  # and the connection is kept open
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
        stopped.result(timeout=4)  # which is before an open connection would time out
    idle.close()
    slow.close()
    assert not running.is_running()
    assert events(running)[-1]["event"] == "stopped"


def test_a_stop_waits_for_no_request_that_is_never_sent_to_its_end(
    running: NodeApp, settings: Settings
):
    with socket.create_connection((settings.host, settings.port), timeout=10) as slow:
        slow.sendall(
            b"POST /api/notes HTTP/1.1\r\nHost: notes\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n{"
        )
        assert slow.recv(1000).startswith(b"HTTP/1.1 100 ")  # it waits for the rest
        running.stop()
    assert events(running)[-1]["event"] == "stopped"  # by itself: it was not killed


def test_a_stop_while_the_database_is_away_is_quick(
    running: NodeApp, settings: Settings, database: Database
):
    database.kill()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        posted = pool.submit(ask, settings, "POST", "/api/notes", "x")
        assert running.health() == "no database"
        start = time.monotonic()
        running.stop()
        assert time.monotonic() - start < 10  # and not the 25 s that a write is tried for
        assert posted.result()[0] == 503


def test_reload_moves_to_another_port(running: NodeApp, settings: Settings):
    moved = dataclasses.replace(settings, port=3001)
    running.configure(moved)
    assert running.run()
    assert ask(moved, "GET", "/health")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(settings, "GET", "/health")


def test_the_application_itself_tells_which_settings_it_runs_with(
    running: NodeApp, settings: Settings, tmp_path: pathlib.Path
):
    process = running_process(tmp_path)
    running.configure(dataclasses.replace(settings, uri=f"{settings.uri}&appName=other"))
    assert running.health() == "old settings"  # as after a hook that ended before the reload
    assert running.run()
    assert running.health() == "ok"
    assert running_process(tmp_path) == process
    # What a supervisor starts again has read what there is.
    running.configure(settings)
    process.kill()
    wait_for(lambda: not running.is_running())
    running.start()
    wait_for(lambda: running.health() == "ok")
    started = running_process(tmp_path)
    assert running.run()
    assert running_process(tmp_path) == started
    assert [line["event"] for line in events(running)].count("reloaded") == 1


@pytest.mark.parametrize("what", ["no uri", "no uri, and another port", "a port in use"])
def test_settings_that_cannot_be_used_change_nothing(
    what: str, running: NodeApp, settings: Settings, database: Database
):
    unusable = {
        "no uri": dataclasses.replace(settings, uri="nonsense://"),
        "no uri, and another port": dataclasses.replace(settings, uri="nonsense://", port=3001),
        "a port in use": dataclasses.replace(settings, host=database.host, port=27017),
    }
    running.configure(unusable[what])
    running.reload()
    wait_for_event(running, "cannot use the new settings")
    assert running.health() in ("old settings", "no answer")
    assert ask(settings, "POST", "/api/notes", "still here")[0] == 201
    running.configure(settings)
    assert running.run()
    assert running.health() == "ok"


def test_settings_that_are_no_json_change_nothing(running: NodeApp, settings: Settings):
    running.settings_file.write_text("{")
    running.reload()
    wait_for_event(running, "cannot use the new settings")
    assert ask(settings, "POST", "/api/notes", "still here")[0] == 201


def test_without_settings_nothing_runs(running: NodeApp):
    running.unconfigure()
    assert not running.run()
    assert not running.is_running()


def test_another_program_at_its_address_is_no_answer(app: NodeApp, settings: Settings):
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


def test_an_upgrade_stops_what_ran(running: NodeApp):
    running.install(SOURCE)
    assert not running.is_running()
    assert events(running)[-1]["event"] == "stopped"
    assert running.run()


def test_a_port_in_use_is_no_answer(app: NodeApp, settings: Settings, database: Database):
    app.configure(dataclasses.replace(settings, host=database.host, port=27017))
    app.start()
    wait_for(lambda: not app.is_running())
    assert "EADDRINUSE" in (app.settings_file.parents[2] / "run/my-node-app/output").read_text()


def test_the_password_is_in_the_settings_file_alone(
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


def test_other_settings_have_another_id(app: NodeApp, settings: Settings):
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


def test_it_listens_on_its_own_address_only(running: NodeApp, settings: Settings):
    elsewhere = dataclasses.replace(settings, host="127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        ask(elsewhere, "GET", "/health")


def test_nothing_is_left(running: NodeApp, tmp_path: pathlib.Path):
    running.uninstall()
    assert not running.is_running()
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    running.uninstall()  # nothing there is no error
    running.stop()
    assert (SOURCE / "server.js").exists()


def test_the_version_is_that_of_the_application(app: NodeApp):
    assert app.version() == json.loads((SOURCE / "package.json").read_text())["version"]
    assert node_app.OLDEST_NODE == 18
