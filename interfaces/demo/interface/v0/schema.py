"""The databags of the `demo` interface, v0. All values are plain strings.

Charms copy `charm_models.py`: the same models without pydantic, so that the charm is pure Python.
"""

from __future__ import annotations

import uuid

import pydantic


class _Fields(pydantic.BaseModel):
    """Field names have underscores in Python and dashes in the databag."""

    model_config = pydantic.ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
        validate_by_alias=True,
    )


class DemoProviderApp(_Fields):
    """The databag of the provider's application. Its leader writes it."""

    leader_uuid: uuid.UUID | None = None
    """A UUID that stands for the unit that is the leader. Each leader has its own."""


class DemoProviderUnit(_Fields):
    """The databag of each unit of the provider."""

    special_field: str | None = None
    """The unit's own name."""


class DemoRequirerApp(_Fields):
    """The databag of the requirer's application. Its leader writes it."""

    token: uuid.UUID | None = None
    """A UUID for the provider to use. It never changes while the relation exists."""


class ProviderSchema(pydantic.BaseModel):
    """The databags of the provider."""

    app: DemoProviderApp
    unit: DemoProviderUnit


class RequirerSchema(pydantic.BaseModel):
    """The databags of the requirer."""

    app: DemoRequirerApp


PLAIN_STRINGS = (DemoProviderApp, DemoProviderUnit, DemoRequirerApp)
