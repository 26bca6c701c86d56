"""Fault injection: problems that occur on any controller now and then, chosen by the seed.

A test passes them to its model, and checks that its charms still become active::

    with LocalJuju("4.0", seed=7, faults=Faults(most=5)) as juju:
        juju.deploy("./my-charm", num_units=3)
        juju.wait(jubilant.all_active)
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Literal, get_args

from localjuju.hook_arguments import HookCommandError
from localjuju.hook_commands import HookContext
from localjuju.uniter import Uniter

if TYPE_CHECKING:
    from localjuju.model import Application, Unit
    from localjuju.unit_agents import UnitAgents

FaultInHook = Literal["command-fails", "hook-killed", "lease-ends"]
FaultBetweenHooks = Literal["leader-moves", "agent-held-up", "machine-restarts"]
Fault = Literal[FaultInHook, FaultBetweenHooks]

FAULTS: tuple[Fault, ...] = get_args(Fault)

LEASE_SECONDS = 30.0
"""Seconds for which a unit stays the leader after is-leader has returned True."""

ANSWERED_BY_THE_AGENT = ("juju-log",)
"""Hook commands that do not need the controller, so they do not fail without a connection."""

MOST_HOOKS_BETWEEN_FAULTS = 20
"""Faults between hooks: the largest number of hooks from one fault to the next."""

MOST_COMMANDS_BETWEEN_FAULTS = 60
"""Faults in hooks: the largest number of hook commands from one fault to the next."""

MOST_HOOKS_HELD_UP = 40
"""The largest number of hooks that other units run while a unit is held up."""


@dataclasses.dataclass(frozen=True)
class Faults:
    """The faults to inject into a run.

    - ``command-fails``: a hook command exits with 1, as if the agent had lost its connection to
      the controller.
    - ``hook-killed``: the hook's process gets SIGKILL while a hook command waits for its answer.
    - ``leader-moves``: between two hooks another unit of an application becomes the leader.
    - ``lease-ends``: a leader's hook takes longer than its lease, and another unit becomes the
      leader during the hook. Then ``is-leader`` returns False, and Juju refuses what the hook
      wrote as leader.
    - ``agent-held-up``: a unit runs no hooks for a while, and then all hooks that are due.
    - ``machine-restarts``: as ``LocalJuju.restart_machines``. In half of the cases the machine
      gets another address.

    A failed hook that runs again gets no fault, so faults never keep a unit in error.
    """

    kinds: Collection[Fault] = FAULTS
    """The kinds to choose from."""
    most: int = 3
    """The number of faults. After the last one, no more faults occur."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(FAULTS))
        if unknown or not self.kinds:
            named = ", ".join(unknown) or "none"
            raise ValueError(f"unknown kinds of faults: {named}. Known are {', '.join(FAULTS)}")
        if self.most < 0:
            raise ValueError(f"most is {self.most}: the number of faults cannot be negative")


NO_FAULTS = Faults(most=0)


class FaultInjector:
    """Injects faults into a run. It has its own random numbers, so other choices do not change."""

    def __init__(self, faults: Faults, seed: int):
        self._kinds = sorted(faults.kinds)
        self._left = faults.most
        self._chance = random.Random(f"faults {seed}")
        self._held_up: dict[Uniter, int] = {}
        """By held-up unit: how many hooks of other units it still has to wait for."""
        self._plan_next()

    def _plan_next(self) -> None:
        self._next: Fault | None = self._chance.choice(self._kinds) if self._left else None
        self._left -= 1
        in_hook = self._next in get_args(FaultInHook)
        self._countdown = self._chance.randint(
            1, MOST_COMMANDS_BETWEEN_FAULTS if in_hook else MOST_HOOKS_BETWEEN_FAULTS
        )

    # Between hooks

    def before_hook(self, all_agents: Iterable[UnitAgents]) -> bool:
        """Inject the fault that is due before the next hook, if any. Return whether one was."""
        self._held_up = {uniter: n - 1 for uniter, n in self._held_up.items() if n > 1}
        if self._next not in get_args(FaultBetweenHooks):
            return False
        self._countdown -= 1
        if self._countdown > 0:
            return False
        uniters = [
            (agents, uniter)
            for agents in all_agents
            for _, uniter in sorted(agents.uniters.items())
            if uniter.unit.life == "alive"
        ]
        if self._next == "leader-moves":
            uniters = [(agents, u) for agents, u in uniters if _can_lose_leadership(u)]
        if not uniters:
            return False
        agents, uniter = self._chance.choice(uniters)
        self._inject(agents, uniter)
        self._plan_next()
        return True

    def _inject(self, agents: UnitAgents, uniter: Uniter) -> None:
        unit = uniter.unit
        if self._next == "leader-moves":
            self._move_leadership(agents, uniter, "loses the leadership")
        elif self._next == "agent-held-up":
            hooks = self._chance.randint(1, MOST_HOOKS_HELD_UP)
            self._held_up[uniter] = hooks
            text = f"waits while other units run {hooks} hooks"
            agents.history.add_fault(unit.name, text)
        else:
            moves = self._chance.random() < 0.5
            text = "its machine restarts" + " and gets another address" * moves
            agents.history.add_fault(unit.name, text)
            agents.restart_machines([unit.machine], new_addresses=moves)

    def holds_up(self, uniter: Uniter) -> bool:
        """Whether a unit is held up and runs no hooks now."""
        return uniter in self._held_up

    def release(self) -> bool:
        """Let all held-up units continue, because no other unit has a hook to run.

        Returns:
            Whether any unit was held up.
        """
        had_any = bool(self._held_up)
        self._held_up.clear()
        return had_any

    # Within a hook

    def before_command(self, agents: UnitAgents, context: HookContext, command: str) -> None:
        """Inject the fault that is due when a hook runs a hook command.

        Raises:
            HookCommandError: the fault is that the command fails.
        """
        uniter, fault = context.uniter, self._next
        possible = {
            "command-fails": command not in ANSWERED_BY_THE_AGENT,
            "hook-killed": True,
            "lease-ends": _can_lose_leadership(uniter),
        }
        if uniter.failed or fault is None or not possible.get(fault):
            return
        self._countdown -= 1
        if self._countdown > 0:
            return
        self._plan_next()
        if fault == "lease-ends":
            agents.clock.pass_time(LEASE_SECONDS)
            self._move_leadership(agents, uniter, f"its lease ends before {command}")
        elif fault == "hook-killed":
            agents.history.add_fault(uniter.unit.name, f"its hook is killed in {command}")
            context.is_killed = True
        else:
            agents.history.add_fault(uniter.unit.name, f"{command} fails")
            raise HookCommandError("connection is shut down")

    def _move_leadership(self, agents: UnitAgents, uniter: Uniter, why: str) -> None:
        successor = self._chance.choice(_successors(uniter.unit.application))
        agents.move_leadership(successor)
        text = f"{why}: {successor.name} becomes the leader"
        agents.history.add_fault(uniter.unit.name, text)


def _successors(application: Application) -> list[Unit]:
    units = application.sorted_units
    return [unit for unit in units if unit.life == "alive" and not unit.is_leader]


def _can_lose_leadership(uniter: Uniter) -> bool:
    return uniter.unit.is_leader and bool(_successors(uniter.unit.application))
