"""Check every databag that charms write on localjuju."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from interface_checks import databags
from interface_checks.registry import ROLES, find_interface
from localjuju.history import Event, every_event
from localjuju.relation_hook_commands import DatabagWrite


@contextlib.contextmanager
def every_databag() -> Iterator[None]:
    """Check the databags after each hook and action of every LocalJuju in this context.

    Raises:
        AssertionError: a hook or action has written data that do not follow the interface. The
            call that runs the hook raises it, and it names interface, databag and field.
    """

    def check(event: Event) -> None:
        if event.task and event.task.kind == "exec":
            return  # A test writes this with `juju exec`, not the charm.
        found = [problem for write in event.writes for problem in problems(write)]
        assert not found, f"{event.unit} {event.ran}: " + "; ".join(found)

    with every_event(check):
        yield


def problems(write: DatabagWrite) -> list[str]:
    """Return the problems of a databag after a hook."""
    interface = find_interface(write.relation.interface)
    if interface is None:
        return []  # It is juju-info, or an interface of a test.
    application = write.owner.partition("/")[0]
    side = next(s for s in write.relation.sides if s.application.name == application)
    role = ROLES[side.endpoint.role]
    if "/" in write.owner:
        unit_databag = write.relation.unit_databags[write.owner]
        return databags.problems(interface, role, "unit", unit_databag.data)
    return databags.problems(interface, role, "app", write.relation.app_databag(application).data)
