"""A syslog server that receives the forwarder's messages."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class SyslogReceiver:
    """Receives over UDP on a free port, and keeps every message.

    It replaces a real rsyslogd: AppArmor may deny rsyslogd access to the files of a test.
    """

    def __init__(self, address: str):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._messages: list[str] = []
        self.target = f"{address}:{self._socket.getsockname()[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[SyslogReceiver]:
        thread = threading.Thread(target=self._receive, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            # An empty message stops the thread. rsyslogd never sends one.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"", self._socket.getsockname())
            thread.join()
            self._socket.close()

    def _receive(self) -> None:
        while message := self._socket.recv(65536):
            self._messages.append(message.decode(errors="replace"))

    def programs(self, part: str) -> set[str]:
        """Return the programs (the fourth word, RFC 5424) of messages that contain ``part``."""
        return {message.split()[3] for message in self.lines(part)}

    def lines(self, part: str) -> list[str]:
        """Return the received messages that contain ``part``."""
        return [message for message in self._messages if part in message]
