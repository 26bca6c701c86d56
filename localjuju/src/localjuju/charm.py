"""A charm, as its charmcraft.yaml or its packed file declares it."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
import shutil
import zipfile
from typing import Any, Literal

import yaml

from localjuju import charm_checks, stand_in
from localjuju.charm_checks import CharmError
from localjuju.storage import StorageDeclaration, StorageError, declarations

Role = Literal["provides", "requires", "peers"]

# What charmcraft does not copy to the metadata.yaml of the charm that it packs.
NOT_METADATA = ("type", "base", "platforms", "parts", "config", "actions", "charm-libs")

# What charmcraft makes of charmcraft.yaml for ops to read.
MADE_BY_PACK = ("metadata.yaml", "config.yaml", "actions.yaml")


# Where a charm's own code lies.
CODE = ("src", "lib")

without_caches = shutil.ignore_patterns("__pycache__")


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One end that a charm offers for a relation."""

    name: str
    role: Role
    interface: str
    scope: Literal["global", "container"] = "global"
    limit: int = 0
    """How many relations it may have, 0 for as many as one likes."""


# Every charm provides it without saying so.
JUJU_INFO = Endpoint("juju-info", "provides", "juju-info")


@dataclasses.dataclass(frozen=True)
class Charm:
    """What a charm declares: its endpoints, options, actions, resources and storage."""

    name: str
    folder: pathlib.Path
    subordinate: bool
    endpoints: dict[str, Endpoint]
    options: dict[str, dict[str, Any]]
    actions: dict[str, dict[str, Any]]
    resources: dict[str, dict[str, Any]]
    storages: dict[str, StorageDeclaration]
    metadata: dict[str, Any]
    machine_stand_in: pathlib.Path | None
    """The file that stands in for the machine, where the charm brings one."""
    packed: bool = False
    """``folder`` is a ``.charm`` file, whose own dispatch is to be run."""

    def upload(self, place: pathlib.Path) -> Charm:
        """Keep the charm as it is now at ``place``, whatever becomes of where it came from.

        Of a source folder that is the code; the rest of it may be large, and is only linked to.
        """
        place.parent.mkdir(parents=True, exist_ok=True)
        if self.packed:
            shutil.copyfile(self.folder, place)
            return dataclasses.replace(self, folder=place)
        place.mkdir()
        for path in self.folder.iterdir():
            if path.name in CODE and path.is_dir():
                shutil.copytree(path, place / path.name, ignore=without_caches)
            else:
                (place / path.name).symlink_to(path)
        made = self.metadata, {"options": self.options}, self.actions
        for name, content in zip(MADE_BY_PACK, made, strict=True):
            (place / name).write_text(yaml.safe_dump(content))
        return dataclasses.replace(self, folder=place)

    def unpack(self, folder: pathlib.Path) -> None:
        """Put the files of an uploaded charm into a unit's charm folder."""
        folder.mkdir(parents=True, exist_ok=True)
        if not self.packed:
            for path in self.folder.iterdir():
                (folder / path.name).symlink_to(path)
            return
        unzip(self.folder, folder)
        if self.machine_stand_in:
            stand_in.install(folder)

    def take_out(self, folder: pathlib.Path) -> None:
        """Take what :meth:`unpack` has put there away. What the charm itself wrote stays."""
        for name in self._file_names():
            (folder / name).unlink(missing_ok=True)

    def _file_names(self) -> list[str]:
        if not self.packed:
            return [path.name for path in self.folder.iterdir()]
        with zipfile.ZipFile(self.folder) as archive:
            return [member.filename for member in archive.infolist() if not member.is_dir()]


def load(folder: pathlib.Path) -> Charm:
    """Read a charm's source folder.

    Raises:
        CharmError: there is no charmcraft.yaml, or it cannot be understood.
    """
    folder = folder.resolve()
    for name in MADE_BY_PACK:
        if (folder / name).exists():
            raise CharmError(f'charm at "{folder}": what {name} says belongs in charmcraft.yaml')
    try:
        data = yaml.safe_load((folder / "charmcraft.yaml").read_text())
    except (OSError, yaml.YAMLError) as error:
        raise CharmError(f'no charm was found at "{folder}": {error}') from None
    if isinstance(data, dict):
        # charmcraft leaves out what is said to be nothing.
        data = {key: value for key, value in data.items() if value is not None}
    return _charm(folder, "charmcraft.yaml", data, _stand_in(folder))


def load_packed(file: pathlib.Path, source: pathlib.Path | None) -> Charm:
    """Read a ``.charm`` file.

    Args:
        file: what charmcraft, or any zip, has packed.
        source: the charm's source folder, for its stand-in for the machine.

    Raises:
        CharmError: it is not the file of a charm, or cannot be understood.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            metadata, config, actions = (
                yaml.safe_load(archive.read(name)) if name in names else {}
                for name in MADE_BY_PACK
            )
    except (OSError, zipfile.BadZipFile, yaml.YAMLError) as error:
        raise CharmError(f'no charm was found at "{file}": {error}') from None
    data = {**metadata, "config": config, "actions": actions} if metadata else None
    charm = _charm(file.resolve(), "metadata.yaml", data, source and _stand_in(source))
    if charm.machine_stand_in and not fnmatch.filter(names, f"{stand_in.PACKAGES}/*"):
        # Without its stand-in the charm would change this very computer.
        raise CharmError(f'charm at "{file}" has no venv, so nothing can call its stand-in')
    return dataclasses.replace(charm, packed=True)


def unzip(file: pathlib.Path, folder: pathlib.Path) -> None:
    """Unzip a charm with its files' permissions, which zipfile leaves behind."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
        for member in archive.infolist():
            if mode := member.external_attr >> 16:
                (folder / member.filename).chmod(mode & 0o777)


def _stand_in(folder: pathlib.Path) -> pathlib.Path | None:
    path = folder / "tests" / "localmachine.py"
    return path if path.is_file() else None


def _charm(folder: pathlib.Path, file: str, data: Any, stand_in: pathlib.Path | None) -> Charm:
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise CharmError(f'charm at "{folder}": {file} has no name')
    endpoints = {JUJU_INFO.name: JUJU_INFO}
    declared = charm_checks.endpoints(data)
    roles: tuple[Role, ...] = ("provides", "requires", "peers")
    for role in roles:
        for name, said in declared.get(role, {}).items():
            endpoints[name] = Endpoint(name, role, **said)
    try:
        storages = declarations(data.get("storage"))
    except StorageError as error:
        raise CharmError(f'charm "{data["name"]}": {error}') from None
    return Charm(
        name=data["name"],
        folder=folder,
        subordinate=bool(data.get("subordinate")),
        endpoints=endpoints,
        options=charm_checks.checked_options(data.get("config")),
        actions=charm_checks.actions(data["name"], data.get("actions")),
        resources=data.get("resources") or {},
        storages=storages,
        metadata={key: value for key, value in data.items() if key not in NOT_METADATA},
        machine_stand_in=stand_in,
    )
