"""``localjuju page``: writes the page of a run, or of two runs to compare."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence

from localjuju import recorded_run, run_data
from localjuju.html_page import page_of
from localjuju.run_data import Data, UnreadableRunError

DESCRIPTION = "Write the page of a run: an HTML file to step through in a browser."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to a parser."""
    parser.add_argument(
        "runs",
        nargs="+",
        type=pathlib.Path,
        metavar="RUN",
        help="a run as JSON, or a recording of a controller (.jsonl); two to compare them",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        help="the file to write; by default named after the first run, in this folder",
    )


def run(options: argparse.Namespace) -> int:
    """Write the page, and return the exit status.

    Args:
        options: the parsed arguments, see ``add_arguments``.
    """
    if len(options.runs) > 2:
        print("ERROR a page shows one run, or compares two", file=sys.stderr)
        return 2
    try:
        page = page_of([read_run(path) for path in options.runs])
        output = options.output or pathlib.Path(f"{options.runs[0].stem}.html")
        output.write_text(page)
    except OSError as error:
        print(f"ERROR {error.filename}: {(error.strerror or '').lower()}", file=sys.stderr)
        return 1
    except UnreadableRunError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    print(output)
    return 0


def read_run(path: pathlib.Path) -> Data:
    """Read a run from a file.

    Args:
        path: the file of a run as JSON, or of a recording if the name ends with ``.jsonl``.

    Raises:
        OSError: the file cannot be read.
        UnreadableRunError: the file does not contain a run. The message names the file.
    """
    try:
        text = path.read_text()
        if path.suffix == ".jsonl":
            return recorded_run.read(text, path.stem)
        return run_data.read(text)
    except ValueError as error:
        raise UnreadableRunError(f"cannot read a run from {path}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command as ``python -m localjuju.page``."""
    parser = argparse.ArgumentParser(prog="localjuju page", description=DESCRIPTION)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
