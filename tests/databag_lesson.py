"""Run the statements of docs/databags.md in the demo charms, on localjuju."""

from __future__ import annotations

import pathlib
import shutil

import jubilant
import yaml

from localjuju import LocalJuju

CHARMS = pathlib.Path(__file__).parents[1] / "charms"

# The original charm, and an action that runs statements as the Python prompt does.
LESSON = """\
import contextlib
import io

import original
import ops

(Original,) = [
    thing
    for thing in vars(original).values()
    if isinstance(thing, type) and issubclass(thing, ops.CharmBase)
]


class Lesson(Original):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.try_action, self._on_try)

    def _on_try(self, event):
        names = {**vars(original), "self": self}
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            for statement in event.params["statements"].splitlines():
                print(">>>", statement)
                try:
                    exec(compile(statement, "lesson", "single"), names)
                except Exception as error:
                    print(f"{type(error).__module__}.{type(error).__qualname__}: {error}")
        event.set_results({"printed": printed.getvalue()})


if __name__ == "__main__":
    ops.main(Lesson)
"""

DEMO = 'relation = self.model.relations["demo"][0]'
REPLICAS = 'relation = self.model.relations["replicas"][0]'
TOKEN = "d2c4a7de-1d6f-4bb4-a7a5-6d0a1a9b4c12"

# For each marker in the guide: the unit and its statements. The order matters, because later steps
# read data from earlier steps. The units /0 are the leaders.
STEPS: dict[str, tuple[str, list[str]]] = {
    "remote-unit": (
        "demo-requirer/1",
        [
            DEMO,
            "sorted(unit.name for unit in relation.units)",
            'unit = self.model.get_unit("demo-provider/1")',
            'relation.data[unit]["special-field"]',
            'relation.data[unit].get("no-such-key", "not there")',
            "relation.load(DemoProviderUnit, unit, decoder=str)",
        ],
    ),
    "all-remote-units": (
        "demo-requirer/1",
        [
            DEMO,
            "{relation.data[unit] for unit in relation.units if unit.app is not self.app}",
            "databags = {unit: relation.data[unit] for unit in relation.units"
            " if unit.app is not self.app}",
            'sorted((unit.name, databag["special-field"]) for unit, databag in databags.items())',
        ],
    ),
    "remote-app": (
        "demo-requirer/1",
        [
            DEMO,
            "relation.data[relation.app]",
            "relation.load(DemoProviderApp, relation.app, decoder=str)",
        ],
    ),
    "local-unit": (
        "demo-provider/1",
        [
            DEMO,
            'relation.data[self.unit]["special-field"]',
            'relation.data[self.unit]["special-field"] = "raw"',
            'relation.data[self.unit]["special-field"]',
            'relation.save(DemoProviderUnit(special_field="typed"), self.unit, encoder=encode)',
            "relation.load(DemoProviderUnit, self.unit, decoder=str)",
        ],
    ),
    "others-see-it": (
        "demo-requirer/0",
        [DEMO, 'relation.data[self.model.get_unit("demo-provider/1")]["special-field"]'],
    ),
    "erase": (
        "demo-provider/1",
        [
            DEMO,
            'relation.data[self.unit]["special-field"] = ""',
            '"special-field" in relation.data[self.unit]',
        ],
    ),
    "local-app": (
        "demo-requirer/0",
        [
            "self.unit.is_leader()",
            DEMO,
            'relation.data[self.app]["note"] = "raw"',
            'del relation.data[self.app]["note"]',
            f'token = "{TOKEN}"',
            "relation.save(DemoRequirerApp(token=token), self.app, encoder=encode)",
            "relation.data[self.app]",
            "relation.load(DemoRequirerApp, self.app, decoder=str)",
        ],
    ),
    "peer-unit": (
        "replicas-demo/1",
        [
            REPLICAS,
            "sorted(unit.name for unit in relation.units)",
            'relation.data[self.model.get_unit("replicas-demo/2")]["unit-data"]',
            "relation.load(DemoReplicasUnit, self.unit, decoder=str)",
        ],
    ),
    "all-peer-units": (
        "replicas-demo/1",
        [
            REPLICAS,
            "databags = {unit: relation.data[unit] for unit in relation.units"
            " if unit.app is self.app}",
            'sorted((unit.name, databag["unit-data"]) for unit, databag in databags.items())',
        ],
    ),
    "peer-app": (
        "replicas-demo/1",
        [
            "self.unit.is_leader()",
            REPLICAS,
            "relation.app is self.app",
            "relation.data[self.app]",
            "relation.load(DemoReplicasApp, self.app, decoder=str).leader_ip",
        ],
    ),
    "follower-writes-app": (
        "demo-requirer/1",
        [
            "self.unit.is_leader()",
            DEMO,
            f'token = "{TOKEN}"',
            'relation.data[self.app]["token"] = token',
            "relation.save(DemoRequirerApp(token=token), self.app, encoder=encode)",
        ],
    ),
    "follower-reads-app": (
        "demo-requirer/1",
        [
            DEMO,
            'relation.data[self.app]["token"]',
            "relation.load(DemoRequirerApp, self.app, decoder=str)",
        ],
    ),
    "peer-follower-writes-app": (
        "replicas-demo/1",
        [REPLICAS, 'relation.data[self.app]["leader-ip"] = "192.0.2.1"'],
    ),
    "writes-remote": (
        "demo-requirer/0",
        [
            "self.unit.is_leader()",
            DEMO,
            'relation.data[relation.app]["leader-uuid"] = "mine"',
            'unit = self.model.get_unit("demo-provider/1")',
            'relation.data[unit]["special-field"] = "mine"',
            'relation.save(DemoProviderUnit(special_field="mine"), unit, encoder=encode)',
        ],
    ),
    "writes-peer": (
        "replicas-demo/0",
        [
            REPLICAS,
            'relation.data[self.model.get_unit("replicas-demo/2")]["unit-data"] = "mine"',
        ],
    ),
    "no-string": (
        "demo-requirer/0",
        [
            DEMO,
            'relation.data[self.unit]["count"] = 7',
            'relation.data[self.unit][7] = "count"',
            "relation.save(DemoRequirerApp(), self.app, encoder=lambda value: value)",
        ],
    ),
    "no-json": (
        "demo-requirer/0",
        [
            DEMO,
            'unit = self.model.get_unit("demo-provider/0")',
            "relation.load(DemoProviderUnit, unit)",
        ],
    ),
}


def lesson_charm(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Copy a charm of charms/ to a folder, and add the action `try`."""
    charm = folder / name
    shutil.copytree(CHARMS / name, charm, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (charm / "src" / "charm.py").rename(charm / "src" / "original.py")
    (charm / "src" / "charm.py").write_text(LESSON)
    metadata = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    metadata.setdefault("actions", {})["try"] = {"params": {"statements": {"type": "string"}}}
    (charm / "charmcraft.yaml").write_text(yaml.safe_dump(metadata))
    return charm


def run_lesson(series: str, folder: pathlib.Path) -> dict[str, str]:
    """Run all statements in a model, and return the output for each marker in the guide.

    Args:
        series: version of Juju, "3.6" or "4.0".
        folder: the folder for the charms.
    """
    with LocalJuju(series, seed=1) as juju:
        sizes = {"demo-provider": 2, "demo-requirer": 2, "replicas-demo": 3}
        for name in sizes:
            juju.deploy(lesson_charm(name, folder), name)
        juju.settle()  # With one unit, unit 0 is always the leader.
        for name, size in sizes.items():
            juju.add_unit(name, num_units=size - 1)
        juju.integrate("demo-requirer:demo", "demo-provider:demo")
        juju.wait(jubilant.all_active, error=jubilant.any_error)
        return {marker: _try(juju, *step) for marker, step in STEPS.items()}


def _try(juju: LocalJuju, unit: str, statements: list[str]) -> str:
    task = juju.run(unit, "try", {"statements": "\n".join(statements)})
    return f"# in {unit}\n{task.results['printed']}"
