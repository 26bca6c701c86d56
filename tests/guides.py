"""Write the output of real runs into the guides in docs/: `make docs`. A test compares it.

In a guide, this replaces the lines between `<!-- NAME: from a run, by make docs -->` and
`<!-- end -->`. Values that differ between runs (times, identifiers, addresses) are replaced by
fixed values.
"""

from __future__ import annotations

import pathlib
import re
import tempfile

import databag_lesson
import event_walk
import shell_walk

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PLACE = re.compile(
    r"(?<=<!-- )(?P<name>[a-z0-9.-]+)(?P<rest>: from a run, by make docs -->\n)"
    r"(?P<text>.*?)(?=<!-- end -->)",
    re.DOTALL,
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADDRESS = re.compile(r"127\.\d+\.\d+\.(\d+)")


def databags(series: str) -> dict[str, str]:
    """Return the text for each marker in docs/databags.md."""
    with tempfile.TemporaryDirectory() as folder:
        lesson = databag_lesson.run_lesson(series, pathlib.Path(folder))
    return stable({place: f"```pycon\n{printed}```\n" for place, printed in lesson.items()})


def watch_the_events() -> dict[str, str]:
    """Return the text for each marker in docs/watch-the-events.md, for both versions of Juju."""
    places: dict[str, str] = {}
    for series in ("3.6", "4.0"):
        shown = {**stable(event_walk.walk(series)), **event_walk.recorded(series)}
        places |= {f"{place}-{series}": text for place, text in shown.items()}
    return places


def stable(places: dict[str, str]) -> dict[str, str]:
    """Replace values that differ between runs: identifiers and addresses."""
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        number = numbers.setdefault(match[0], len(numbers) + 1)
        return f"{number:08}-0000-4000-8000-000000000000"

    return {
        place: ADDRESS.sub(r"10.0.0.\1", UUID.sub(numbered, text))
        for place, text in places.items()
    }


def fill(guide: str, places: dict[str, str]) -> str:
    """Return a guide with the new text at each marker.

    Raises:
        KeyError: the guide has a marker without a text.
    """
    return PLACE.sub(lambda match: match["name"] + match["rest"] + places[match["name"]], guide)


def main() -> None:
    """Write the output of runs into the guides."""
    for name, places in (
        ("databags", databags("3.6")),
        ("watch-the-events", watch_the_events()),
    ):
        path = DOCS / f"{name}.md"
        path.write_text(fill(path.read_text(), places))
        print(path.relative_to(DOCS.parent))
    path = DOCS / "localjuju-shell.md"
    shown = fill(path.read_text(), shell_walk.walk())
    # The width of its tables depends on the addresses, so only other changes count.
    if shell_walk.comparable(shown) != shell_walk.comparable(path.read_text()):
        path.write_text(shown)
    print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
