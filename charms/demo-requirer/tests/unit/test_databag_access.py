"""Who may read and write each databag of a relation between two applications.

ops raises the same errors in a real hook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import ops
import pytest
from ops import testing

from charm import SpecialCharm
from demo_interface import DemoProviderApp, DemoProviderUnit, DemoRequirerApp, encode

TOKEN = "d2c4a7de-1d6f-4bb4-a7a5-6d0a1a9b4c12"
OTHER_TOKEN = "2c9d8b52-8f0d-4f8a-8f6a-0f3f4f7f6b11"
LEADER_UUID = "3f6d3b77-7c44-5b2c-9f5b-1b8d2ce0a7a4"

FOLLOWER_WRITES = "demo-requirer/1 is not leader and cannot write application data."
FOLLOWER_READS = "demo-requirer/1 is not leader and cannot read its own application databag"
WRITES_REMOTE_APP = "demo-requirer cannot write the data of remote application demo-provider"
WRITES_REMOTE_UNIT = "demo-requirer/0 cannot write databag of demo-provider/1: not the same unit."
VALUE_IS_NOT_A_STRING = "relation data values must be strings, not <class 'int'>"
KEY_IS_NOT_A_STRING = "relation data keys must be strings, not <class 'int'>"
SAVED_VALUE_IS_NOT_A_STRING = "relation data values must be strings, not <class 'NoneType'>"
NOT_JSON = "Expecting value: line 1 column 1 (char 0)"

HookFunction = Callable[[SpecialCharm, ops.Relation], None]


class Access(ops.Object):
    """Runs a function in a hook. Outside of hooks, ops allows tests to access all databags."""

    def __init__(self, charm: SpecialCharm, function: HookFunction):
        super().__init__(charm, "access")
        self._charm, self._function = charm, function
        charm.framework.observe(charm.on.start, self._on_start)

    def _on_start(self, _: ops.StartEvent) -> None:
        self._function(self._charm, self._charm.model.relations["demo"][0])


def in_a_hook(leader: bool, function: HookFunction) -> testing.Relation:
    """Run a function in a hook of a unit, and return the relation with its databags.

    Args:
        leader: whether to run it on the leader (unit 0) or on a follower (unit 1).
        function: a function with the parameters charm and relation.
    """
    unit = 0 if leader else 1
    context = testing.Context(SpecialCharm, unit_id=unit)
    demo = testing.Relation(
        "demo",
        id=1,
        remote_app_name="demo-provider",
        remote_app_data={"leader-uuid": LEADER_UUID},
        remote_units_data={n: {"special-field": f"demo-provider/{n}"} for n in (0, 1)},
        local_app_data={"token": TOKEN},
    )
    state = testing.State(leader=leader, relations=[demo])
    with context(context.on.start(), state) as manager:
        _access = Access(manager.charm, function)  # ops itself keeps only a weak reference.
        relation = manager.run().get_relation(1)
    assert isinstance(relation, testing.Relation)
    return relation


# Allowed access.


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_reads_the_remote_databags(leader: bool):
    def read(charm: SpecialCharm, relation: ops.Relation):
        units = sorted(unit.name for unit in relation.units)
        assert units == ["demo-provider/0", "demo-provider/1"]
        unit = charm.model.get_unit("demo-provider/1")
        assert relation.data[unit]["special-field"] == "demo-provider/1"
        assert relation.data[unit].get("no-such-key", "not there") == "not there"
        loaded = relation.load(DemoProviderUnit, unit, decoder=str)
        assert loaded == DemoProviderUnit(special_field="demo-provider/1")
        assert relation.data[relation.app] == {"leader-uuid": LEADER_UUID}
        loaded = relation.load(DemoProviderApp, relation.app, decoder=str)
        assert loaded == DemoProviderApp(leader_uuid=LEADER_UUID)

    in_a_hook(leader, read)


@pytest.mark.parametrize("leader", [True, False])
def test_unit_reads_and_writes_its_own_databag(leader: bool):
    def write(charm: SpecialCharm, relation: ops.Relation):
        relation.data[charm.unit]["special-field"] = "raw"
        assert relation.data[charm.unit]["special-field"] == "raw"
        relation.save(DemoProviderUnit(special_field="typed"), charm.unit, encoder=encode)
        loaded = relation.load(DemoProviderUnit, charm.unit, decoder=str)
        assert loaded == DemoProviderUnit(special_field="typed")

    assert in_a_hook(leader, write).local_unit_data["special-field"] == "typed"


def test_empty_string_removes_the_key():
    def erase(charm: SpecialCharm, relation: ops.Relation):
        relation.data[charm.unit]["special-field"] = "something"
        relation.data[charm.unit]["special-field"] = ""
        assert "special-field" not in relation.data[charm.unit]

    assert "special-field" not in in_a_hook(False, erase).local_unit_data


def test_leader_reads_and_writes_its_application_databag():
    def write(charm: SpecialCharm, relation: ops.Relation):
        assert relation.data[charm.app]["token"] == TOKEN
        relation.data[charm.app]["note"] = "raw"
        loaded = relation.load(DemoRequirerApp, charm.app, decoder=str)
        assert loaded == DemoRequirerApp(token=TOKEN)
        relation.save(DemoRequirerApp(token=OTHER_TOKEN), charm.app, encoder=encode)

    assert in_a_hook(True, write).local_app_data == {"token": OTHER_TOKEN, "note": "raw"}


# Refused access.


def refused(error: type[Exception], message: str) -> pytest.RaisesExc[Exception]:
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def test_follower_cannot_write_its_application_databag():
    def write(charm: SpecialCharm, relation: ops.Relation):
        with refused(ops.RelationDataAccessError, FOLLOWER_WRITES):
            relation.data[charm.app]["token"] = OTHER_TOKEN
        with refused(ops.RelationDataAccessError, FOLLOWER_WRITES):
            relation.save(DemoRequirerApp(token=OTHER_TOKEN), charm.app, encoder=encode)

    assert in_a_hook(False, write).local_app_data == {"token": TOKEN}


def test_follower_cannot_read_its_application_databag():
    def read(charm: SpecialCharm, relation: ops.Relation):
        with refused(ops.RelationDataAccessError, FOLLOWER_READS):
            relation.data[charm.app]["token"]
        with refused(ops.RelationDataAccessError, FOLLOWER_READS):
            relation.load(DemoRequirerApp, charm.app, decoder=str)

    in_a_hook(False, read)


def test_leader_cannot_write_remote_databags():
    def write(charm: SpecialCharm, relation: ops.Relation):
        unit = charm.model.get_unit("demo-provider/1")
        with refused(ops.RelationDataAccessError, WRITES_REMOTE_APP):
            relation.data[relation.app]["leader-uuid"] = "mine"
        with refused(ops.RelationDataAccessError, WRITES_REMOTE_UNIT):
            relation.data[unit]["special-field"] = "mine"
        with refused(ops.RelationDataAccessError, WRITES_REMOTE_UNIT):
            relation.save(DemoProviderUnit(special_field="mine"), unit, encoder=encode)

    assert in_a_hook(True, write).remote_app_data == {"leader-uuid": LEADER_UUID}


def test_only_strings_can_be_written():
    def write(charm: SpecialCharm, relation: ops.Relation):
        databag: Any = relation.data[charm.unit]
        with refused(ops.RelationDataTypeError, VALUE_IS_NOT_A_STRING):
            databag["count"] = 7
        with refused(ops.RelationDataTypeError, KEY_IS_NOT_A_STRING):
            databag[7] = "count"
        with refused(ops.RelationDataTypeError, SAVED_VALUE_IS_NOT_A_STRING):
            relation.save(DemoRequirerApp(token=None), charm.app, encoder=lambda value: value)

    assert "count" not in in_a_hook(True, write).local_unit_data


def test_plain_text_cannot_be_loaded_as_json():
    def read(charm: SpecialCharm, relation: ops.Relation):
        with refused(json.JSONDecodeError, NOT_JSON):
            relation.load(DemoProviderUnit, charm.model.get_unit("demo-provider/0"))

    in_a_hook(False, read)


def test_all_errors_have_one_base_class():
    for error in (ops.RelationDataAccessError, ops.RelationDataTypeError):
        assert issubclass(error, ops.RelationDataError)
        assert issubclass(error, ops.ModelError)
