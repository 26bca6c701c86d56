"""Run Juju charms with no controller: jubilant's ``Juju``, on this computer."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localjuju.faults import Faults
    from localjuju.juju import LocalJuju

__all__ = ["Faults", "LocalJuju"]

_MODULES = {"Faults": "faults", "LocalJuju": "juju"}


def __getattr__(name: str) -> Any:
    # Imported when asked for: the process that runs the hooks needs neither, and starts faster.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"localjuju.{_MODULES[name]}"), name)
