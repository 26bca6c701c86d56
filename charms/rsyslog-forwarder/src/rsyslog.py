"""Installs rsyslog on this machine, and configures it for one application.

This module does not know Juju. It writes only to the folders at the top of `Rsyslog`.
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
    """rsyslog could not be installed, configured or restarted. The message says why."""


class UnusableRsyslogError(RsyslogError):
    """The operator must repair this machine's rsyslogd. The message says what is wrong."""


class Rsyslog:
    """The part of this machine's rsyslog configuration that belongs to one application."""

    service = "rsyslog"
    program = pathlib.Path("/usr/sbin/rsyslogd")
    main_file = pathlib.Path("/etc/rsyslog.conf")
    snippet_dir = pathlib.Path("/etc/rsyslog.d")
    spool_dir = pathlib.Path("/var/spool/rsyslog")
    apparmor_dir = pathlib.Path("/etc/apparmor.d/rsyslog.d")

    def __init__(self, app: str):
        """Configure rsyslog for an application.

        Args:
            app: its name, with letters, digits and dashes.
        """
        self.app = app

    # The methods that use the system. tests/fake_machine.py replaces them.

    def is_installed(self) -> bool:
        """Return whether the machine has an rsyslogd."""
        return self.program.exists()

    def install(self) -> None:
        """Install rsyslog.

        Raises:
            RsyslogError: it cannot be installed. A retry may succeed.
        """
        try:
            apt.add_package("rsyslog", update_cache=True)
        except (apt.Error, subprocess.SubprocessError, OSError) as error:
            # charmlibs does not convert all errors of its subprocesses to its own errors.
            raise RsyslogError(f"cannot install rsyslog: {error}") from error

    def restart(self) -> None:
        """Restart rsyslog, so that it loads its configuration again.

        Raises:
            RsyslogError: systemd cannot restart it.
        """
        try:
            systemd.service_restart(self.service)
        except (systemd.SystemdError, OSError) as error:
            message = f"rsyslog cannot be restarted: see journalctl -u {self.service}"
            raise RsyslogError(message) from error

    def is_running(self) -> bool:
        """Return whether the service is running."""
        return systemd.service_running(self.service)

    def uninstall(self) -> None:
        """Remove every file of this application. rsyslog stays, because other programs use it.

        Raises:
            RsyslogError: a file cannot be removed, or rsyslog cannot be restarted.
        """
        self.configure({})

    # The methods that tests/fake_machine.py does not replace.

    def version(self) -> str:
        """Return the version of rsyslog, such as "8.2312.0".

        Raises:
            UnusableRsyslogError: rsyslogd cannot be run, or it is another program.
        """
        try:
            output = subprocess.run(
                [self.program, "-v"], capture_output=True, text=True, errors="replace", timeout=60
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise UnusableRsyslogError(f"{self.program} cannot be run: {error}") from error
        found = re.match(r"rsyslogd\s+([0-9][0-9.]*)", output)
        if not found:
            raise UnusableRsyslogError(f"{self.program} is not rsyslogd: reinstall rsyslog")
        return found[1]

    def configure(self, streams: Mapping[str, Forward | None]) -> None:
        """Forward exactly these streams. Restart rsyslog if its configuration changes.

        Args:
            streams: by name, with letters, digits and dashes. None leaves the stream of that name
                unchanged.

        Raises:
            RsyslogError: rsyslog refuses the configuration, or cannot be restarted with it. The
                last valid configuration stays, without the streams that have ended.
        """
        try:
            self._configure(streams)
        except OSError as error:  # For example, the disk is full.
            raise RsyslogError(f"cannot configure rsyslog: {error}") from error

    def runs_with(self, streams: Mapping[str, Forward | None]) -> bool:
        """Return whether rsyslog was last started with these streams. Change nothing."""
        present = self._snippets()
        return self._wanted(present, streams) == present and self._written() == self._loaded()

    def check(self, wanted: Mapping[str, str]) -> None:
        """Let rsyslogd check the whole configuration with these snippets.

        The check uses a separate folder, because a restart must not load a refused configuration.
        The folder is below the real one, because AppArmor lets rsyslogd read only there.

        Raises:
            RsyslogError: rsyslogd refuses the configuration.
        """
        folder = self.snippet_dir / f".check-{self.app}"
        shutil.rmtree(folder, ignore_errors=True)  # An interrupted hook may have left it.
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
            raise RsyslogError(f"rsyslogd cannot check the configuration: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if done.returncode:
            errors = done.stderr.replace(str(folder), str(self.snippet_dir)).splitlines()
            first = next((line for line in errors if "config validation" not in line), "")
            reason = first.removeprefix("rsyslogd: ").partition(" [v")[0]
            raise RsyslogError(f"rsyslogd refuses the configuration: {reason}")

    def _configure(self, streams: Mapping[str, Forward | None]) -> None:
        present = self._snippets()
        kept = self._wanted(present, dict.fromkeys(streams))
        wanted = self._wanted(present, streams)
        try:
            # If streams only end, do not check. Otherwise an invalid file of another program would
            # prevent their removal.
            if wanted != kept:
                self.check(wanted)
            self._apply(wanted)
        except (RsyslogError, OSError):
            self._apply(kept)
            raise
        if streams and not self.is_running():
            self.restart()

    def _apply(self, wanted: Mapping[str, str]) -> None:
        """Write the snippets, and restart rsyslog if it was started with other ones.

        If the hook is interrupted here, the next hook continues. For this, a record contains the
        files that rsyslog has loaded. It is written after the restart.
        """
        for file in self._snippets().keys() - wanted.keys():
            (self.snippet_dir / file).unlink()
        for file, text in wanted.items():
            _replace(self.snippet_dir / file, text)
        self._write_apparmor_rules(wanted)
        loaded, written = self._loaded(), self._written()
        if written == loaded:
            return
        # Until the restart succeeds, the charm cannot know which configuration rsyslog uses. This
        # record matches no configuration, so the next hook restarts rsyslog again.
        self._record({**loaded, "restarting": ""})
        try:
            self.restart()
        finally:
            # Do this after the restart, because rsyslogd writes these files when it stops.
            self._remove_old_state(loaded, wanted)
        self._record(written)

    def _snippets(self) -> dict[str, str]:
        """Return the text of every program's snippets on the machine, by file name."""
        files = (file for file in sorted(self.snippet_dir.glob("*.conf")) if file.is_file())
        return {file.name: _read(file) for file in files}

    def _wanted(
        self, present: Mapping[str, str], streams: Mapping[str, Forward | None]
    ) -> dict[str, str]:
        """Return the snippets that the machine should have."""
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
        # Two applications can share a machine. Their names have no dots, so the dot ends the name.
        return file.startswith(f"40-{self.app}.")

    def _stream(self, file: str) -> str:
        return file.removeprefix(f"40-{self.app}.").removesuffix(".conf")

    @property
    def _record_file(self) -> pathlib.Path:
        # One record for all applications of the machine, because a restart loads all snippets.
        return self.spool_dir / "juju-loaded.json"

    def _written(self) -> dict[str, str]:
        """Return the text of every file that Juju charms have written for rsyslog, by path."""
        files = [*self.snippet_dir.glob("*.conf"), *self.apparmor_dir.glob("juju-*")]
        texts = {str(file): _read(file) for file in files if file.is_file()}
        return {path: text for path, text in texts.items() if text.startswith(snippets.MARK)}

    def _loaded(self) -> dict[str, str]:
        """Return what `_written` returned when rsyslog was last started."""
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

    def _write_apparmor_rules(self, wanted: Mapping[str, str]) -> None:
        """Allow rsyslogd to read followed files that Ubuntu's AppArmor profile does not allow.

        The profile includes the files of a folder for local additions. The service loads the
        profile at each start.
        """
        file = self.apparmor_dir / f"juju-{self.app}"
        ours = {name: text for name, text in wanted.items() if self._is_ours(name)}
        rules = snippets.apparmor_rules(self.app, snippets.followed(ours))
        if rules and self.apparmor_dir.is_dir():
            _replace(file, rules)
        else:
            file.unlink(missing_ok=True)

    def _remove_old_state(self, loaded: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        """Remove queues of ended streams, and state of files that are no longer followed."""
        names = {pathlib.PurePath(path).name for path in loaded} - wanted.keys()
        for file in filter(self._is_ours, names):
            for queued in self.spool_dir.glob(f"{self.app}.{self._stream(file)}.*"):
                queued.unlink()
        followed = snippets.followed(wanted)
        gone = snippets.followed(loaded) - followed
        # In these files imfile stores how far it has read each log file.
        for state in self.spool_dir.glob("imfile-state:*"):
            try:
                path = json.loads(_read(state))["filename"]
            except (ValueError, KeyError, TypeError):
                continue
            if snippets.matches(path, gone) and not snippets.matches(path, followed):
                state.unlink()


# Files of other programs may contain any bytes. surrogateescape preserves them.
def _read(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _write(file: pathlib.Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="surrogateescape")


def _replace(file: pathlib.Path, text: str) -> None:
    """Write a file atomically, unless it has this text already."""
    if _read(file) != text:
        new = file.with_suffix(".new")
        _write(new, text)
        new.replace(file)
