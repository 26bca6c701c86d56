"""The key of MongoDB's apt repository, with the real gpg and a local proxy."""

from __future__ import annotations

import http.server
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest.mock
from collections.abc import Iterator

import pytest

import mongod
import mongodb_repository

SERIES = "8.0"


class Server(http.server.ThreadingHTTPServer):
    """A web server that is also a proxy: it answers for every host, and records the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.status, self.answer = 200, b""

    @property
    def host(self) -> str:
        """The address and port of this server."""
        return f"127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends the answer of its server."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        """Send the same answer for every path."""
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def do_CONNECT(self) -> None:
        """Accept a tunnel, but connect it to nothing."""
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxies_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def keys() -> Iterator[dict[str, bytes]]:
    """Two keys, by their fingerprints."""
    # tmp_path would be too long: the path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory() as folder:

        def own_gpg(*arguments: str) -> bytes:
            command = ["gpg", "--batch", "--homedir", folder, *arguments]
            return subprocess.run(command, check=True, capture_output=True).stdout

        for name in ("one", "two"):
            own_gpg("--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
        found = fingerprints(own_gpg("--with-colons", "--list-keys"))
        yield {fingerprint: own_gpg("--armor", "--export", fingerprint) for fingerprint in found}
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)


@pytest.fixture
def pinned(keys: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fingerprint of the expected key, which the charm downloads from the server."""
    fingerprint = next(iter(keys))
    url = f"http://{server.host}/server.asc"
    monkeypatch.setattr(mongodb_repository, "KEYS", {SERIES: (url, fingerprint)})
    return fingerprint


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> mongod.Mongod:
    """A machine without mongod, with an apt that installs nothing."""
    for name in ("apt_key", "apt_source", "packaged_binary", "custom_binary"):
        monkeypatch.setattr(mongod.Mongod, name, tmp_path / name)
    monkeypatch.setattr(mongod.apt, "update", lambda: None)
    monkeypatch.setattr(mongod.apt.DebianPackage, "from_apt_cache", unittest.mock.Mock())
    return mongod.Mongod()


def fingerprints(listing: bytes) -> list[str]:
    """Return the fingerprints in a listing of `gpg --with-colons`."""
    return re.findall(r"^f..:{9}(\w{40}):", listing.decode(), re.MULTILINE)


def gpg(*arguments: str, key: bytes) -> bytes:
    """Run gpg with an empty keyring, send the key to it, and return its output."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["gpg", "--homedir", folder, *arguments]
        return subprocess.run(command, input=key, check=True, capture_output=True).stdout


def fingerprints_in(key: bytes) -> list[str]:
    return fingerprints(gpg("--show-keys", "--with-colons", key=key))


def test_apt_trusts_right_key(machine, server, keys, pinned):
    server.answer = keys[pinned]
    machine.install_package(SERIES)
    assert fingerprints_in(machine.apt_key.read_bytes()) == [pinned]
    assert f"Signed-By: {machine.apt_key}\n" in machine.apt_source.read_text()
    assert f"noble/mongodb-org/{SERIES}\n" in machine.apt_source.read_text()


@pytest.mark.parametrize("answer", ["another", "both", "no key"])
def test_other_key_is_refused(machine, server, keys, pinned, answer):
    another = next(key for fingerprint, key in keys.items() if fingerprint != pinned)
    server.answer = {
        "another": another,
        "both": keys[pinned] + another,
        "no key": b"<html>Please log in to this network.</html>",
    }[answer]
    with pytest.raises(mongod.UnusableMongodError, match=f"instead of MongoDB's key {pinned}"):
        machine.install_package(SERIES)
    assert not machine.apt_key.exists()
    assert not machine.apt_source.exists()


def test_unsigned_part_of_key_is_dropped(server, keys, pinned):
    another = next(key for fingerprint, key in keys.items() if fingerprint != pinned)
    # The first byte of a packet with a key or a subkey. The second byte is its length.
    primary, subkey = 0x98, 0xB8
    packet = gpg("--dearmor", key=another)
    assert packet[0] == primary
    material = packet[2 : 2 + packet[1]]
    server.answer = gpg("--dearmor", key=keys[pinned]) + bytes([subkey, packet[1]]) + material
    trusted = mongodb_repository.fetch_key(SERIES, {})
    assert fingerprints_in(trusted) == [pinned]
    assert material not in gpg("--dearmor", key=trusted)


def test_unknown_series_is_refused(machine):
    message = "MongoDB 5.0 is not available for Ubuntu 24.04: use 8.0 or 8.2"
    with pytest.raises(mongod.UnusableMongodError, match=message):
        machine.install_package("5.0")
    assert not machine.apt_source.exists()


def test_failed_download_is_temporary_error(machine, server, pinned):
    server.status = 503
    with pytest.raises(mongod.InstallError, match="cannot download the key of MongoDB"):
        machine.install_package(SERIES)
    assert not machine.apt_key.exists()


def test_key_is_downloaded_through_proxy(server, keys, pinned, monkeypatch):
    server.answer = keys[pinned]
    url = "http://pgp.invalid/server.asc"
    monkeypatch.setattr(mongodb_repository, "KEYS", {SERIES: (url, pinned)})
    proxies = {"http": f"http://{server.host}", "no": "other.invalid,10.0.0.0/8"}
    assert fingerprints_in(mongodb_repository.fetch_key(SERIES, proxies)) == [pinned]
    assert server.asked == [url]


def test_proxy_gets_real_address_of_key(server):
    with pytest.raises(OSError, match=r"server-8\.0\.asc"):
        mongodb_repository.fetch_key(SERIES, {"https": f"http://{server.host}"})
    assert server.asked == ["pgp.mongodb.com:443"]


@pytest.mark.parametrize("no", ["127.0.0.1", "localhost,127.0.0.1", "*"])
def test_no_proxy_for_excluded_hosts(server, keys, pinned, no):
    server.answer = keys[pinned]
    proxies = {"http": "http://proxy.invalid:3128", "no": no}
    assert mongodb_repository.fetch_key(SERIES, proxies)
    assert server.asked == ["/server.asc"]


@pytest.mark.parametrize("proxy", ["http://proxy.invalid:3128", "http://[", "http://h:x", "no:/"])
def test_error_of_unusable_proxy_names_key(pinned, proxy):
    with pytest.raises(OSError, match=r"server\.asc: "):
        mongodb_repository.fetch_key(SERIES, {"http": proxy})
