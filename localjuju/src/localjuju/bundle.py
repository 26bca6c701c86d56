"""A bundle's file: applications and the relations between them."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from typing import Any

import yaml

APPLICATION_KEYS = ("charm", "num_units", "options", "resources", "storage", "expose", "trust")
APPLICATION_KEYS += ("constraints", "to")

IGNORED_KEYS = ("annotations", "base", "channel", "revision", "series")
"""Keys that have no effect on a charm that runs on this computer."""

UNSUPPORTED_KEYS = ("saas",)
"""Keys of a bundle that localjuju refuses."""


class BundleError(ValueError):
    """A bundle cannot be deployed. The message names the file and the mistake."""


@dataclasses.dataclass(frozen=True)
class BundledApplication:
    """One application of a bundle."""

    charm: str
    num_units: int = 0
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    resources: dict[str, str] = dataclasses.field(default_factory=dict)
    storage: dict[str, Any] = dataclasses.field(default_factory=dict)
    expose: bool = False
    trust: bool = False
    constraints: str = ""
    to: list[str] = dataclasses.field(default_factory=list)
    """The placement of each unit. The last one also applies to all further units."""

    @property
    def is_placed_beside_others(self) -> bool:
        """Whether units are placed beside the units of another application."""
        return any(re.search(r"[a-z]", place.removeprefix("lxd:")) for place in self.to)


@dataclasses.dataclass(frozen=True)
class Bundle:
    """The content of a bundle's file."""

    applications: dict[str, BundledApplication]
    relations: list[tuple[str, str]]
    """The pairs of endpoints to relate."""
    machines: dict[str, str]
    """The constraints of each machine, by the machine's name."""


def load(path: pathlib.Path) -> Bundle:
    """Read a bundle.

    Raises:
        BundleError: the bundle cannot be read, or needs something that localjuju does not
            support.
    """
    try:
        bundle = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BundleError(f"cannot read {path}: {error}") from None
    declared = bundle.get("applications") if isinstance(bundle, dict) else None
    if not isinstance(declared, dict):
        raise BundleError(f"{path} has no applications")
    for key in UNSUPPORTED_KEYS:
        if key in bundle:
            raise BundleError(f'{path}: localjuju does not support "{key}"')
    applications = {name: _application(path, name, data) for name, data in declared.items()}
    relations = bundle.get("relations") or []
    if not isinstance(relations, list):
        raise BundleError(f"{path}: relations is not a list")
    pairs = [pair for relation in relations for pair in _pairs(path, relation)]
    return Bundle(applications, pairs, _machines(path, bundle.get("machines") or {}))


def _machines(path: pathlib.Path, declared: Any) -> dict[str, str]:
    """Return the constraints of each machine, by the machine's name."""
    if not isinstance(declared, dict):
        raise BundleError(f"{path}: machines is not a map")
    constraints = {}
    for name, data in declared.items():
        if not isinstance(data, (dict, type(None))):
            raise BundleError(f'{path}: machine "{name}" is {data!r}, not a map')
        constraints[str(name)] = str((data or {}).get("constraints") or "")
    return constraints


def _application(path: pathlib.Path, name: str, data: Any) -> BundledApplication:
    where = f'{path}: application "{name}"'
    if not isinstance(data, dict) or not isinstance(data.get("charm"), str):
        raise BundleError(f"{where} does not name a charm")
    data = {key: value for key, value in data.items() if value is not None}
    if "scale" in data:  # Bundles for Kubernetes use this key.
        data["num_units"] = data.pop("scale")
    for key in data:
        if key not in (*APPLICATION_KEYS, *IGNORED_KEYS):
            raise BundleError(f'{where}: localjuju does not support "{key}"')
    if "to" in data:
        places = data["to"] if isinstance(data["to"], list) else [data["to"]]
        data["to"] = [str(place) for place in places]
    if "constraints" in data:
        data["constraints"] = str(data["constraints"])
    maps = [(key, dict) for key in ("options", "resources", "storage")]
    for key, kind in [("num_units", int), *maps]:
        if not isinstance(data.get(key, kind()), kind):
            raise BundleError(f'{where}: "{key}" is {data[key]!r}, not {kind.__name__}')
    return BundledApplication(**{key: data[key] for key in APPLICATION_KEYS if key in data})


def _pairs(path: pathlib.Path, relation: Any) -> list[tuple[str, str]]:
    """Return the relations of one entry: one end with another, or with a list of others."""
    if isinstance(relation, list) and len(relation) == 2 and isinstance(relation[0], str):
        others = relation[1] if isinstance(relation[1], list) else [relation[1]]
        if all(isinstance(other, str) for other in others):
            return [(relation[0], other) for other in others]
    raise BundleError(f"{path}: a relation must be a pair of endpoints, not {relation!r}")
