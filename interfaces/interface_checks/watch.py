"""Holds every databag that charms write on localjuju to its interface."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

from interface_checks import bags
from interface_checks.registry import ENDPOINTS, interface
from localjuju.hook_commands import DatabagWrite, HookContext


@contextlib.contextmanager
def every_databag() -> Iterator[None]:
    """Have each hook or action fail the run that writes what its interface does not say.

    It is for whatever LocalJuju is made meanwhile, wherever that is: a test cannot forget it.

    Raises:
        AssertionError: from whatever lets hooks run; it names interface, databag and field.
    """
    flush = HookContext.flush

    def checked_flush(self: HookContext) -> list[DatabagWrite]:
        writes = flush(self)
        if self.hook.kind != "exec":  # `juju exec`: what a test writes, in a charm's name.
            found = [problem for write in writes for problem in problems(write)]
            assert not found, f"{self.unit.name} {self.hook}: " + "; ".join(found)
        return writes

    with mock.patch.object(HookContext, "flush", checked_flush):
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
