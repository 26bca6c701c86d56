"""The `http` interface, v0: the address and port of each unit of a web application.

Each unit of the provider writes its own databag. The requirer writes nothing. It reads the databag
of every remote *unit*, because each has its own address. The interface is older than databags in
JSON, so both values are plain strings: `relation.load(HttpProviderUnit, unit, decoder=str)` and
`relation.save(data, self.unit, encoder=encode)`.
"""

import pydantic


def encode(value: str | int | None) -> str:
    """Return `value` as a plain string. None becomes "", which removes the key."""
    return "" if value is None else str(value)


class HttpProviderUnit(pydantic.BaseModel):
    """The databag of each unit of the provider. It is empty until the unit listens."""

    hostname: str | None = None
    """A host name or an IP address, without brackets."""

    port: int | None = pydantic.Field(default=None, ge=1, le=65535)
    """The port on which the unit listens, from 1 to 65535."""


# The schema in the form of the public registry. Charms copy only the part above.


class ProviderSchema(pydantic.BaseModel):
    """The databags of the provider."""

    unit: HttpProviderUnit


class RequirerSchema(pydantic.BaseModel):
    """The requirer writes nothing."""


PLAIN_STRINGS = (HttpProviderUnit,)
