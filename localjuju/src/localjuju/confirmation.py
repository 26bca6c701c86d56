"""What the ``juju`` command asks before it removes something."""

from __future__ import annotations

from collections.abc import Mapping

from localjuju import model_config
from localjuju.command import TERMINAL, CommandError


def _ask(question: str) -> str:
    """Ask, and return the line that is answered; an empty one at the end of the input."""
    terminal = TERMINAL.get()
    if terminal.write:
        terminal.write(question)
    return terminal.read_stdin().partition("\n")[0].strip()


def confirm_name(warning: str, name: str, kind: str, subject: str) -> None:
    """Have the user type the name of what is removed.

    Args:
        warning: what is going to happen.
        name: that has to be typed.
        kind: what it is the name of.
        subject: what is given up where it is not typed.

    Raises:
        CommandError: something else is answered, or nothing.
    """
    question = f"{warning}\nTo continue, enter the name of the {kind} to be unregistered: "
    if _ask(question) != name:
        raise CommandError(f"{_unless_shown(question)}ERROR {subject}: aborted")


def confirm(actions: str, subject: str, settings: Mapping[str, str], no_prompt: bool) -> str:
    """Have the user agree to what a command is going to do, unless that is not wanted.

    Args:
        actions: what is going to happen, a line each.
        subject: what is given up where the user does not agree.
        settings: the model's options; ``mode`` says whether to ask.
        no_prompt: the command has said not to.

    Returns:
        What is still to be printed: the actions, where they were not part of a question.

    Raises:
        CommandError: the answer is not yes.
    """
    if no_prompt or not model_config.asks_first(settings):
        return actions
    agree(f"WARNING This command will perform the following actions:\n{actions}\n", subject)
    return ""


def agree(warning: str, subject: str) -> None:
    """Have the user agree to what a warning says.

    Args and raises as of :func:`confirm`.
    """
    question = f"{warning}Continue [y/N]? "
    if _ask(question).lower() not in ("y", "yes"):
        raise CommandError(f"{_unless_shown(question)}ERROR {subject}: aborted")


def _unless_shown(question: str) -> str:
    """Return the question for the error, where the user could not see it before."""
    return "" if TERMINAL.get().write else question
