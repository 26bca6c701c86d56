"""MongoDB's apt repository for Ubuntu 24.04, and the key that signs its packages."""

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

# Add a line here for a new series. MongoDB signs 8.2 with the key of 8.0. Series older than 8.0 do
# not exist for Ubuntu 24.04.
KEYS = {
    "8.0": (_KEY_URL, _KEY_FINGERPRINT),
    "8.2": (_KEY_URL, _KEY_FINGERPRINT),
}
"""The URL and the fingerprint of the key, for each available series."""

_SOURCE = """\
Types: deb
URIs: https://repo.mongodb.org/apt/ubuntu
Suites: noble/mongodb-org/{series}
Components: multiverse
Signed-By: {key_file}
"""


def install_refusal(series: str) -> str:
    """Return why a series cannot be installed, for the operator; empty if it can."""
    if series in KEYS:
        return ""
    return f"MongoDB {series} is not available for Ubuntu 24.04: use {' or '.join(KEYS)}"


def source(series: str, key_file: pathlib.Path) -> str:
    """Return the apt source of the repository. apt trusts its packages only with this key."""
    return _SOURCE.format(series=series, key_file=key_file)


def fetch_key(series: str, proxies: Mapping[str, str]) -> bytes:
    """Download the key of a series, check its fingerprint, and return it.

    Args:
        series: such as "8.0".
        proxies: the URL of a proxy for "http" and for "https", and for "no" the hosts that need no
            proxy, separated by commas. Each may be absent.

    Raises:
        OSError: the key cannot be downloaded now.
        ValueError: the series does not exist, or the key has another fingerprint.
    """
    if refusal := install_refusal(series):
        raise ValueError(refusal)
    url, fingerprint = KEYS[series]
    downloaded = _download(url, proxies)
    # Import the key into an empty keyring: gpg drops the parts that the key has not signed.
    with tempfile.TemporaryDirectory() as folder:
        gpg = ["gpg", "--batch", "--no-autostart", "--homedir", folder]
        subprocess.run([*gpg, "--import"], input=downloaded, capture_output=True)
        listing = _output(*gpg, "--list-keys", "--with-colons").decode()
        records = [line.split(":") for line in listing.splitlines()]
        # The record after a primary key has its fingerprint.
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
        error.close()  # The error is also the response, so it must be closed.
        raise OSError(f"{url}: {error}") from error
    except (http.client.HTTPException, ValueError) as error:
        # ValueError: the proxy's URL is invalid.
        raise OSError(f"{url}: {error!r}") from error
    except OSError as error:
        raise OSError(f"{url}: {error}") from error


def _output(*command: str) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True).stdout
    except subprocess.CalledProcessError as error:
        raise OSError(f"{command[0]}: {error.stderr.decode(errors='replace')}") from error
