"""Each bundle matches the charmcraft.yaml of its charms.

test_whole_bundle.py and test_demos.py deploy the bundles.
"""

from __future__ import annotations

import copy
import pathlib
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import yaml

import bundles
import conftest

ROOT = pathlib.Path(__file__).parents[1]
BUNDLES = sorted(ROOT.glob("bundle*.yaml"))


def metadata(application: dict[str, Any]) -> dict[str, Any]:
    """Return the charmcraft.yaml of an application's charm."""
    packed = pathlib.Path(application["charm"])
    return yaml.safe_load((ROOT / "charms" / packed.stem / "charmcraft.yaml").read_text())


def endpoint(bundle: dict[str, Any], end: str) -> tuple[str, str, str]:
    """Return the role, interface and scope of one end of a relation."""
    application, name = end.split(":")  # Juju 4 needs the endpoint name (Q1).
    charm = metadata(bundle["applications"][application])
    for role in ("provides", "requires"):
        if name in charm.get(role, {}):
            declared = charm[role][name]
            return role, declared["interface"], declared.get("scope", "global")
    if name == "juju-info":  # Every charm has this endpoint without a declaration.
        return "provides", "juju-info", "global"
    raise ValueError(f"{end}: {charm['name']} has no such endpoint")


def problems(bundle: dict[str, Any]) -> list[str]:
    """Return the mistakes in a bundle."""
    found = []
    related = [end for relation in bundle["relations"] for end in relation]
    for name, application in bundle["applications"].items():
        folder = pathlib.Path(application["charm"]).stem
        if application["charm"] != f"./build/{folder}.charm":
            found.append(f"{name}: charm {application['charm']} is not a charm of make pack")
        if not (ROOT / "charms" / folder / "charmcraft.yaml").exists():
            found.append(f"{name}: there is no charm {folder}")
            continue
        charm = metadata(application)
        if charm["base"] != bundle["default-base"]:
            found.append(f"{name}: base {charm['base']}")
        if bool(charm.get("subordinate")) == bool(application.get("num_units")):
            found.append(f"{name}: num_units {application.get('num_units')}")
        declared = {
            "options": charm.get("config", {}).get("options", {}),
            "resources": charm.get("resources", {}),
        }
        for key, known in declared.items():
            unknown = set(application.get(key, {})) - set(known)
            found += [f"{name}: {key} {unknown_name}" for unknown_name in sorted(unknown)]
        for required, declaration in charm.get("requires", {}).items():
            if not declaration["optional"] and f"{name}:{required}" not in related:
                found.append(f"{name}: {required} is not related")
    for one, other in bundle["relations"]:
        try:
            ends = [endpoint(bundle, one), endpoint(bundle, other)]
        except (KeyError, ValueError, FileNotFoundError) as error:
            found.append(f"relation of {one} and {other}: {error}")
            continue
        (role, interface, _), (other_role, other_interface, _) = ends
        if {role, other_role} != {"provides", "requires"} or interface != other_interface:
            found.append(f"relation of {one} and {other}: {ends}")
        is_container_scoped = "container" in (ends[0][2], ends[1][2])
        sides = [metadata(bundle["applications"][end.split(":")[0]]) for end in (one, other)]
        subordinates = [bool(side.get("subordinate")) for side in sides]
        if is_container_scoped and sum(subordinates) != 1:
            found.append(f"relation of {one} and {other}: exactly one charm must be a subordinate")
    return found


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_bundle_matches_its_charms(path: pathlib.Path) -> None:
    assert problems(bundles.read(path)) == []


def test_every_charm_is_in_a_bundle() -> None:
    charms = {path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml")}
    used = {
        pathlib.Path(application["charm"]).stem
        for path in BUNDLES
        for application in bundles.read(path)["applications"].values()
    }
    assert used == charms


def test_bundle_has_the_units_that_the_readme_shows() -> None:
    applications = bundles.read(bundles.BUNDLE)["applications"]
    units = {name: application.get("num_units") for name, application in applications.items()}
    assert units == {"mongodb": 3, "my-node-app": 2, "rsyslog-forwarder": None}
    ends = {end for relation in bundles.read(bundles.BUNDLE)["relations"] for end in relation}
    assert {"rsyslog-forwarder:logging", "rsyslog-forwarder:juju-info"} <= ends


MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no such charm": (
        lambda b: b["applications"]["mongodb"].update(charm="./build/mongo.charm"),
        "mongodb: there is no charm mongo",
    ),
    "other folder": (
        lambda b: b["applications"]["mongodb"].update(charm="./charms/mongodb.charm"),
        "mongodb: charm ./charms/mongodb.charm is not a charm of make pack",
    ),
    "base": (lambda b: b.update({"default-base": "ubuntu@22.04"}), "mongodb: base ubuntu@24.04"),
    "units of a subordinate": (
        lambda b: b["applications"]["rsyslog-forwarder"].update(num_units=1),
        "rsyslog-forwarder: num_units 1",
    ),
    "no number of units": (
        lambda b: b["applications"]["mongodb"].pop("num_units"),
        "mongodb: num_units None",
    ),
    "resource": (
        lambda b: b["applications"]["mongodb"].update(resources={"mongo": "./x"}),
        "mongodb: resources mongo",
    ),
    "option": (
        lambda b: b["applications"]["mongodb"].update(options={"ports": 1}),
        "mongodb: options ports",
    ),
    "missing relation": (
        lambda b: b["relations"].pop(0),
        "my-node-app: database is not related",
    ),
    "interfaces differ": (
        lambda b: b["relations"].append(["my-node-app:website", "rsyslog-forwarder:logging"]),
        "relation of my-node-app:website and rsyslog-forwarder:logging: [('provides', 'http'",
    ),
    "no such endpoint": (
        lambda b: b["relations"].append(["my-node-app:db", "mongodb:database"]),
        "relation of my-node-app:db and mongodb:database: my-node-app:db: my-node-app has no such",
    ),
    "no endpoint": (
        lambda b: b["relations"].append(["my-node-app", "rsyslog-forwarder:logging"]),
        "relation of my-node-app and rsyslog-forwarder:logging: ",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_a_bundle_is_found(mistake: str) -> None:
    bundle = copy.deepcopy(bundles.read(bundles.BUNDLE))
    make_mistake, problem = MISTAKES[mistake]
    make_mistake(bundle)
    assert [found for found in problems(bundle) if found.startswith(problem)]


def test_variant_for_kubernetes_has_its_type_and_finds_its_charms(scratch: pathlib.Path) -> None:
    variant = bundles.write_variant(scratch, bundles.DEMOS, kubernetes=True)
    written = bundles.read(variant)
    assert written["bundle"] == "kubernetes"
    charms = {name: application["charm"] for name, application in written["applications"].items()}
    assert charms == {name: f"./../../{name}.charm" for name in charms}
    packed = {(variant.parent / charm).resolve() for charm in charms.values()}
    assert packed == {bundles.BUILD / f"{name}.charm" for name in charms}


def test_variant_keeps_charms_from_charmhub(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text("applications: {ubuntu: {charm: ubuntu, num_units: 1}}")
    (tmp_path / "variant").mkdir()
    written = bundles.read(bundles.write_variant(tmp_path / "variant", bundle))
    assert written["applications"]["ubuntu"]["charm"] == "ubuntu"


def test_variant_sets_the_resource(tmp_path: pathlib.Path) -> None:
    variant = bundles.write_variant(tmp_path, bundles.BUNDLE, mongod=tmp_path / "mongod.tgz")
    resources = bundles.read(variant)["applications"]["mongodb"]["resources"]
    assert resources == {"mongod": str(tmp_path / "mongod.tgz")}
    without = bundles.write_variant(tmp_path, bundles.DEMOS, mongod=tmp_path / "mongod.tgz")
    assert "mongodb" not in bundles.read(without)["applications"]


def test_each_deployment_writes_its_own_file(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> None:
    """With a shared file, a test could deploy the bundle of another test."""
    cloud = mock.Mock()
    cloud.juju.status.return_value.model.type = "lxd"
    expected = (bundles.BUNDLE, bundles.DEMOS)
    for bundle in expected:
        conftest.deploy_bundle(request, cloud, bundle)
    deployed = [pathlib.Path(call.args[1]) for call in cloud.juju.cli.call_args_list]
    assert [bundles.read(path)["applications"].keys() for path in deployed] == [
        bundles.read(bundle)["applications"].keys() for bundle in expected
    ]
    # The snap of juju can read the home folder, and so this repository, but not /tmp.
    assert all(path.is_relative_to(bundles.ROOT) for path in deployed)
