"""Run the commands of docs/watch-the-events.md, and record the log and the diagrams."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

from localjuju import LocalJuju

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = ROOT / "charms"
RECORDINGS = ROOT / "localjuju" / "tests" / "recordings"
SEED = 1


def walk(series: str) -> dict[str, str]:
    """Add and remove units and relations, and return the text for each marker in the guide."""
    places: dict[str, str] = {}
    with LocalJuju(series, seed=SEED, charms=CHARMS) as juju:

        def watch(place: str, command: Callable[[], object]) -> None:
            """Run a command, and save the log and the sequence diagram."""
            lines_before = len(juju.history.lines)
            events_before = len(juju.history.events)
            command()
            juju.settle()
            # Keep only the charms' lines, as `juju debug-log --include-module unit` does.
            lines = [line.split(" ", 3) for line in juju.history.lines[lines_before:]]
            charm_lines = [line for line in lines if line[3].startswith("unit.")]
            log = "".join(
                f"{entity} {level} {rest}\n" for entity, _moment, level, rest in charm_lines
            )
            picture = juju.history.sequence_diagram(since=events_before)
            picture = picture.replace(str(CHARMS), "./charms")
            places[f"{place}-log"] = _block("text", log)
            places[f"{place}-picture"] = _block("mermaid", picture)

        watch("first-unit", lambda: juju.deploy(CHARMS / "replicas-demo"))
        watch("more-units", lambda: juju.add_unit("replicas-demo", num_units=2))
        results = juju.run("replicas-demo/1", "show-relation-data").results
        shown = "".join(f"{key}: {value}\n" for key, value in results.items())
        places["show-relation-data"] = _block("text", shown)
        watch("remove-leader", lambda: juju.remove_unit("replicas-demo/0"))

        juju.deploy(CHARMS / "demo-provider")
        juju.deploy(CHARMS / "demo-requirer")
        juju.settle()
        ends = ("demo-requirer:demo", "demo-provider:demo")
        watch("integrate", lambda: juju.integrate(*ends))
        watch("remove-relation", lambda: juju.remove_relation(*ends))
    return places


def recorded(series: str) -> dict[str, str]:
    """Return the hooks of `tprov` on a controller, for a new unit and for a removed leader."""
    text = (RECORDINGS / f"hooks-{series}.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    places: dict[str, str] = {}
    for begin, place in (
        ("add-unit tprov", "recorded-add-unit"),
        ("remove-unit leader", "recorded-remove-leader"),
    ):
        steps = [number for number, entry in enumerate(entries) if "step" in entry]
        start = next(n for n in steps if entries[n]["step"].startswith(begin))
        end = steps[steps.index(start) + 1]
        lines = [f"$ juju {entries[start]['step'].replace(' leader', '')}\n"]
        for entry in entries[start + 1 : end]:
            relation: str = entry.get("relation", "replicas:0")
            if entry["unit"].startswith("tprov/") and relation.startswith("replicas:"):
                seconds = entry["t"] - entries[start]["t"]
                hook = f"{entry['hook']} {entry.get('remote_unit', '')}"
                lines.append(f"{seconds:5.1f} s  {entry['unit']}  {hook}".rstrip() + "\n")
        places[place] = _block("text", "".join(lines))
    return places


def _block(kind: str, text: str) -> str:
    return f"```{kind}\n{text}```\n"
