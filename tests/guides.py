"""What the guides in docs/ show of real runs: `make docs` writes it there, and a test compares.

A guide has a place for each: lines between `<!-- NAME: from a run, by make docs -->` and
`<!-- end -->` are replaced. Whatever differs from run to run (moments, identifiers, this
computer's addresses) is replaced by something that does not.
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
    """Return what stands in each place of docs/databags.md."""
    with tempfile.TemporaryDirectory() as folder:
        lesson = databag_lesson.give_lesson(series, pathlib.Path(folder))
    return stable({place: f"```pycon\n{said}```\n" for place, said in lesson.items()})


def watch_the_events() -> dict[str, str]:
    """Return what stands in each place of docs/watch-the-events.md: by series, and recorded."""
    places: dict[str, str] = {}
    for series in ("3.6", "4.0"):
        shown = {**stable(event_walk.walk(series)), **event_walk.recorded(series)}
        places |= {f"{place}-{series}": text for place, text in shown.items()}
    return places


def stable(places: dict[str, str]) -> dict[str, str]:
    """Replace what is another in each run: identifiers, and the network of this computer."""
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        number = numbers.setdefault(match[0], len(numbers) + 1)
        return f"{number:08}-0000-4000-8000-000000000000"

    return {
        place: ADDRESS.sub(r"10.0.0.\1", UUID.sub(numbered, text))
        for place, text in places.items()
    }


def fill(guide: str, places: dict[str, str]) -> str:
    """Return a guide's text with its places filled anew.

    Raises:
        KeyError: the guide has a place that nothing is for.
    """
    return PLACE.sub(lambda match: match["name"] + match["rest"] + places[match["name"]], guide)


def main() -> None:
    """Write what runs show into the guides."""
    for name, places in (
        ("databags", databags("3.6")),
        ("watch-the-events", watch_the_events()),
    ):
        path = DOCS / f"{name}.md"
        path.write_text(fill(path.read_text(), places))
        print(path.relative_to(DOCS.parent))
    path = DOCS / "localjuju-shell.md"
    shown = fill(path.read_text(), shell_walk.walk())
    # Its tables are as wide as a run's addresses: another run says the same.
    if shell_walk.comparable(shown) != shell_walk.comparable(path.read_text()):
        path.write_text(shown)
    print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
