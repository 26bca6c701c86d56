"""The hook commands for ports and addresses: ``open-port``, ``network-get`` and so on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localjuju.hook_arguments import Call, HookCommandError, Switch, ValueOption, usage_error
from localjuju.hook_output import SMART
from localjuju.uniter import Uniter

ALL_ENDPOINTS = ""
"""In the endpoints of a port: all endpoints of the application."""


class NetworkHookCommands:
    """Answers these commands in one hook of one unit. Ports change only if the hook succeeds."""

    def __init__(self, uniter: Uniter, relation_option: Callable[[], ValueOption]):
        """Prepare the commands.

        Args:
            uniter: the agent of the unit.
            relation_option: returns the option that names a relation.
        """
        self._unit = uniter.unit
        self._model = uniter.model
        self._relation_option = relation_option
        self._ports = {port: set(endpoints) for port, endpoints in self._unit.ports.items()}

    def apply(self) -> None:
        """Open and close the ports."""
        self._unit.ports = self._ports

    # Ports

    def open(self, call: Call) -> str:
        port, endpoints = self._parse(call)
        self._check_conflicts("open", port)
        opened = self._ports.setdefault(port, set())
        opened |= endpoints
        if ALL_ENDPOINTS in opened:
            self._ports[port] = {ALL_ENDPOINTS}
        return ""

    def close(self, call: Call) -> str:
        port, endpoints = self._parse(call)
        self._check_conflicts("close", port)
        opened = self._ports.pop(port, set())
        if ALL_ENDPOINTS in opened:
            opened = set(self._unit.charm.endpoints)
        left = set() if ALL_ENDPOINTS in endpoints else opened - endpoints
        if left:
            self._ports[port] = left
        return ""

    def opened(self, call: Call) -> str:
        options = call.parse(Switch("endpoints"), formats=SMART)
        found = sorted(self._ports, key=_order)
        if options.endpoints:
            found = [f"{port} ({self._endpoints(port)})" for port in found]
        return options.printed(tuple(found))

    def _endpoints(self, port: str) -> str:
        opened = self._ports[port]
        return "*" if ALL_ENDPOINTS in opened else ", ".join(sorted(opened))

    def _parse(self, call: Call) -> tuple[str, set[str]]:
        # Juju accepts --format here, and ignores it.
        options = call.parse(
            ValueOption("endpoints", default=""), ValueOption("format"), takes=["port"]
        )
        if options.port is None:
            raise usage_error("no port or range specified")
        return _port(options.port.lower()), self._read_endpoints(options.endpoints)

    def _read_endpoints(self, listed: str) -> set[str]:
        if not listed:
            return {ALL_ENDPOINTS}
        endpoints = {name.strip() for name in listed.split(",")}
        for name in sorted(endpoints - set(self._unit.charm.endpoints)):
            raise HookCommandError(
                f'application "{self._unit.application.name}" has no endpoint "{name}"'
            )
        return endpoints

    def _check_conflicts(self, verb: str, port: str) -> None:
        """Refuse a range that overlaps with another one on the machine.

        The same range of the same unit does not conflict.
        """
        neighbours = [u for u in self._model.units.values() if u.machine is self._unit.machine]
        for unit in neighbours:
            own = unit is self._unit
            before = self._unit.ports if own else unit.ports
            for other in sorted(self._ports if own else unit.ports, key=_order):
                if not _overlap(port, other) or (own and port == other):
                    continue
                earlier = "" if other in before else " requested earlier"
                raise HookCommandError(
                    f'cannot {verb} {port} (unit "{self._unit.name}"): port range conflicts '
                    f'with {other} (unit "{unit.name}"){earlier}'
                )

    # Addresses

    def get_network(self, call: Call) -> str:
        asked_for = ("bind-address", "ingress-address", "egress-subnets")
        options = call.parse(
            self._relation_option(),
            Switch("primary-address"),
            *map(Switch, asked_for),
            takes=["binding"],
            formats=SMART,
        )
        if options.binding is None:
            raise usage_error("no arguments specified")
        if not options.binding:
            raise usage_error("no binding name specified")
        if options.binding not in self._unit.charm.bindings:
            problem = f'binding name "{options.binding}" not defined by the unit\'s charm'
            raise HookCommandError(problem)
        address = self._unit.machine.address
        subnets = (f"{address}/32",)
        values = dict(zip(asked_for, (address, address, subnets), strict=True))
        asked = {n: v for n, v in values.items() if getattr(options, n.replace("-", "_"))}
        if options.primary_address:
            if asked:
                raise HookCommandError("--primary-address must be the only flag specified")
            return options.printed(address)
        if len(asked) == 1:
            return options.printed(next(iter(asked.values())))
        if asked:
            return options.printed(
                {name: list(v) if isinstance(v, tuple) else v for name, v in asked.items()}
            )
        return options.printed(_network(address, options.format == "json"), in_order=True)

    def get_address(self, call: Call) -> str:
        options = call.parse(takes=["setting"], formats=SMART)
        if options.setting is None:
            raise usage_error("no setting specified")
        if options.setting not in ("private-address", "public-address"):
            raise usage_error(f'unknown setting "{options.setting}"')
        return options.printed(self._unit.machine.address)


COMMANDS: dict[str, Callable[[NetworkHookCommands, Call], str]] = {
    "close-port": NetworkHookCommands.close,
    "network-get": NetworkHookCommands.get_network,
    "open-port": NetworkHookCommands.open,
    "opened-ports": NetworkHookCommands.opened,
    "unit-get": NetworkHookCommands.get_address,
}


def _network(address: str, as_json: bool) -> dict[str, Any]:
    """Describe an address as network-get does. Its YAML also has the old names of three keys."""
    where: dict[str, Any] = {"hostname": "", "value": address, "cidr": f"{address}/32"}
    device: dict[str, Any] = {"mac-address": "", "interface-name": "lo", "addresses": [where]}
    if not as_json:
        where["address"] = address
        device.update(macaddress="", interfacename="lo")
    return {
        "bind-addresses": [device],
        "egress-subnets": [f"{address}/32"],
        "ingress-addresses": [address],
    }


def _port(text: str) -> str:
    """Return a port or a range of ports in Juju's notation: ``80/tcp``, ``80-90/udp``, ``icmp``.

    Raises:
        HookCommandError: the text is not a port or a range of ports.
    """
    ports, slash, protocol = text.partition("/")
    protocol = protocol if slash else "tcp"
    if ports == "icmp":
        return "icmp"
    bounds = ports.split("-") if ports.count("-") == 1 else [ports]
    for bound in bounds:
        if not re.fullmatch(r"\d+", bound):
            problem = f'strconv.Atoi: parsing "{bound}": invalid syntax'
            raise usage_error(f'invalid port "{bound}": {problem}')
    first, last = int(bounds[0]), int(bounds[-1])
    if protocol == "icmp":
        problem = f'protocol "icmp" doesn\'t support any ports; got "{first}"'
        raise usage_error(problem)
    if protocol not in ("tcp", "udp"):
        problem = f'invalid protocol "{protocol}", expected "tcp", "udp", or "icmp"'
        raise usage_error(problem)
    written = f"{first}/{protocol}" if first == last else f"{first}-{last}/{protocol}"
    if first > last:
        raise usage_error(f"invalid port range {written}")
    if first < 1 or last > 65535:
        problem = f"port range bounds must be between 1 and 65535, got {first}-{last}"
        raise usage_error(problem)
    return written


def _order(port: str) -> tuple[str, int]:
    """Return the sort key of a port: the protocol, then the number."""
    ports, _, protocol = port.partition("/")
    return protocol, int(ports.partition("-")[0]) if protocol else 0


def _overlap(one: str, other: str) -> bool:
    """Whether two ranges have a port in common. For Juju, icmp always overlaps with icmp."""
    if one.rpartition("/")[2] != other.rpartition("/")[2]:
        return False
    if one == "icmp":
        return True
    (first, last), (other_first, other_last) = _bounds(one), _bounds(other)
    return first <= other_last and other_first <= last


def _bounds(port: str) -> tuple[int, int]:
    first, _, last = port.partition("/")[0].partition("-")
    return int(first), int(last or first)
