"""This machine's rsyslog: installs it, and keeps its configuration as one application wants it.

Knows nothing of Juju. Everything that is written is in the folders at the top of `Rsyslog`.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
from collections.abc import Mapping

from charmlibs import apt, systemd

import snippets
from snippets import Forward


class RsyslogError(Exception):
    """rsyslog could not be installed, configured or restarted; says why."""


class UnusableRsyslogError(RsyslogError):
    """This machine's rsyslogd cannot be run until somebody mends it; says what is wrong."""


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

    def is_installed(self) -> bool:
        """Whether the machine has an rsyslogd."""
        return self.program.exists()

    def install(self) -> None:
        """Install rsyslog.

        Raises:
            RsyslogError: it cannot be installed now; perhaps it can later.
        """
        try:
            apt.add_package("rsyslog", update_cache=True)
        # charmlibs lets the errors of the programs that it starts through, in places.
        except (apt.Error, subprocess.SubprocessError, OSError) as error:
            raise RsyslogError(f"cannot install rsyslog: {error}") from error

    def restart(self) -> None:
        """Make rsyslog run with the configuration as it is now.

        Raises:
            RsyslogError: systemd cannot restart it.
        """
        try:
            systemd.service_restart(self.service)
        except (systemd.SystemdError, OSError) as error:
            message = f"rsyslog does not restart: see journalctl -u {self.service}"
            raise RsyslogError(message) from error

    def is_running(self) -> bool:
        """Whether the service runs."""
        return systemd.service_running(self.service)

    def uninstall(self) -> None:
        """Remove every file of this application; rsyslog itself stays, as others log with it.

        Raises:
            RsyslogError: a file cannot be removed, or rsyslog does not restart.
        """
        self.configure({})

    # Plain code from here on.

    def version(self) -> str:
        """Version of rsyslog, such as "8.2312.0".

        Raises:
            UnusableRsyslogError: rsyslogd does not run, or is another program.
        """
        try:
            said = subprocess.run(
                [self.program, "-v"], capture_output=True, text=True, errors="replace", timeout=60
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise UnusableRsyslogError(f"{self.program} does not run: {error}") from error
        found = re.match(r"rsyslogd\s+([0-9][0-9.]*)", said)
        if not found:
            raise UnusableRsyslogError(f"{self.program} is not rsyslogd: reinstall rsyslog")
        return found[1]

    def configure(self, streams: Mapping[str, Forward | None]) -> None:
        """Forward these streams and no others, and restart rsyslog if it runs with others.

        Args:
            streams: by name (letters, digits and dashes). None leaves the stream with that name
                as it is.

        Raises:
            RsyslogError: rsyslog refuses the configuration, or does not restart with it. The last
                good one stays, without the streams that have ended.
        """
        try:
            self._configure(streams)
        except OSError as error:  # such as a full disk
            raise RsyslogError(f"cannot configure rsyslog: {error}") from error

    def runs_with(self, streams: Mapping[str, Forward | None]) -> bool:
        """Whether rsyslog was last started with these streams; looks, and changes nothing."""
        present = self._snippets()
        return self._wanted(present, streams) == present and self._written() == self._loaded()

    def check(self, wanted: Mapping[str, str]) -> None:
        """Let rsyslogd judge the whole configuration with these snippets in place.

        In a folder of its own, because what is refused must not lie where a restart would find
        it; below the real one, because AppArmor lets rsyslogd read nowhere else.

        Raises:
            RsyslogError: it is refused.
        """
        folder = self.snippet_dir / f".check-{self.app}"
        shutil.rmtree(folder, ignore_errors=True)  # a hook that died may have left it
        folder.mkdir()
        try:
            for file, text in wanted.items():
                _write(folder / file, text)
            main = _read(self.main_file).replace(f"{self.snippet_dir}/*", f"{folder}/*")
            _write(folder / "main", main)
            done = subprocess.run(
                [self.program, "-N1", "-f", folder / "main"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=60,
            )
        except subprocess.SubprocessError as error:
            raise RsyslogError(f"rsyslogd does not check the configuration: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if done.returncode:
            complaints = done.stderr.replace(str(folder), str(self.snippet_dir)).splitlines()
            first = next((line for line in complaints if "config validation" not in line), "")
            reason = first.removeprefix("rsyslogd: ").partition(" [v")[0]
            raise RsyslogError(f"rsyslogd refuses the configuration: {reason}")

    def _configure(self, streams: Mapping[str, Forward | None]) -> None:
        present = self._snippets()
        kept = self._wanted(present, dict.fromkeys(streams))
        wanted = self._wanted(present, streams)
        try:
            # What only ends is not judged: another one's mistake must not keep ours there.
            if wanted != kept:
                self.check(wanted)
            self._apply(wanted)
        except (RsyslogError, OSError):
            self._apply(kept)
            raise
        if streams and not self.is_running():
            self.restart()

    def _apply(self, wanted: Mapping[str, str]) -> None:
        """Put the snippets in place, and restart rsyslog if it was started with others.

        A hook may end anywhere in here. The next one goes on, because what rsyslog has loaded is
        on record, and the record comes last.
        """
        for file in self._snippets().keys() - wanted.keys():
            (self.snippet_dir / file).unlink()
        for file, text in wanted.items():
            _replace(self.snippet_dir / file, text)
        self._let_apparmor_pass(wanted)
        loaded, written = self._loaded(), self._written()
        if written == loaded:
            return
        # From here on it is not certain what rsyslog runs with, until it has restarted.
        self._record({**loaded, "restarting": ""})
        try:
            self.restart()
        finally:
            # Not before, because rsyslogd writes these when it stops.
            self._forget(loaded, wanted)
        self._record(written)

    def _snippets(self) -> dict[str, str]:
        """Return the text of all snippets on the machine, whosever they are, by file name."""
        files = (file for file in sorted(self.snippet_dir.glob("*.conf")) if file.is_file())
        return {file.name: _read(file) for file in files}

    def _wanted(
        self, present: Mapping[str, str], streams: Mapping[str, Forward | None]
    ) -> dict[str, str]:
        """Return what the snippets of the machine are to become."""
        wanted = {
            file: text
            for file, text in present.items()
            if not self._is_ours(file) or self._stream(file) in streams
        }
        for stream, forward in streams.items():
            if forward:
                wanted[self._file(stream)] = snippets.render(self.app, stream, forward)
        return snippets.with_shared(wanted, _read(self.main_file))

    def _file(self, stream: str) -> str:
        return f"40-{self.app}.{stream}.conf"

    def _is_ours(self, file: str) -> bool:
        # Two applications may share a machine. Their names have no dots, so none begins another.
        return file.startswith(f"40-{self.app}.")

    def _stream(self, file: str) -> str:
        return file.removeprefix(f"40-{self.app}.").removesuffix(".conf")

    @property
    def _record_file(self) -> pathlib.Path:
        # One for all applications of the machine: whoever restarts rsyslog loads everything.
        return self.spool_dir / "juju-loaded.json"

    def _written(self) -> dict[str, str]:
        """Return the text of everything that is on the machine for rsyslog by Juju, by path."""
        files = [*self.snippet_dir.glob("*.conf"), *self.apparmor_dir.glob("juju-*")]
        texts = {str(file): _read(file) for file in files if file.is_file()}
        return {path: text for path, text in texts.items() if text.startswith(snippets.MARK)}

    def _loaded(self) -> dict[str, str]:
        """Return what `_written` was when rsyslog was last started."""
        try:
            return json.loads(_read(self._record_file))
        except ValueError:
            return {}

    def _record(self, written: Mapping[str, str]) -> None:
        if written:
            self.spool_dir.mkdir(parents=True, exist_ok=True)
            _replace(self._record_file, json.dumps(written, indent=2))
        else:
            self._record_file.unlink(missing_ok=True)

    def _let_apparmor_pass(self, wanted: Mapping[str, str]) -> None:
        """Let rsyslogd read the followed files where Ubuntu's AppArmor profile does not.

        The profile includes what lies in a folder for such additions; the service loads it anew
        at each start.
        """
        file = self.apparmor_dir / f"juju-{self.app}"
        ours = {name: text for name, text in wanted.items() if self._is_ours(name)}
        rules = snippets.apparmor_rules(self.app, snippets.followed(ours))
        if rules and self.apparmor_dir.is_dir():
            _replace(file, rules)
        else:
            file.unlink(missing_ok=True)

    def _forget(self, loaded: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        """Remove what rsyslog keeps of streams that have ended, and of files no more followed."""
        names = {pathlib.PurePath(path).name for path in loaded} - wanted.keys()
        for file in filter(self._is_ours, names):
            for queued in self.spool_dir.glob(f"{self.app}.{self._stream(file)}.*"):
                queued.unlink()
        followed = snippets.followed(wanted)
        gone = snippets.followed(loaded) - followed
        # imfile's notes on how far it has read.
        for note in self.spool_dir.glob("imfile-state:*"):
            try:
                path = json.loads(_read(note))["filename"]
            except (ValueError, KeyError, TypeError):
                continue
            if snippets.matches(path, gone) and not snippets.matches(path, followed):
                note.unlink()


# Others' files may hold any bytes: they come out as they went in.
def _read(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _write(file: pathlib.Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="surrogateescape")


def _replace(file: pathlib.Path, text: str) -> None:
    """Write a file that is never half written under its own name; one that is right stays."""
    if _read(file) != text:
        new = file.with_suffix(".new")
        _write(new, text)
        new.replace(file)
