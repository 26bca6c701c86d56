"""The program ``localjuju``: a shell, or one command, whose ``juju`` works on this computer."""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from localjuju import server_process
from localjuju.server_process import KeptServer, ServerError

DESCRIPTION = "Run Juju charms with no controller."
SHELL = "Open a shell whose juju has a controller on this computer, with no model."
RUN = "Run one command whose juju has a controller on this computer, with no model."
PAGE = "Write the page of a run: an HTML file to step through in a browser."
SERIES = ("3.6", "4.0")
"""As in :mod:`localjuju.versions`, which takes long to load."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["page"]:
        from localjuju import page  # Takes long to load, and the others do without.

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
    parser.add_argument("--juju", choices=SERIES, default="3.6", help="whose behaviour it has")
    parser.add_argument(
        "--page",
        type=pathlib.Path,
        metavar="FILE",
        help="write the page of the run when it ends; one for each model if there are several",
    )
    parser.add_argument("--seed", type=int, help="chooses wherever Juju promises no order")
    parser.add_argument(
        "--runner",
        choices=["source", "packed"],
        default="source",
        help="run a charm from its folder, or a .charm file's own dispatch",
    )
    parser.add_argument(
        "--charms",
        type=pathlib.Path,
        help="folder with the source folders that .charm files stand for",
    )


def _start(options: argparse.Namespace) -> KeptServer:
    return server_process.start(options.juju, options.seed, options.charms, options.runner)


def _shell(options: argparse.Namespace) -> int:
    joins = options.join is not None
    with server_process.join(options.join or None) if joins else _start(options) as server:
        print(
            f"This shell's juju is localjuju {server}.\n"
            "Another terminal joins it with `localjuju shell --join`. "
            "All models end with the last of these shells.",
            flush=True,
        )
        shell = os.environ.get("SHELL", "/bin/sh")
        # An interactive shell ignores SIGTERM, but not that its terminal goes.
        return _run_program_on(server, [shell], options.page, {signal.SIGTERM: "SIGHUP"})


def _run(options: argparse.Namespace) -> int:
    command = options.command[options.command[:1] == ["--"] :]
    if not command:
        print("localjuju: no command is given to run", file=sys.stderr)
        return 2
    with _start(options) as server:
        return _run_program_on(server, command, options.page, {})


def _run_program_on(
    server: KeptServer, command: list[str], page: pathlib.Path | None, instead: Mapping[int, str]
) -> int:
    """Run a program in this terminal, write the page of what it did, and return its status."""
    status = _run_program(command, server.environment(os.environ), instead)
    if page:
        print(server.write_page(page), end="", flush=True)
    return status


def _run_program(
    command: list[str], environment: dict[str, str], instead: Mapping[int, str]
) -> int:
    """Run a program in this terminal.

    Args:
        command: the program and its arguments.
        environment: its variables.
        instead: the name of the signal that it gets in the place of one.

    Returns:
        The exit status; 128 and the number if a signal has ended it.
    """
    for ignored in (signal.SIGINT, signal.SIGQUIT):
        # The terminal sends them to the program too, which decides. (Not SIG_IGN, which it would
        # inherit.)
        signal.signal(ignored, lambda *_: None)
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        print(f"localjuju: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127

    def pass_on(number: int, _: object) -> None:
        process.send_signal(signal.Signals[instead.get(number, signal.Signals(number).name)])

    for passed_on in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(passed_on, pass_on)
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
