"""Read what others give this charm, options and databags, or say what is wrong with it.

The same file stands in each charm that has a workload, because a charm packs alone.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import ops
import pydantic

Model = TypeVar("Model", bound=pydantic.BaseModel)


class NotReadyError(Exception):
    """The charm has not got what it needs; `status` tells the operator what is wrong."""

    def __init__(self, status: ops.BlockedStatus | ops.WaitingStatus):
        super().__init__(status.message)
        self.status = status


def read_config(charm: ops.CharmBase, model: type[Model]) -> Model:
    """Return the options of a charm.

    Raises:
        NotReadyError: an option cannot be used; names it and says why.
    """
    try:
        return charm.load_config(model)
    except ValueError as error:
        raise NotReadyError(ops.BlockedStatus(f"config option {_explain(error)}")) from error


def read_databag(
    relation: ops.Relation, owner: ops.Application | ops.Unit, model: type[Model]
) -> Model:
    """Return what an application or a unit has written into its databag, as JSON.

    Raises:
        NotReadyError: a field cannot be used; names the endpoint, the owner and the field.
    """
    try:
        return relation.load(model, owner, decoder=_decode_json)
    except ValueError as error:
        message = f"{relation.name}: {owner.name} sent a bad {_explain(error)}"
        raise NotReadyError(ops.BlockedStatus(message)) from error


class _NotJson:
    """Stands for a value that is not JSON: no field of any type takes it."""


def _decode_json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # RecursionError: nested too deeply
        return _NotJson()


def _explain(error: ValueError) -> str:
    """Return the first field that is wrong, and why; not its value: it may be long or secret."""
    if not isinstance(error, pydantic.ValidationError):
        return str(error)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return f"{field}: {'it is not JSON' if isinstance(first['input'], _NotJson) else reason}"
