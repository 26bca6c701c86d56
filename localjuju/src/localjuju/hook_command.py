"""A hook command as a program on PATH: asks the process that runs the hook, and prints the answer.

It is copied, once for each command, by :mod:`localjuju.hook_programs`, and starts in milliseconds
because it needs nothing but a part of the standard library.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Ask what the command's name and arguments say, and return the exit status."""
    command = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    # Not "-" alone, which is a key of relation-get: a script may want its input for itself.
    reads_stdin = "--file=-" in command or ("--file" in command and "-" in command)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["JUJU_AGENT_SOCKET_ADDRESS"])
        with connection.makefile("rw") as stream:
            stdin = sys.stdin.read() if reads_stdin else ""
            request = {"command": command, "stdin": stdin, "directory": os.getcwd()}
            print(json.dumps(request), file=stream, flush=True)
            reply = json.loads(stream.readline())
    sys.stdout.write(reply["stdout"])
    sys.stderr.write(reply["stderr"])
    return reply["returncode"]


if __name__ == "__main__":
    sys.exit(main())
