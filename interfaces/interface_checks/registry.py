"""Find and load interfaces, in folders with the layout of the public registry."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import pathlib
import sys
import types
from typing import Any, Literal

import pydantic
import yaml

Role = Literal["provider", "requirer", "peer"]

INTERFACES = pathlib.Path(__file__).parents[1]
CHARMS = INTERFACES.parent / "charms"

NO_COPY = "# The schema in the form of the public registry. Charms copy only the part above.\n"
"""Charms copy the part of schema.py above this line."""

SCHEMA_CLASSES: dict[Role, str] = {
    "provider": "ProviderSchema",
    "requirer": "RequirerSchema",
    # The public registry has no schema for peers.
    "peer": "PeerSchema",
}
"""The class in schema.py with the databags of each role."""

CHARM_LISTS: dict[Role, str] = {"provider": "providers", "requirer": "requirers", "peer": "peers"}
"""The list in interface.yaml with the charms of each role."""

ROLES: dict[str, Role] = {"provides": "provider", "requires": "requirer", "peers": "peer"}
"""The role of the endpoints in each section of charmcraft.yaml."""


@dataclasses.dataclass(frozen=True)
class Interface:
    """One version of an interface, in its folder ``<name>/interface/v<version>``."""

    folder: pathlib.Path

    @property
    def name(self) -> str:
        """Name of the interface."""
        return self.folder.parents[1].name

    @property
    def version(self) -> int:
        """Number of the version."""
        return int(self.folder.name.removeprefix("v"))

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @functools.cached_property
    def description(self) -> Any:
        """The content of interface.yaml."""
        return yaml.safe_load((self.folder / "interface.yaml").read_text())

    @functools.cached_property
    def schema(self) -> types.ModuleType:
        """The module schema.py."""
        return load_module(self.folder / "schema.py", f"schema_of_{self.name}_v{self.version}")

    def side(self, role: Role) -> type[pydantic.BaseModel] | None:
        """Return the model of one role, with the fields ``app`` and ``unit``."""
        return getattr(self.schema, SCHEMA_CLASSES[role], None)

    @property
    def roles(self) -> list[Role]:
        """The roles in the schema."""
        return [role for role in SCHEMA_CLASSES if self.side(role)]

    def databag_model(self, role: Role, databag: str) -> type[pydantic.BaseModel] | None:
        """Return the model of a databag, or None if the role writes nothing there.

        Args:
            role: the role that writes the databag.
            databag: ``app`` or ``unit``.
        """
        side = self.side(role)
        field = side.model_fields.get(databag) if side else None
        model: Any = field.annotation if field else None
        return model

    def holds_plain_strings(self, model: type[pydantic.BaseModel]) -> bool:
        """Return whether the values of a databag are plain strings instead of JSON."""
        return model in getattr(self.schema, "PLAIN_STRINGS", ())

    @property
    def secrets(self) -> dict[str, type[pydantic.BaseModel]]:
        """The models of secrets, by the field of the application databag with the secret's id."""
        return getattr(self.schema, "SECRETS", {})

    @property
    def copied_text(self) -> str:
        """The text that charms copy as ``src/<name>_interface.py``."""
        plain = self.folder / "charm_models.py"
        if plain.exists():  # For charms without pydantic.
            return plain.read_text()
        copied, _, _ = (self.folder / "schema.py").read_text().partition(NO_COPY)
        return copied.rstrip() + "\n"

    @property
    def copies(self) -> list[pathlib.Path]:
        """The files of charms that contain a copy."""
        file_name = f"{self.name.replace('-', '_')}_interface.py"
        return [
            folder / "src" / file_name
            for folder in charm_folders()
            if any(name == self.name for _, name, _ in endpoints(folder))
        ]


def load_module(path: pathlib.Path, name: str) -> types.ModuleType:
    """Import a file under a unique name, because several are called schema.py."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # pydantic and dataclasses resolve annotations there.
    specification.loader.exec_module(module)
    return module


def interfaces(root: pathlib.Path = INTERFACES) -> list[Interface]:
    """Return every version of every interface."""
    return [Interface(path) for path in sorted(root.glob("*/interface/v*")) if path.is_dir()]


@functools.cache
def find_interface(name: str) -> Interface | None:
    """Return the newest version of an interface, or None if this repository does not have it."""
    versions = [interface for interface in interfaces() if interface.name == name]
    return max(versions, key=lambda interface: interface.version, default=None)


def charm_folders() -> list[pathlib.Path]:
    """Return the charms of this repository."""
    return sorted(path.parent for path in CHARMS.glob("*/charmcraft.yaml"))


def endpoints(charm: pathlib.Path) -> list[tuple[str, str, Role]]:
    """Return the name, the interface's name and the role of each endpoint of a charm."""
    declared = yaml.safe_load((charm / "charmcraft.yaml").read_text())
    return [
        (name, endpoint["interface"], role)
        for section, role in ROLES.items()
        for name, endpoint in (declared.get(section) or {}).items()
    ]
