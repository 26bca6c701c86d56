"""Write CONFORMANCE.md: which parts of the recordings are equal here, left out, and why.

python tests/conformance.py
"""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Callable, Iterator

import recorded

from localjuju.versions import BEHAVIOURS

PAGE = pathlib.Path(__file__).parents[1] / "CONFORMANCE.md"

BEGINNING = """\
# How closely localjuju follows Juju

`tests/conformance.py` wrote this page. `tests/recordings/` holds what real controllers did.
`tests/test_commands.py` runs the recorded commands on localjuju, and `tests/test_recordings.py`
runs the recorded scenario. They fail if anything differs that this page counts as equal.
"""

HOOKS_NOTE = """\
For each step of the scenario, the tests compare how often each hook ran for an application, the
last output of `relation-list` for each unit, and the keys that it saw in the other databags.
"""

KNOWN_DIFFERENCES = """\
## Known differences

The README lists what localjuju does not do. It does not have these faults of Juju:

- On 4.0.15, two subordinates of one principal with a container-scoped relation to each other get
  more and more units. Here each gets one unit.
- On 4.0.15, a subordinate's relation-broken hook may fail to commit once. Then its agent restarts.
- On 3.6.28, `juju config` with the value `inf` for a float makes the application's configuration
  unreadable.
"""


def page() -> str:
    """Return the text of the page."""
    compared = "\n".join(f"- {what}" for what in recorded.NOT_COMPARED_OF_HOOKS)
    return "\n".join(
        [
            BEGINNING,
            *_section("Commands", "commands", _commands),
            *_section("Hooks", "hooks", _hooks),
            HOOKS_NOTE,
            f"The tests do not compare:\n\n{compared}\n",
            KNOWN_DIFFERENCES,
        ]
    )


def _section(
    title: str, what: str, count: Callable[[str], tuple[int, Counter[tuple[str, str]]]]
) -> Iterator[str]:
    yield f"## {title}\n\n| Juju | {what} recorded | equal | left out |\n| --- | --- | --- | --- |"
    counted = {series: count(series) for series in sorted(BEHAVIOURS)}
    for series, (number, left_out) in counted.items():
        version = BEHAVIOURS[series].version
        yield f"| {version} | {number} | {number - left_out.total()} | {left_out.total()} |"
    yield f"\n| {what} left out | of Juju | why |\n| --- | --- | --- |"
    where: dict[tuple[str, str], list[str]] = {}
    for series, (_, left_out) in counted.items():
        for each in left_out:
            where.setdefault(each, []).append(series)
    for (name, why), series in where.items():
        yield f"| {name} | {' and '.join(series)} | {why} |"
    yield ""


def _commands(series: str) -> tuple[int, Counter[tuple[str, str]]]:
    calls = recorded.commands(series)
    left_out: Counter[tuple[str, str]] = Counter()
    for call in calls:
        if why := recorded.why_not_run(call, series) or recorded.why_not_compared(call):
            left_out[f"`juju {recorded.command_of(call)}`", why] += 1
    return len(calls), left_out


def _hooks(series: str) -> tuple[int, Counter[tuple[str, str]]]:
    ran = [line for line in recorded.hooks(series) if "hook" in line]
    left_out: Counter[tuple[str, str]] = Counter()
    for hook in ran:
        if why := recorded.why_hook_is_left_out(hook, series):
            left_out[f"`{hook['hook']}` of {hook['unit'].partition('/')[0]}", why] += 1
    return len(ran), left_out


if __name__ == "__main__":
    PAGE.write_text(page())
