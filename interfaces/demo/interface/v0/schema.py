"""What travels over a relation with the interface `demo`, v0: plain strings.

Charms keep `charm_models.py`, the same without pydantic, so that they are pure Python.
"""

from __future__ import annotations

import uuid

import pydantic


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes on the wire."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class DemoProviderApp(_Fields):
    """The application bag of the provider, written by its leader."""

    leader_uuid: uuid.UUID | None = None
    """Stands for the unit that leads: another leader has another one."""


class DemoProviderUnit(_Fields):
    """The unit bag of the provider."""

    special_field: str | None = None
    """The unit's own name."""


class DemoRequirerApp(_Fields):
    """The application bag of the requirer, written by its leader."""

    token: uuid.UUID | None = None
    """For the provider to use as it likes. Once given, it stays for the relation's life."""


class ProviderSchema(pydantic.BaseModel):
    """What the provider writes."""

    app: DemoProviderApp
    unit: DemoProviderUnit


class RequirerSchema(pydantic.BaseModel):
    """What the requirer writes."""

    app: DemoRequirerApp


PLAIN_STRINGS = (DemoProviderApp, DemoProviderUnit, DemoRequirerApp)
