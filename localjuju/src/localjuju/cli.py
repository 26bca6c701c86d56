"""The program ``localjuju``: opens a shell, runs a command, or writes the page of a run."""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from localjuju import server_process
from localjuju.server_process import ServerError, ServerSession

DESCRIPTION = "Run Juju charms without a controller."
SHELL = "Open a shell with a juju command that runs charms on this computer."
RUN = "Run one command with a juju command that runs charms on this computer."
PAGE = "Write the page of a run: an HTML file to read in a browser."
SERIES = ("3.6", "4.0")
"""The same as in :mod:`localjuju.versions`, which is slow to import."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["page"]:
        from localjuju import page  # Slow to import, and only needed here.

        return page.main(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        if options.action == "shell":
            return _shell(options)
        return _run(options)
    except ServerError as error:
        print(f"localjuju: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localjuju", description=DESCRIPTION)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("page", help=PAGE, add_help=False)
    shell = actions.add_parser("shell", help=SHELL, description=SHELL)
    shell.add_argument(
        "--join",
        nargs="?",
        type=int,
        const=0,
        metavar="NUMBER",
        help="join a shell that is open already; its number is needed if there are several",
    )
    _add_server_options(shell)
    run = actions.add_parser("run", help=RUN, description=RUN)
    _add_server_options(run)
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    return parser


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--juju", choices=SERIES, default="3.6", help="the Juju version to behave like"
    )
    parser.add_argument(
        "--page",
        type=pathlib.Path,
        metavar="FILE",
        help="write the page of the run at the end, one page for each model",
    )
    parser.add_argument(
        "--seed", type=int, help="chooses the order of hooks when Juju guarantees none"
    )
    parser.add_argument(
        "--runner",
        choices=["source", "packed"],
        default="source",
        help="run charms from their source folders, or packed .charm files themselves",
    )
    parser.add_argument(
        "--charms",
        type=pathlib.Path,
        help="the folder that holds the source folders of .charm files",
    )


def _start(options: argparse.Namespace) -> ServerSession:
    return server_process.start(options.juju, options.seed, options.charms, options.runner)


def _shell(options: argparse.Namespace) -> int:
    joins = options.join is not None
    with server_process.join(options.join or None) if joins else _start(options) as server:
        print(
            f"This shell's juju is localjuju {server}.\n"
            "Another terminal joins it with `localjuju shell --join`. "
            "All models are removed when the last of these shells ends.",
            flush=True,
        )
        shell = os.environ.get("SHELL", "/bin/sh")
        # An interactive shell ignores SIGTERM, but not SIGHUP (the terminal is closed).
        return _run_program_on(server, [shell], options.page, {signal.SIGTERM: "SIGHUP"})


def _run(options: argparse.Namespace) -> int:
    command = options.command[options.command[:1] == ["--"] :]
    if not command:
        print("localjuju: give the command to run after --", file=sys.stderr)
        return 2
    with _start(options) as server:
        return _run_program_on(server, command, options.page, {})


def _run_program_on(
    server: ServerSession,
    command: list[str],
    page: pathlib.Path | None,
    replacements: Mapping[int, str],
) -> int:
    """Run a program in this terminal, write the page if wanted, and return its status."""
    status = _run_program(command, server.environment(os.environ), replacements)
    if page:
        print(server.write_page(page), end="", flush=True)
    return status


def _run_program(
    command: list[str], environment: dict[str, str], replacements: Mapping[int, str]
) -> int:
    """Run a program in this terminal.

    Args:
        command: the program and its arguments.
        environment: its variables.
        replacements: the name of the signal to send in place of the given one.

    Returns:
        The exit status, or 128 plus the number of the signal that ended the program.
    """
    for ignored in (signal.SIGINT, signal.SIGQUIT):
        # The terminal sends these signals to the program too, which decides what to do. Do not
        # use SIG_IGN, because the program would inherit it.
        signal.signal(ignored, lambda *_: None)
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        print(f"localjuju: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127

    def pass_on(number: int, _: object) -> None:
        process.send_signal(signal.Signals[replacements.get(number, signal.Signals(number).name)])

    for passed_on in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(passed_on, pass_on)
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
