"""The `logging-directory` interface, v0: the log files that a unit writes on its machine.

The relation has container scope. Each unit of the provider writes its own databag. A subordinate
on the same machine reads the databag, and follows the files. The requirer writes nothing. Values
are JSON, the default of `Relation.load` and `Relation.save`.
"""

from typing import Annotated

import pydantic


def _no_dots(path: str) -> str:
    if {".", ".."} & set(path.split("/")):
        raise ValueError("'.' and '..' are not allowed")
    return path


def _sorted(names: list[str]) -> list[str]:
    return sorted(set(names))


# The values go into a log daemon's configuration, so they may not contain a line break or a quote.
# A directory is an absolute path, but not "/" itself, and without a slash at its end.
Directory = Annotated[
    str,
    pydantic.StringConstraints(pattern=r'^(/[^/"\\\x00-\x1f\x7f]+)+$', max_length=4096),
    pydantic.AfterValidator(_no_dots),
]
# The name of a file in the directory, or a glob that matches file names.
FileName = Annotated[
    str,
    pydantic.StringConstraints(pattern=r'^[^/"\\\x00-\x1f\x7f]+$', max_length=255),
    pydantic.AfterValidator(_no_dots),
]


class LoggingDirectoryProviderUnit(pydantic.BaseModel):
    """The databag of each unit of the provider. It is empty if the unit logs to no file."""

    directory: Directory | None = None
    """Absolute path of the directory that has the files."""

    # Sorted and without duplicates: Juju compares databags as text, so another order is a change.
    files: Annotated[list[FileName], pydantic.AfterValidator(_sorted)] | None = None
    """Names of files in the directory, or globs that match file names."""


# The schema in the form of the public registry. Charms copy only the part above.


class ProviderSchema(pydantic.BaseModel):
    """The databags of the provider."""

    unit: LoggingDirectoryProviderUnit


class RequirerSchema(pydantic.BaseModel):
    """The requirer writes nothing."""
