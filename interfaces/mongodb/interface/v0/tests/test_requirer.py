"""The rules for every requirer of `mongodb`."""

from __future__ import annotations

import pytest
from ops import testing

from interface_checks.charm_side import CharmSide

SECRET = testing.Secret(
    {
        "username": "relation-1",
        "password": "of-the-user",
        "uris": "mongodb://10.0.0.9:27017/notes",
    },
    id="secret:d2b1l7nmp25c762n3lg0",
)
ANSWER = {
    "database": '"notes"',
    "endpoints": '["10.0.0.9:27017"]',
    "replset": '"mongodb"',
    "version": '"8.0.4"',
    "secret-user": '"secret:d2b1l7nmp25c762n3lg0"',
}
CLASSIC = {
    "hostname": "10.0.0.9",
    "port": "27017",
    "type": "database",
    "replset": "mongodb",
    "version": "8.0.4",
}


@pytest.mark.parametrize("leader", [True, False])
def test_answer_is_accepted(charm_side: CharmSide, leader: bool) -> None:
    charm_side.relate(app=ANSWER, unit=CLASSIC, leader=leader, secrets=(SECRET,))
    charm_side.remove_relation()


def test_leader_requests_a_database(charm_side: CharmSide) -> None:
    state = charm_side.relate().state
    (relation,) = state.get_relations(charm_side.endpoint)
    assert "database" in relation.local_app_data, 'field "database" is missing'


@pytest.mark.parametrize("leader", [True, False])
def test_missing_answer_causes_no_error(charm_side: CharmSide, leader: bool) -> None:
    charm_side.relate(leader=leader)
    charm_side.remove_relation()


def test_unknown_fields_are_ignored(charm_side: CharmSide) -> None:
    charm_side.relate(app={**ANSWER, "of-a-later-version": "[1]"}, secrets=(SECRET,))


def test_secret_without_a_grant_causes_no_error(charm_side: CharmSide) -> None:
    charm_side.relate(app=ANSWER, unit=CLASSIC)


@pytest.mark.parametrize("field", sorted(ANSWER))
@pytest.mark.parametrize("value", ["null", "5", "{}", "not JSON"])
def test_invalid_field_causes_no_error(charm_side: CharmSide, field: str, value: str) -> None:
    charm_side.relate(app={**ANSWER, field: value}, unit=CLASSIC, secrets=(SECRET,))
