"""Hook commands for ports, databags, statuses, leader settings and the machine."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

from conftest import (
    PEERS,
    PROVIDER,
    REQUIRER,
    SCRIPT,
    MakeCharm,
    evaluate,
    follower_of,
    hooks_of,
    leader_of,
    run,
)
from localjuju import LocalJuju


@pytest.fixture
def pair(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    """Unit a/0, the only unit of a, which is related to b/0."""
    juju.deploy(make_charm("a", f"{PROVIDER}\n{PEERS}", SCRIPT))
    juju.deploy(make_charm("b", REQUIRER, SCRIPT))
    juju.integrate("a", "b")
    juju.settle()
    return juju


def test_ports_are_opened_and_closed_for_endpoints(pair: LocalJuju) -> None:
    assert run(
        pair,
        "open-port 80",
        "open-port 8000-8010/UDP --endpoints data,replicas",
        "open-port --endpoints=data icmp",
        "opened-ports",
        "opened-ports --endpoints",
        "open-port 80 --endpoints data",
        "close-port 8000-8010/udp --endpoints replicas",
        "close-port icmp",
        "opened-ports --endpoints --format=json",
    )[3:] == [
        "icmp\n80/tcp\n8000-8010/udp",
        "icmp (data)\n80/tcp (*)\n8000-8010/udp (data, replicas)",
        0,
        0,
        0,
        '["80/tcp (*)","8000-8010/udp (data)"]',
    ]
    assert run(pair, "opened-ports --endpoints") == ["80/tcp (*)\n8000-8010/udp (data)"]
    unit = pair.status().get_units("a")["a/0"]
    assert unit.open_ports == ["80/tcp", "8000-8010/udp"]
    run(pair, "close-port 80 --endpoints juju-info,replicas")
    assert run(pair, "opened-ports --endpoints")[0] == "80/tcp (data)\n8000-8010/udp (data)"


@pytest.mark.parametrize(
    ("port", "refusal"),
    [
        ("", "no port or range specified"),
        ("http", 'invalid port "http": strconv.Atoi: parsing "http": invalid syntax'),
        ("80/sctp", 'invalid protocol "sctp", expected "tcp", "udp", or "icmp"'),
        ("90-80", "invalid port range 90-80/tcp"),
        ("0", "port range bounds must be between 1 and 65535, got 0-0"),
        ("80 --endpoints none", 'application "a" has no endpoint "none"'),
    ],
)
def test_invalid_port_is_refused(pair: LocalJuju, port: str, refusal: str) -> None:
    assert run(pair, f"open-port {port}") == [f"ERROR {refusal}"]
    assert run(pair, "opened-ports") == [0]


def test_addresses_and_the_uuid_of_the_model(pair: LocalJuju) -> None:
    address = pair.status().get_units("a")["a/0"].public_address
    answers = run(
        pair,
        "unit-get private-address",
        "unit-get public-address",
        "network-get data --primary-address",
        "network-get data --bind-address",
        "network-get --ingress-address data --egress-subnets",
        "unit-get",
        "unit-get zone",
        "network-get",
        "network-get data --primary-address --bind-address",
    )
    assert answers[:4] == [address] * 4
    assert answers[4] == f"egress-subnets:\n- {address}/32\ningress-address: {address}"
    assert answers[5:] == [
        "ERROR no setting specified",
        'ERROR unknown setting "zone"',
        "ERROR no arguments specified",
        "ERROR --primary-address must be the only flag specified",
    ]
    uuid = evaluate(pair, "a/0", "self.model.uuid").strip("'")
    assert run(pair, "relation-model-get -r data:1", "relation-model-get") == [
        f"uuid: {uuid}",
        "ERROR no relation id specified",
    ]


def test_credentials_need_trust(pair: LocalJuju) -> None:
    assert run(pair, "credential-get") == [
        "ERROR cannot access cloud credentials: permission denied"
    ]
    pair.trust("a", scope="cluster")
    spec = "(lambda c: (c.type, c.name))(self.model.get_cloud_spec())"
    assert evaluate(pair, "a/0", spec) == "('lxd', 'localhost')"
    pair.trust("a", remove=True, scope="cluster")
    assert "permission denied" in str(run(pair, "credential-get")[0])


def test_options_can_be_anywhere_among_the_arguments(pair: LocalJuju) -> None:
    assert run(
        pair,
        "status-set blocked --application=false words",
        "status-get --include-data --format=json",
        "status-set --application waiting elsewhere",
        "status-set waiting",
        "relation-set -r data:1 --app one=1",
        "relation-get --app one -r data:1 a",
        "juju-log -l WARNING -- --dashes",
    ) == [
        0,
        '{"message":"words","status":"blocked","status-data":{}}',
        0,
        0,
        0,
        "1",
        0,
    ]
    assert pair.status().apps["a"].app_status.message == "elsewhere"
    assert "WARNING unit.a/0.juju-log --dashes" in pair.debug_log()


def test_invalid_status_is_refused(pair: LocalJuju) -> None:
    assert run(pair, "status-set", "status-set error oops") == [
        "ERROR invalid args, require <status> [message]",
        'ERROR invalid status "error", expected one of [maintenance blocked waiting active]',
    ]


def test_relation_get_of_applications(pair: LocalJuju) -> None:
    run(pair, "relation-set -r data:1 --app key=app", "relation-set -r data:1 key=unit")
    assert run(
        pair,
        "relation-get -r data:1 key a/0",
        "relation-get -r data:1 --app key a/0",
        "relation-get -r data:1 --app key a",
        unit="b/0",
    ) == ["unit", "app", "app"]
    assert run(
        pair,
        "relation-get -r data:1 key a",
        "relation-get -r data:1 key a/b",
        "relation-get -r data:1 key",
        "relation-get -r data:1 --app key",
        unit="b/0",
    ) == [
        'ERROR expected unit name, got application name "a"',
        'ERROR invalid unit name "a/b"',
        "ERROR no unit or application specified",
        "ERROR no unit or application specified",
    ]


def test_relative_file_is_read_from_the_folder_of_the_command(
    pair: LocalJuju, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "f.yaml").write_text("port: 080\nflag: yes\nkey: file\n")
    (tmp_path / "bad.yaml").write_text("key: [one]\n")
    where = f"cd {tmp_path} &&"
    pair.exec(f"{where} relation-set -r data:1 --file f.yaml key=pair", unit="a/0")
    inside = (
        "subprocess.run(['relation-set', '-r', 'data:1', '--file', 'f.yaml', 'by=charm'], "
        f"cwd={str(tmp_path)!r}).returncode"
    )
    assert evaluate(pair, "a/0", inside) == "0"
    (read,) = run(pair, "relation-get -r data:1 - a/0 --format=json", unit="b/0")
    for written in ('"port":"080"', '"flag":"yes"', '"key":"file"', '"by":"charm"'):
        assert written in str(read)
    for file, refusal in (
        ("none.yaml", f"ERROR open {tmp_path}/none.yaml: no such file or directory"),
        ("bad.yaml", "line 1: cannot unmarshal !!seq into string"),
    ):
        with pytest.raises(jubilant.TaskError) as failure:
            pair.exec(f"{where} relation-set -r data:1 --file {file}", unit="a/0")
        assert refusal in failure.value.task.stderr
    assert run(pair, "relation-set -r data:1 word", "relation-set -r data:1 a=1 a=2") == [
        'ERROR expected "key=value", got "word"',
        'ERROR key "a" specified more than once',
    ]


def test_leader_settings_on_3_6(make_charm: MakeCharm) -> None:
    with LocalJuju("3.6") as juju:
        juju.deploy(make_charm("a", "", SCRIPT), num_units=2)
        juju.settle()
        leader, follower = leader_of(juju, "a"), follower_of(juju, "a")
        before = hooks_of(juju, follower).count("leader-settings-changed")
        assert run(juju, "leader-set one=1 two=2", "leader-get", unit=leader) == [
            0,
            'one: "1"\ntwo: "2"',
        ]
        juju.settle()
        assert hooks_of(juju, follower).count("leader-settings-changed") == before + 1
        assert "leader-settings-changed" not in hooks_of(juju, leader)
        run(juju, "leader-set two=", unit=leader)
        assert run(
            juju,
            "leader-get one",
            "leader-get two",
            "leader-get one=1",
            "leader-set one=2",
            unit=follower,
        ) == [
            "1",
            0,
            'ERROR invalid key "one=1"',
            "ERROR cannot write leadership settings: cannot write settings: not the leader",
        ]


def test_leader_settings_do_not_exist_on_4_0(make_charm: MakeCharm) -> None:
    with LocalJuju("4.0") as juju:
        juju.deploy(make_charm("a", "", SCRIPT))
        with pytest.raises(jubilant.TaskError) as failure:
            run(juju, "leader-get")
        assert "FileNotFoundError" in failure.value.task.stderr
        with pytest.raises(jubilant.TaskError) as failure:
            juju.exec("leader-get", unit="a/0")
        assert "leader-get: command not found" in failure.value.task.stderr


REBOOTS = """
def observe(self):
    self.framework.observe(self.on.config_changed, self._changed)

def _changed(self, _):
    mark = self.charm_dir.parent / "seen"
    seen = mark.exists()
    mark.touch()
    if not seen:
        subprocess.run(["juju-reboot", {option}])
        {then}
    print("came to the end")
"""


def test_reboot_after_the_hook(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = REBOOTS.format(option='"--now=false"', then="pass").replace(', "--now=false"', "")
    juju.deploy(make_charm("a", "", body))
    juju.deploy(make_charm("b"))
    juju.wait(jubilant.all_active)
    assert hooks_of(juju, "a/0")[-3:] == ["leader-elected", "config-changed", "start"]
    assert juju.debug_log().count("came to the end") == 1
    assert "machine-0: " in juju.debug_log()


def test_reboot_now_ends_the_hook_and_it_runs_again(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = REBOOTS.format(option='"--now"', then='print("went on")')
    juju.deploy(make_charm("a", "", body))
    juju.wait(jubilant.all_active)
    hooks = hooks_of(juju, "a/0")
    assert hooks[-3:] == ["config-changed", "config-changed", "start"]
    assert "went on" not in juju.debug_log()
    assert juju.debug_log().count("came to the end") == 1
    assert "failed" not in juju.debug_log()


def test_reboot_is_refused_in_an_action(pair: LocalJuju) -> None:
    refusal = "ERROR juju-reboot is not supported when running an action."
    assert run(pair, "juju-reboot", "juju-reboot --now") == [refusal, refusal]
    before = len(hooks_of(pair, "a/0"))
    pair.exec("juju-reboot", unit="a/0")
    pair.settle()
    assert hooks_of(pair, "a/0")[before:] == ["start"]
