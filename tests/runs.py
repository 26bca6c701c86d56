"""Write the pages of runs in docs/runs: `make docs`. A test compares them.

The charms have no workload, so the same seed gives the same run. Values that differ between
computers (times, identifiers, folders, addresses) are replaced by fixed values.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import re
from collections.abc import Callable

import jubilant

import guides
from localjuju import LocalJuju, run_data
from localjuju.html_page import page_of
from localjuju.run_data import Data

ROOT = pathlib.Path(__file__).parents[1]
CHARMS = ROOT / "charms"
TEST_CHARMS = ROOT / "localjuju" / "tests" / "charms"
TOKEN_CHARMS = ROOT / "tests" / "run_charms"
PAGES = guides.DOCS / "runs"
SEED = 4
"""With this seed, the same units are leaders on both versions, so that the runs are similar."""

FOLDERS = (
    (re.compile(re.escape(f"{ROOT}/")), "./"),
    (re.compile(r"/tmp/lj-\w+"), "/tmp/localjuju"),
    (re.compile(r"[\w/]*/tmp\w{8}\b"), "/tmp/file"),
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T])\d\d:\d\d:\d\dZ")


def provider_and_requirer(juju: LocalJuju) -> None:
    """Integrate two applications with two units each, and remove the relation."""
    juju.deploy(CHARMS / "demo-provider", num_units=2)
    juju.deploy(CHARMS / "demo-requirer", num_units=2)
    juju.settle()
    ends = ("demo-requirer:demo", "demo-provider:demo")
    juju.integrate(*ends)
    juju.settle()
    juju.remove_relation(*ends)


def leader_hand_over(juju: LocalJuju) -> None:
    """Remove the leader of three units."""
    juju.deploy(CHARMS / "replicas-demo", num_units=3)
    juju.settle()
    units = juju.status().apps["replicas-demo"].units
    juju.remove_unit(next(name for name, unit in units.items() if unit.leader))


def peers_come_and_go(juju: LocalJuju) -> None:
    """Scale an application from one unit to three, and back to one."""
    juju.deploy(CHARMS / "replicas-demo")
    juju.settle()
    juju.add_unit("replicas-demo", num_units=2)
    juju.settle()
    juju.remove_unit("replicas-demo/1", "replicas-demo/2")


def secret_rotation(juju: LocalJuju) -> None:
    """Rotate a secret: its owner sets new content, and its reader reads it."""
    juju.deploy(TOKEN_CHARMS / "token-issuer")
    juju.deploy(TOKEN_CHARMS / "token-user")
    juju.integrate("token-user:tokens", "token-issuer:tokens")

    def uses_new_token(status: jubilant.Status) -> bool:
        unit = status.get_units("token-user").get("token-user/0")
        return unit is not None and unit.workload_status.message == "uses a new token"

    juju.wait(uses_new_token)


def subordinate_by_juju_info(juju: LocalJuju) -> None:
    """Integrate a subordinate over juju-info, and remove a principal unit."""
    juju.deploy(TEST_CHARMS / "tprov", num_units=2)
    juju.deploy(TEST_CHARMS / "tsub")
    juju.settle()
    juju.integrate("tsub:juju-info", "tprov:juju-info")
    juju.settle()
    juju.remove_unit("tprov/1")


def two_versions(juju: LocalJuju) -> None:
    """Show the differences Q1 to Q7 between Juju 3.6 and 4.0."""
    juju.deploy(TEST_CHARMS / "tprov", num_units=2)
    juju.deploy(TEST_CHARMS / "treq", num_units=2)
    juju.deploy(TEST_CHARMS / "tsub")
    juju.settle()
    juju.integrate("treq:logging", "tsub:logging")
    juju.settle()
    juju.integrate("tprov:juju-info", "tsub:juju-info")
    juju.settle()
    juju.remove_unit("tprov/1")
    juju.settle()
    juju.remove_application("tprov")
    juju.settle()
    juju.deploy(TEST_CHARMS / "treq", "another")
    juju.settle()
    with contextlib.suppress(jubilant.CLIError):  # Q1: for Juju 4 this is ambiguous.
        juju.integrate("another", "tsub")


SCENARIOS: dict[str, tuple[str, Callable[[LocalJuju], None], tuple[str, ...]]] = {
    "provider-and-requirer": ("A provider and a requirer", provider_and_requirer, ("3.6",)),
    "leader-hand-over": (
        "The leader is removed, and another unit takes over",
        leader_hand_over,
        ("3.6",),
    ),
    "peers": ("Peers: one unit, three, one", peers_come_and_go, ("3.6",)),
    "secret-rotation": ("A secret rotates", secret_rotation, ("3.6",)),
    "juju-info": ("A subordinate by juju-info", subordinate_by_juju_info, ("3.6",)),
    "two-versions": ("The same on Juju 3.6 and 4.0", two_versions, ("3.6", "4.0")),
}
"""For each page: its title, its commands, and its versions of Juju."""


def page(name: str) -> str:
    """Run a scenario, and return its page."""
    title, run_commands, versions = SCENARIOS[name]
    runs: list[Data] = []
    for version in versions:
        with LocalJuju(version, seed=SEED, charms=CHARMS) as juju:
            run_commands(juju)
            juju.settle()
            runs.append(stable(run_data.describe(juju.history, title)))
    return page_of(runs)


def stable(run: Data) -> Data:
    """Replace values in a run that differ between computers or times."""
    for event in run["events"]:
        event["time"] = 0
    text = MOMENT.sub(r"2026-01-01\g<1>00:00:00Z", json.dumps(run))
    for folder, name in FOLDERS:
        text = folder.sub(name, text)
    run = json.loads(guides.stable({"": text})[""])
    _join_commands(run)
    return run


def _join_commands(run: Data) -> None:
    """Keep only one copy of commands that have become equal."""
    places: dict[str, int] = {}
    new = [places.setdefault(json.dumps(one), len(places)) for one in run["commands"]]
    run["commands"] = [json.loads(one) for one in places]
    for event in run["events"]:
        for name in {"commands", "discarded"} & event.keys():
            event[name] = [new[place] for place in event[name]]


def main() -> None:
    """Write all pages or the named pages to docs/runs or another folder."""
    parser = argparse.ArgumentParser(description="Write the pages of runs.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--folder", type=pathlib.Path, default=PAGES)
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    for name in options.names or SCENARIOS:
        path = options.folder / f"{name}.html"
        path.write_text(page(name))
        print(path)


if __name__ == "__main__":
    main()
