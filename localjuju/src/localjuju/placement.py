"""Placement of units on machines and in containers: ``--to 3,lxd:4``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection

from localjuju.command import CommandError

MACHINE_NUMBER = r"(?:0|[1-9]\d*)(?:/lxd/(?:0|[1-9]\d*))*"


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where to put one unit or one new machine."""

    machine: str | None = None
    """The number of an existing machine, or None for a new one."""
    in_container: bool = False
    """Whether to use a new container on that machine."""


NEW_MACHINE = Placement()


def parse_placements(text: str) -> list[Placement]:
    """Read the value of ``--to``.

    Raises:
        CommandError: localjuju does not support the placement.
    """
    return [_parse_one(one.strip()) for one in text.split(",")] if text else []


def _parse_one(text: str) -> Placement:
    if not text:
        raise CommandError(f'ERROR invalid --to parameter "{text}"', 2)
    if re.fullmatch(MACHINE_NUMBER, text):
        return Placement(text)
    container, separator, machine = text.partition(":")
    if container == "lxd" and not separator:
        return Placement(in_container=True)
    if container == "lxd" and re.fullmatch(MACHINE_NUMBER, machine):
        return Placement(machine, in_container=True)
    raise CommandError(
        f'ERROR localjuju cannot place anything at "{text}": use a machine number, '
        '"lxd", or "lxd:" and a machine number'
    )


def missing_machine(placements: list[Placement], machines: Collection[str]) -> str | None:
    """Return the number of the first named machine that does not exist, or None."""
    named = (one.machine for one in placements if one.machine is not None)
    return next((number for number in named if number not in machines), None)


def extra_placements_warning(placements: list[Placement], units: int) -> str:
    """Return Juju's warning if there are more placements than units, or an empty string."""
    if len(placements) <= units:
        return ""
    return (
        f"WARNING {units} unit(s) will be deployed, extra placement directives will be ignored\n"
    )
