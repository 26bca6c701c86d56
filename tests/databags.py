"""Read all databags of relations, with ``juju show-unit`` of the units on both sides."""

from __future__ import annotations

import json
from typing import Any

import jubilant


def unit_databags(
    juju: jubilant.Juju, endpoint: str, application: str
) -> dict[str, dict[str, str]]:
    """Return the unit databags of an application on one of its endpoints.

    Args:
        juju: the model.
        endpoint: name of the endpoint.
        application: the application whose units write these databags.
    """
    databags: dict[str, dict[str, str]] = {}
    for unit in _all_units(juju):
        for relation in juju.show_unit(unit).relation_info:
            shown = dict(relation.related_units) if relation.related_endpoint == endpoint else {}
            if relation.local_unit and relation.endpoint == endpoint:
                shown[unit] = relation.local_unit
            for name, databag in shown.items():
                if _application_of(name) == application and databag.in_scope:
                    databags[name] = databag.data
    return databags


def app_databags(juju: jubilant.Juju, endpoint: str) -> list[dict[str, Any]]:
    """Return the application databags of both sides of an endpoint's relations, decoded.

    For a unit, Juju 3.6 shows the databag of the remote application, and Juju 4 the databag of
    the unit's own application. So this reads the units of both sides.
    """
    databags: list[dict[str, Any]] = []
    for unit in _all_units(juju):
        for relation in juju.show_unit(unit).relation_info:
            if endpoint in (relation.endpoint, relation.related_endpoint):
                databag = {key: json.loads(value) for key, value in relation.app_data.items()}
                if databag and databag not in databags:
                    databags.append(databag)
    return databags


def database(juju: jubilant.Juju) -> dict[str, Any]:
    """Return the application databag of mongodb for its only requirer."""
    (answer,) = [databag for databag in app_databags(juju, "database") if "secret-user" in databag]
    return answer


def secret(juju: jubilant.Juju) -> jubilant.RevealedSecret:
    """Return the secret of mongodb for its only requirer."""
    return reveal(juju, database(juju)["secret-user"])


def reveal(juju: jubilant.Juju, uri: str) -> jubilant.RevealedSecret:
    """Return the secret with this id from a databag."""
    # The juju command needs secret:<id>. Databags contain secret://<model-uuid>/<id>.
    identifier = jubilant.SecretURI(uri).unique_identifier
    return juju.show_secret(f"secret:{identifier}", reveal=True)


def all_secrets(juju: jubilant.Juju) -> list[dict[str, str]]:
    """Return the content of every secret of the model."""
    return [juju.show_secret(found.uri, reveal=True).content for found in juju.secrets()]


def all_relation_data(juju: jubilant.Juju) -> str:
    """Return the relation data of all units as one text, for a search."""
    return "\n".join(str(juju.show_unit(unit).relation_info) for unit in _all_units(juju))


def _all_units(juju: jubilant.Juju) -> list[str]:
    status = juju.status()
    return sorted(unit for name in status.apps for unit in status.get_units(name))


def _application_of(unit: str) -> str:
    return unit.partition("/")[0]
