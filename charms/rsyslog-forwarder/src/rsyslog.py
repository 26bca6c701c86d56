"""Forwarding by this machine's rsyslog: a snippet of configuration for each stream of messages.

Knows nothing of Juju. Everything that is written is in the folders at the top of `Rsyslog`.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import json
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Mapping

from charmlibs import apt, systemd

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)
_TARGET = re.compile(r"(\[(?P<v6>[^]]+)\]|(?P<host>[^]:[]+))(:(?P<port>[0-9]{1,5}))?", re.ASCII)
# What ends a string of rsyslog's configuration, or is replaced within it.
_UNSAFE = re.compile(r'["\\$`\x00-\x1f\x7f]')

# A module can be loaded once: rsyslogd refuses a configuration that does so in two places.
_LOADS_IMFILE = re.compile(
    r'^\s*(module\s*\([^)]*\bload="imfile"|\$ModLoad\s+imfile\b)', re.I | re.M
)
_FOLLOWS = re.compile(r'^\s*input\s*\(\s*type="imfile"\s+file="([^"]+)"', re.I | re.M)

_HEADER = "# Written by the Juju application {app}, and removed with its relation. Do not edit.\n"
_IMFILE_SNIPPET = "39-imfile.conf"
_IMFILE_TEXT = """\
# Written by Juju for every application that follows log files; removed with the last of them.
module(load="imfile")
"""

_ACTION = """\
    action(type="omfwd" target="{host}" port="{port}" protocol="{protocol}"{queue})
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
input(type="imfile" file="{path}" tag="{tag}:" ruleset="{name}"
      reopenOnTruncate="on" persistStateInterval="100")
"""
# Only what was logged on this machine. What came in over the network is not sent on: a machine
# that is also the target would send it to itself for ever.
_SYSLOG = """\
if $inputname == ["imuxsock", "imklog"] then call {name}
"""


class RsyslogError(Exception):
    """rsyslog could not be installed or restarted, or refuses a configuration; says why."""


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


class Rsyslog:
    """What one application has this machine's rsyslog do; other applications may have theirs."""

    service = "rsyslog"
    program = pathlib.Path("/usr/sbin/rsyslogd")
    main_file = pathlib.Path("/etc/rsyslog.conf")
    snippet_dir = pathlib.Path("/etc/rsyslog.d")
    spool_dir = pathlib.Path("/var/spool/rsyslog")
    apparmor_dir = pathlib.Path("/etc/apparmor.d/rsyslog.d")

    def __init__(self, app: str):
        """Speak for the application `app`: letters, digits and dashes."""
        self.app = app

    # The machine: what tests/localmachine.py replaces.

    def install(self) -> None:
        """Install rsyslog if the machine has none.

        Raises:
            RsyslogError: it cannot be installed.
        """
        if self.program.exists():
            return
        try:
            apt.add_package("rsyslog", update_cache=True)
        except apt.Error as error:
            raise RsyslogError(f"cannot install rsyslog: {error}") from error

    def restart(self) -> None:
        """Make rsyslog run with the configuration as it is now.

        Raises:
            RsyslogError: systemd cannot restart it.
        """
        try:
            systemd.service_restart(self.service)
        except systemd.SystemdError as error:
            raise RsyslogError(f"cannot restart {self.service}: {error}") from error

    def is_running(self) -> bool:
        """Whether the service runs."""
        return systemd.service_running(self.service)

    def uninstall(self) -> None:
        """Remove every file of this application; rsyslog itself stays, as others log with it."""
        self.configure({})

    # Plain code from here on.

    def version(self) -> str:
        """Version of rsyslog, such as "8.2312.0"."""
        done = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=True)
        return done.stdout.split()[1]

    def configure(self, streams: Mapping[str, Forward | None]) -> None:
        """Forward these streams and no others, and restart rsyslog if that changes anything.

        Args:
            streams: by name (letters, digits and dashes). None leaves the stream with that name
                as it is.

        Raises:
            RsyslogError: rsyslog refuses the configuration, or does not restart with it. The last
                good one stays, without the streams that have ended.
        """
        before = self._snippets()
        kept = self._wanted(before, dict.fromkeys(streams))
        after = self._wanted(before, streams)
        try:
            # What only ends is not judged: another one's mistake must not keep ours there.
            if after != kept:
                self.check(after)
            self._write(before, after)
        except RsyslogError:
            self._write(self._snippets(), kept)
            raise
        if streams and not self.is_running():
            self.restart()

    def problem(self, streams: Mapping[str, Forward | None]) -> str:
        """Say why these streams are not forwarded although `configure` was asked to, or ""."""
        before = self._snippets()
        after = self._wanted(before, streams)
        try:
            if after != before:
                self.check(after)
        except RsyslogError as error:
            return str(error)
        if streams and (after != before or not self.is_running()):
            return f"rsyslog does not run as configured: see journalctl -u {self.service}"
        return ""

    def check(self, snippets: Mapping[str, str]) -> None:
        """Let rsyslogd judge the whole configuration with these snippets in place.

        In a folder of its own, because what is refused must not lie where a restart would find
        it; below the real one, because AppArmor lets rsyslogd read nowhere else.

        Raises:
            RsyslogError: it is refused.
        """
        with tempfile.TemporaryDirectory(prefix=".check-", dir=self.snippet_dir) as folder:
            for file, text in snippets.items():
                _write(pathlib.Path(folder) / file, text)
            main_file = pathlib.Path(folder) / "main"
            text = _read(self.main_file).replace(f"{self.snippet_dir}/*", f"{folder}/*")
            _write(main_file, text)
            try:
                done = subprocess.run(
                    [self.program, "-N1", "-f", main_file],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise RsyslogError(
                    f"rsyslogd does not check the configuration: {error}"
                ) from error
        if done.returncode:
            complaints = done.stderr.replace(folder, str(self.snippet_dir)).splitlines()
            first = next((line for line in complaints if "config validation" not in line), "")
            reason = first.removeprefix("rsyslogd: ").partition(" [v")[0]
            raise RsyslogError(f"rsyslogd refuses the configuration: {reason}")

    def _snippets(self) -> dict[str, str]:
        """Return the text of all snippets on the machine, whosever they are, by file name."""
        files = (file for file in sorted(self.snippet_dir.glob("*.conf")) if file.is_file())
        return {file.name: _read(file) for file in files}

    def _wanted(
        self, before: Mapping[str, str], streams: Mapping[str, Forward | None]
    ) -> dict[str, str]:
        """Return what `before` is to become."""
        after = {
            file: text
            for file, text in before.items()
            if not self._is_ours(file) or self._stream(file) in streams
        }
        for name, forward in streams.items():
            if forward:
                after[f"40-{self.app}.{name}.conf"] = self._render(name, forward)
        after.pop(_IMFILE_SNIPPET, None)
        texts = [_read(self.main_file), *after.values()]
        follows = any(_FOLLOWS.search(text) for text in texts)
        if follows and not any(_LOADS_IMFILE.search(text) for text in texts):
            after[_IMFILE_SNIPPET] = _IMFILE_TEXT
        return after

    def _is_ours(self, file: str) -> bool:
        # Two applications may share a machine. Their names have no dots, so none begins another.
        return file.startswith(f"40-{self.app}.")

    def _stream(self, file: str) -> str:
        return file.removeprefix(f"40-{self.app}.").removesuffix(".conf")

    def _render(self, stream: str, forward: Forward) -> str:
        name = f"{self.app}.{stream}"
        action = _ACTION.format(
            host=forward.destination.host,
            port=forward.destination.port,
            protocol=forward.protocol,
            queue=_QUEUE.format(name=name) if forward.protocol == "tcp" else "",
        )
        text = _HEADER.format(app=self.app) + _RULESET.format(name=name, action=action)
        if forward.files is None:
            return text + _SYSLOG.format(name=name)
        for path in forward.files.paths():
            text += _FOLLOW.format(path=path, tag=forward.files.tag, name=name)
        return text

    def _write(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Make the snippets `after`, restart, and remove what rsyslog keeps of streams gone."""
        if after == before:
            return
        for file in before.keys() - after.keys():
            (self.snippet_dir / file).unlink()
        for file, text in after.items():
            if before.get(file) != text:
                new = (self.snippet_dir / file).with_suffix(".new")
                _write(new, text)
                new.replace(self.snippet_dir / file)
        self._let_apparmor_pass(after)
        try:
            self.restart()
        finally:
            # Not before, because rsyslogd writes these when it stops.
            for file in filter(self._is_ours, before.keys() - after.keys()):
                for queued in self.spool_dir.glob(f"{self.app}.{self._stream(file)}.*"):
                    queued.unlink()
            self._forget_positions(_followed(before) - _followed(after), _followed(after))

    def _let_apparmor_pass(self, after: Mapping[str, str]) -> None:
        """Let rsyslogd read the followed files where Ubuntu's AppArmor profile does not.

        The profile allows /var/log, and includes what lies in a folder for such additions; the
        service loads it anew at each start.
        """
        rules = self.apparmor_dir / f"juju-{self.app}"
        ours = _followed({file: text for file, text in after.items() if self._is_ours(file)})
        folders = sorted({path.rpartition("/")[0] for path in ours})
        outside = [folder for folder in folders if not folder.startswith("/var/log/")]
        if outside and self.apparmor_dir.is_dir():
            lines = [f'"{folder}/" r,\n"{folder}/*" r,\n' for folder in outside]
            _write(rules, _HEADER.format(app=self.app) + "".join(lines))
        else:
            rules.unlink(missing_ok=True)

    def _forget_positions(self, gone: set[str], followed: set[str]) -> None:
        """Remove the notes of imfile on how far it has read the files that nobody follows now."""
        for note in self.spool_dir.glob("imfile-state:*"):
            try:
                path = json.loads(_read(note))["filename"]
            except (ValueError, KeyError, TypeError):
                continue
            if _matches(path, gone) and not _matches(path, followed):
                note.unlink()


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


def _followed(snippets: Mapping[str, str]) -> set[str]:
    """Return the paths and globs that snippets let imfile follow."""
    return {path for text in snippets.values() for path in _FOLLOWS.findall(text)}


def _matches(path: str, patterns: set[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


# Others' files may hold any bytes: they come out as they went in.
def _read(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _write(file: pathlib.Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
