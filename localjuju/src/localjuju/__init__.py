"""Run Juju charms with no controller: jubilant's ``Juju``, on this computer."""

from localjuju.faults import Faults
from localjuju.juju import LocalJuju

__all__ = ["Faults", "LocalJuju"]
