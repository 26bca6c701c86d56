"""Charms that Juju refuses at deploy, and the reasons."""

from __future__ import annotations

import pathlib
import zipfile

import jubilant
import pytest
import yaml

from localjuju import LocalJuju

REFUSED = [
    # Actions
    ("actions: {run_me: {}}", "bad action name run_me"),
    ("actions: {Run: {}}", "bad action name Run"),
    ("actions: {run-: {}}", "bad action name run-"),
    (
        "actions: {juju-thing: {}}",
        'cannot use action name juju-thing: the "juju-" prefix is reserved',
    ),
    ("actions: {juju: {}}", 'cannot use action name juju: "juju" is a reserved name'),
    ("actions: {go: {description: 1}}", 'value for schema key "description" must be a string'),
    ("actions: {go: {required: a}}", 'value for schema key "required" must be a YAML list'),
    ("actions: {go: {parallel: 2}}", 'value for schema key "parallel" must be a bool'),
    ("actions: {go: {params: [a]}}", "params failed to parse as a map"),
    (
        "actions: {go: {params: {a: {$ref: x}}}}",
        'schema key "$ref" not compatible with this version of juju',
    ),
    ("actions: {go: {params: {1: {type: string}}}}", "map keyed with non-string value"),
    ("actions: {go: {params: {a: {type: text}}}}", "invalid params schema for action schema go: "),
    ("actions: {go: x}", 'action "go": expected a map, got "x"'),
    # Options
    (
        "config: {options: {a: {type: integer}}}",
        'invalid config: option "a" has unknown type "integer"',
    ),
    (
        "config: {options: {a: {type: list}}}",
        'invalid config: option "a" has unknown type "list"',
    ),
    (
        "config: {options: {a: {type: int, default: x}}}",
        'invalid config default: option "a" expected int, got "x"',
    ),
    (
        "config: {options: {a: {type: int, default: true}}}",
        'invalid config default: option "a" expected int, got true',
    ),
    (
        "config: {options: {a: {type: int, default: 1.5}}}",
        'invalid config default: option "a" expected int, got 1.5',
    ),
    (
        "config: {options: {a: {type: string, default: 2.5}}}",
        'invalid config default: option "a" expected string, got 2.5',
    ),
    (
        "config: {options: {a: {default: 5}}}",
        'invalid config default: option "a" expected string, got 5',
    ),
    (
        "config: {options: {a: {type: boolean, default: henry}}}",
        'invalid config default: option "a" expected boolean, got "henry"',
    ),
    (
        "config: {options: {a: {type: float, default: 123a}}}",
        'invalid config default: option "a" expected float, got "123a"',
    ),
    (
        "config: {options: {a: {type: secret, default: cheese}}}",
        'invalid config default: option "a" expected secret, got "cheese"',
    ),
    # Endpoints
    (
        "provides: {juju-foo: {interface: x}}",
        'charm "bad" using a reserved relation name: "juju-foo"',
    ),
    ("requires: {juju: {interface: x}}", 'charm "bad" using a reserved relation name: "juju"'),
    (
        "requires: {juju-info: {interface: juju-info, scope: container}}",
        'charm "bad" using a reserved relation name: "juju-info"',
    ),
    (
        "peers: {juju-pop: {interface: x}}",
        'charm "bad" using a reserved relation name: "juju-pop"',
    ),
    (
        "provides: {x: {interface: juju-info}}",
        'charm "bad" relation "x" using a reserved interface: "juju-info"',
    ),
    (
        "peers: {x: {interface: juju}}",
        'charm "bad" relation "x" using a reserved interface: "juju"',
    ),
    (
        "provides: {x: {interface: a}}\nrequires: {x: {interface: b}}",
        'charm "bad" using a duplicated relation name: "x"',
    ),
    (
        "requires: {x: {interface: a}}\npeers: {x: {interface: b}}",
        'charm "bad" using a duplicated relation name: "x"',
    ),
    (
        "subordinate: true",
        'subordinate charm "bad" lacks "requires" relation with container scope',
    ),
    (
        "subordinate: true\nrequires: {x: {interface: a}}\n"
        "provides: {y: {interface: a, scope: container}}",
        'subordinate charm "bad" lacks "requires" relation with container scope',
    ),
    ("subordinate: often", 'metadata: subordinate: expected bool, got string("often")'),
    ("requires: [a]", "metadata: requires: expected map, got "),
    ("requires: {x: {}}", "metadata: requires.x.interface: expected string, got nothing"),
    ("requires: {x: }", "metadata: requires.x: expected map, got nothing"),
    (
        "requires: {x: {interface: a, scope: machine}}",
        'metadata: requires.x.scope: unexpected value "machine"',
    ),
    (
        "requires: {x: {interface: a, optional: maybe}}",
        'metadata: requires.x.optional: expected bool, got string("maybe")',
    ),
]

ACCEPTED = [
    "actions: {go: }",
    "actions: {1st-go: {params: {a: {type: [string, integer]}}, required: [a]}}",
    "config: {options: {a: {type: string, default: ''}, b: {type: int, default: '7'}}}",
    "config: {options: {a: {type: float, default: 2}, b: {type: boolean, default: 'true'}}}",
    "config: {options: {a: }}",
    "config:",
    "requires: {x: {interface: juju-info}}",
    "subordinate: true\nrequires: {juju-info: {interface: juju-info, scope: container}}",
    "provides:\nrequires:\npeers:\nconfig:\nactions:",
    "provides: {}",
    "requires: {x: {interface: a, limit: , optional: true}}",
]


def write_charm(path: pathlib.Path, charmcraft: str, name: str = "bad") -> pathlib.Path:
    (path / "src").mkdir(parents=True)
    (path / "src" / "charm.py").write_text("import ops\nops.main(ops.CharmBase)\n")
    (path / "charmcraft.yaml").write_text(f"name: {name}\n{charmcraft}\n")
    return path


def deploy_error(juju: LocalJuju, charm: pathlib.Path) -> str:
    with pytest.raises(jubilant.CLIError) as failure:
        juju.deploy(charm)
    return failure.value.stderr.strip()


def test_charm_is_refused_as_juju_does(juju: LocalJuju, tmp_path: pathlib.Path) -> None:
    messages = [
        deploy_error(juju, write_charm(tmp_path / str(number), charmcraft))
        for number, (charmcraft, _) in enumerate(REFUSED)
    ]
    expected = [f"ERROR {complaint}" for _, complaint in REFUSED]
    assert [one[: len(wanted)] for one, wanted in zip(messages, expected, strict=True)] == expected
    assert not juju.status().apps


def test_charm_is_accepted_as_juju_does(juju: LocalJuju, tmp_path: pathlib.Path) -> None:
    for number, charmcraft in enumerate(ACCEPTED):
        juju.deploy(write_charm(tmp_path / str(number), charmcraft, f"good{number}"), num_units=0)
    assert len(juju.look().apps) == len(ACCEPTED)


def test_reserved_names_are_allowed_only_in_jujus_own_charms(
    juju: LocalJuju, tmp_path: pathlib.Path
) -> None:
    own = "provides: {juju-x: {interface: juju-x}}\nactions: {juju-go: {}}"
    juju.deploy(write_charm(tmp_path / "own", own, "juju-dashboard"), num_units=0)


def test_default_is_read_as_juju_does(juju: LocalJuju, tmp_path: pathlib.Path) -> None:
    options = "a: {type: int, default: '7'}, b: {type: float, default: 2.0}"
    juju.deploy(
        write_charm(tmp_path / "a", f"config: {{options: {{{options}}}}}", "a"), num_units=0
    )
    assert [juju.cli("config", "a", key) for key in ("a", "b")] == ["7\n", "2\n"]


@pytest.mark.parametrize("role", ["provides", "requires", "peers"])
def test_packed_charm_with_an_empty_role_is_refused(
    series: str, tmp_path: pathlib.Path, role: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.charm", "w") as archive:
        archive.writestr("metadata.yaml", yaml.safe_dump({"name": "a", role: None}))
        archive.writestr("dispatch", "#!/bin/sh\n")
    with LocalJuju(series, runner="packed") as juju:
        assert deploy_error(juju, tmp_path / "a.charm") == (
            f"ERROR metadata: {role}: expected map, got nothing"
        )


def test_refresh_to_a_refused_charm_keeps_the_old_one(
    juju: LocalJuju, tmp_path: pathlib.Path
) -> None:
    juju.deploy(write_charm(tmp_path / "old", "", "a"))
    bad = write_charm(tmp_path / "new", "actions: {run_me: {}}", "a")
    with pytest.raises(jubilant.CLIError) as failure:
        juju.refresh("a", path=bad)
    assert failure.value.stderr.strip() == "ERROR bad action name run_me"
    assert juju.status().apps["a"].charm_rev == 0
