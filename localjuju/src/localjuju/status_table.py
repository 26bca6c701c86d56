"""``juju status`` as text: tables, or one line for each unit.

The sections and columns are those of Juju 3.6.28 and 4.0.15, as recorded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from localjuju.command import table
from localjuju.model import Relation

Row = tuple[str, ...]

INDENT = "  "
WIDEST_VERSION = 15
TYPES = {"container": "subordinate", "global": "regular"}
HOOK = re.compile(r"running ([a-z-]+) hook")
ACTION = re.compile(r"running action (.*)")
SIZE_UNITS = ("MiB", "GiB", "TiB", "PiB")


def tabular(status: Mapping[str, Any], relations: Collection[Relation], storage: bool) -> str:
    """Return the sections that are not empty, with an empty line between them.

    Args:
        status: the result of :meth:`localjuju.status.StatusData.status`.
        relations: the relations to show.
        storage: whether to show the storage.
    """
    sections = [_model(status)]
    if saas := status.get("application-endpoints"):
        sections.append(_saas(saas))
    if applications := status["applications"]:
        sections.append(_applications(applications))
    units = [row for name in sorted(applications) for row in _units(applications[name])]
    if units:
        header = ("Unit", "Workload", "Agent", "Machine", "Public address", "Ports", "Message")
        sections.append(table([header, *units]))
    if status["machines"]:
        sections.append(_machines(status["machines"]))
    if offers := status.get("offers"):
        sections.append(_offers(offers))
    if relations:
        sections.append(_relations(relations))
    if storage and status["storage"]:
        sections.append(_storage(status["storage"]))
    return "\n".join(sections)


def _model(status: Mapping[str, Any]) -> str:
    model = status["model"]
    shown = {
        "Model": model["name"],
        "Controller": model["controller"],
        "Cloud/Region": f"{model['cloud']}/{model['region']}",
        "Version": model["version"],
    }
    if "sla" in model:
        shown["SLA"] = model["sla"]
    shown["Timestamp"] = status["controller"]["timestamp"]
    return table([tuple(shown), tuple(shown.values())])


def _saas(saas: Mapping[str, Any]) -> str:
    rows = [("SAAS", "Status", "Store", "URL")]
    for name, one in sorted(saas.items()):
        controller, _, path = one["url"].rpartition(":")
        rows.append((name, one["application-status"]["current"], controller or "local", path))
    return table(rows)


def _offers(offers: Mapping[str, Any]) -> str:
    """Print each offer with its first endpoint, and the other endpoints below it."""
    rows: list[Row] = [
        ("Offer", "Application", "Charm", "Rev", "Connected", "Endpoint", "Interface", "Role")
    ]
    for name, one in sorted(offers.items()):
        charm, _, revision = one["charm"].rpartition("-")
        counts = (one.get(f"{which}-connected-count", 0) for which in ("active", "total"))
        connected = "/".join(map(str, counts))
        about = (name, one["application"], charm.rpartition(":")[2], revision, connected)
        for endpoint, described in sorted(one["endpoints"].items()):
            rows.append((*about, endpoint, described["interface"], described["role"]))
            about = ("",) * len(about)
    return table(rows)


def _applications(applications: Mapping[str, Any]) -> str:
    rows = [
        (
            *("App", "Version", "Status", "Scale", "Charm"),
            *("Channel", "Rev", "Exposed", "Message"),
        )
    ]
    scales = _subordinates(applications)
    for name, one in sorted(applications.items()):
        version = one.get("version", "").split("\n")[0]
        if len(version) > WIDEST_VERSION:
            version = version[: WIDEST_VERSION - 3] + "..."
        rows.append(
            (
                *(name, version, one["application-status"]["current"]),
                str(len(one.get("units", {})) or scales.get(name, 0)),
                *(one["charm-name"], "", str(one["charm-rev"]), "yes" if one["exposed"] else "no"),
                one["application-status"].get("message", ""),
            )
        )
    return table(rows, right=("Scale", "Rev"))


def _subordinates(applications: Mapping[str, Any]) -> dict[str, int]:
    """Count the units of each subordinate application, below those of principals."""
    counts: dict[str, int] = {}
    for one in applications.values():
        for unit in one.get("units", {}).values():
            for name in unit.get("subordinates", {}):
                application = name.partition("/")[0]
                counts[application] = counts.get(application, 0) + 1
    return counts


def _units(application: Mapping[str, Any]) -> Iterator[Row]:
    units = application.get("units", {})
    for name in sorted(units, key=_by_number):
        yield _unit(name, units[name])
        subordinates = units[name].get("subordinates", {})
        for subordinate in sorted(subordinates, key=_by_number):
            yield _unit(subordinate, subordinates[subordinate], indent=INDENT)


def _by_number(name: str) -> tuple[str, int]:
    application, _, number = name.partition("/")
    return application, int(number)


def _unit(name: str, unit: Mapping[str, Any], indent: str = "") -> Row:
    workload, agent = unit["workload-status"], unit["juju-status"]
    message = workload.get("message", "")
    if agent["current"] == "allocating" and not message:
        message = agent.get("message", "")
    if agent["current"] == "executing" and (doing := _running_hook(agent.get("message", ""))):
        message = f"({doing}) {message}"
    return (
        f"{indent}{name}{'*' * unit.get('leader', False)}",
        workload["current"],
        agent["current"],
        unit.get("machine", ""),
        unit["public-address"],
        _ports(unit.get("open-ports", [])),
        message,
    )


def _running_hook(message: str) -> str:
    """Return the running hook or action. Juju does not show relation and storage hooks."""
    found = HOOK.fullmatch(message) or ACTION.fullmatch(message)
    doing = found[1] if found else ""
    return "" if re.search("-relation-|-storage-", doing) else doing


def _ports(ports: list[str]) -> str:
    """Print ports grouped by protocol: ``80,443/tcp 53/udp``."""
    by_protocol: dict[str, list[str]] = {}
    for port in ports:
        number, _, protocol = port.partition("/")
        by_protocol.setdefault(protocol, []).append(number)
    return " ".join(
        ",".join(sorted(numbers, key=_by_size)) + (f"/{protocol}" if protocol else "")
        for protocol, numbers in sorted(by_protocol.items())
    )


def _by_size(number: str) -> tuple[int, str]:
    return len(number), number


def _machines(machines: Mapping[str, Any]) -> str:
    header = ("Machine", "State", "Address", "Inst id", "Base", "AZ", "Message")
    return table([header, *_machine_rows(machines)])


def _machine_rows(machines: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the machines in order, each followed by its containers."""
    for number, one in sorted(machines.items(), key=lambda item: _machine_order(item[0])):
        yield (
            *(number, one["juju-status"]["current"], one["dns-name"], one["instance-id"]),
            f"{one['base']['name']}@{one['base']['channel']}",
            "",
            one["machine-status"].get("message", ""),
        )
        yield from _machine_rows(one.get("containers", {}))


def _machine_order(number: str) -> list[tuple[int, str]]:
    return [(int(part) if part.isdecimal() else 0, part) for part in number.split("/")]


def _relations(relations: Collection[Relation]) -> str:
    rows = []
    for relation in relations:
        provider, requirer = relation.sides[0], relation.sides[-1]
        if provider.endpoint.role == "requires":
            provider, requirer = requirer, provider
        kind = "peer" if relation.is_peer else TYPES[relation.scope]
        ends = [f"{s.application.name}:{s.endpoint.name}" for s in (provider, requirer)]
        rows.append((*ends, relation.interface, kind, ""))
    header = ("Integration provider", "Requirer", "Interface", "Type", "Message")
    return table([header, *sorted(rows)])


def _storage(storage: Mapping[str, Any]) -> str:
    rows = [
        (
            *("Storage Unit", "Storage ID", "Type", "Pool"),
            *("Mountpoint", "Size", "Status", "Message"),
        )
    ]
    filesystems = {one["storage"]: one for one in storage["filesystems"].values()}
    for name, one in storage["storage"].items():
        attached = one.get("attachments", {}).get("units", {"": {"location": ""}})
        for unit, attachment in attached.items():
            filesystem = filesystems[name]
            rows.append(
                (
                    *(unit, name, one["kind"], filesystem["pool"], attachment["location"]),
                    *(_size(filesystem["size"]), one["status"]["current"]),
                    one["status"].get("message", ""),
                )
            )
    return table([rows[0], *sorted(rows[1:])])


def _size(mebibytes: float) -> str:
    """Print a size as Juju does: ``10 GiB``, ``1.5 GiB``."""
    size, units = float(mebibytes), list(SIZE_UNITS)
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if size >= 9.95 else f"{size:.1f} {units[0]}"


def lines(status: Mapping[str, Any]) -> str:
    """Return a line for each unit, as ``--format line`` prints it."""
    printed = ""
    for name in sorted(status["applications"]):
        units = status["applications"][name].get("units", {})
        for unit in sorted(units, key=_by_number):
            printed += _line(unit, units[unit])
            subordinates = units[unit].get("subordinates", {})
            for one in sorted(subordinates, key=_by_number):
                printed += _line(one, subordinates[one], INDENT)
    return printed


def _line(name: str, unit: Mapping[str, Any], indent: str = "") -> str:
    agent, workload = unit["juju-status"]["current"], unit["workload-status"]["current"]
    described = f"{unit['public-address']} (agent:{agent}, workload:{workload})"
    ports = _ports(unit.get("open-ports", []))
    return f"{indent}- {name}: {described}{f' {ports}' if ports else ''}\n"
