"""Reads the name of a model: ``[<controller>:][<user>/]<model>``, or its UUID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localjuju.command import CommandError

if TYPE_CHECKING:
    from localjuju.controller import Controller
    from localjuju.model_runner import ModelRunner

USER = "admin"
"""The only user, who owns every model."""

SHORTEST_UUID = 6
"""The smallest number of characters of a UUID that can name a model."""

NO_MODEL = """\
ERROR No model in focus.

Please use "juju models" to see models available to you.
You can set current model by running "juju switch"
or specify any other model on the command line using the "-m" option.
"""


def split(reference: str) -> tuple[str, str]:
    """Split off the controller's name, which is empty if none is given."""
    controller, separator, model = reference.rpartition(":")
    return (controller, model) if separator else ("", reference)


def qualified(name: str) -> str:
    """Return a model's name with its owner."""
    return f"{USER}/{name}"


def full_name(controller: Controller, name: str) -> str:
    """Return a model's name with its controller and its owner."""
    return f"{controller.name}:{qualified(name)}"


def check_controller(controller: Controller, name: str | None) -> None:
    """Raise a CommandError if the name is another controller's."""
    if name and name != controller.name:
        raise CommandError(f"ERROR controller {name} not found")


def find_model(controller: Controller, reference: str | None) -> ModelRunner:
    """Find a model, or the current model if ``reference`` is None.

    Raises:
        CommandError: the model does not exist, or there is no current model.
    """
    named_controller, name = split(reference or "")
    check_controller(controller, named_controller)
    name = name or controller.current_model or ""
    if not name:
        raise CommandError(NO_MODEL)
    short = name.removeprefix(f"{USER}/")
    if short in controller.models:
        return controller.models[short]
    for runner in controller.models.values():
        if len(name) >= SHORTEST_UUID and runner.model.uuid.startswith(name):
            return runner
    missing = name if "/" in name else qualified(name)
    raise CommandError(f"ERROR model {controller.name}:{missing} not found")
