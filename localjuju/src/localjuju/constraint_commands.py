"""The ``juju`` commands on constraints of applications and of the model."""

from __future__ import annotations

from collections.abc import Callable

from localjuju import constraints
from localjuju.command import CommandError, Output, Parser, dump
from localjuju.constraints import Constraints
from localjuju.model import Application
from localjuju.model_runner import ModelRunner


class ConstraintCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.model = runner.model

    def constraints(self, arguments: list[str]) -> Output:
        parser = Parser("constraints")
        parser.add_argument("application", nargs="?")
        return _print(parser, arguments, lambda o: self._application(o.application).constraints)

    def set_constraints(self, arguments: list[str]) -> Output:
        parser = Parser("set-constraints")
        parser.add_argument("application", nargs="?")
        parser.add_argument("constraints", nargs="*")
        options = parser.parse_args(arguments)
        wanted = read_constraints(options.constraints, 2)
        self._application(options.application).constraints = wanted
        return Output()

    def model_constraints(self, arguments: list[str]) -> Output:
        return _print(Parser("model-constraints"), arguments, lambda _: self.model.constraints)

    def set_model_constraints(self, arguments: list[str]) -> Output:
        parser = Parser("set-model-constraints")
        parser.add_argument("constraints", nargs="*")
        self.model.constraints = read_constraints(parser.parse_args(arguments).constraints, 2)
        return Output()

    def _application(self, name: str | None) -> Application:
        if name is None:
            raise CommandError("ERROR no application name specified", 2)
        if name not in self.model.applications:
            raise CommandError(f'ERROR application "{name}" not found (not found)')
        return self.model.applications[name]


COMMANDS: dict[str, Callable[[ConstraintCommands, list[str]], Output]] = {
    "constraints": ConstraintCommands.constraints,
    "model-constraints": ConstraintCommands.model_constraints,
    "set-constraints": ConstraintCommands.set_constraints,
    "set-model-constraints": ConstraintCommands.set_model_constraints,
}


def read_constraints(texts: list[str], returncode: int = 1) -> Constraints:
    """Read the constraints that a command was given.

    Raises:
        CommandError: a constraint cannot be read. The command exits with ``returncode``.
    """
    try:
        return constraints.parse(texts)
    except constraints.ConstraintError as error:
        raise CommandError(f"ERROR {error}", returncode) from None


def _print(parser: Parser, arguments: list[str], find: Callable[..., Constraints]) -> Output:
    parser.add_argument("--format", default="constraints", choices=["constraints", "json", "yaml"])
    options = parser.parse_args(arguments)
    found = find(options)
    if options.format != "constraints":
        return Output(dump(found, options.format))
    printed = constraints.to_text(found)
    return Output(f"{printed}\n" if printed else "")
