"""The charms of this repository do what their interfaces say; broken ones are told which field."""

from __future__ import annotations

import pathlib
import textwrap

import pytest

from interface_checks import charms, registry
from interface_checks.registry import Role, charm_folders, interface

CLAIMS = [
    pytest.param(one, role, charm, id=f"{charm.name}-{one.name}")
    for charm in charm_folders()
    for one, role in charms.claims(charm)
]


@pytest.mark.parametrize(("one", "role", "charm"), CLAIMS)
def test_charm_keeps_to_its_interface(
    one: registry.Interface, role: Role, charm: pathlib.Path
) -> None:
    done = charms.run_tests(one, role, charm)
    assert done.returncode == 0, done.stdout


BROKEN = """\
import uuid

import ops


class BrokenCharm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        for event in ("created", "joined", "changed"):
            framework.observe(getattr(self.on["end"], f"relation_{event}"), self._write)

    def _write(self, event):
        unit = event.relation.data[self.unit]
        app = event.relation.data[self.app] if self.unit.is_leader() else {}
        relation = event.relation
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
FULL = {"username": "u", "password": "the-password", "uris": "mongodb://u@h"}


@pytest.mark.parametrize(
    ("name", "role", "body", "complaint"),
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
        ("demo", "requirer", "unit['token'] = 'x'", 'field "token": nothing is to be written'),
        ("http", "provider", HTTP, 'field "port" is missing'),
        ("http", "provider", HTTP + "unit['port'] = '70000'", 'field "port": Input should be'),
        ("http", "provider", HTTP + "unit['port'] = '080'", 'field "port": not as a sorted'),
        ("http", "requirer", HTTP, 'field "hostname": nothing is to be written'),
        ("logging-directory", "provider", LOGS, 'field "files" is missing'),
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
            'field "files": not as a sorted',
        ),
        ("logging-directory", "requirer", LOGS, 'field "directory": nothing is to be written'),
        ("mongodb", "provider", ANSWER, 'field "secret-user" is missing'),
        ("mongodb", "provider", "app['database'] = 'notes'", 'field "database": not JSON'),
        (
            "mongodb",
            "provider",
            "app['endpoints'] = '[\"b:1\", \"a:1\"]'",
            'field "endpoints": not as a sorted',
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
            'field "password": Field required',
        ),
        ("mongodb", "provider", ANSWER + ADD.format(content=FULL), 'field "secret-user" is not'),
        (
            "mongodb",
            "provider",
            ANSWER + ADD.format(content=FULL) + "unit['version'] = 'the-password'",
            'field "version" shows what is in a secret: password',
        ),
        ("mongodb", "requirer", "app['database'] = '5'", 'field "database": Input should be'),
        (
            "mongodb",
            "requirer",
            "app['extra-user-roles'] = '[\"b\", \"a\"]'",
            'field "extra-user-roles": not as a sorted',
        ),
        ("mongodb-replica-set", "peer", "unit['host'] = '5'", 'field "host": Input should be'),
        ("mongodb-replica-set", "peer", "pass", 'field "secret-admin" is missing'),
        ("demo-replicas", "peer", "app['leader-ip'] = 'me'", 'field "leader-ip": Input is not'),
        ("demo-replicas", "peer", "unit['unit'] = 'me'", 'field "unit": the interface'),
    ],
)
def test_broken_charm_is_told_which_field(
    tmp_path: pathlib.Path, name: str, role: Role, body: str, complaint: str
) -> None:
    section = next(key for key, value in registry.ENDPOINTS.items() if value == role)
    scope = ", scope: container" if name == "logging-directory" else ""
    subordinate = "subordinate: true, " if scope and role == "requirer" else ""
    (tmp_path / "src").mkdir()
    (tmp_path / "charmcraft.yaml").write_text(
        "{name: broken, summary: broken, description: broken, type: charm, "
        f"{subordinate}{section}: {{end: {{interface: {name}{scope}}}}}}}"
    )
    indented = textwrap.indent(body, " " * 8)
    (tmp_path / "src" / "charm.py").write_text(BROKEN.replace("        BODY", indented))
    one = interface(name)
    assert one
    done = charms.run_tests(one, role, tmp_path)
    assert done.returncode == 1, done.stdout
    assert complaint in done.stdout, done.stdout
