"""``LocalJuju``: jubilant's ``Juju``, with a model of its own instead of a controller."""

from __future__ import annotations

import copy
import logging
import pathlib
import random
import shlex
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Literal

import jubilant

from localjuju.command import TERMINAL, CommandError, Terminal
from localjuju.command_line import CommandLine
from localjuju.controller import Controller
from localjuju.faults import NO_FAULTS, Faults
from localjuju.history import History
from localjuju.model_runner import ModelRunner
from localjuju.versions import behaviour

logger = logging.getLogger("localjuju")

FIRST_MODEL = "local"
"""The model that is there from the beginning."""

PATIENCE = 30.0
"""Seconds for which real processes may still change something while no hook is due."""


class LocalJuju(jubilant.Juju):
    """Runs charms on this computer. Tests written with jubilant run on it unchanged.

    Use it as a context manager, or call :meth:`close`: it ends every process that charms started.
    """

    def __init__(
        self,
        juju: str = "3.6",
        *,
        seed: int | None = None,
        charms: pathlib.Path | None = None,
        runner: Literal["source", "packed"] = "source",
        wait_timeout: float = 3 * 60.0,
        faults: Faults = NO_FAULTS,
    ):
        """Make an empty model.

        Args:
            juju: the series of Juju whose behaviour is wanted, "3.6" or "4.0".
            seed: chooses wherever Juju promises no order. The same seed and commands run the
                same hooks in the same order; by default a new one, which failures name.
            charms: folder with the source folders of packed charms: ``x/mongodb.charm`` is run
                from ``<charms>/mongodb``. By default from the folder that the file lies in.
            runner: "source" runs a charm from its folder, or the folder that a ``.charm`` file
                stands for. "packed" runs the file's own dispatch, in any language, with what is
                inside it; then ``charms`` is for the charms' fake machines only, and a charm
                that has none changes this computer.
            wait_timeout: as of ``jubilant.Juju``, in seconds.
            faults: what goes wrong on purpose, when the seed says; nothing by default.

        Raises:
            ValueError: the series or the runner is not known.
        """
        if runner not in ("source", "packed"):
            raise ValueError(f"unknown runner {runner!r}: localjuju has source and packed")
        super().__init__(model=FIRST_MODEL, wait_timeout=wait_timeout)
        wanted = behaviour(juju)
        self.seed = random.SystemRandom().randrange(10**6) if seed is None else seed
        self.series = juju
        self._faults = faults
        self._owns_controller = True
        # A short path: sockets below it have at most 107 characters.
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="lj-"))
        self._controller = Controller(wanted, self.seed, self._folder, faults)
        self._controller.add_model(FIRST_MODEL)
        self._commands = CommandLine(self._controller, charms, runner == "packed")
        self._controller.current_model = FIRST_MODEL

    def __repr__(self) -> str:
        faults = "" if self._faults is NO_FAULTS else f", faults={self._faults}"
        return f"LocalJuju({self.series!r}, seed={self.seed}{faults})"

    def on_model(self, name: str) -> LocalJuju:
        """Return a ``LocalJuju`` for another model of the same controller, which has to exist.

        It lives as long as this one: to close it has no effect.
        """
        other = copy.copy(self)
        other.model = name
        other._owns_controller = False
        return other

    def __enter__(self) -> LocalJuju:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process and remove every file of the models."""
        if self._owns_controller:
            self._controller.close()

    @property
    def _runner(self) -> ModelRunner:
        return self._commands.find_model(self.model)

    @property
    def history(self) -> History:
        """What has happened: ``timeline()``, ``sequence_diagram()``, ``on_event``."""
        return self._runner.history

    @property
    def hooks_run(self) -> int:
        """How many hooks have run so far."""
        return self._controller.hooks_run

    def look(self) -> jubilant.Status:
        """Return the status of this very moment: unlike ``status()``, it lets no hook run."""
        with self._controller.held():
            return self.status()

    def machine_folder(self, unit: str) -> pathlib.Path:
        """Return the folder that stands for the root of a unit's machine.

        Raises:
            KeyError: there is no such unit.
        """
        return self._runner.model.units[unit].machine.folder

    def restart_machines(self, units: str | Iterable[str], *, new_addresses: bool = False) -> None:
        """Restart the machines of units, all at the same moment, as after a power cut.

        Every process on them is killed. Then Juju's hooks follow as soon as somebody waits or
        looks: ``start`` on each unit there that had started before; and with other addresses
        ``config-changed``, after which the other sides of its relations see its new
        ``ingress-address``. Services do not start by themselves: a fake machine is called before
        ``start``, and may start what systemd would have started.

        Args:
            units: a unit's name, or several. Subordinates share their principal's machine.
            new_addresses: the machines get other addresses, as from new leases.

        Raises:
            KeyError: there is no such unit.
        """
        names = [units] if isinstance(units, str) else units
        known = self._runner.model.units
        machines = {known[name].machine.number: known[name].machine for name in names}
        self._runner.restart_machines(list(machines.values()), new_addresses)

    def _cli(
        self,
        *args: str,
        include_model: bool = True,
        stdin: str | None = None,
        log: bool = True,
        timeout: float | None = None,
    ) -> tuple[str, str]:
        """Carry out a command where jubilant would start the ``juju`` program."""
        del timeout
        if log:
            logger.info("cli: juju %s", shlex.join(args))
        terminal = TERMINAL.set(Terminal(read_stdin=lambda: stdin or ""))
        try:
            output = self._commands.run(list(args), self.model if include_model else None)
        except CommandError as error:
            command = ["juju", *args]
            raise jubilant.CLIError(
                error.returncode, command, error.stdout, error.stderr
            ) from None
        finally:
            TERMINAL.reset(terminal)
        return output.stdout, output.stderr

    def settle(self) -> int:
        """Run hooks until none is left to run, and return how many ran."""
        return self._controller.settle()

    def wait(
        self,
        ready: Callable[[jubilant.Status], bool],
        *,
        error: Callable[[jubilant.Status], bool] | None = None,
        delay: float = 1.0,
        timeout: float | None = None,
        successes: int = 3,
    ) -> jubilant.Status:
        """Let the model settle, then judge.

        Where the condition does not hold, the interval of update-status passes (in no time) and it
        judges again. Where that changes nothing, the time passes until a secret is to rotate or
        expires, once for each secret. Then it gives up: at once where charms are all there is,
        after ``PATIENCE`` seconds where they run real processes.

        Args and raises as of ``jubilant.Juju.wait``; ``successes`` is without use here.
        """
        del successes
        timeout = self.wait_timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        patience = PATIENCE if self._runs_processes() else 0.0
        previous, unchanged_since = None, time.monotonic()
        heard: set[tuple[str, str]] = set()
        """What of which secret time has told."""
        while True:
            status = self.status()
            if error is not None and error(status):
                name = getattr(error, "__qualname__", repr(error))
                raise jubilant.WaitError(f"error function {name} returned true\n{status}\n{self}")
            if ready(status):
                return status
            now, summary = time.monotonic(), _summary(status)
            described = f"{self}\n" + "\n".join(summary)
            if now >= deadline:
                raise TimeoutError(f"wait timed out after {timeout}s. {described}")
            if summary != previous:
                previous, unchanged_since = summary, now
            elif now - unchanged_since < patience:
                time.sleep(min(delay, 0.5))
            elif times := self._secret_times(but=heard):
                what = min(times, key=times.__getitem__)
                heard.add(what)
                self._controller.pass_time_until(times[what])
                continue
            else:
                raise TimeoutError(
                    f"nothing is left to do and the condition does not hold. {described}"
                )
            self._controller.update_status()

    def _secret_times(self, but: set[tuple[str, str]]) -> dict[tuple[str, str], float]:
        times = self._runner.secret_times()
        return {what: moment for what, moment in times.items() if what not in but}

    def _runs_processes(self) -> bool:
        return any(
            application.charm.fake_machine
            for runner in self._controller.models.values()
            for application in runner.model.applications.values()
        )


def _summary(status: jubilant.Status) -> list[str]:
    """What each unit waits for, in a line."""
    lines = []
    for name, application in sorted(status.apps.items()):
        described = application.app_status
        lines.append(f"{name}: {described.current} {described.message}".rstrip())
        for unit_name, unit in sorted(status.get_units(name).items()):
            described = unit.workload_status
            lines.append(f"  {unit_name}: {described.current} {described.message}".rstrip())
    return lines
