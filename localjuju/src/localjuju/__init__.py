"""Run Juju charms with no controller: jubilant's ``Juju``, on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localjuju.juju import LocalJuju as LocalJuju

__all__ = ["LocalJuju"]


def __getattr__(name: str) -> object:
    """Load ``LocalJuju`` when it is asked for: hooks and the pytest plugin do without."""
    if name != "LocalJuju":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from localjuju.juju import LocalJuju

    return LocalJuju
