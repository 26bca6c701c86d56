"""What any provider of `mongodb` has to do."""

from __future__ import annotations

import pytest

from interface_checks.charm_side import CharmSide


def test_answers_with_a_database_and_its_credentials(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"'})
    assert written.app.get("database") == '"notes"', 'field "database" is another'
    for field in ("endpoints", "replset", "version", "secret-user"):
        assert field in written.app, f'field "{field}" is missing'
    content = written.secret("secret-user")
    for field in ("username", "password", "uris"):
        assert content.get(field), f'field "{field}" of the secret is missing'
    assert content["username"] in content["uris"], 'field "uris" is not of the user'


def test_grants_the_secret_to_the_relation(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"'})
    assert written.granted, 'the secret of field "secret-user" is not granted to the relation'


@pytest.mark.parametrize("app", [{}, {"extra-user-roles": '["dbAdmin"]'}])
def test_makes_nothing_before_it_is_asked(charm_side: CharmSide, app: dict[str, str]) -> None:
    written = charm_side.relate(app=app)
    for field in ("database", "secret-user"):
        assert field not in written.app, f'field "{field}" is there, and nobody has asked'
    # What a requirer of before v0 reads.
    assert written.unit.get("type") == "database", 'field "type" is another'


@pytest.mark.parametrize(
    "app", [{"database": "null"}, {"database": "null", "extra-user-roles": "null"}]
)
def test_names_the_database_itself_where_no_name_is_asked_for(
    charm_side: CharmSide, app: dict[str, str]
) -> None:
    assert charm_side.relate(app=app).app.get("database"), 'field "database" is missing'


def test_fields_that_are_unknown_are_ignored(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"', "of-a-later-version": "[1]"})
    assert written.app.get("database") == '"notes"', 'field "database" is another'


@pytest.mark.parametrize(
    "app",
    [
        {"database": "5"},
        {"database": "notes"},
        {"database": '"$%"'},
        {"database": "null", "extra-user-roles": '"x"'},
        {"database": "null", "extra-user-roles": '["root"]'},  # More than one database's.
    ],
)
def test_bad_request_gets_no_credentials(charm_side: CharmSide, app: dict[str, str]) -> None:
    assert "secret-user" not in charm_side.relate(app=app).app, 'field "secret-user" is there'


def test_every_unit_shows_its_address(charm_side: CharmSide) -> None:
    written = charm_side.relate(leader=False)
    for field in ("hostname", "port", "type", "replset", "version"):
        assert field in written.unit, f'field "{field}" is missing'
    assert written.unit["type"] == "database", 'field "type" is another'


def test_secret_goes_with_the_relation(charm_side: CharmSide) -> None:
    written = charm_side.relate(app={"database": '"notes"'})
    before = len(list(written.state.secrets))
    after = len(list(charm_side.leave().secrets))
    assert after < before, 'the secret of field "secret-user" outlives the relation'
