"""Reads the charm's options and the remote databags, and explains what is wrong with them.

Every charm with a workload has a copy of this file, because a packed charm has only its own files.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import ops
import pydantic

Model = TypeVar("Model", bound=pydantic.BaseModel)


class NotReadyError(Exception):
    """An input of the charm is missing or invalid. `status` names the input and the problem."""

    def __init__(self, status: ops.BlockedStatus | ops.WaitingStatus):
        super().__init__(status.message)
        self.status = status


def read_config(charm: ops.CharmBase, model: type[Model]) -> Model:
    """Return the charm's options as a typed model.

    Raises:
        NotReadyError: an option is invalid. The status names the option and the reason.
    """
    try:
        return charm.load_config(model)
    except ValueError as error:
        raise NotReadyError(ops.BlockedStatus(f"config option {_explain(error)}")) from error


def read_databag(
    relation: ops.Relation, owner: ops.Application | ops.Unit, model: type[Model]
) -> Model:
    """Return the databag of an application or a unit, whose values are JSON, as a typed model.

    Raises:
        NotReadyError: a field is invalid. The status names the endpoint, the owner of the
            databag, the field and the reason.
    """
    try:
        return relation.load(model, owner, decoder=_decode_json)
    except ValueError as error:
        message = f"{relation.name}: {owner.name} sent an invalid {_explain(error)}"
        raise NotReadyError(ops.BlockedStatus(message)) from error


class _NotJson:
    """Replaces a value that is not JSON. No field accepts this type, so validation fails."""


def _decode_json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # RecursionError: the value is nested too deeply.
        return _NotJson()


def _explain(error: ValueError) -> str:
    """Return the first invalid field and the reason.

    This leaves out the value, because it may be long or secret.
    """
    if not isinstance(error, pydantic.ValidationError):
        return str(error)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return f"{field}: {'it is not JSON' if isinstance(first['input'], _NotJson) else reason}"
