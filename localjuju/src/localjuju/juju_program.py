"""The ``juju`` program: sends one command to a server of localjuju, and prints the output.

:mod:`localjuju.server` copies this file to a folder on PATH. It imports only a part of the
standard library, so it starts in milliseconds.
"""

import json
import os
import signal
import socket
import sys

SOCKET_VARIABLE = "LOCALJUJU_SOCKET"


def main() -> int:
    """Send the command, print its output, and return its exit status."""
    # Ctrl-C ends this program. The server then drops the command.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    address = os.environ.get(SOCKET_VARIABLE, "")
    if not address:
        return fail("this is the juju program of localjuju: it works inside `localjuju shell`")
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
            with connection.makefile("rw") as stream:
                return converse(stream)
        except (OSError, ValueError):
            return fail(f"the server of localjuju at {address} has ended, with all its models")


def converse(stream) -> int:
    """Exchange JSON objects with the server, one per line, until it sends the exit status."""
    send(
        stream,
        arguments=sys.argv[1:],
        folder=os.getcwd(),
        model=os.environ.get("JUJU_MODEL", ""),
        is_typed=sys.stdin.isatty(),
        is_screen=sys.stdout.isatty(),
    )
    while True:
        # If the server is gone, the line is empty, and this raises a ValueError.
        reply = json.loads(stream.readline())
        if "exit" in reply:
            return reply["exit"]
        if "wants_stdin" in reply:
            # A user at a terminal answers with a line. A file or a pipe is read to its end.
            typed = sys.stdin.readline() if sys.stdin.isatty() else sys.stdin.read()
            send(stream, stdin=typed)
        output = sys.stderr if "stderr" in reply else sys.stdout
        output.write(reply.get("stderr") or reply.get("stdout") or "")
        output.flush()


def send(stream, **message) -> None:
    """Write one message."""
    stream.write(json.dumps(message) + "\n")
    stream.flush()


def fail(reason: str) -> int:
    """Print why there is no answer, and return the exit status."""
    sys.stderr.write(f"ERROR {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
