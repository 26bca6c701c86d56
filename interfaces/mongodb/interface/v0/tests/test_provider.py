"""The rules for every provider of `mongodb`."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


def test_provider_answers_a_request_with_a_database_and_credentials(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"'})
    assert written.app.get("database") == '"notes"', 'field "database" has another value'
    for field in ("endpoints", "replset", "version", "secret-user"):
        assert field in written.app, f'field "{field}" is missing'
    content = written.secret("secret-user")
    for field in ("username", "password", "uris"):
        assert content.get(field), f'field "{field}" of the secret is missing'
    assert content["username"] in content["uris"], 'field "uris" has another user'


def test_secret_is_granted_to_the_relation(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"'})
    assert written.granted, 'the secret of field "secret-user" is not granted to the relation'


@pytest.mark.parametrize("app", [{}, {"extra-user-roles": '["dbAdmin"]'}])
def test_requirer_without_a_request_gets_no_database(
    charm_side: CharmSide, app: dict[str, str]
) -> None:
    written = charm_side.relate(app=app)
    for field in ("database", "secret-user"):
        assert field not in written.app, f'field "{field}" exists without a request'
    # A requirer from before v0 reads this databag.
    assert written.unit.get("type") == "database", 'field "type" has another value'


@pytest.mark.parametrize(
    "app", [{"database": "null"}, {"database": "null", "extra-user-roles": "null"}]
)
def test_provider_chooses_the_database_name_if_the_request_has_none(
    charm_side: CharmSide, app: dict[str, str]
) -> None:
    assert charm_side.relate(app=app).app.get("database"), 'field "database" is missing'


def test_unknown_fields_are_ignored(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"', "of-a-later-version": "[1]"})
    assert written.app.get("database") == '"notes"', 'field "database" has another value'


@pytest.mark.parametrize(
    "app",
    [
        {"database": "5"},
        {"database": "notes"},
        {"database": '"$%"'},
        {"database": "null", "extra-user-roles": '"x"'},
        {"database": "null", "extra-user-roles": '["root"]'},  # A role in all databases.
    ],
)
def test_invalid_request_gets_no_credentials(charm_side: CharmSide, app: dict[str, str]) -> None:
    assert "secret-user" not in charm_side.relate(app=app).app, 'field "secret-user" exists'


def test_every_unit_writes_its_address(charm_side: CharmSide) -> None:
    written = charm_side.relate(leader=False)
    for field in ("hostname", "port", "type", "replset", "version"):
        assert field in written.unit, f'field "{field}" is missing'
    assert written.unit["type"] == "database", 'field "type" has another value'


def test_secret_is_removed_with_the_relation(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"'})
    before = len(list(written.state.secrets))
    after = len(list(charm_side.remove_relation().secrets))
    assert after < before, 'the secret of field "secret-user" still exists after the relation'
