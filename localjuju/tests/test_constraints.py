"""Constraints of applications and models: they are kept and shown, or refused."""

from __future__ import annotations

import json

import pytest

from conftest import MakeCharm, error_of
from localjuju import LocalJuju, constraints


def test_constraints_of_the_model(juju: LocalJuju) -> None:
    assert juju.model_constraints() == {}
    assert juju.cli("model-constraints") == ""
    juju.model_constraints({"mem": "1G", "cores": 4})
    assert juju.model_constraints() == {"mem": 1024, "cores": 4}
    assert juju.cli("model-constraints") == "cores=4 mem=1024M\n"
    juju.cli("set-model-constraints", "tags=a,b")
    assert juju.model_constraints() == {"tags": ["a", "b"]}
    juju.cli("set-model-constraints")
    assert juju.model_constraints() == {}


def test_constraints_of_an_application(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.model_constraints({"cores": 4, "mem": "1G"})
    juju.deploy(make_charm("a"), constraints={"mem": "2G", "root-disk": "8G"})
    assert juju.cli("constraints", "a") == "arch=amd64 mem=2048M root-disk=8192M\n"
    juju.cli("set-constraints", "a", "cores=2", "spaces=alpha,^beta")
    assert json.loads(juju.cli("constraints", "a", "--format", "json")) == {
        "cores": 2,
        "spaces": ["alpha", "^beta"],
    }
    juju.add_unit("a")
    machines = juju.status().machines
    assert machines["0"].constraints == "arch=amd64 cores=4 mem=2048M root-disk=8192M"
    assert machines["1"].constraints == "cores=2 mem=1024M spaces=alpha,^beta"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("mem", 'malformed constraint "mem"'),
        ("speed=9", 'unknown constraint "speed"'),
        ("mem=lots", 'bad "mem" constraint: must be a non-negative float with optional M/G/T/P'),
        ("mem=-1G", 'bad "mem" constraint'),
        ("cores=two", 'bad "cores" constraint: must be a non-negative integer'),
        ("arch=z80", 'bad "arch" constraint: "z80" not recognized'),
        ("container=jail", 'bad "container" constraint: invalid container type "jail"'),
        ("allocate-public-ip=maybe", "must be 'true' or 'false'"),
        ("mem=1G mem=2G", 'bad "mem" constraint: already set'),
        ("cores=1 cpu-cores=2", 'bad "cores" constraint: already set'),
    ],
)
def test_invalid_constraint_is_named(make_charm: MakeCharm, text: str, complaint: str) -> None:
    charm = str(make_charm("a"))
    with LocalJuju() as juju:
        assert complaint in error_of(juju, "deploy", charm, "--constraints", text).stderr
        assert not juju.status().apps
        juju.deploy(charm)
        for command in (
            ["set-constraints", "a", *text.split()],
            ["set-model-constraints", *text.split()],
            ["add-machine", "--constraints", text],
        ):
            assert complaint in error_of(juju, *command).stderr


def test_application_that_does_not_exist_is_named(juju: LocalJuju) -> None:
    assert 'application "a" not found' in error_of(juju, "constraints", "a").stderr
    assert "no application name specified" in error_of(juju, "constraints").stderr


def test_constraints_are_printed_as_they_were_given() -> None:
    text = "arch=arm64 mem=1536M tags=a,b zones=one\\ place allocate-public-ip=true image-id=i"
    assert constraints.to_text(constraints.parse([text])) == text
    assert constraints.parse(["mem=1.5G", "root-disk=0.5T"]) == {"mem": 1536, "root-disk": 524288}
    assert constraints.parse(["mem=512.5"]) == {"mem": 513}
