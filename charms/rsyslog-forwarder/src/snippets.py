"""Generates the rsyslog configuration: a snippet for each stream of messages to forward.

This module does not know Juju, and does not read or write files.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import ipaddress
import pathlib
import re
from collections.abc import Iterable, Mapping

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)
_TARGET = re.compile(r"(\[(?P<v6>[^]]+)\]|(?P<host>[^]:[]+))(:(?P<port>[0-9]{1,5}))?", re.ASCII)
# Characters that end a string in rsyslog's configuration, or are replaced within it.
_UNSAFE = re.compile(r'["\\$`\x00-\x1f\x7f]')
_FOLLOWS = re.compile(r'^\s*input\s*\(\s*type="imfile"\s+file="([^"]+)"', re.I | re.M)

MARK = "# Written by Juju"
"""The first words of every file that the charm writes."""
_HEADER = MARK + " for the application {app}. Juju removes it with the relation. Do not edit.\n"

# rsyslogd accepts each of these statements only once. So each is in its own file, which all
# applications on the machine share. If another file already has the statement, the shared file is
# not written.
_SHARED_HEADER = MARK + " for all applications that forward logs. Do not edit.\n"
_IMFILE = "39-imfile.conf"
_IMFILE_TEXT = _SHARED_HEADER + 'module(load="imfile")\n'
_LOADS_IMFILE = re.compile(
    r'^\s*(module\s*\([^)]*\bload="imfile"|\$ModLoad\s+imfile\b)', re.I | re.M
)
# The longest message that fits into a UDP datagram. The default, 8 KiB, is too short for traces.
_SIZE = "39-message-size.conf"
_SIZE_TEXT = _SHARED_HEADER + 'global(maxMessageSize="65507")\n'
_SETS_SIZE = re.compile(
    r"^\s*(global\s*\([^)]*\bmaxMessageSize\s*=|\$MaxMessageSize\b)", re.I | re.M
)

_APP_NAME_LENGTH = 48
"""The maximum length of a program's name in RFC 5424."""

# The format of RFC 5424. rsyslog's default format cuts names after 31 characters.
_ACTION = """\
    action(type="omfwd" target="{host}" port="{port}" protocol="{protocol}"
           template="RSYSLOG_SyslogProtocol23Format"{queue})
"""
# If the target does not answer, messages wait on disk, and rsyslog retries without end, at least
# once a minute. If the disk space is used up, rsyslog drops new messages. If it waited instead, it
# would block the machine's syslog.
_QUEUE = """
           queue.type="LinkedList" queue.filename="{name}" queue.maxDiskSpace="1g"
           queue.saveOnShutdown="on" queue.timeoutEnqueue="0"
           action.resumeRetryCount="-1" action.resumeInterval="5" action.resumeIntervalMax="60\""""
_RULESET = """\
ruleset(name="{name}") {{
{action}}}
"""
# A separate ruleset keeps the lines out of the machine's syslog.
_FOLLOW = """\
input(type="imfile" file="{path}" tag="{tag}" ruleset="{name}"
      reopenOnTruncate="on" persistStateInterval="100")
"""
# Forward only messages of this machine. If this machine is also the target, it would send messages
# from the network to itself without end.
_SYSLOG = """\
if $inputname == ["imuxsock", "imklog"] then call {name}
"""


@dataclasses.dataclass(frozen=True)
class Destination:
    """The host and port to send messages to.

    Raises:
        ValueError: `host` is not a name or an address, or `port` is not from 1 to 65535.
    """

    host: str
    """A name, an IPv4 address, or an IPv6 address without brackets."""
    port: int = 514

    def __post_init__(self):
        if not _is_host(self.host):
            raise ValueError(f"{self.host!r} is neither a host name nor an address")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not from 1 to 65535")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read "host", "host:port", "[IPv6]" or "[IPv6]:port".

        Raises:
            ValueError: the text is invalid. The message names the invalid part.
        """
        match = _TARGET.fullmatch(text)
        if not match or (match["v6"] and ":" not in match["v6"]):
            raise ValueError(f"{text!r} is not host, host:port, [IPv6] or [IPv6]:port")
        return cls(match["v6"] or match["host"], int(match["port"] or 514))


@dataclasses.dataclass(frozen=True)
class LogFiles:
    """The log files to follow.

    Raises:
        ValueError: rsyslog's configuration cannot contain a value. The message names the field.
    """

    directory: str
    """Absolute path."""
    names: tuple[str, ...]
    """Names of files in the directory, or globs that match file names."""
    tag: str
    """The name of the program in each message."""

    def __post_init__(self):
        path = pathlib.PurePosixPath(self.directory)
        if not path.is_absolute() or ".." in path.parts or re.search(r"[][*?{}]", self.directory):
            raise ValueError(f"directory: {self.directory!r} is not an absolute path")
        for name in self.names:
            if "/" in name or name in ("", ".", ".."):
                raise ValueError(f"files: {name!r} is not a file name")
        for field, value in ("directory", self.directory), *(("files", n) for n in self.names):
            if _UNSAFE.search(value):
                raise ValueError(f"{field}: {value!r} contains a character that is not allowed")
        # The syslog also contains messages from the network. If this machine is also the target,
        # it would send them to itself without end.
        if path.parts[1:] == ("var", "log") and any(map(_matches_syslog, self.names)):
            raise ValueError("files: integrate juju-info to forward the machine's own syslog")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.tag, re.ASCII):
            raise ValueError(f"tag: {self.tag!r} is not a valid program name")

    def paths(self) -> list[str]:
        """Return the paths that rsyslog should follow, without names that a glob already covers.

        rsyslog sends a file again after a restart if two inputs match it. Globs that only overlap
        ("a*", "*b") stay.
        """
        names = [name for name in self.names if not any(_covers(n, name) for n in self.names)]
        return [f"{self.directory}/{name}" for name in names]


@dataclasses.dataclass(frozen=True)
class Forward:
    """A stream of messages and its destination."""

    destination: Destination
    protocol: str
    """"udp" or "tcp"."""
    files: LogFiles | None = None
    """The files to follow. None stands for the machine's own syslog."""

    def __str__(self) -> str:
        return self.files.directory if self.files else "syslog"


def render(app: str, stream: str, forward: Forward) -> str:
    """Return the snippet that forwards a stream of the application `app`."""
    name = f"{app}.{stream}"
    action = _ACTION.format(
        host=forward.destination.host,
        port=forward.destination.port,
        protocol=forward.protocol,
        queue=_QUEUE.format(name=name) if forward.protocol == "tcp" else "",
    )
    text = _HEADER.format(app=app) + _RULESET.format(name=name, action=action)
    if forward.files is None:
        return text + _SYSLOG.format(name=name)
    tag = _shorten(forward.files.tag)
    for path in forward.files.paths():
        text += _FOLLOW.format(path=path, tag=tag, name=name)
    return text


def with_shared(snippets: Mapping[str, str], main: str) -> dict[str, str]:
    """Add the shared statements that these snippets need and no other file has.

    Args:
        snippets: the text of each snippet on the machine, by file name.
        main: the text of rsyslog's main file.
    """
    shared = (_IMFILE, _SIZE)
    result = {file: text for file, text in snippets.items() if file not in shared}
    texts = [main, *result.values()]
    if any(map(_FOLLOWS.search, texts)) and not any(map(_LOADS_IMFILE.search, texts)):
        result[_IMFILE] = _IMFILE_TEXT
    if any(text.startswith(MARK) for text in texts) and not any(map(_SETS_SIZE.search, texts)):
        result[_SIZE] = _SIZE_TEXT
    return result


def apparmor_rules(app: str, paths: Iterable[str]) -> str:
    """Return AppArmor rules that let rsyslogd read these files. Return "" if none are needed."""
    folders = sorted({path.rpartition("/")[0] for path in paths})
    # The profile allows everything below /var/log.
    outside = [folder for folder in folders if not folder.startswith("/var/log/")]
    rules = "".join(f'"{folder}/" r,\n"{folder}/*" r,\n' for folder in outside)
    return _HEADER.format(app=app) + rules if rules else ""


def followed(snippets: Mapping[str, str]) -> set[str]:
    """Return the paths and globs of the files that the snippets follow."""
    return {path for text in snippets.values() for path in _FOLLOWS.findall(text)}


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether one of the paths and globs matches this path."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _shorten(name: str) -> str:
    """Return a program's name that is short enough for RFC 5424, and different for each name."""
    if len(name) <= _APP_NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _APP_NAME_LENGTH - len(digest) - 1]}-{digest}"


def _is_host(text: str) -> bool:
    try:
        return "%" not in str(ipaddress.ip_address(text))  # A zone is valid on one machine only.
    except ValueError:
        labels = text.split(".")
        # A name that ends in a number is a mistyped address.
        return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def _matches_syslog(name: str) -> bool:
    return fnmatch.fnmatchcase("syslog", name)


def _covers(glob: str, name: str) -> bool:
    # Two globs can match each other as text ("?.log", "*.log"). Then both must stay.
    return fnmatch.fnmatchcase(name, glob) and not fnmatch.fnmatchcase(glob, name)
