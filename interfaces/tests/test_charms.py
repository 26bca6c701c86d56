"""The charms follow their interfaces. For a broken charm, the tests name the field."""

from __future__ import annotations

import pathlib
import textwrap

import pytest

from interface_checks import charms, registry
from interface_checks.registry import Interface, Role, charm_folders, find_interface

DECLARED = [
    pytest.param(interface, role, charm, id=f"{charm.name}-{interface.name}")
    for charm in charm_folders()
    for interface, role in charms.declared_interfaces(charm)
]


@pytest.mark.parametrize(("interface", "role", "charm"), DECLARED)
def test_charm_follows_its_interface(
    interface: Interface, role: Role, charm: pathlib.Path
) -> None:
    done = charms.run_tests(interface, role, charm)
    assert done.returncode == 0, done.stdout


CHARM = """\
import ipaddress
import json
import uuid

import ops


class MadeUpCharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        for event in ("created", "joined", "changed"):
            framework.observe(getattr(self.on["end"], f"relation_{event}"), self._write)

    def _write(self, event):
        unit = event.relation.data[self.unit]
        app = event.relation.data[self.app] if self.unit.is_leader() else {}
        relation = event.relation
        their_app = relation.data[event.app]
        their_unit = relation.data[event.unit] if event.unit else {}
        BODY
"""

DEMO = "unit['special-field'] = self.unit.name\n"
HTTP = "unit['hostname'] = '10.0.0.1'\n"
LOGS = "unit['directory'] = '\"/var/log\"'\n"
CLASSIC = "unit.update(hostname='h', port='1', type='database', replset='r', version='8')\n"
ANSWER = (
    CLASSIC
    + "app.update(database='\"notes\"', endpoints='[\"h:1\"]', replset='\"r\"', version='\"8\"')\n"
)
ADD = """
if self.unit.is_leader() and "secret-user" not in app:
    secret = self.app.add_secret({content})
    app["secret-user"] = f'"{{secret.id}}"'
"""
GRANT = ADD.replace("    app[", "    secret.grant(relation)\n    app[")
FULL = {"username": "u", "password": "the-password", "uris": "mongodb://u@h"}


@pytest.mark.parametrize(
    ("name", "role", "body", "problem"),
    [
        ("demo", "provider", DEMO, 'field "leader-uuid" is missing'),
        ("demo", "provider", "app['leader-uuid'] = 'me'", 'field "leader-uuid": Input should be'),
        ("demo", "provider", "app['token'] = str(uuid.uuid4())", 'field "token": the interface'),
        (
            "demo",
            "provider",
            "unit['special_field'] = 'x'",
            'field "special_field": the interface',
        ),
        ("demo", "requirer", "app['token'] = str(uuid.uuid4())", 'field "token" has changed'),
        ("demo", "requirer", "unit['token'] = 'x'", 'field "token": this side must not write'),
        ("http", "provider", HTTP, 'field "port" is missing'),
        ("http", "provider", HTTP + "unit['port'] = '70000'", 'field "port": Input should be'),
        ("http", "provider", HTTP + "unit['port'] = '080'", 'field "port": not in sorted'),
        ("http", "provider", "unit['hostname'] = '\"h\"'", 'field "hostname": must be a plain'),
        ("http", "requirer", HTTP, 'field "hostname": this side must not write'),
        ("logging-directory", "provider", LOGS, 'field "files" is missing'),
        (
            "logging-directory",
            "provider",
            LOGS + "unit['files'] = '[]'",
            'field "files" is missing',
        ),
        (
            "logging-directory",
            "provider",
            LOGS.replace("/var", "var"),
            'field "directory": String',
        ),
        (
            "logging-directory",
            "provider",
            LOGS + "unit['files'] = '[\"b\", \"a\"]'",
            'field "files": not in sorted',
        ),
        ("logging-directory", "requirer", LOGS, 'field "directory": this side must not write'),
        ("mongodb", "provider", ANSWER, 'field "secret-user" is missing'),
        ("mongodb", "provider", "app['database'] = 'notes'", 'field "database": not JSON'),
        (
            "mongodb",
            "provider",
            "app['endpoints'] = '[\"b:1\", \"a:1\"]'",
            'field "endpoints": not in sorted',
        ),
        (
            "mongodb",
            "provider",
            ANSWER + ADD.format(content={**FULL, "extra": "more"}),
            'field "extra": unknown',
        ),
        (
            "mongodb",
            "provider",
            ANSWER + ADD.format(content={"username": "u", "uris": "mongodb://u"}),
            'field "password" of the secret is missing',
        ),
        ("mongodb", "provider", ANSWER + ADD.format(content=FULL), 'field "secret-user" is not'),
        (
            "mongodb",
            "provider",
            ANSWER + ADD.format(content=FULL) + "unit['version'] = 'the-password'",
            'field "version" contains a value from a secret: password',
        ),
        (
            "mongodb",
            "provider",
            ANSWER + GRANT.format(content=FULL),
            'field "secret-user" exists',
        ),
        (
            "mongodb",
            "provider",
            ANSWER + GRANT.format(content=FULL),
            'the secret of field "secret-user" still exists after the relation',
        ),
        ("mongodb", "provider", ANSWER, 'field "database" exists without a request'),
        (
            "mongodb",
            "provider",
            ANSWER.replace("notes", "x"),
            'field "database" has another value',
        ),
        ("mongodb", "provider", ANSWER.replace('["h:1"]', "null"), 'field "endpoints" is missing'),
        (
            "mongodb",
            "provider",
            ANSWER.replace("='database'", "='db'"),
            'field "type" has another value',
        ),
        ("mongodb", "requirer", "app['database'] = '5'", 'field "database": Input should be'),
        ("mongodb", "requirer", "pass", 'field "database" is missing'),
        (
            "mongodb",
            "requirer",
            "app['extra-user-roles'] = '[\"b\", \"a\"]'",
            'field "extra-user-roles": not in sorted',
        ),
        ("mongodb-replica-set", "peer", "unit['host'] = '5'", 'field "host": Input should be'),
        ("mongodb-replica-set", "peer", "pass", 'field "secret-admin" is missing'),
        ("demo-replicas", "peer", "app['leader-ip'] = 'me'", 'field "leader-ip": Input is not'),
        ("demo-replicas", "peer", "unit['unit'] = 'me'", 'field "unit": the interface'),
        # These charms fail on unexpected data from the other side.
        ("demo", "provider", "uuid.UUID(their_app.get('token', '0' * 32))", "'token': 'no UUID'"),
        ("demo", "requirer", "uuid.UUID(their_app.get('leader-uuid', '0' * 32))", "'no UUID'"),
        ("http", "requirer", "int(their_unit.get('port', '0'))", "'port': 'no port'"),
        (
            "logging-directory",
            "requirer",
            "json.loads(their_unit.get('files', '0'))",
            "'files': 'no",
        ),
        (
            "mongodb",
            "provider",
            "json.loads(their_app.get('database', '0'))",
            "'database': 'notes'",
        ),
        (
            "mongodb",
            "requirer",
            "len(json.loads(their_app.get('endpoints', '[]')))",
            "'endpoints': '5'",
        ),
        ("mongodb", "requirer", "their_app['secret-user']", "given {'app': {}"),
        (
            "mongodb",
            "requirer",
            "self.model.get_secret(id=json.loads(their_app.get('secret-user', 'null')))",
            "'secret-user'",
        ),
        ("mongodb-replica-set", "peer", "json.loads(their_unit.get('host', '0'))", "'host': 'no"),
        ("demo-replicas", "peer", "ipaddress.ip_address(their_app.get('leader-ip', '::'))", "'no"),
    ],
)
def test_problem_of_a_broken_charm_names_the_field(
    tmp_path: pathlib.Path, name: str, role: Role, body: str, problem: str
) -> None:
    interface = write_charm(tmp_path, name, role, body)
    done = charms.run_tests(interface, role, tmp_path)
    assert done.returncode == 1, done.stdout
    assert problem in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("role", "body"),
    [
        ("requirer", "their_unit.get('port', '').isdigit()"),
        # Only its charmcraft.yaml declares this peer relation.
        (
            "provider",
            "if self.model.get_relation('members'): unit.update(hostname='h', port='80')",
        ),
    ],
)
def test_charm_that_no_interface_lists_passes(
    tmp_path: pathlib.Path, role: Role, body: str
) -> None:
    interface = write_charm(tmp_path, "http", role, body)
    done = charms.run_tests(interface, role, tmp_path)
    assert done.returncode == 0, done.stdout


def write_charm(folder: pathlib.Path, name: str, role: Role, body: str) -> Interface:
    """Write a charm that does the same in each relation event, and return its interface."""
    section = next(key for key, value in registry.ROLES.items() if value == role)
    scope = ", scope: container" if name == "logging-directory" else ""
    subordinate = "subordinate: true, " if scope and role == "requirer" else ""
    members = "" if role == "peer" else ", peers: {members: {interface: members}}"
    (folder / "src").mkdir()
    (folder / "charmcraft.yaml").write_text(
        "{name: made-up, summary: x, description: x, type: charm, "
        f"{subordinate}{section}: {{end: {{interface: {name}{scope}}}}}{members}}}"
    )
    indented = textwrap.indent(body, " " * 8)
    (folder / "src" / "charm.py").write_text(CHARM.replace("        BODY", indented))
    interface = find_interface(name)
    assert interface
    return interface
