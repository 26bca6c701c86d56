"""Machines are added, listed and removed, and units are placed on them."""

from __future__ import annotations

import json
import pathlib

import jubilant
import pytest
import yaml

from conftest import PEERS, SUBORDINATE, MakeCharm, error_of, hooks_of
from localjuju import LocalJuju


def machines_of(juju: LocalJuju, application: str) -> dict[str, str]:
    units = juju.status().get_units(application)
    return {name: unit.machine for name, unit in units.items()}


def test_machine_exists_before_its_units(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.add_machine(constraints={"mem": "2G"}, base="ubuntu@24.04", num_machines=2)
    machines = juju.status().machines
    assert machines.keys() == {"0", "1"}
    assert machines["0"].constraints == "mem=2048M"
    assert machines["0"].juju_status.current == "started"
    charm = make_charm("a")
    juju.deploy(charm, to="1")
    juju.deploy(charm, "b", num_units=2, to=["0", "1"])
    juju.add_unit("a", num_units=2, to=["0"])
    juju.wait(jubilant.all_active)
    assert machines_of(juju, "a") == {"a/0": "1", "a/1": "0", "a/2": "2"}
    assert machines_of(juju, "b") == {"b/0": "0", "b/1": "1"}
    assert juju.machine_folder("a/0") == juju.machine_folder("b/1")


def test_machine_is_removed_with_its_last_unit(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("a")
    juju.deploy(charm)
    juju.deploy(charm, "b", to="0")
    juju.remove_application("a")
    juju.settle()
    assert juju.status().machines.keys() == {"0"}
    assert hooks_of(juju, "b/0")
    juju.remove_application("b")
    juju.settle()
    assert not juju.status().machines


def test_containers_are_machines_on_a_machine(juju: LocalJuju, make_charm: MakeCharm) -> None:
    _, message = juju._cli("add-machine", "lxd")
    assert message == "created container 0/lxd/0\n"
    juju.deploy(make_charm("a"), num_units=3, to=["lxd:0", "0/lxd/0", "lxd"])
    assert machines_of(juju, "a") == {"a/0": "0/lxd/1", "a/1": "0/lxd/0", "a/2": "1/lxd/0"}
    status = juju.status()
    assert status.machines.keys() == {"0", "1"}
    assert status.machines["0"].containers.keys() == {"0/lxd/0", "0/lxd/1"}
    addresses = {unit.public_address for unit in status.get_units("a").values()}
    assert len(addresses) == 3
    assert 'hosting containers "0/lxd/0,0/lxd/1"' in error_of(juju, "remove-machine", "0").stderr
    juju.remove_unit("a/0")
    assert juju.status().machines["0"].containers.keys() == {"0/lxd/0"}


def test_invalid_placement_is_named(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = str(make_charm("a"))
    message = error_of(juju, "deploy", charm, "--to", "9").stderr
    assert message.endswith('ERROR cannot deploy "a" to machine 9: machine 9 not found\n')
    assert not juju.status().apps
    juju.deploy(charm)
    message = error_of(juju, "add-unit", "a", "--to", "9").stderr
    assert message == 'ERROR acquiring machine to host unit "a/1": machine 9 not found\n'
    assert '"zone=x"' in error_of(juju, "add-unit", "a", "--to", "zone=x").stderr
    assert "invalid --to" in error_of(juju, "add-unit", "a", "--to", "0,,1").stderr
    assert "machine-id cannot be specified" in error_of(juju, "add-machine", "0").stderr
    assert "machine 7 not found" in error_of(juju, "add-machine", "lxd:7").stderr
    assert '"ssh:me@host"' in error_of(juju, "add-machine", "ssh:me@host").stderr
    assert "cannot use -n" in error_of(juju, "add-machine", "lxd:0", "-n", "2").stderr
    assert "--disks" in error_of(juju, "add-machine", "--disks", "ebs,1T").stderr
    _, message = juju._cli("add-unit", "a", "--to", "0,0")
    assert "WARNING 1 unit(s) will be deployed, extra placement" in message
    juju.deploy(make_charm("sub", SUBORDINATE))
    assert "not found" in error_of(juju, "add-unit", "nosuch", "--to", "0").stderr


def test_machines_are_listed_and_shown(juju: LocalJuju) -> None:
    juju.cli("add-machine", "lxd")
    address = juju.status().machines["0"].dns_name
    lines = juju.cli("machines").splitlines()
    assert lines[0].split("  ")[0] == "Machine"
    assert lines[1].split()[:5] == ["0", "started", address, "localjuju-0", "ubuntu@24.04"]
    assert lines[2].split()[0] == "0/lxd/0"
    listed = json.loads(juju.cli("list-machines", "--format", "json"))
    assert listed["machines"]["0"]["containers"]["0/lxd/0"]["instance-id"] == "localjuju-0-lxd-0"
    shown = yaml.safe_load(juju.cli("show-machine", "0"))
    assert shown["model"] == "local"
    assert shown["machines"]["0"]["dns-name"] == address
    assert yaml.safe_load(juju.cli("show-machine", "9"))["machines"] == {}


def test_machine_is_removed_unless_units_are_on_it(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    juju.add_machine()
    juju.settle()
    message = error_of(juju, "remove-machine", "--no-prompt", "0").stderr
    assert message == 'ERROR removing machine failed: machine 0 has unit "a/0" assigned\n'
    assert "machine 9 not found" in error_of(juju, "remove-machine", "--no-prompt", "9").stderr
    assert 'invalid machine id "a/0"' in error_of(juju, "remove-machine", "a/0").stderr
    assert "no machines specified" in error_of(juju, "remove-machine").stderr
    assert juju.cli("remove-machine", "--no-prompt", "1") == "will remove machine 1\n"
    before = len(hooks_of(juju, "a/0"))
    printed = juju.cli("remove-machine", "--no-prompt", "--force", "0")
    assert printed == "will remove machine 0\n- will remove unit a/0\n"
    assert not juju.status().machines
    assert len(hooks_of(juju, "a/0")) == before
    juju.add_unit("a")
    juju.wait(jubilant.all_active)
    assert machines_of(juju, "a") == {"a/1": "2"}


def test_force_removes_a_machine_with_its_containers(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.add_machine()
    juju.deploy(make_charm("a", PEERS), num_units=3, to=["lxd:0", "lxd:0"])
    juju.wait(jubilant.all_active)
    juju.cli("remove-machine", "--no-prompt", "--force", "0")
    status = juju.wait(jubilant.all_active)
    assert (status.machines.keys(), status.apps["a"].units.keys()) == ({"1"}, {"a/2"})
    hooks = hooks_of(juju, "a/2")
    assert hooks.count("replicas-relation-departed") == 2
    assert not {"stop", "remove"} & {*hooks_of(juju, "a/0"), *hooks_of(juju, "a/1")}


def test_model_is_destroyed_with_hosts_and_containers(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a"), to="lxd")
    juju.add_machine()
    juju.settle()
    juju.destroy_model("local")
    assert juju.model is None


def test_more_machines_than_addresses_are_refused() -> None:
    with LocalJuju() as juju:
        assert "cannot create more machines" in error_of(juju, "add-machine", "-n", "300").stderr
        assert len(juju.status().machines) == 245


def test_cloud_instance_may_be_kept(juju: LocalJuju) -> None:
    juju.add_machine()
    printed = juju.cli("remove-machine", "--no-prompt", "--keep-instance", "0")
    assert printed == "will remove machine 0 (but retaining cloud instance)\n"


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        (["remove-machine", "1"], "machine removal"),
        (["remove-unit", "a/0"], "unit removal"),
        (["remove-application", "a"], "application removal"),
    ],
)
def test_removal_asks_for_confirmation(
    juju: LocalJuju, make_charm: MakeCharm, command: list[str], subject: str
) -> None:
    juju.deploy(make_charm("a"))
    juju.add_machine()
    before = juju.status()
    assert juju.cli(*command, "--dry-run").startswith("will remove")
    message = error_of(juju, *command).stderr
    assert message.startswith(
        "WARNING This command will perform the following actions:\nwill remove"
    )
    assert message.endswith(f"\n\nContinue [y/N]? ERROR {subject}: aborted\n")
    assert "aborted" in error_of(juju, *command, stdin="n\n").stderr
    assert (juju.status().machines.keys(), len(juju.status().apps["a"].units)) == (
        before.machines.keys(),
        1,
    )
    juju.cli(*command, stdin="y\n")
    status = juju.status()
    assert "a" not in status.apps or status.machines.keys() == {"0"} or not status.apps["a"].units


def test_removal_asks_only_if_the_mode_requires_it(juju: LocalJuju) -> None:
    juju.add_machine()
    juju.model_config({"mode": ""})
    assert juju.cli("remove-machine", "0") == "will remove machine 0\n"


def test_bundle_places_units_on_machines(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    charm = str(make_charm("a"))
    bundle = {
        "machines": {"0": {"constraints": "mem=1G"}, "1": None},
        "applications": {
            "beside": {"charm": charm, "num_units": 2, "to": ["first/1", "lxd:first"]},
            "first": {"charm": charm, "num_units": 3, "to": [0, "1"], "constraints": "cores=2"},
            "apart": {"charm": charm, "num_units": 1, "to": "new"},
        },
    }
    (tmp_path / "bundle.yaml").write_text(yaml.safe_dump(bundle, sort_keys=False))
    juju.deploy(tmp_path / "bundle.yaml")
    juju.wait(jubilant.all_active)
    first = machines_of(juju, "first")
    assert first["first/1"] == first["first/2"] != first["first/0"]
    beside = machines_of(juju, "beside")
    assert beside["beside/0"] == first["first/1"]
    assert beside["beside/1"] == f"{first['first/0']}/lxd/0"
    assert machines_of(juju, "apart")["apart/0"] not in first.values()
    assert juju.status().machines[first["first/0"]].constraints == "mem=1024M"
    assert juju.cli("constraints", "first") == "arch=amd64 cores=2\n"


def test_invalid_placement_in_a_bundle_is_named(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    application = {"charm": str(make_charm("a")), "num_units": 1, "to": ["nosuch/0"]}
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text(yaml.safe_dump({"applications": {"a": application}}))
    assert 'invalid placement "nosuch/0"' in error_of(juju, "deploy", str(bundle)).stderr
