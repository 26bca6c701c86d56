"""The data of ``juju storage``, which is also a part of ``juju status``."""

from __future__ import annotations

from typing import Any

from localjuju.command import status_time
from localjuju.model import Unit
from localjuju.storage import ModelStorage, StorageInstance


def describe_storage(storage: ModelStorage) -> dict[str, Any]:
    """Return the data, or {} if the model has no storage instances."""
    instances = sorted(storage.instances.items())
    if not instances:
        return {}
    return {
        "storage": {name: _instance(instance) for name, instance in instances},
        "filesystems": {
            str(number): _filesystem(number, instance)
            for number, (_, instance) in enumerate(instances)
        },
    }


def _instance(instance: StorageInstance) -> dict[str, Any]:
    described: dict[str, Any] = {
        "kind": "filesystem",
        "life": "dying" if instance.remove_when_detached and instance.detaching else "alive",
        "status": {"current": instance.status, "since": status_time(instance.since)},
        # Juju prints true only for block storage.
        "persistent": False,
    }
    if instance.unit:
        described["attachments"] = {"units": _attachment(instance, instance.unit)}
    return described


def _attachment(instance: StorageInstance, unit: Unit) -> dict[str, Any]:
    life = "dying" if instance.detaching else "alive"
    location, machine = str(instance.location), unit.machine.number
    return {unit.name: {"machine": machine, "location": location, "life": life}}


def _filesystem(number: int, instance: StorageInstance) -> dict[str, Any]:
    described: dict[str, Any] = {
        "provider-id": f"localjuju-{number}",
        "storage": instance.id,
        "pool": instance.pool,
        "size": instance.size,
        "life": "alive",
        "status": {"current": instance.status, "since": status_time(instance.since)},
    }
    if instance.unit:
        mounted = {
            "mount-point": str(instance.location),
            "read-only": instance.read_only,
            "life": "alive",
        }
        described["attachments"] = {
            "machines": {instance.unit.machine.number: mounted},
            "units": _attachment(instance, instance.unit),
        }
    return described
