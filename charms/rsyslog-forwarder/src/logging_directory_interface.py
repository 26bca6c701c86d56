"""The `logging-directory` interface, v0: which log files a unit writes on its machine.

Of container scope: the provider writes its unit's bag, and a subordinate on the same machine
reads it and follows the files. The requirer writes nothing. Values are JSON, the default of
`Relation.load` and `Relation.save`.
"""

from typing import Annotated

import pydantic


def _no_dots(path: str) -> str:
    if {".", ".."} & set(path.split("/")):
        raise ValueError("'.' and '..' are not allowed")
    return path


def _sorted(names: list[str]) -> list[str]:
    return sorted(set(names))


# Both end up in a log daemon's configuration, so neither may hold what ends a line or a string.
# A directory is absolute; "/" itself and a trailing slash are refused.
Directory = Annotated[
    str,
    pydantic.StringConstraints(pattern=r'^(/[^/"\\\x00-\x1f\x7f]+)+$', max_length=4096),
    pydantic.AfterValidator(_no_dots),
]
# The name of a file in the directory, or a glob that matches such names.
FileName = Annotated[
    str,
    pydantic.StringConstraints(pattern=r'^[^/"\\\x00-\x1f\x7f]+$', max_length=255),
    pydantic.AfterValidator(_no_dots),
]


class LoggingDirectoryProviderUnit(pydantic.BaseModel):
    """What each unit of the provider writes into its own bag; absent when it logs to no file."""

    directory: Directory | None = None
    """Absolute path of the directory that the files are in."""

    # Sorted, without doubles: Juju compares databags as text, and another order is a change.
    files: Annotated[list[FileName], pydantic.AfterValidator(_sorted)] | None = None
    """Names of files in the directory, or globs that match such names."""
