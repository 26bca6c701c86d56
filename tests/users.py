"""Find the database users of relations, in MongoDB and in secrets."""

from __future__ import annotations

import re

import jubilant
import pymongo

import databags


def in_mongodb(juju: jubilant.Juju) -> set[str]:
    """Return the users in MongoDB that the charm has created for relations."""
    (operator,) = [found for found in databags.all_secrets(juju) if "keyfile" in found]
    address = juju.show_unit("mongodb/0").public_address
    with pymongo.MongoClient(
        address,
        directConnection=True,
        username="operator",
        password=operator["password"],
        serverSelectionTimeoutMS=5000,
    ) as client:
        users = client.admin.command("usersInfo")["users"]
    return {user["user"] for user in users} - {"operator"}


def in_secrets(juju: jubilant.Juju) -> set[str]:
    """Return the users to which the revisions of the requirers' secrets belong."""
    return {
        f"relation-{relation[1]}-{revision.revision}"
        for secret in juju.secrets()
        if (relation := re.fullmatch(r"database-(\d+)", secret.label or ""))
        for revision in juju.show_secret(secret.uri, revisions=True).revisions or []
    }
