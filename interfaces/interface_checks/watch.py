"""Holds every databag that charms write on localjuju to its interface."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

from interface_checks import bags
from interface_checks.registry import ENDPOINTS, interface
from localjuju.history import History
from localjuju.hook_commands import DatabagWrite


@contextlib.contextmanager
def every_databag() -> Iterator[None]:
    """Have each hook fail the run that writes what its interface does not say.

    It is for whatever LocalJuju is made meanwhile, wherever that is: a test cannot forget it.

    Raises:
        AssertionError: from whatever lets hooks run; it names interface, databag and field.
    """
    add_hook = History.add_hook

    def add_checked_hook(
        self: History, unit: str, hook: Any, error: str | None, writes: list[DatabagWrite]
    ) -> None:
        add_hook(self, unit, hook, error, writes)
        found = [problem for write in writes for problem in problems(write)]
        assert not found, f"{unit} {hook}: " + "; ".join(found)

    with mock.patch.object(History, "add_hook", add_checked_hook):
        yield


def problems(write: DatabagWrite) -> list[str]:
    """Return what is wrong with a databag as a hook has left it."""
    one = interface(write.relation.interface)
    if one is None:
        return []  # juju-info, or a test's own.
    application = write.owner.partition("/")[0]
    side = next(s for s in write.relation.sides if s.application.name == application)
    role = ENDPOINTS[side.endpoint.role]
    if "/" in write.owner:
        return bags.problems(one, role, "unit", write.relation.unit_bags[write.owner].data)
    return bags.problems(one, role, "app", write.relation.app_bag(application).data)
