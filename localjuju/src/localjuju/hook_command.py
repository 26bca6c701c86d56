"""A hook command as a program on PATH. It asks the hook's process, and prints the answer.

:mod:`localjuju.hook_programs` copies this file once for each hook command. It imports only a part
of the standard library, so it starts in milliseconds.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Send the command's name and arguments, print the answer, and return the exit status."""
    command = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    # "-" alone is a key of relation-get. Reading stdin then would take the input of a script.
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
