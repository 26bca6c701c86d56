"""The `http` interface, v0: where one unit of a web application listens.

The provider writes its unit's bag; the requirer writes nothing and walks the remote *units*, as
each has an address of its own. The interface is older than JSON databags: both values are plain
strings: `relation.load(HttpProviderUnit, unit, decoder=str)` and
`relation.save(data, self.unit, encoder=encode)`.
"""

import pydantic


def encode(value: str | int | None) -> str:
    """Return `value` as a plain string; None becomes "", which erases the key from the databag."""
    return "" if value is None else str(value)


class HttpProviderUnit(pydantic.BaseModel):
    """What each unit of the provider writes into its own bag; absent until the unit listens."""

    hostname: str | None = None
    """A host name or an IP address, without brackets."""

    port: int | None = pydantic.Field(default=None, ge=1, le=65535)
    """Where the unit listens, from 1 to 65535."""


# The schema as the public registry has it. Charms copy what stands above only.


class ProviderSchema(pydantic.BaseModel):
    """What the provider writes."""

    unit: HttpProviderUnit


class RequirerSchema(pydantic.BaseModel):
    """The requirer writes nothing."""


PLAIN_STRINGS = (HttpProviderUnit,)
