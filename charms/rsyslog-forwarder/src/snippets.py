"""What is forwarded where, as text for rsyslog's configuration: a snippet for each stream.

Knows nothing of Juju, and touches no file.
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
# What ends a string of rsyslog's configuration, or is replaced within it.
_UNSAFE = re.compile(r'["\\$`\x00-\x1f\x7f]')
_FOLLOWS = re.compile(r'^\s*input\s*\(\s*type="imfile"\s+file="([^"]+)"', re.I | re.M)

MARK = "# Written by Juju"
"""What every file that we write begins with."""
_HEADER = MARK + " for the application {app}, and removed with its relation. Do not edit.\n"

# rsyslogd takes each of these once only. So they stand in files of their own, for all applications
# of the machine together, unless another file of the machine has them already.
_SHARED_HEADER = MARK + " for every application that forwards; removed with the last of them.\n"
_IMFILE = "39-imfile.conf"
_IMFILE_TEXT = _SHARED_HEADER + 'module(load="imfile")\n'
_LOADS_IMFILE = re.compile(
    r'^\s*(module\s*\([^)]*\bload="imfile"|\$ModLoad\s+imfile\b)', re.I | re.M
)
# The longest that fits in a UDP datagram; the default, 8 KiB, is too short for a stack trace.
_SIZE = "39-message-size.conf"
_SIZE_TEXT = _SHARED_HEADER + 'global(maxMessageSize="65507")\n'
_SETS_SIZE = re.compile(
    r"^\s*(global\s*\([^)]*\bmaxMessageSize\s*=|\$MaxMessageSize\b)", re.I | re.M
)

_APP_NAME_LENGTH = 48
"""How long the name of a program may be in a message of RFC 5424."""

# The format of RFC 5424: the older one, rsyslog's default, cuts names after 31 characters.
_ACTION = """\
    action(type="omfwd" target="{host}" port="{port}" protocol="{protocol}"
           template="RSYSLOG_SyslogProtocol23Format"{queue})
"""
# Kept on disk while the target is away, and tried for ever, at least once a minute. If the disk
# space is used up, new messages are dropped: waiting would hold up the machine's own syslog.
_QUEUE = """
           queue.type="LinkedList" queue.filename="{name}" queue.maxDiskSpace="1g"
           queue.saveOnShutdown="on" queue.timeoutEnqueue="0"
           action.resumeRetryCount="-1" action.resumeInterval="5" action.resumeIntervalMax="60\""""
_RULESET = """\
ruleset(name="{name}") {{
{action}}}
"""
# A ruleset of their own keeps the lines out of the machine's syslog.
_FOLLOW = """\
input(type="imfile" file="{path}" tag="{tag}" ruleset="{name}"
      reopenOnTruncate="on" persistStateInterval="100")
"""
# Only what was logged on this machine. What came in over the network is not sent on: a machine
# that is also the target would send it to itself for ever.
_SYSLOG = """\
if $inputname == ["imuxsock", "imklog"] then call {name}
"""


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where messages go; ValueError if `host` is neither a name nor an address."""

    host: str
    """Name, IPv4 address or IPv6 address (without brackets)."""
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
            ValueError: it is none of them; the message says which part is wrong.
        """
        match = _TARGET.fullmatch(text)
        if not match or (match["v6"] and ":" not in match["v6"]):
            raise ValueError(f"{text!r} is not host, host:port, [IPv6] or [IPv6]:port")
        return cls(match["v6"] or match["host"], int(match["port"] or 514))


@dataclasses.dataclass(frozen=True)
class LogFiles:
    """Files to follow; ValueError names what cannot be put into rsyslog's configuration."""

    directory: str
    """Absolute path."""
    names: tuple[str, ...]
    """Names of files in the directory, or globs that match such names."""
    tag: str
    """What the messages are marked with: the name of the program that wrote them."""

    def __post_init__(self):
        path = pathlib.PurePosixPath(self.directory)
        if not path.is_absolute() or ".." in path.parts or re.search(r"[][*?{}]", self.directory):
            raise ValueError(f"directory: {self.directory!r} is not an absolute path")
        for name in self.names:
            if "/" in name or name in ("", ".", ".."):
                raise ValueError(f"files: {name!r} is not the name of a file")
        for field, value in ("directory", self.directory), *(("files", n) for n in self.names):
            if _UNSAFE.search(value):
                raise ValueError(f"{field}: {value!r} holds a character that is not allowed")
        # What comes in over the network goes into the syslog too: a machine that is also the
        # target would send it to itself for ever.
        if path.parts[1:] == ("var", "log") and any(map(_matches_syslog, self.names)):
            raise ValueError("files: the machine's own syslog is for juju-info")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.tag, re.ASCII):
            raise ValueError(f"tag: {self.tag!r} is not the name of a program")

    def paths(self) -> list[str]:
        """Return what rsyslog is to follow: no name that a wider one covers.

        A file that two inputs of rsyslog match is sent again after a restart. Globs that overlap
        without one covering the other ("a*", "*b") are left as they are.
        """
        names = [name for name in self.names if not any(_covers(n, name) for n in self.names)]
        return [f"{self.directory}/{name}" for name in names]


@dataclasses.dataclass(frozen=True)
class Forward:
    """One stream of messages and where it goes."""

    destination: Destination
    protocol: str
    """"udp" or "tcp"."""
    files: LogFiles | None = None
    """The files to follow; None stands for the machine's own syslog."""

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
    """Return the snippets with what they share: as far as they need it and nobody else has it.

    Args:
        snippets: text of each snippet on the machine, by the name of its file.
        main: text of rsyslog's main file.
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
    """Return what lets rsyslogd read these files where Ubuntu's profile does not, or ""."""
    folders = sorted({path.rpartition("/")[0] for path in paths})
    # The profile allows what is below /var/log.
    outside = [folder for folder in folders if not folder.startswith("/var/log/")]
    rules = "".join(f'"{folder}/" r,\n"{folder}/*" r,\n' for folder in outside)
    return _HEADER.format(app=app) + rules if rules else ""


def followed(snippets: Mapping[str, str]) -> set[str]:
    """Return the paths and globs that snippets let imfile follow."""
    return {path for text in snippets.values() for path in _FOLLOWS.findall(text)}


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the paths and globs is of this path."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _shorten(name: str) -> str:
    """Return a name that fits, and another one for each long name."""
    if len(name) <= _APP_NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _APP_NAME_LENGTH - len(digest) - 1]}-{digest}"


def _is_host(text: str) -> bool:
    try:
        return "%" not in str(ipaddress.ip_address(text))  # a zone is of one machine only
    except ValueError:
        labels = text.split(".")
        # A name that ends in a number is a mistyped address.
        return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def _matches_syslog(name: str) -> bool:
    return fnmatch.fnmatchcase("syslog", name)


def _covers(glob: str, name: str) -> bool:
    # Globs can match each other as text ("?.log", "*.log"), and neither may be dropped then.
    return fnmatch.fnmatchcase(name, glob) and not fnmatch.fnmatchcase(glob, name)
