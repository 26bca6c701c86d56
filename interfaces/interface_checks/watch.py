"""Holds every databag that charms write on localjuju to its interface."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from interface_checks import bags
from interface_checks.registry import ENDPOINTS, interface
from localjuju.history import Event, every_event
from localjuju.relation_hook_commands import DatabagWrite


@contextlib.contextmanager
def every_databag() -> Iterator[None]:
    """Have each hook or action fail the run that writes what its interface does not say.

    It is for whatever LocalJuju is made meanwhile, wherever that is: a test cannot forget it.

    Raises:
        AssertionError: from whatever lets hooks run; it names interface, databag and field.
    """

    def check(event: Event) -> None:
        if event.task and event.task.kind == "exec":
            return  # `juju exec`: what a test writes, in a charm's name.
        found = [problem for write in event.writes for problem in problems(write)]
        assert not found, f"{event.unit} {event.ran}: " + "; ".join(found)

    with every_event(check):
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
        return bags.problems(one, role, "unit", write.relation.unit_databags[write.owner].data)
    return bags.problems(one, role, "app", write.relation.app_databag(application).data)
