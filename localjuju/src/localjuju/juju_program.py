"""The ``juju`` program: has a server of localjuju carry out one command, and prints what it says.

It is copied to a folder on PATH by :mod:`localjuju.server`, and starts in milliseconds because it
needs nothing but a part of the standard library.
"""

import json
import os
import signal
import socket
import sys

VARIABLE = "LOCALJUJU_SOCKET"


def main() -> int:
    """Send the command, print what comes back, and return the command's exit status."""
    # Ctrl-C ends this program, and the server then forgets the command.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    address = os.environ.get(VARIABLE, "")
    if not address:
        return fail("this juju is localjuju's: it works inside `localjuju shell`")
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
            with connection.makefile("rw") as stream:
                return converse(stream)
        except (OSError, ValueError):
            return fail(f"the server of localjuju at {address} has ended, and its models with it")


def converse(stream) -> int:
    """Exchange one JSON object a line with the server, until it sends the exit status."""
    send(
        stream,
        arguments=sys.argv[1:],
        folder=os.getcwd(),
        model=os.environ.get("JUJU_MODEL", ""),
        is_typed=sys.stdin.isatty(),
        is_screen=sys.stdout.isatty(),
    )
    while True:
        # A line that is no JSON, because the server is gone, is a ValueError.
        reply = json.loads(stream.readline())
        if "exit" in reply:
            return reply["exit"]
        if "wants_stdin" in reply:
            # Who types answers with a line; a file, or what another program says, is read whole.
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
    """Say why there is no answer."""
    sys.stderr.write(f"ERROR {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
