"""Where units are put: on a given machine, or in a container (``--to 3,lxd:4``)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection

from localjuju.command import CommandError

MACHINE = r"(?:0|[1-9]\d*)(?:/lxd/(?:0|[1-9]\d*))*"


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where one unit, or one machine, is put."""

    machine: str | None = None
    """The number of a machine that is there, None for a new one."""
    in_container: bool = False
    """In a new container on that machine."""


NEW_MACHINE = Placement()


def parse(text: str) -> list[Placement]:
    """Read what stands behind ``--to``.

    Raises:
        CommandError: localjuju cannot put a unit there.
    """
    return [_parse_one(one.strip()) for one in text.split(",")] if text else []


def _parse_one(text: str) -> Placement:
    if not text:
        raise CommandError(f'ERROR invalid --to parameter "{text}"', 2)
    if re.fullmatch(MACHINE, text):
        return Placement(text)
    container, separator, machine = text.partition(":")
    if container == "lxd" and not separator:
        return Placement(in_container=True)
    if container == "lxd" and re.fullmatch(MACHINE, machine):
        return Placement(machine, in_container=True)
    raise CommandError(
        f'ERROR localjuju cannot place anything at "{text}": it takes a machine\'s number, '
        '"lxd", or "lxd:" and a machine\'s number'
    )


def missing(placements: list[Placement], machines: Collection[str]) -> str | None:
    """Return the number of the first machine that is named and not there."""
    named = (one.machine for one in placements if one.machine is not None)
    return next((number for number in named if number not in machines), None)


def extra(placements: list[Placement], units: int) -> str:
    """Say that there are more placements than units."""
    if len(placements) <= units:
        return ""
    return (
        f"WARNING {units} unit(s) will be deployed, extra placement directives will be ignored\n"
    )
