"""``LocalJuju``: a ``jubilant.Juju`` that runs charms in this process, without a controller."""

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
"""The model that exists from the beginning."""

PROCESSES_TIMEOUT = 30.0
"""When no hook is left to run: seconds to wait for real processes to change something."""


class LocalJuju(jubilant.Juju):
    """Runs charms on this computer. Tests written with jubilant run on it unchanged.

    Use it as a context manager, or call :meth:`close`, to end every process that charms started.
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
        """Create a controller with one empty model.

        Args:
            juju: the series of Juju to behave like, "3.6" or "4.0".
            seed: chooses the order of hooks when Juju guarantees none. The same seed and commands
                run the same hooks in the same order. By default the seed is random, and failures
                print it.
            charms: the folder that holds the source folders of packed charms:
                ``x/mongodb.charm`` is run from ``<charms>/mongodb``. By default the file is
                expected in its charm's source folder.
            runner: "source" runs a charm from its source folder. "packed" runs a ``.charm``
                file's own dispatch, in any language. Then ``charms`` is only needed for the
                charms' fake machines. A packed charm without one changes this computer.
            wait_timeout: the default timeout of :meth:`wait`, in seconds.
            faults: the faults to inject, which the seed chooses. By default none.

        Raises:
            ValueError: the series or the runner is not known.
        """
        if runner not in ("source", "packed"):
            raise ValueError(f"unknown runner {runner!r}: use 'source' or 'packed'")
        super().__init__(model=FIRST_MODEL, wait_timeout=wait_timeout)
        wanted = behaviour(juju)
        self.seed = random.SystemRandom().randrange(10**6) if seed is None else seed
        self.series = juju
        self._faults = faults
        self._owns_controller = True
        # Keep the path short, because the path of a socket has at most 107 characters.
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="lj-"))
        self._controller = Controller(wanted, self.seed, self._folder, faults)
        self._controller.add_model(FIRST_MODEL)
        self._commands = CommandLine(self._controller, charms, runner == "packed")
        self._controller.current_model = FIRST_MODEL

    def __repr__(self) -> str:
        faults = "" if self._faults is NO_FAULTS else f", faults={self._faults}"
        return f"LocalJuju({self.series!r}, seed={self.seed}{faults})"

    def on_model(self, name: str) -> LocalJuju:
        """Return a ``LocalJuju`` for another model of the same controller. The model must exist.

        Close only the original object: closing the returned one has no effect.
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
        """The history of the model: see ``timeline()``, ``sequence_diagram()``, ``on_event``."""
        return self._runner.history

    @property
    def hooks_run(self) -> int:
        """How many hooks have run so far."""
        return self._controller.hooks_run

    def look(self) -> jubilant.Status:
        """Return the current status. Unlike ``status()``, this runs no hooks."""
        with self._controller.without_running_hooks():
            return self.status()

    def machine_folder(self, unit: str) -> pathlib.Path:
        """Return the folder that is the root of a unit's machine.

        Raises:
            KeyError: the unit does not exist.
        """
        return self._runner.model.units[unit].machine.folder

    def restart_machines(self, units: str | Iterable[str], *, new_addresses: bool = False) -> None:
        """Restart the machines of units at the same time, as after a power cut.

        This kills every process on the machines. The next command that runs hooks runs ``start``
        on each unit that had started before. With new addresses it also runs ``config-changed``;
        afterwards the other sides of the relations see the new ``ingress-address``. Services do
        not start by themselves: the charm's fake machine is called before ``start``, and may
        start what systemd would start.

        Args:
            units: the name of a unit, or several names. Subordinates share their principal's
                machine.
            new_addresses: whether the machines get new addresses, as from DHCP.

        Raises:
            KeyError: a unit does not exist.
        """
        names = [units] if isinstance(units, str) else units
        known = self._runner.model.units
        machines = {known[name].machine.number: known[name].machine for name in names}
        self._runner.agents.restart_machines(list(machines.values()), new_addresses)

    def _cli(
        self,
        *args: str,
        include_model: bool = True,
        stdin: str | None = None,
        log: bool = True,
        timeout: float | None = None,
    ) -> tuple[str, str]:
        """Run a command in this process. jubilant would start the ``juju`` program."""
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
        """Run hooks until no hook is left to run, and return how many ran."""
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
        """Run all hooks, then test the condition.

        If the condition is false, the clock moves on to the next update-status, and the condition
        is tested again. If that changes nothing, the clock moves on to the next rotation or expiry
        of a secret, once for each secret. Then this method gives up: at once or, if charms run
        real processes, after ``PROCESSES_TIMEOUT`` seconds.

        For the arguments and errors see ``jubilant.Juju.wait``. ``successes`` has no effect.
        """
        del successes
        timeout = self.wait_timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout
        process_timeout = PROCESSES_TIMEOUT if self._runs_processes() else 0.0
        previous, unchanged_since = None, time.monotonic()
        passed: set[tuple[str, str]] = set()
        """The rotations and expiries of secrets to which the clock has moved on."""
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
            elif now - unchanged_since < process_timeout:
                time.sleep(min(delay, 0.5))
            elif times := self._secret_times(except_for=passed):
                what = min(times, key=times.__getitem__)
                passed.add(what)
                self._controller.pass_time_until(times[what])
                continue
            else:
                raise TimeoutError(
                    f"no hook is left to run and the condition does not hold. {described}"
                )
            self._controller.update_status()

    def _secret_times(self, except_for: set[tuple[str, str]]) -> dict[tuple[str, str], float]:
        times = self._runner.secret_times()
        return {what: moment for what, moment in times.items() if what not in except_for}

    def _runs_processes(self) -> bool:
        return any(
            application.charm.fake_machine
            for runner in self._controller.models.values()
            for application in runner.model.applications.values()
        )


def _summary(status: jubilant.Status) -> list[str]:
    """Return the status and message of each application and unit, one a line."""
    lines = []
    for name, application in sorted(status.apps.items()):
        described = application.app_status
        lines.append(f"{name}: {described.current} {described.message}".rstrip())
        for unit_name, unit in sorted(status.get_units(name).items()):
            described = unit.workload_status
            lines.append(f"  {unit_name}: {described.current} {described.message}".rstrip())
    return lines
