"""Print the slowest tests of `make test`.

    slowest.py FILE [NUMBER]

FILE contains the output of tox and pytest, with pytest's option --durations.
"""

from __future__ import annotations

import pathlib
import re
import sys

PART = re.compile(r"([a-z-]+): commands\[")
CHARM = re.compile(r"== (charms/[a-z-]+): [a-z]")
DURATION = re.compile(r"(\d+\.\d+)s (?:call|setup|teardown) +(\S.*)")


def slowest(printed: str, number: int) -> list[tuple[float, str]]:
    """Return the slowest tests with their seconds, the slowest first.

    The name of a test includes its suite and its charm. Setup and teardown have entries of their
    own, because several tests can share them.
    """
    found = []
    part = charm = ""
    for line in printed.splitlines():
        if match := PART.match(line):
            part, charm = match[1], ""
        elif match := CHARM.match(line):
            charm = f"{match[1]}/"
        elif match := DURATION.match(line):
            found.append((float(match[1]), f"{part}: {charm}{match[2]}"))
    return sorted(found, reverse=True)[:number]


def main() -> None:
    """Print the slowest tests in the file that the command line names."""
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    print("The slowest tests:")
    for seconds, test in slowest(pathlib.Path(sys.argv[1]).read_text(), number):
        print(f"{seconds:8.2f} s  {test}")


if __name__ == "__main__":
    main()
