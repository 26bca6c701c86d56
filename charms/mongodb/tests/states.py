"""What the unit tests' models are made of."""

from __future__ import annotations

import json
from typing import Any

from ops import testing

ADDRESS = "192.0.2.0"  # What ops.testing gives a unit.
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
    """The peer relation of a settled application, with these other units.

    Args:
        others: numbers of the other units.
        members: what the leader has written; by default this unit alone.
        app: more of the application's databag.
        more: more of the other units' databags.
    """
    more = more or {}
    bag = {
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
        local_app_data={key: json.dumps(value) for key, value in {**bag, **(app or {})}.items()},
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
    id: int, app: str = "my-app", bag: dict[str, str] | None = None, **request: Any
) -> testing.Relation:
    """A `database` relation, with what its requirer asks for: by default the default database."""
    asked = {"database": None, **request}
    if bag is None:
        bag = {key.replace("_", "-"): json.dumps(value) for key, value in asked.items()}
    return testing.Relation("database", id=id, remote_app_name=app, remote_app_data=bag)
