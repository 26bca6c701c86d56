"""The ``juju`` commands on a model: model-config."""

from __future__ import annotations

from collections.abc import Callable

from localjuju import model_config
from localjuju.command import CommandError, Output, Parser, dump, pair, table
from localjuju.model_runner import ModelRunner


class ModelCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model

    def model_config(self, arguments: list[str]) -> Output:
        parser = Parser("model-config")
        parser.add_argument("settings", nargs="*")
        parser.add_argument("--reset", action="append", default=[])
        parser.add_argument("--format", default="tabular")
        options = parser.parse_args(arguments)
        sets = dict(pair(text) for text in options.settings if "=" in text)
        resets = [key for keys in options.reset for key in keys.split(",")]
        if not sets and not resets:
            return self._print_model_config(options.settings, options.format)
        changed = {**self.model.config, **sets}
        for key in resets:
            changed.pop(key, None)
        try:
            model_config.check(changed)
        except model_config.ModelConfigError as error:
            raise CommandError(f"ERROR {error}") from None
        self.model.config = changed
        self.runner.agents.allow_retries()
        unknown = sorted(key for key in sets if key not in model_config.DEFAULTS)
        return Output(
            stderr="".join(
                f'WARNING key "{key}" is not defined in the current model configuration: '
                "possible misspelling\n"
                for key in unknown
            )
        )

    def _print_model_config(self, keys: list[str], style: str) -> Output:
        everything = {**model_config.DEFAULTS, **self.model.config}
        for key in keys:
            if key not in everything:
                raise CommandError(f'ERROR key "{key}" not found in "{self.model.name}" model.')
            return Output(f"{everything[key]}\n")
        described = {
            key: {"Value": value, "Source": "model" if key in self.model.config else "default"}
            for key, value in sorted(everything.items())
        }
        if style != "tabular":
            return Output(dump(described, style))
        rows = [(key, one["Source"], one["Value"]) for key, one in described.items()]
        return Output(table([("Attribute", "From", "Value"), *rows]))


COMMANDS: dict[str, Callable[[ModelCommands, list[str]], Output]] = {
    "model-config": ModelCommands.model_config,
}
