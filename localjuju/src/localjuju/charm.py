"""Loads a charm from its source folder or its packed file."""

from __future__ import annotations

import dataclasses
import fnmatch
import os
import pathlib
import shutil
import zipfile
from typing import Any, Literal

import yaml

from localjuju import charm_checks, fake_machine
from localjuju.charm_checks import CharmError
from localjuju.storage_declarations import StorageDeclaration, StorageError, read_declarations

Role = Literal["provides", "requires", "peers"]

# Keys that charmcraft does not copy to the metadata.yaml of a packed charm.
NOT_IN_METADATA = (
    *("type", "base", "bases", "platforms", "parts"),
    *("config", "actions", "charm-libs"),
)

# Files that charmcraft creates from charmcraft.yaml, and that ops reads.
GENERATED_FILES = ("metadata.yaml", "config.yaml", "actions.yaml")

# The files and folders that hold a charm's own code.
CODE_FILES = ("src", "lib", "hooks", "actions", "dispatch")

ENTRYPOINT = "src/charm.py"


def _not_copied(folder: str, names: list[str]) -> list[str]:
    """Return the names that are no part of a charm: bytecode, and links to missing files."""
    # copytree's ignore_dangling_symlinks also ignores every relative link.
    return [
        name
        for name in names
        if name == "__pycache__" or not os.path.exists(os.path.join(folder, name))
    ]


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One endpoint of a charm."""

    name: str
    role: Role
    interface: str
    scope: Literal["global", "container"] = "global"
    limit: int = 0
    """The largest number of relations, or 0 for no limit."""


# Every charm provides this endpoint without declaring it.
JUJU_INFO = Endpoint("juju-info", "provides", "juju-info")


@dataclasses.dataclass(frozen=True)
class Charm:
    """A charm with its endpoints, options, actions, resources and storage."""

    name: str
    folder: pathlib.Path
    subordinate: bool
    endpoints: dict[str, Endpoint]
    bindings: frozenset[str]
    """The names that network-get accepts: the endpoints and the extra bindings."""
    options: dict[str, dict[str, Any]]
    actions: dict[str, dict[str, Any]]
    resources: dict[str, dict[str, Any]]
    storages: dict[str, StorageDeclaration]
    metadata: dict[str, Any]
    fake_machine: pathlib.Path | None
    """The charm's ``tests/fake_machine.py``, or None if it has none."""
    packed: bool = False
    """Whether ``folder`` is a ``.charm`` file, which runs its own dispatch."""
    entrypoint: str = ENTRYPOINT
    """The Python file in the source folder that runs every hook, if there is one."""

    @property
    def has_programs(self) -> bool:
        """Whether hooks run the charm's own dispatch, or a file of ``hooks/`` for each hook."""
        names = ("dispatch", "hooks")
        return self.packed or (
            not (self.folder / self.entrypoint).is_file()
            and any((self.folder / name).exists() for name in names)
        )

    def upload(self, destination: pathlib.Path) -> Charm:
        """Copy the charm, so that later changes of the source have no effect.

        Only the code of a source folder is copied. Other files may be large, so they are linked.

        Args:
            destination: the path of the copy.

        Returns:
            The same charm, in the new place.

        Raises:
            CharmError: a file cannot be read.
        """
        try:
            return self._copy(destination)
        except shutil.Error as error:  # It has the errors of all files of a folder.
            source, _, reason = error.args[0][0]
            raise CharmError(f"cannot read {source}: {reason}") from None
        except OSError as error:
            raise CharmError(f"cannot read {error.filename}: {error.strerror}") from None

    def _copy(self, destination: pathlib.Path) -> Charm:
        destination.parent.mkdir(parents=True, exist_ok=True)
        if self.packed:
            shutil.copyfile(self.folder, destination)
            return dataclasses.replace(self, folder=destination)
        destination.mkdir()
        for path in self.folder.iterdir():
            if path.name in GENERATED_FILES:
                continue
            if path.name not in (*CODE_FILES, pathlib.PurePath(self.entrypoint).parts[0]):
                (destination / path.name).symlink_to(path)
            elif path.is_dir():
                shutil.copytree(path, destination / path.name, ignore=_not_copied)
            else:
                shutil.copy(path, destination / path.name)
        made = self.metadata, {"options": self.options}, self.actions
        for name, content in zip(GENERATED_FILES, made, strict=True):
            (destination / name).write_text(yaml.safe_dump(content))
        return dataclasses.replace(self, folder=destination)

    def unpack(self, folder: pathlib.Path) -> None:
        """Put the files of an uploaded charm into a unit's charm folder: as links, or unzipped."""
        folder.mkdir(parents=True, exist_ok=True)
        if not self.packed:
            for path in self.folder.iterdir():
                (folder / path.name).symlink_to(path)
            return
        unzip(self.folder, folder)
        if self.fake_machine:
            fake_machine.install(folder)

    def remove_unpacked(self, folder: pathlib.Path) -> None:
        """Remove the files that :meth:`unpack` put there. Files that the charm wrote stay."""
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
        CharmError: the folder has neither charmcraft.yaml nor metadata.yaml, or they are not
            valid.
    """
    folder = folder.resolve()
    if not is_charm(folder):
        raise CharmError(f'no charm was found at "{folder}"')
    # charmcraft ignores keys without a value.
    crafted = {k: v for k, v in _read(folder, "charmcraft.yaml").items() if v is not None}
    declared = dict(crafted)
    for name, key in zip(GENERATED_FILES, ("name", "config", "actions"), strict=True):
        if not (folder / name).is_file():
            continue
        if key in crafted:
            raise CharmError(f'charm at "{folder}": move the content of {name} to charmcraft.yaml')
        content = _read(folder, name)
        if name == "config.yaml" and "options" not in content:
            raise CharmError("invalid config: empty configuration")
        declared.update(content if key == "name" else {key: content})
    named_in = "charmcraft.yaml" if crafted else "metadata.yaml"
    charm = _charm(folder, named_in, declared, _find_fake_machine(folder))
    charm = dataclasses.replace(charm, entrypoint=_entrypoint(folder, crafted))
    if charm.has_programs and charm.fake_machine:
        # Without its fake machine the charm would change this computer.
        raise CharmError(
            f'charm at "{folder}" is not in Python, so localjuju cannot call its fake machine'
        )
    return charm


def is_charm(folder: pathlib.Path) -> bool:
    """Whether a folder holds a charm's source."""
    return any((folder / name).is_file() for name in ("charmcraft.yaml", "metadata.yaml"))


def _read(folder: pathlib.Path, name: str) -> dict[str, Any]:
    """Return the content of one of a charm's files, or {} if the file does not exist."""
    file = folder / name
    try:
        content = yaml.safe_load(file.read_text()) if file.is_file() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CharmError(f'no charm was found at "{folder}": {error}') from None
    if not isinstance(content or {}, dict):
        raise CharmError(f'charm at "{folder}": {name} has no keys')
    return content or {}


def _entrypoint(folder: pathlib.Path, crafted: dict[str, Any]) -> str:
    """Return the Python file that charmcraft's plugin ``charm`` runs for every hook."""
    parts = crafted.get("parts")
    for part in (parts if isinstance(parts, dict) else {}).values():
        if isinstance(part, dict) and "charm-entrypoint" in part:
            named = str(part["charm-entrypoint"])
            inside = (folder / named).resolve().is_relative_to(folder)
            if not inside or not (folder / named).is_file():
                raise CharmError(f"charm entry point was not found: {str(folder / named)!r}")
            return named
    return ENTRYPOINT


def load_packed(file: pathlib.Path, source: pathlib.Path | None) -> Charm:
    """Read a ``.charm`` file.

    Args:
        file: the file that charmcraft or another program packed.
        source: the charm's source folder, which may have a fake machine.

    Raises:
        CharmError: the file is not a charm, or is not valid.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            metadata, config, actions = (
                yaml.safe_load(archive.read(name)) if name in names else {}
                for name in GENERATED_FILES
            )
    except (OSError, zipfile.BadZipFile, yaml.YAMLError) as error:
        raise CharmError(f'no charm was found at "{file}": {error}') from None
    data = {**metadata, "config": config, "actions": actions} if metadata else None
    charm = _charm(file.resolve(), "metadata.yaml", data, source and _find_fake_machine(source))
    if charm.fake_machine and not fnmatch.filter(names, f"{fake_machine.PACKAGES}/*"):
        # Without its fake machine the charm would change this computer.
        raise CharmError(
            f'charm at "{file}" has no venv, so localjuju cannot call its fake machine'
        )
    return dataclasses.replace(charm, packed=True)


def unzip(file: pathlib.Path, folder: pathlib.Path) -> None:
    """Unzip a charm and set the files' permissions, which zipfile ignores."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
        for member in archive.infolist():
            if mode := member.external_attr >> 16:
                (folder / member.filename).chmod(mode & 0o777)


def _find_fake_machine(folder: pathlib.Path) -> pathlib.Path | None:
    path = folder / "tests" / "fake_machine.py"
    return path if path.is_file() else None


def _charm(folder: pathlib.Path, file: str, data: Any, fake_machine: pathlib.Path | None) -> Charm:
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise CharmError(f'charm at "{folder}": {file} has no name')
    endpoints = {JUJU_INFO.name: JUJU_INFO}
    declared = charm_checks.checked_endpoints(data)
    roles: tuple[Role, ...] = ("provides", "requires", "peers")
    for role in roles:
        for name, declaration in declared.get(role, {}).items():
            endpoints[name] = Endpoint(name, role, **declaration)
    try:
        storages = read_declarations(data.get("storage"))
    except StorageError as error:
        raise CharmError(f'charm "{data["name"]}": {error}') from None
    return Charm(
        name=data["name"],
        folder=folder,
        subordinate=bool(data.get("subordinate")),
        endpoints=endpoints,
        bindings=frozenset({*endpoints, *(data.get("extra-bindings") or {})}),
        options=charm_checks.checked_options(data.get("config")),
        actions=charm_checks.checked_actions(data["name"], data.get("actions")),
        resources=data.get("resources") or {},
        storages=storages,
        metadata=_expand_endpoints({k: v for k, v in data.items() if k not in NOT_IN_METADATA}),
        fake_machine=fake_machine,
    )


def _expand_endpoints(data: dict[str, Any]) -> dict[str, Any]:
    """Replace ``database: mysql`` by ``database: {interface: mysql}``, the form that ops reads."""
    return {
        key: {n: {"interface": d} if isinstance(d, str) else d for n, d in value.items()}
        if key in ("provides", "requires", "peers") and isinstance(value, dict)
        else value
        for key, value in data.items()
    }
