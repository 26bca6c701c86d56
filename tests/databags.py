"""Every databag of a relation, as ``juju show-unit`` of the units on both sides tells."""

from __future__ import annotations

import json
from typing import Any

import jubilant


def unit_bags(juju: jubilant.Juju, endpoint: str, application: str) -> dict[str, dict[str, str]]:
    """Return the unit bags that an application's units write on one of their endpoints.

    Args:
        juju: the model.
        endpoint: name of the endpoint.
        application: whose bags.
    """
    bags: dict[str, dict[str, str]] = {}
    for unit in _all_units(juju):
        for relation in juju.show_unit(unit).relation_info:
            shown = dict(relation.related_units) if relation.related_endpoint == endpoint else {}
            if relation.local_unit and relation.endpoint == endpoint:
                shown[unit] = relation.local_unit
            for name, bag in shown.items():
                if _of(name) == application and bag.in_scope:
                    bags[name] = bag.data
    return bags


def app_bags(juju: jubilant.Juju, endpoint: str) -> list[dict[str, Any]]:
    """Return the application bags at both ends of an endpoint's relations, decoded.

    Juju 3.6 shows a unit the remote application's bag, Juju 4 its own application's: asking units
    of both sides finds both bags on either.
    """
    bags: list[dict[str, Any]] = []
    for unit in _all_units(juju):
        for relation in juju.show_unit(unit).relation_info:
            if endpoint in (relation.endpoint, relation.related_endpoint):
                bag = {key: json.loads(value) for key, value in relation.app_data.items()}
                if bag and bag not in bags:
                    bags.append(bag)
    return bags


def database(juju: jubilant.Juju) -> dict[str, Any]:
    """Return what mongodb answers its one requirer on `database`."""
    (answer,) = [bag for bag in app_bags(juju, "database") if "secret-user" in bag]
    return answer


def secret(juju: jubilant.Juju) -> jubilant.RevealedSecret:
    """Return the secret that mongodb's one requirer is given."""
    return revealed(juju, database(juju)["secret-user"])


def revealed(juju: jubilant.Juju, uri: str) -> jubilant.RevealedSecret:
    """Return the secret that a databag names."""
    # As the juju command prints it: databags give it as secret://<model-uuid>/<id>.
    identifier = jubilant.SecretURI(uri).unique_identifier
    return juju.show_secret(f"secret:{identifier}", reveal=True)


def all_secrets(juju: jubilant.Juju) -> list[dict[str, str]]:
    """Return the content of every secret of the model."""
    return [juju.show_secret(found.uri, reveal=True).content for found in juju.secrets()]


def everything(juju: jubilant.Juju) -> str:
    """Return all that all units are shown of databags, as one text to search."""
    return "\n".join(str(juju.show_unit(unit).relation_info) for unit in _all_units(juju))


def _all_units(juju: jubilant.Juju) -> list[str]:
    status = juju.status()
    return sorted(unit for name in status.apps for unit in status.get_units(name))


def _of(unit: str) -> str:
    return unit.partition("/")[0]
