"""The questions that the ``juju`` command asks before it removes something."""

from __future__ import annotations

from collections.abc import Mapping

from localjuju import model_config
from localjuju.command import TERMINAL, CommandError


def _ask(question: str) -> str:
    """Ask a question, and return the answer. Return an empty string at the end of input."""
    terminal = TERMINAL.get()
    if terminal.write:
        terminal.write(question)
    return terminal.read_stdin().partition("\n")[0].strip()


def confirm_name(warning: str, name: str, kind: str, subject: str) -> None:
    """Ask the user to type the name of the thing to remove.

    Args:
        warning: what the command will do.
        name: the name that the user has to type.
        kind: the kind of thing, such as "model".
        subject: what is aborted if the answer is wrong, such as "model destruction".

    Raises:
        CommandError: the answer is not the name.
    """
    question = f"{warning}\nTo continue, enter the name of the {kind} to be unregistered: "
    if _ask(question) != name:
        raise CommandError(f"{_unless_shown(question)}ERROR {subject}: aborted")


def confirm(actions: str, subject: str, settings: Mapping[str, str], no_prompt: bool) -> str:
    """Ask the user to confirm a command, unless the options or the model say not to ask.

    Args:
        actions: what the command will do, one action a line.
        subject: what is aborted if the user does not agree, such as "unit removal".
        settings: the model's configuration. ``mode`` says whether to ask.
        no_prompt: whether the command has the option ``--no-prompt``.

    Returns:
        The text that the command still has to print: the actions if no question showed them.

    Raises:
        CommandError: the answer is not yes.
    """
    if no_prompt or not model_config.asks_for_confirmation(settings):
        return actions
    ask_to_continue(
        f"WARNING This command will perform the following actions:\n{actions}\n", subject
    )
    return ""


def ask_to_continue(warning: str, subject: str) -> None:
    """Show a warning, and ask the user whether to continue.

    Args:
        warning: what the command will do.
        subject: what is aborted if the user does not agree.

    Raises:
        CommandError: the answer is not yes.
    """
    question = f"{warning}Continue [y/N]? "
    if _ask(question).lower() not in ("y", "yes"):
        raise CommandError(f"{_unless_shown(question)}ERROR {subject}: aborted")


def _unless_shown(question: str) -> str:
    """Return the question for the error message if the user has not seen it yet."""
    return "" if TERMINAL.get().write else question
