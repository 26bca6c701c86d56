"""Commands on applications: expose, trust, show-application, resources and others."""

from __future__ import annotations

import json
import pathlib

import yaml

from conftest import PROVIDER, MakeCharm, error_of, hooks_of
from localjuju import LocalJuju

RESOURCES = """
resources:
  data: {type: file, filename: data.txt, description: Some data.}
  more: {type: file, filename: more.txt}
"""


def shown(juju: LocalJuju, name: str = "a") -> dict[str, object]:
    return json.loads(juju.cli("show-application", name, "--format", "json"))[name]


def test_application_is_shown(juju: LocalJuju, make_charm: MakeCharm, series: str) -> None:
    juju.deploy(make_charm("a", PROVIDER), constraints={"mem": "1G"})
    bindings = ["", "data"] + ["juju-info"] * (series == "4.0")
    assert shown(juju) == {
        "charm": "a",
        "base": "ubuntu@24.04",
        "constraints": {"arch": "amd64", "mem": 1024},
        "principal": True,
        "exposed": False,
        "remote": False,
        "life": "alive",
        "endpoint-bindings": dict.fromkeys(bindings, "alpha"),
    }
    assert "a:\n  charm: a\n" in juju.cli("show-application", "a")
    assert 'application "b" not found' in error_of(juju, "show-application", "a", "b").stderr


def test_endpoints_are_exposed_and_unexposed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.cli("expose", "a", "--endpoints", "data", "--to-cidrs", "10.0.0.0/8")
    assert shown(juju)["exposed-endpoints"] == {"data": {"expose-to-cidrs": ["10.0.0.0/8"]}}
    juju.cli("expose", "a")
    assert juju.status().apps["a"].exposed
    juju.cli("unexpose", "a", "--endpoints", "data")
    assert shown(juju)["exposed-endpoints"] == {"": {"expose-to-cidrs": ["0.0.0.0/0", "::/0"]}}
    juju.cli("unexpose", "a")
    assert not juju.status().apps["a"].exposed
    assert 'endpoint "x" not found' in error_of(juju, "expose", "a", "--endpoints", "x").stderr
    assert "--to-spaces" in error_of(juju, "expose", "a", "--to-spaces", "s").stderr


def test_trust_is_also_an_option(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    assert juju.config("a", app_config=True)["trust"] is False
    juju.trust("a", scope="cluster")
    assert juju.config("a", app_config=True)["trust"] is True
    juju.trust("a", remove=True, scope="cluster")
    juju.cli("config", "a", "trust=true")
    assert juju.cli("config", "a", "trust") == "true\n"


def test_resources_are_listed(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "data.txt").write_text("12345")
    juju.deploy(make_charm("a", RESOURCES), resources={"data": str(tmp_path / "data.txt")})
    lines = [line.split() for line in juju.cli("resources", "a").splitlines()]
    assert lines[0] == ["Resource", "Supplied", "by", "Revision"]
    assert lines[1][:2] == ["data", "admin"]
    assert lines[2] == ["more", "store", "0"]
    listed = json.loads(juju.cli("list-resources", "a", "--format", "json"))["resources"]
    assert [(one["name"], one.get("size")) for one in listed] == [("data", 5), ("more", None)]
    juju.deploy(make_charm("b"))
    assert juju._cli("resources", "b") == ("", "No resources to display.\n")
    assert 'application "x" not found' in error_of(juju, "resources", "x").stderr
    assert 'unit "a/9" not found' in error_of(juju, "resources", "a/9").stderr


def test_kubernetes_options_are_refused_as_juju_does(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a"))
    error = error_of(juju, "remove-unit", "--no-prompt", "a", "--num-units", "1").stderr
    assert error == "ERROR --num-units for non k8s models not valid\n"
    error = error_of(juju, "scale-application", "a", "2").stderr
    assert 'Juju command "scale-application" only supported on k8s container models' in error
    assert "no units specified" in error_of(juju, "remove-unit").stderr
    assert "--no-wait without --force" in error_of(juju, "remove-unit", "a/0", "--no-wait").stderr


def test_charm_on_charmhub_is_refused_and_named(juju: LocalJuju) -> None:
    for name in ("mongodb-no-such-folder", "ch:mongodb-no-such-folder"):
        error = error_of(juju, "deploy", name).stderr
        assert f'cannot download "{name}" from Charmhub' in error
        assert "./mongodb-no-such-folder" in error


def test_update_status_follows_the_models_interval(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("a")
    juju.deploy(charm)
    juju.model_config({"update-status-hook-interval": "1h"})
    juju.cli("add-model", "--no-switch", "quick", include_model=False)
    quick = juju.on_model("quick")
    quick.deploy(charm)
    juju.settle()
    for _ in range(3):
        juju._controller.update_status()
    assert hooks_of(quick, "a/0").count("update-status") == 3
    assert "update-status" not in hooks_of(juju, "a/0")
    juju.model_config({"update-status-hook-interval": "10s"})
    juju._controller.update_status()
    assert "update-status" in hooks_of(juju, "a/0")
    error = error_of(juju, "model-config", "update-status-hook-interval=soon").stderr
    assert 'invalid duration "soon"' in error


def test_bundle_exposes_and_trusts_applications(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    application = {
        "charm": str(make_charm("a", PROVIDER)),
        "num_units": 1,
        "expose": True,
        "trust": True,
        "constraints": "mem=1G cores=2",
    }
    (tmp_path / "bundle.yaml").write_text(yaml.safe_dump({"applications": {"a": application}}))
    juju.deploy(tmp_path / "bundle.yaml")
    assert juju.status().apps["a"].exposed
    assert juju.config("a", app_config=True)["trust"] is True
    assert juju.cli("constraints", "a") == "arch=amd64 cores=2 mem=1024M\n"
