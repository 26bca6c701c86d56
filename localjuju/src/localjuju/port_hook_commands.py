"""The hook commands on ports: open-port, close-port, opened-ports."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from localjuju.hook_arguments import HookCommandError, parser_of, printed
from localjuju.model import Unit

ALL = ""
"""Stands for every endpoint of the application."""


class PortHookCommands:
    """Answers them in one hook of one unit. They take effect when the hook succeeds."""

    def __init__(self, unit: Unit):
        self._unit = unit
        self._ports = {port: set(endpoints) for port, endpoints in unit.ports.items()}

    def apply(self) -> None:
        """Open and close the ports."""
        self._unit.ports = self._ports

    def open(self, arguments: list[str]) -> str:
        port, endpoints = self._parse("open-port", arguments)
        opened = self._ports.setdefault(port, set())
        opened |= endpoints
        if ALL in opened:
            self._ports[port] = {ALL}
        return ""

    def close(self, arguments: list[str]) -> str:
        port, endpoints = self._parse("close-port", arguments)
        opened = self._ports.pop(port, set())
        if ALL in opened:
            opened = set(self._unit.charm.endpoints)
        left = set() if ALL in endpoints else opened - endpoints
        if left:
            self._ports[port] = left
        return ""

    def opened(self, arguments: list[str]) -> str:
        parser = parser_of("opened-ports")
        parser.add_argument("--endpoints", action="store_true")
        options = parser.parse_args(arguments)
        found = sorted(self._ports, key=_order)
        if options.endpoints:
            found = [f"{port} ({self._endpoints(port)})" for port in found]
        return printed(found, options.format)

    def _endpoints(self, port: str) -> str:
        opened = self._ports[port]
        return "*" if ALL in opened else ", ".join(sorted(opened))

    def _parse(self, command: str, arguments: list[str]) -> tuple[str, set[str]]:
        parser = parser_of(command)
        parser.add_argument("--endpoints", default="")
        parser.add_argument("port", nargs="?")
        options = parser.parse_args(arguments)
        if not options.port:
            raise HookCommandError("no port or range specified", 2)
        return _port(options.port.lower()), self._named(options)

    def _named(self, options: argparse.Namespace) -> set[str]:
        if not options.endpoints:
            return {ALL}
        endpoints = {name.strip() for name in options.endpoints.split(",")}
        for name in sorted(endpoints - set(self._unit.charm.endpoints)):
            raise HookCommandError(
                f'application "{self._unit.application.name}" has no endpoint "{name}"'
            )
        return endpoints


COMMANDS: dict[str, Callable[[PortHookCommands, list[str]], str]] = {
    "close-port": PortHookCommands.close,
    "open-port": PortHookCommands.open,
    "opened-ports": PortHookCommands.opened,
}


def _port(text: str) -> str:
    """Return a port or a range of ports as Juju writes it: ``80/tcp``, ``80-90/udp``, ``icmp``.

    Raises:
        HookCommandError: it is none.
    """
    ports, slash, protocol = text.partition("/")
    protocol = protocol if slash else "tcp"
    if ports == "icmp":
        return "icmp"
    bounds = ports.split("-") if ports.count("-") == 1 else [ports]
    for bound in bounds:
        if not re.fullmatch(r"\d+", bound):
            problem = f'strconv.Atoi: parsing "{bound}": invalid syntax'
            raise HookCommandError(f'invalid port "{bound}": {problem}', 2)
    first, last = int(bounds[0]), int(bounds[-1])
    if protocol == "icmp":
        problem = f'protocol "icmp" doesn\'t support any ports; got "{first}"'
        raise HookCommandError(problem, 2)
    if protocol not in ("tcp", "udp"):
        problem = f'invalid protocol "{protocol}", expected "tcp", "udp", or "icmp"'
        raise HookCommandError(problem, 2)
    written = f"{first}/{protocol}" if first == last else f"{first}-{last}/{protocol}"
    if first > last:
        raise HookCommandError(f"invalid port range {written}", 2)
    if first < 1 or last > 65535:
        problem = f"port range bounds must be between 1 and 65535, got {first}-{last}"
        raise HookCommandError(problem, 2)
    return written


def _order(port: str) -> tuple[str, int]:
    """Sort key of ports: by protocol, then by number."""
    ports, _, protocol = port.partition("/")
    return protocol, int(ports.partition("-")[0]) if protocol else 0
