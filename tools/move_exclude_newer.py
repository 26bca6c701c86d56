"""Move the date `exclude-newer` of every pyproject.toml, and with it what uv may install.

    move_exclude_newer.py [DATE]

Without a DATE (such as 2027-01-15) it moves to a week ago: by then a package that somebody
published by mistake or by malice is often withdrawn. It never moves back. It prints the date that
is there in the end.
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
    """Write a date into every pyproject.toml, and return the date that is there in the end.

    Raises:
        ValueError: the files have not one and the same date.
    """
    texts = {path: path.read_text() for path in files(root)}
    dates = {path: LINE.findall(text) for path, text in texts.items()}
    found = {date for dates_of_file in dates.values() for date in dates_of_file}
    if len(found) != 1 or not all(dates.values()):
        listed = ", ".join(f"{path.relative_to(root)}: {date}" for path, date in dates.items())
        raise ValueError(f"exclude-newer is not the same everywhere: {listed}")
    present = datetime.date.fromisoformat(found.pop())
    if date <= present:
        return present
    for path, text in texts.items():
        path.write_text(LINE.sub(f'exclude-newer = "{date}T00:00:00Z"', text))
    return date


def main() -> int:
    """Move to the date of the command line, and return the exit status."""
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
