"""The page of a run: one HTML file to step through. It loads nothing and sends nothing.

Its parts are in ``page_files``. Text from a charm is data in the page, and never markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import pathlib
import re
import string
from collections.abc import Sequence

from localjuju.comparison import Difference, differences, hooks_in_only_one
from localjuju.history import History
from localjuju.run_data import Data, describe

PAGE_FILES = pathlib.Path(__file__).with_name("page_files")
SCRIPTS = (
    "run.js",
    "shapes.js",
    "timeline.js",
    "graph.js",
    "changes.js",
    "details.js",
    "page.js",
)

INVISIBLE_CHARACTERS = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
"""Characters that are invisible or change the direction of text."""

LONGEST_CELL = 300
"""The largest number of characters in a cell of the table of hooks."""


def write_page(history: History, file: pathlib.Path | None = None, title: str = "") -> str:
    """Return the page of a run, and write it to a file if one is given.

    Args:
        history: the history of the run.
        file: the file for the page. Missing folders are created.
        title: what the run shows.
    """
    page = page_of([describe(history, title)])
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page)
    return page


def page_of(runs: Sequence[Data]) -> str:
    """Return the page of one run, or of two runs to compare.

    Args:
        runs: the data of one or two runs, from ``run_data.describe``.
    """
    style = (PAGE_FILES / "page.css").read_text()
    scripts = [(PAGE_FILES / name).read_text() for name in SCRIPTS]
    allowed = " ".join(map(_hash, scripts))
    versions = " and ".join(run["juju"] for run in runs)
    title = runs[0]["title"] or f"A run of Juju {versions}"
    only = hooks_in_only_one(*runs) if len(runs) == 2 else []
    return string.Template((PAGE_FILES / "page.html").read_text()).substitute(
        title=_text(title),
        policy=(
            f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
            "base-uri 'none'; form-action 'none'"
        ),
        style=style,
        summary=_text("; ".join(map(_summary, runs))),
        differences=_differences(runs) if len(runs) == 2 else "",
        tables="\n".join(_table(run, number) for number, run in enumerate(runs)),
        data=json.dumps({"runs": runs, "only": only}, separators=(",", ":")).replace(
            "<", "\\u003c"
        ),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _hash(text: str) -> str:
    """Return the hash that allows a script or a style in a Content-Security-Policy."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _text(text: str) -> str:
    """Return text as HTML. Invisible characters become their numbers."""
    return html.escape(INVISIBLE_CHARACTERS.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text))


def _summary(run: Data) -> str:
    hooks = sum("why" in event for event in run["events"])
    commands = sum(event["kind"] == "command" for event in run["events"])
    source = "on localjuju" if run["source"] == "localjuju" else "recorded on a controller"
    failed = sum("error" in event for event in run["events"] if "why" in event)
    return (
        f"Juju {run['juju']} {source}: {commands} commands, {hooks} hooks"
        f"{f', {failed} of them failed' if failed else ''}"
    )


def _table(run: Data, number: int) -> str:
    """Return the hooks as a table, for paper, for screen readers, and without JavaScript."""
    prefix = "b-" if number else ""
    rows = "\n".join(_row(event, prefix) for event in run["events"])
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("No.", "Unit", "Hook", "Why", "Databag writes", "Result")
    )
    caption = _text(f"Every command and hook, {run['title'] or 'in order'}, Juju {run['juju']}")
    return (
        f'<div class="wide"><table class="hooks"><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(event: Data, prefix: str) -> str:
    if event["kind"] == "command":
        name = f"{prefix}command-{event['number']}"
        cells = ["$", "$ juju", event["text"], "", ""]
    elif event["kind"] == "fault":
        name = f"{prefix}fault-{event['number']}"
        cells = ["!", event["unit"], f"fault: {event['text']}", "", ""]
    else:
        name = f"{prefix}hook-{event['number']}"
        about = [event.get("relation"), event.get("remote-unit"), event.get("storage")]
        hook = " ".join([event["hook"], *filter(None, about)])
        cells = [str(event["number"]), event["unit"], hook, event["why"]["text"], _writes(event)]
    failed = ' class="failed"' if event.get("error") else ""
    ended = f"failed: {event['error']}" if event.get("error") else ""
    described = "".join(f"<td>{_text(_shortened(cell))}</td>" for cell in cells[1:])
    link = f'<a href="#{name}">{cells[0]}</a>'
    end = f"<td{failed}>{_text(_shortened(ended))}</td>"
    return f'<tr id="{name}"><td>{link}</td>{described}{end}</tr>'


def _writes(event: Data) -> str:
    return "; ".join(
        f"{change['about'].partition(' ')[2]}: {', '.join(change['keys'])}"
        for change in event["changes"]
        if change["kind"] == "databag-updated"
    )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _differences(runs: Sequence[Data]) -> str:
    first, second = (f"Only on Juju {run['juju']}" for run in runs)
    found = differences(*runs)
    rows = "\n".join(map(_difference, found))
    head = "".join(
        f'<th scope="col">{_text(name)}</th>'
        for name in ("After command", "Unit or databags", first, second)
    )
    return (
        '<div class="wide"><table class="differences">'
        "<caption>Differences between the two runs</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _difference(one: Difference) -> str:
    cells = (one.command, one.who, one.only_first, one.only_second)
    return "<tr>" + "".join(f"<td>{_text(_shortened(cell))}</td>" for cell in cells) + "</tr>"
