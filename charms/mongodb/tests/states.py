"""The relations, secrets and storage of the models in the unit tests, and their databags."""

from __future__ import annotations

import json
from typing import Any

from ops import testing

ADDRESS = "192.0.2.0"  # The address that ops.testing gives to a unit.
HOST = f"{ADDRESS}:27017"

SET_ID = "6b06a91f9c9debd1f82f156d"
STORAGE = testing.Storage("data")

ADMIN = testing.Secret(
    {"keyfile": "k" * 64, "password": "admin's password"},
    id="secret:admin",
    label="admin",
    owner="app",
)


def peers(
    *others: int,
    members: list[str] | None = None,
    app: dict[str, Any] | None = None,
    more: dict[int, dict[str, str]] | None = None,
) -> testing.PeerRelation:
    """Return the peer relation of an application whose leader has written the settings.

    Args:
        others: the numbers of the other units.
        members: the field `members`; by default only this unit.
        app: additional or changed fields of the application's databag.
        more: additional or changed fields of the other units' databags, by the units' numbers.
    """
    more = more or {}
    databag = {
        "secret-admin": ADMIN.id,
        "seed": "mongodb/0",
        "set-id": SET_ID,
        "version": "8.0",
        "port": 27017,
        "members": [HOST] if members is None else members,
    }
    return testing.PeerRelation(
        "replicas",
        id=1,
        local_app_data={
            key: json.dumps(value) for key, value in {**databag, **(app or {})}.items()
        },
        local_unit_data={"host": json.dumps(HOST), "version": '"8.0.4"'},
        peers_data={
            number: {
                "host": json.dumps(f"10.0.0.{number}:27017"),
                "has-data": "true",
                "version": '"8.0.4"',
                "target": '"8.0 None"',
                **more.get(number, {}),
            }
            for number in others
        },
    )


def database(
    id: int, app: str = "my-app", databag: dict[str, str] | None = None, **request: Any
) -> testing.Relation:
    """Return a `database` relation with a request, by default for the default database.

    Args:
        id: the relation's id.
        app: the requirer.
        databag: the text of the requirer's databag, instead of `request`.
        request: the fields of the request.
    """
    fields = {"database": None, **request}
    if databag is None:
        databag = {key.replace("_", "-"): json.dumps(value) for key, value in fields.items()}
    return testing.Relation("database", id=id, remote_app_name=app, remote_app_data=databag)


def app_databag(state: testing.State, relation: testing.RelationBase) -> dict[str, Any]:
    """Return the fields that this application has written to its databag."""
    databag = state.get_relation(relation.id).local_app_data
    return {key: json.loads(value) for key, value in databag.items()}


def unit_databag(state: testing.State, relation: testing.RelationBase) -> dict[str, Any]:
    """Return the fields that this unit has written to its databag of the peer relation."""
    databag = state.get_relation(relation.id).local_unit_data
    by_juju = ("ingress-address", "private-address", "egress-subnets")
    return {key: json.loads(value) for key, value in databag.items() if key not in by_juju}
