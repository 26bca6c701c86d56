"""The workflows name existing targets and charms. `make lint` checks their syntax and security."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[1]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yaml"))
# GitHub runs these only if a charm's folder is its own repository.
CHARMS_WORKFLOWS = sorted(ROOT.glob("charms/*/.github/workflows/*.yaml"))
MAKEFILE = (ROOT / "Makefile").read_text()

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: pathlib.Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["jobs"]


def test_every_charm_is_packed() -> None:
    ci = jobs(ROOT / ".github/workflows/ci.yaml")
    charms = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
    assert ci["pack"]["strategy"]["matrix"]["charm"] == charms


def test_ci_runs_every_suite_of_make_test() -> None:
    ci = jobs(ROOT / ".github/workflows/ci.yaml")
    (tests,) = re.findall(r"^TESTS := (.+)$", MAKEFILE, re.M)
    parts = {*ci["without-juju"]["strategy"]["matrix"]["part"], "unit"}
    assert parts == set(tests.split())


@each_workflow
def test_make_targets_exist(path: pathlib.Path) -> None:
    targets = re.findall(r"\bmake ([a-z-]+)", path.read_text())
    known = re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M)
    in_comments = {"target"}  # "a make target"
    assert set(targets) - set(known) - in_comments == set()


def test_every_charm_can_be_released() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
    # YAML reads the key `on` as true.
    options = release[True]["workflow_dispatch"]["inputs"]["charm"]["options"]
    assert options == sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *CHARMS_WORKFLOWS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_run_of_main_is_cancelled(path: pathlib.Path) -> None:
    concurrency = yaml.safe_load(path.read_text()).get("concurrency", {})
    if concurrency.get("cancel-in-progress", False) is not False:
        own_group = "github.event_name == 'pull_request' && github.ref || github.run_id"
        assert own_group in concurrency["group"], "each run of main needs its own group"


@each_workflow
def test_every_job_has_a_timeout(path: pathlib.Path) -> None:
    without = [
        name for name, job in jobs(path).items() if not job.keys() & {"timeout-minutes", "uses"}
    ]
    assert without == []


def test_each_action_has_one_commit_and_one_version() -> None:
    versions: dict[str, set[tuple[str, str]]] = {}
    for path in [*WORKFLOWS, *CHARMS_WORKFLOWS]:
        for used in re.findall(r"uses: (.+)$", path.read_text(), re.M):
            if used.startswith("./"):
                assert (ROOT / used).exists()
                continue
            match = re.fullmatch(r"([\w/-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", used)
            assert match, f"{path.name}: {used}"
            versions.setdefault(match[1], set()).add((match[2], match[3]))
    assert [action for action, found in versions.items() if len(found) > 1] == []


def test_dependabot_covers_all_workflows_and_lock_files() -> None:
    dependabot = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())
    (actions,) = [
        each for each in dependabot["updates"] if each["package-ecosystem"] == "github-actions"
    ]
    assert actions["directories"] == ["/", "/charms/*/.github/workflows"]
    (npm,) = [each for each in dependabot["updates"] if each["package-ecosystem"] == "npm"]
    locks = [
        path for path in ROOT.glob("[ct]*/**/package-lock.json") if "node_modules" not in str(path)
    ]
    folders = {f"/{path.parent.relative_to(ROOT)}" for path in locks}
    assert set(npm["directories"]) == folders
