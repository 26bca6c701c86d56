"""Write CONFORMANCE.md: what of the recordings is the same here, what is left out, and why.

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
# How far localjuju is as Juju is

`tests/conformance.py` wrote this page, from what the tests use. `tests/recordings/` holds what
real controllers did. `tests/test_commands.py` gives the recorded commands to localjuju, and
`tests/test_recordings.py` plays the recorded scenario. Both fail as soon as anything differs that
is counted as equal here.
"""

HOOKS_NOTE = """\
Hooks are compared for each step of the scenario: how often each ran for an application, whom
`relation-list` named to each unit in the end, and which keys it saw in the others' databags.
"""

KNOWN_DIFFERENCES = """\
## Known differences

What localjuju does not do at all is in the README. These are faults of Juju that it does not have:

- On 4.0.15 two subordinates of one principal that have a container-scoped relation to each other
  get units without end. Here they get one each.
- On 4.0.15 a subordinate's relation-broken may fail to commit once, after which its agent
  restarts. Here it does not.
- On 3.6.28 `juju config` with the value `inf` for a float breaks every later reading of that
  application's config. Here it does not.
"""


def page() -> str:
    """Return the page's text."""
    compared = "\n".join(f"- {what}" for what in recorded.NOT_COMPARED_OF_HOOKS)
    return "\n".join(
        [
            BEGINNING,
            *_section("Commands", "commands", _commands),
            *_section("Hooks", "hooks", _hooks),
            HOOKS_NOTE,
            f"Of all hooks these are not compared:\n\n{compared}\n",
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
        if why := recorded.why_not_given(call, series) or recorded.why_not_compared(call):
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
