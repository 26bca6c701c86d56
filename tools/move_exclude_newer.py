"""Move the date `exclude-newer` in every pyproject.toml, so that uv can use newer packages.

    move_exclude_newer.py [DATE]

Without a DATE (such as 2027-01-15), the new date is a week ago, because a faulty or malicious
package is often withdrawn within a week. The date never moves back. This prints the final date.
"""

from __future__ import annotations

import datetime
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[1]
LINE = re.compile(r'^exclude-newer = "(\d{4}-\d\d-\d\d)T00:00:00Z"$', re.M)


def files(root: pathlib.Path) -> list[pathlib.Path]:
    """Return every pyproject.toml of the repository."""
    patterns = ("pyproject.toml", "*/pyproject.toml", "charms/*/pyproject.toml")
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


def move(root: pathlib.Path, date: datetime.date) -> datetime.date:
    """Write a date into every pyproject.toml, and return the final date.

    Raises:
        ValueError: the files do not have the same date.
    """
    texts = {path: path.read_text() for path in files(root)}
    dates = {path: LINE.findall(text) for path, text in texts.items()}
    found = {each for dates_of_file in dates.values() for each in dates_of_file}
    if len(found) != 1 or not all(dates.values()):
        listed = ", ".join(f"{path.relative_to(root)}: {each}" for path, each in dates.items())
        raise ValueError(f"exclude-newer is not the same everywhere: {listed}")
    present = datetime.date.fromisoformat(found.pop())
    if date <= present:
        return present
    for path, text in texts.items():
        path.write_text(LINE.sub(f'exclude-newer = "{date}T00:00:00Z"', text))
    return date


def main() -> int:
    """Move to the date on the command line, and return the exit status."""
    try:
        if len(sys.argv) > 1:
            date = datetime.date.fromisoformat(sys.argv[1])
        else:
            date = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=7)
        print(move(ROOT, date))
    except ValueError as error:
        print(f"move_exclude_newer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
