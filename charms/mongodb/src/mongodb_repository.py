"""MongoDB's own apt repository for Ubuntu 24.04, and the key that its packages are signed with."""

from __future__ import annotations

import http.client
import itertools
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

_KEY_URL = "https://pgp.mongodb.com/server-8.0.asc"
_KEY_FINGERPRINT = "4B0752C1BCA238C0B4EE14DC41DE058A4E7DCA05"

# A new series gets a line here. MongoDB signs 8.2 with the key of 8.0, and has published no older
# series for Ubuntu 24.04.
KEYS = {
    "8.0": (_KEY_URL, _KEY_FINGERPRINT),
    "8.2": (_KEY_URL, _KEY_FINGERPRINT),
}
"""The series that there are, and for each: where its key is, and the key's fingerprint."""

_SOURCE = """\
Types: deb
URIs: https://repo.mongodb.org/apt/ubuntu
Suites: noble/mongodb-org/{series}
Components: multiverse
Signed-By: {key_file}
"""


def source(series: str, key_file: pathlib.Path) -> str:
    """Return what tells apt of the repository, and to trust only this key for it."""
    return _SOURCE.format(series=series, key_file=key_file)


def fetch_key(series: str, proxies: Mapping[str, str]) -> bytes:
    """Download the key of a series, and return it if it is the right one.

    Args:
        series: such as "8.0".
        proxies: the URL of a proxy for "http" and for "https", and for "no" the hosts that are to
            be asked without one, separated by commas. Each may be absent.

    Raises:
        OSError: the key cannot be had now.
        ValueError: there is no such series, or the key is another one.
    """
    if series not in KEYS:
        raise ValueError(f"there is no MongoDB {series} for Ubuntu 24.04, only {', '.join(KEYS)}")
    url, fingerprint = KEYS[series]
    downloaded = _download(url, proxies)
    # A keyring of its own: it takes no part of a key that the key itself has not signed.
    with tempfile.TemporaryDirectory() as folder:
        gpg = ["gpg", "--batch", "--no-autostart", "--homedir", folder]
        subprocess.run([*gpg, "--import"], input=downloaded, capture_output=True)
        listing = _output(*gpg, "--list-keys", "--with-colons").decode()
        records = [line.split(":") for line in listing.splitlines()]
        # The record after a primary key is its fingerprint.
        keys = [after[9] for record, after in itertools.pairwise(records) if record[0] == "pub"]
        if keys != [fingerprint]:
            found = " and ".join(keys) or "no key"
            raise ValueError(f"{url} has {found} instead of MongoDB's key {fingerprint}")
        return _output(*gpg, "--export", "--armor")


def _download(url: str, proxies: Mapping[str, str]) -> bytes:
    host = urllib.parse.urlsplit(url).netloc
    direct = urllib.request.proxy_bypass(host, dict(proxies))
    handler = urllib.request.ProxyHandler({} if direct else dict(proxies))
    try:
        with urllib.request.build_opener(handler).open(url, timeout=30) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        error.close()  # It is the server's answer too.
        raise OSError(f"{url}: {error}") from error
    except (http.client.HTTPException, ValueError) as error:  # ValueError: not a proxy's URL
        raise OSError(f"{url}: {error!r}") from error
    except OSError as error:
        raise OSError(f"{url}: {error}") from error


def _output(*command: str) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True).stdout
    except subprocess.CalledProcessError as error:
        raise OSError(f"{command[0]}: {error.stderr.decode(errors='replace')}") from error
