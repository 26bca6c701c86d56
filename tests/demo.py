"""Run the bundle and show its units and hooks live: ``make demo``.

localjuju runs the hooks of three charms, with the real mongod, the real Node.js application and
the real rsyslogd, without Juju.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Callable

import jubilant
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

import bundles
from cloud import LocalCloud
from localjuju import LocalJuju
from localjuju.history import Event
from website import Website

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "build" / "demo.html"
PICTURE = ROOT / "build" / "demo.md"
LATEST_HOOKS = 6

COLOURS = {"active": "green", "waiting": "yellow", "blocked": "red", "error": "bold red"}


class DemoOutput:
    """Shows units and hooks: in a live table, or as lines if the output is not a terminal."""

    def __init__(self, juju: LocalJuju, console: Console):
        self.juju = juju
        self.console = console
        self.hooks: list[Event] = []
        juju.history.on_event = self._on_event
        self._live: Live | None = None

    def run_step(self, title: str, *commands: Callable[[], object]) -> None:
        """Run commands and show the hooks until all agents are idle."""
        self.console.rule(f"[bold]{title}", align="left")
        start = time.monotonic()
        with Live(console=self.console, transient=True, auto_refresh=False) as self._live:
            for command in commands:
                command()
            self.juju.wait(jubilant.all_agents_idle, error=jubilant.any_error)
        self._live = None
        self.console.print(self._units())
        self.console.print(f"[dim]{time.monotonic() - start:.1f} s\n")

    def print(self, text: str) -> None:
        self.console.print(f"[bold cyan]>[/] {text}")

    def _on_event(self, event: Event) -> None:
        if event.step:
            self.print(f"juju {event.step}")
        elif self._live and self.console.is_terminal:
            self.hooks = [*self.hooks, event][-LATEST_HOOKS:]
            self._live.update(Group(self._units(), *map(_describe, self.hooks)), refresh=True)
        else:
            self.console.print(_describe(event))

    def _units(self) -> Table:
        table = Table("unit", "status", "message", "address", "related to", box=None)
        status = self.juju.look()
        for name, application in status.apps.items():
            related = {
                relation.related_app
                for relations in application.relations.values()
                for relation in relations
            } - {name}
            for unit_name, unit in status.get_units(name).items():
                state = unit.workload_status
                table.add_row(
                    f"{unit_name}{'*' if unit.leader else ''}",
                    Text(state.current, COLOURS.get(state.current, "")),
                    state.message,
                    unit.public_address,
                    ", ".join(sorted(related)),
                )
        return table


def _describe(event: Event) -> Text:
    wrote = "".join(f"  writes {', '.join(write.keys)}" for write in event.writes)
    return Text.assemble((f"  {event.unit:22}", "bold"), str(event.hook), (wrote, "dim"))


def run_demo(juju: LocalJuju, console: Console, pause: bool) -> None:
    """Run all steps of the demo.

    Args:
        juju: an empty model.
        console: the console for the output.
        pause: keep the website running until the user presses Enter.
    """
    output = DemoOutput(juju, console)
    with bundles.scratch_folder() as folder:
        path = pathlib.Path(folder)
        small = bundles.write_variant(path, bundles.BUNDLE, units=bundles.SMALL)
        output.run_step("Deploy the bundle", lambda: juju.deploy(small))
    website = Website(LocalCloud(juju).address("my-node-app/0"))
    website.write("Saved in MongoDB, whose address came over a relation.")
    output.print(f"a note through {website.url}: {website.texts()}\n")

    output.run_step(
        "Scale the replica set to three members", lambda: juju.add_unit("mongodb", num_units=2)
    )

    units = juju.status().get_units("mongodb")
    primary = next(
        name for name, unit in units.items() if unit.workload_status.message == "primary"
    )
    output.print(f"kill -9 the mongod on {primary}, which is the primary")
    LocalCloud(juju).kill(primary, "mongod")
    start = time.monotonic()
    website.write("Written while the replica set elected a new primary.")
    output.print(f"a note was saved {time.monotonic() - start:.1f} s later: {website.texts()}\n")

    if pause:
        console.input(f"The website is at [bold]{website.url}[/]. Press Enter to continue. ")
    output.run_step(
        "Remove the relation",
        lambda: juju.remove_relation("my-node-app:database", "mongodb:database"),
    )
    juju.history.page(PAGE, "The demo's run")
    PICTURE.write_text(f"# The demo's run\n\n```mermaid\n{juju.history.sequence_diagram()}```\n")
    output.print(f"all {juju.hooks_run} hooks, step by step in a browser: {PAGE}")
    output.print(f"sequence diagram of the hooks: {PICTURE}")


def main() -> int:
    """Run the demo, and return the exit status."""
    parser = argparse.ArgumentParser(description="Run the bundle on this machine.")
    parser.add_argument("--juju", default="3.6", help="version of Juju: 3.6 or 4.0")
    parser.add_argument("--seed", type=int, help="repeat the order of hooks of an earlier run")
    options = parser.parse_args()
    # None is the width of the terminal. A file or a log has longer lines.
    console = Console(width=None if sys.stdout.isatty() else 140)
    start = time.monotonic()
    try:
        with LocalJuju(options.juju, seed=options.seed, charms=ROOT / "charms") as juju:
            run_demo(juju, console, pause=sys.stdin.isatty() and console.is_terminal)
    except KeyboardInterrupt:
        console.print("\nstopped; all processes have ended and all files are removed")
        return 130
    console.print(f"[dim]{time.monotonic() - start:.0f} s in total; all processes have ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
