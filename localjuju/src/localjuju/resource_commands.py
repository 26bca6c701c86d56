"""``juju resources``: lists the resources of an application."""

from __future__ import annotations

import datetime
import hashlib
import pathlib
from collections.abc import Callable
from typing import Any

from localjuju.command import CommandError, Output, Parser, dump, table
from localjuju.model import Application
from localjuju.model_reference import USER
from localjuju.model_runner import ModelRunner


class ResourceCommands:
    """Runs this command on one model."""

    def __init__(self, runner: ModelRunner):
        self.model = runner.model

    def resources(self, arguments: list[str]) -> Output:
        parser = Parser("resources")
        parser.add_argument("target")
        parser.add_argument("--details", action="store_true")
        parser.add_argument("--format", default="tabular", choices=["json", "tabular", "yaml"])
        options = parser.parse_args(arguments)
        name, separator, _ = options.target.partition("/")
        if separator and self.model.find_unit(options.target) is None:
            raise CommandError(f'ERROR unit "{options.target}" not found')
        if name not in self.model.applications:
            raise CommandError(f'ERROR application "{name}" not found')
        application = self.model.applications[name]
        described = [
            _describe(application, resource, declared)
            for resource, declared in sorted(application.charm.resources.items())
        ]
        if options.format != "tabular":
            return Output(dump({"resources": described}, options.format))
        if not described:
            return Output(stderr="No resources to display.\n")
        rows = [
            (one["name"], one.get("username", one["origin"]), one.get("timestamp", "0")[:16])
            for one in described
        ]
        return Output(table([("Resource", "Supplied by", "Revision"), *rows]))


COMMANDS: dict[str, Callable[[ResourceCommands, list[str]], Output]] = {
    "list-resources": ResourceCommands.resources,
    "resources": ResourceCommands.resources,
}


def _describe(application: Application, name: str, declared: dict[str, Any]) -> dict[str, Any]:
    """Describe a resource. Until a file is attached, its origin is the store."""
    described: dict[str, Any] = {
        "resourceid": f"{application.name}/{name}",
        "name": name,
        "application-id": application.name,
        "type": declared.get("type", "file"),
        "path": declared.get("filename", ""),
        "description": declared.get("description", ""),
        "origin": "store",
        "used": name in application.resources,
    }
    if file := application.resources.get(name):
        described |= {"origin": "upload", **_upload(file)}
    return described


def _upload(file: pathlib.Path) -> dict[str, Any]:
    moment = datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.timezone.utc)
    content = file.read_bytes()
    return {
        "fingerprint": hashlib.sha384(content).hexdigest(),
        "size": len(content),
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "username": USER,
    }
