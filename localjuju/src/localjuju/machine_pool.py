"""A model's machines: made and taken away, and what runs on them."""

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

VARIABLE = "LOCALJUJU_MACHINE"
"""Tells on which machine a process runs that no hook has started."""


class MachinePool:
    """Makes and removes the machines of one model."""

    def __init__(
        self,
        model: Model,
        folder: pathlib.Path,
        network: LoopbackNetwork,
        hook_runner: HookRunner,
        history: History,
    ):
        """Start with none.

        Args:
            model: whose machines they are.
            folder: takes a folder for each.
            network: has their addresses.
            hook_runner: starts what runs on them.
            history: is told of them.
        """
        self.model = model
        self._folder = folder
        self._network = network
        self._hook_runner = hook_runner
        self._history = history
        self._next_number = 0
        self._next_container: collections.Counter[str] = collections.Counter()

    def at(self, placement: Placement, constraints: Constraints) -> Machine:
        """Return the machine for a unit: the one that is named, or a new one."""
        if placement.machine is not None and not placement.in_container:
            return self.model.machines[placement.machine]
        return self.add(placement, constraints)

    def add(self, placement: Placement, constraints: Constraints) -> Machine:
        """Add a machine, or a container: on a new machine, or on one that is there.

        Raises:
            NoAddressError: there are as many machines as there can be.
        """
        if placement.machine is None:
            host = self._make(str(self._next_number), constraints)
            self._next_number += 1
        else:
            host = self.model.machines[placement.machine]
        if not placement.in_container:
            return host
        number = f"{host.number}/lxd/{self._next_container[host.number]}"
        self._next_container[host.number] += 1
        return self._make(number, constraints)

    def _make(self, number: str, constraints: Constraints) -> Machine:
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
        """Take away those of some machines that have no units. What is left there is told."""
        for machine in machines:
            if machine.number in self.model.machines and not self.units_on(machine):
                self._remove(machine)

    def _remove(self, machine: Machine) -> None:
        for path in machine.leftovers():
            self._log(machine, "WARNING", f"left behind: file {path}")
        for process in self._processes_of(machine):
            with contextlib.suppress(psutil.Error):  # It may just have ended by itself.
                name = f"process {process.pid} {process.name()}"
                self._log(machine, "WARNING", f"left behind: {name}")
                process.kill()
        shutil.rmtree(machine.folder, ignore_errors=True)
        del self.model.machines[machine.number]
        self._network.release(machine.address)

    def restart(self, machines: Collection[Machine], new_addresses: bool) -> None:
        """Kill all that runs on machines, at once.

        Args:
            machines: which.
            new_addresses: each gets an address that none of the model had just before.
        """
        # Until there are none: one that is being ended may just have started another.
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
            self._log(machine, "INFO", f"restarts with address {machine.address}")

    def run(
        self, machine: Machine, command: str, stdin: str = "", timeout: float = 0
    ) -> HookResult:
        """Run a shell command on a machine as somebody who has logged in: it is no hook."""
        environment = {VARIABLE: self._mark(machine)}
        return self._hook_runner.run_on_machine(machine, command, environment, stdin, timeout)

    def _mark(self, machine: Machine) -> str:
        return f"{self.model.uuid}/{machine.number}"

    def _processes_of(self, machine: Machine) -> list[psutil.Process]:
        found = []
        for process in self._hook_runner.processes():
            with contextlib.suppress(psutil.Error):  # It may just have ended by itself.
                # Every process has it from the hook or the command that started it.
                environment = process.environ()
                model = environment.get("JUJU_MODEL_UUID")
                of_hook = f"{model}/{environment.get('JUJU_MACHINE_ID')}"
                if self._mark(machine) in (of_hook, environment.get(VARIABLE)):
                    found.append(process)
        return found

    def _log(self, machine: Machine, level: str, text: str) -> None:
        entity = f"machine-{machine.number.replace('/', '-')}"
        self._history.log(entity, level, "localjuju.machine", text)


def is_on(machine: Machine, host: Machine) -> bool:
    """Whether a machine is another, or one of its containers."""
    return f"{machine.number}/".startswith(f"{host.number}/")
