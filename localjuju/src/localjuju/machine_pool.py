"""Adds, restarts and removes a model's machines, and finds their processes."""

from __future__ import annotations

import collections
import contextlib
import pathlib
import shutil
from collections.abc import Collection

import psutil

from localjuju.constraints import Constraints
from localjuju.history import History
from localjuju.hook_runner import HookResult, HookRunner
from localjuju.machine import LoopbackNetwork, Machine
from localjuju.model import Model, Unit
from localjuju.placement import Placement

MACHINE_VARIABLE = "LOCALJUJU_MACHINE"
"""The environment variable with the machine, for processes that no hook has started."""


class MachinePool:
    """The machines of one model."""

    def __init__(
        self,
        model: Model,
        folder: pathlib.Path,
        network: LoopbackNetwork,
        hook_runner: HookRunner,
        history: History,
    ):
        """Create the pool of a model that has no machines yet.

        Args:
            model: the model.
            folder: the folder in which each machine gets its own folder.
            network: provides the addresses.
            hook_runner: starts the processes.
            history: keeps the log.
        """
        self.model = model
        self._folder = folder
        self._network = network
        self._hook_runner = hook_runner
        self._history = history
        self._next_number = 0
        self._next_container: collections.Counter[str] = collections.Counter()

    def machine_for(self, placement: Placement, constraints: Constraints) -> Machine:
        """Return the machine for a unit: the named machine, or a new one."""
        if placement.machine is not None and not placement.in_container:
            return self.model.machines[placement.machine]
        return self.add(placement, constraints)

    def add(self, placement: Placement, constraints: Constraints) -> Machine:
        """Add a machine, or a container on a new or an existing machine.

        Raises:
            NoAddressError: all addresses are in use.
        """
        if placement.machine is None:
            host = self._create(str(self._next_number), constraints)
            self._next_number += 1
        else:
            host = self.model.machines[placement.machine]
        if not placement.in_container:
            return host
        number = f"{host.number}/lxd/{self._next_container[host.number]}"
        self._next_container[host.number] += 1
        return self._create(number, constraints)

    def _create(self, number: str, constraints: Constraints) -> Machine:
        address = self._network.allocate()
        folder = self._folder / number.replace("/", "-")
        folder.mkdir(parents=True)
        self.model.machines[number] = Machine(number, address, folder, constraints)
        return self.model.machines[number]

    def with_containers(self, machine: Machine) -> list[Machine]:
        """Return a machine and the containers on it."""
        return [one for one in self.model.machines.values() if is_on(one, machine)]

    def units_on(self, machine: Machine) -> list[Unit]:
        """Return the units on a machine or in its containers."""
        return [unit for unit in self.model.units.values() if is_on(unit.machine, machine)]

    def remove_unused(self, machines: Collection[Machine]) -> None:
        """Remove the given machines that have no units, and log files and processes left there."""
        for machine in machines:
            if machine.number in self.model.machines and not self.units_on(machine):
                self._remove(machine)

    def _remove(self, machine: Machine) -> None:
        for path in machine.leftovers():
            self._log(machine, "WARNING", f"left behind: file {path}")
        for process in self._processes_of(machine):
            with contextlib.suppress(psutil.Error):  # It may have ended already.
                name = f"process {process.pid} {process.name()}"
                self._log(machine, "WARNING", f"left behind: {name}")
                process.kill()
        shutil.rmtree(machine.folder, ignore_errors=True)
        del self.model.machines[machine.number]
        self._network.release(machine.address)

    def restart(self, machines: Collection[Machine], new_addresses: bool) -> None:
        """Kill all processes on the given machines at the same time.

        Args:
            machines: the machines to restart.
            new_addresses: whether each machine gets an address different from all current ones.
        """
        # Repeat, because a process may start another one before it is killed.
        while running := [process for one in machines for process in self._processes_of(one)]:
            for process in running:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._hook_runner.wait_for_end(running)
        if new_addresses:
            fresh = [self._network.allocate() for _ in machines]
            for machine, address in zip(machines, fresh, strict=True):
                self._network.release(machine.address)
                machine.address = address
        for machine in machines:
            self._log(machine, "INFO", f"restarted with address {machine.address}")

    def run(
        self, machine: Machine, command: str, stdin: str = "", timeout: float = 0
    ) -> HookResult:
        """Run a shell command on a machine as a logged-in user, without the hook commands."""
        environment = {MACHINE_VARIABLE: self._marker(machine)}
        return self._hook_runner.run_on_machine(machine, command, environment, stdin, timeout)

    def _marker(self, machine: Machine) -> str:
        return f"{self.model.uuid}/{machine.number}"

    def _processes_of(self, machine: Machine) -> list[psutil.Process]:
        found = []
        for process in self._hook_runner.processes():
            with contextlib.suppress(psutil.Error):  # It may have ended already.
                # Processes inherit these variables from the hook or the command that started them.
                environment = process.environ()
                model = environment.get("JUJU_MODEL_UUID")
                of_hook = f"{model}/{environment.get('JUJU_MACHINE_ID')}"
                if self._marker(machine) in (of_hook, environment.get(MACHINE_VARIABLE)):
                    found.append(process)
        return found

    def _log(self, machine: Machine, level: str, text: str) -> None:
        entity = f"machine-{machine.number.replace('/', '-')}"
        self._history.log(entity, level, "localjuju.machine", text)


def is_on(machine: Machine, host: Machine) -> bool:
    """Whether a machine is ``host`` itself, or a container on it."""
    return f"{machine.number}/".startswith(f"{host.number}/")
