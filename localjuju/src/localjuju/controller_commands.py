"""The ``juju`` commands on the controller and its client: switch, controllers, version and others.

These commands have no ``--model`` option.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localjuju import model_reference
from localjuju.command import CommandError, Output, Parser, dump, table
from localjuju.controller import Controller

CLOUD = "localhost"
"""The name of the only cloud, of its only region, and of its credential."""


class ControllerCommands:
    """Runs these commands on one controller."""

    def __init__(self, controller: Controller):
        self.controller = controller
        self._version = controller.behaviour.version

    def switch(self, arguments: list[str]) -> Output:
        parser = Parser("switch")
        parser.add_argument("target", nargs="?", default="")
        target = parser.parse_args(arguments).target
        controller = self.controller
        before = self._current_name
        if not target:
            return Output(f"{before.removesuffix(' (controller)')}\n")
        if target.removesuffix(":") == controller.name:
            return Output(stderr=f"{before} (no change)\n")
        named_controller, name = model_reference.split(target)
        model_reference.check_controller(controller, named_controller)
        try:
            found = model_reference.find_model(controller, name)
        except CommandError:
            message = f'ERROR "{target}" is not the name of a model or controller'
            raise CommandError(message) from None
        controller.current_model = found.model.name
        unchanged = self._current_name == before
        message = f"{before} (no change)" if unchanged else f"{before} -> {self._current_name}"
        return Output(stderr=f"{message}\n")

    @property
    def _current_name(self) -> str:
        """Return the name of the current model or, if there is none, of the controller."""
        name = self.controller.current_model
        if name is None:
            return f"{self.controller.name} (controller)"
        return model_reference.full_name(self.controller, name)

    def controllers(self, arguments: list[str]) -> Output:
        parser = Parser("controllers")
        parser.add_argument("--refresh", action="store_true")
        parser.add_argument("--managed", action="store_true")
        parser.add_argument("--format", default="tabular", choices=["json", "tabular", "yaml"])
        options = parser.parse_args(arguments)
        name, current = self.controller.name, self.controller.current_model
        models = self.controller.models.values()
        if options.format != "tabular":
            described: dict[str, Any] = {
                "current-model": current and model_reference.qualified(current),
                "user": model_reference.USER,
                "access": "superuser",
                "uuid": self.controller.uuid,
                "api-endpoints": [self.controller.network.api_endpoint],
                "cloud": CLOUD,
                "region": CLOUD,
                "agent-version": self._version,
                "model-count": len(models),
                "machine-count": sum(len(one.model.machines) for one in models),
            }
            described = {key: value for key, value in described.items() if value is not None}
            listed = {"controllers": {name: described}, "current-controller": name}
            return Output(dump(listed, options.format))
        # Nodes are the machines on which the controller runs. There is one.
        heads = ("Controller", "Model", "User", "Access", "Cloud/Region")
        row = (f"{name}*", current or "-", model_reference.USER, "superuser", f"{CLOUD}/{CLOUD}")
        heads += ("Models", "Nodes", "HA", "Version")
        row += (str(len(models)), "1", "none", self._version)
        hint = "Use --refresh option with this command to see the latest information.\n\n"
        printed = table([heads, row], right=("Models", "Nodes", "HA"))
        return Output(hint * (not options.refresh) + printed)

    def show_controller(self, arguments: list[str]) -> Output:
        parser = Parser("show-controller")
        parser.add_argument("names", nargs="*")
        parser.add_argument("--format", default="yaml", choices=["json", "yaml"])
        options = parser.parse_args(arguments)
        for name in options.names:
            model_reference.check_controller(self.controller, name)
        current = self.controller.current_model
        described: dict[str, Any] = {
            "details": {
                "controller-uuid": self.controller.uuid,
                "api-endpoints": [self.controller.network.api_endpoint],
                "cloud": CLOUD,
                "region": CLOUD,
                "agent-version": self._version,
            },
            "models": {
                name: {
                    "model-uuid": runner.model.uuid,
                    "machine-count": len(runner.model.machines),
                    "unit-count": len(runner.model.units),
                }
                for name, runner in self.controller.models.items()
            },
            "account": {"user": model_reference.USER, "access": "superuser"},
        }
        if current:
            described["current-model"] = model_reference.qualified(current)
        return Output(dump({self.controller.name: described}, options.format))

    def whoami(self, arguments: list[str]) -> Output:
        parser = Parser("whoami")
        parser.add_argument("--format", default="tabular", choices=["json", "tabular", "yaml"])
        style = parser.parse_args(arguments).format
        described = {"controller": self.controller.name, "user": model_reference.USER}
        current = self.controller.current_model
        if current:
            described["model"] = current
        if style != "tabular":
            return Output(dump(described, style))
        rows = [("Controller:", self.controller.name)]
        rows += [("Model:", current or "<no-current-model>"), ("User:", model_reference.USER)]
        return Output(table(rows))

    def version(self, arguments: list[str]) -> Output:
        parser = Parser("version")
        parser.add_argument("--all", action="store_true")
        parser.add_argument("--format", default="smart", choices=["json", "smart", "yaml"])
        options = parser.parse_args(arguments)
        version = f"{self._version}-genericlinux-amd64"
        if not options.all:
            return Output(f'"{version}"\n' if options.format == "json" else f"{version}\n")
        described = {"version": version, "compiler": "localjuju", "official": False}
        return Output(dump(described, options.format))


COMMANDS: dict[str, Callable[[ControllerCommands, list[str]], Output]] = {
    "controllers": ControllerCommands.controllers,
    "list-controllers": ControllerCommands.controllers,
    "show-controller": ControllerCommands.show_controller,
    "switch": ControllerCommands.switch,
    "version": ControllerCommands.version,
    "whoami": ControllerCommands.whoami,
}
