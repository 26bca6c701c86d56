"""The hook commands (``relation-get``, ``secret-add``, …), answered from the model.

What a hook writes takes effect when it succeeds: the context keeps it until then. As in Juju,
``status-set``, ``application-version-set`` and ``juju-log`` take effect at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from localjuju import action_parameters
from localjuju.hook_arguments import (
    HookCommandError,
    UnknownHookCommandError,
    key_values,
    parser_of,
    printed,
)
from localjuju.model import Application, Status, Unit
from localjuju.port_hook_commands import COMMANDS as PORT_COMMANDS
from localjuju.port_hook_commands import PortHookCommands
from localjuju.relation import Databag, RelatedApplication, Relation
from localjuju.secret_hook_commands import COMMANDS as SECRET_COMMANDS
from localjuju.secret_hook_commands import SecretHookCommands
from localjuju.storage_hook_commands import COMMANDS as STORAGE_COMMANDS
from localjuju.storage_hook_commands import StorageHookCommands
from localjuju.unit_hook_commands import COMMANDS as UNIT_COMMANDS
from localjuju.unit_hook_commands import UnitHookCommands
from localjuju.uniter import Hook, Uniter
from localjuju.versions import Behaviour


@dataclasses.dataclass(frozen=True)
class Result:
    """What a hook command printed, and its exit status."""

    returncode: int
    stdout: str = ""
    stderr: str = ""


@dataclasses.dataclass
class Action:
    """An action's parameters, and what it has answered."""

    name: str
    task: int
    parameters: dict[str, Any]
    results: dict[str, Any] = dataclasses.field(default_factory=dict)
    failure: str | None = None
    """Why the charm says that it failed, which may be nothing; None if it does not say so."""
    log: list[tuple[float, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class DatabagWrite:
    """A change of a databag that a hook's success brought about."""

    relation: Relation
    owner: str
    keys: tuple[str, ...]
    seen_by: tuple[str, ...]
    """The units that get a relation-changed for it."""


# Juju's commands that localjuju leaves out: a charm that calls one is told so by name.
LEFT_OUT = (
    "k8s-raw-get",
    "k8s-raw-set",
    "k8s-spec-get",
    "k8s-spec-set",
    "payload-register",
    "payload-status-set",
    "payload-unregister",
)


SETTABLE_STATUSES = ("maintenance", "blocked", "waiting", "active")


class HookContext:
    """Answers the hook commands of one hook of one unit."""

    def __init__(
        self,
        uniter: Uniter,
        hook: Hook,
        log: Callable[[str, str], None],
        now: Callable[[], float],
        action: Action | None = None,
    ):
        self.uniter = uniter
        self.hook = hook
        self.action = action
        self.before_command: Callable[[str], None] = lambda command: None
        """Called with the name of each; what it raises is the command's answer."""
        self.is_killed = False
        self._log = log
        self._now = now
        self._model = uniter.model
        self._unit_writes: dict[int, dict[str, str]] = {}
        self._app_writes: dict[int, dict[str, str]] = {}
        self._secrets = SecretHookCommands(uniter, self._relation, now)
        self._storage = StorageHookCommands(uniter, hook)
        self._ports = PortHookCommands(self.unit)
        self.machine = UnitHookCommands(uniter, in_action=action is not None)
        self._directory = pathlib.Path("/")
        self._state = dict(self.uniter.charm_state)

    @property
    def unit(self) -> Unit:
        return self.uniter.unit

    @property
    def application(self) -> Application:
        return self.unit.application

    @property
    def ends_now(self) -> bool:
        """Whether the hook's process is to be killed before it gets the answer."""
        return self.is_killed or self.machine.reboots_now

    def run(self, command: Sequence[str], stdin: str = "", directory: str = "/") -> Result:
        """Answer one hook command.

        Args:
            command: its name and arguments.
            stdin: what it gets on standard input.
            directory: where it runs.

        Raises:
            UnknownHookCommandError: localjuju has no such command or option.
        """
        name, *arguments = command
        self._directory = pathlib.Path(directory)
        try:
            self.before_command(name)
            if name in PORT_COMMANDS:
                answer = PORT_COMMANDS[name](self._ports, arguments)
            elif name in UNIT_COMMANDS:
                answer = UNIT_COMMANDS[name](self.machine, arguments)
            elif name in SECRET_COMMANDS:
                answer = SECRET_COMMANDS[name](self._secrets, arguments)
            elif name in STORAGE_COMMANDS:
                answer = STORAGE_COMMANDS[name](self._storage, arguments)
            elif name in COMMANDS:
                answer = COMMANDS[name](self, arguments, stdin)
            else:
                raise UnknownHookCommandError(f'hook command "{name}" is not known to localjuju')
            return Result(0, answer and f"{answer}\n")
        except HookCommandError as error:
            return Result(error.returncode, "", f"ERROR {error}\n")

    def flush(self) -> list[DatabagWrite]:
        """Make what the hook wrote take effect, and return the databags that it changed.

        Raises:
            HookCommandError: the controller refuses it (Q4): nothing is written.
        """
        for relation_id in {*self._unit_writes, *self._app_writes}:
            relation = self._relations()[relation_id]
            created = self.hook.kind == "relation-created" and self.hook.relation is relation
            if created and not relation.admits(self.unit):
                raise HookCommandError("relation unit/application not found")
        self._check_leadership()
        self._storage.check()
        if missing := self._secrets.changes.missing():
            raise HookCommandError(f'secret "{missing}" not found')
        writes = []
        for relation_id, changes in self._unit_writes.items():
            writes.append(self._write(relation_id, self.unit.name, changes))
        for relation_id, changes in self._app_writes.items():
            writes.append(self._write(relation_id, self.application.name, changes))
        if self.hook.kind == "config-changed":
            writes += self._publish_address()
        for secret in self._secrets.changes.apply():
            self.uniter.consume(secret)
        self._storage.apply()
        self._ports.apply()
        self.uniter.charm_state = self._state
        return [write for write in writes if write.keys]

    def _check_leadership(self) -> None:
        """Refuse what a leader wrote that has lost its lease since."""
        if self.unit.is_leader:
            return
        if self._app_writes:
            raise HookCommandError(
                f'updating unit and application settings for "{self.unit.name}": permission denied'
            )
        if self._secrets.changes.need_a_leader():
            raise HookCommandError("permission denied")

    def _write(self, relation_id: int, owner: str, changes: dict[str, str]) -> DatabagWrite:
        relation = self._relations()[relation_id]
        bags = relation.unit_bags if "/" in owner else relation.app_bags
        keys = bags.setdefault(owner, Databag()).update(changes)
        return self._written(relation, owner, keys)

    def _publish_address(self) -> list[DatabagWrite]:
        """Juju looks at the addresses in the databags with config-changed, which tells of them."""
        return [
            self._written(
                relation, self.unit.name, self._model.publish_address(relation, self.unit)
            )
            for relation in self._model.relations_of(self.application)
            if self.unit.name in relation.in_scope
        ]

    def _written(self, relation: Relation, owner: str, keys: list[str]) -> DatabagWrite:
        readers = relation.remote(self.application).application.sorted_units
        seen_by = [
            reader.name
            for reader in readers
            if relation.involves(reader) and ("/" not in owner or relation.shows(reader, owner))
        ]
        return DatabagWrite(relation, owner, tuple(keys), tuple(seen_by))

    # Relations

    def _relations(self) -> dict[int, Relation]:
        return {view.relation.id: view.relation for view in self.uniter.views.values()}

    def _relation(self, reference: str | None) -> Relation:
        if reference is None:
            if self.hook.relation is None:
                raise HookCommandError("no relation id specified")
            return self.hook.relation
        try:
            return self._relations()[int(reference.rpartition(":")[2])]
        except ValueError:
            raise HookCommandError(
                f'invalid value "{reference}" for option -r: invalid relation id'
            ) from None
        except KeyError:
            raise HookCommandError(
                f'invalid value "{reference}" for option -r: relation not found'
            ) from None

    def relation_ids(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("relation-ids")
        parser.add_argument("endpoint", nargs="?")
        options = parser.parse_args(arguments)
        endpoint = options.endpoint or self.hook.name.partition("-relation-")[0]
        found = [
            f"{endpoint}:{relation.id}"
            for relation in self._relations().values()
            if relation.local(self.application).endpoint.name == endpoint
            # Gone from relation-ids while its broken hook runs.
            and not (self.hook.kind == "relation-broken" and relation is self.hook.relation)
        ]
        return printed(found, options.format)

    def relation_list(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("relation-list")
        parser.add_argument("-r", "--relation")
        parser.add_argument("--app", action="store_true")
        options = parser.parse_args(arguments)
        relation = self._relation(options.relation)
        if options.app:
            return printed(relation.remote(self.application).application.name, options.format)
        return printed(self.uniter.relation_members(relation), options.format)

    def relation_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("relation-get")
        parser.add_argument("-r", "--relation")
        parser.add_argument("--app", action="store_true")
        parser.add_argument("key", nargs="?", default="-")
        parser.add_argument("member", nargs="?")
        options = parser.parse_args(arguments)
        relation = self._relation(options.relation)
        owner = self._bag_owner(options.app, options.member)
        if "/" in owner:
            data = self._unit_data(relation, owner)
        else:
            data = self._app_data(relation, owner)
        return printed(data if options.key == "-" else data.get(options.key), options.format)

    def _bag_owner(self, app: bool, named: str | None) -> str:
        """Return the unit or application whose bag relation-get reads."""
        if named and app:
            return named.partition("/")[0]
        if named and not re.fullmatch(r"[a-z][a-z0-9-]*/\d+", named):
            if re.fullmatch(r"[a-z][a-z0-9-]*", named):
                raise HookCommandError(f'expected unit name, got application name "{named}"', 2)
            raise HookCommandError(f'invalid unit name "{named}"', 2)
        default = self.hook.remote_unit or self.hook.remote_application
        if app:
            default = self.hook.remote_application
        owner = named or default
        if not owner:
            raise HookCommandError("no unit or application specified", 2)
        return owner

    def _app_data(self, relation: Relation, owner: str) -> dict[str, str]:
        if owner not in [side.application.name for side in relation.sides]:
            raise HookCommandError(f'application "{owner}" not found (not found)')
        own = owner == self.application.name
        if own and not relation.is_peer and not self.unit.is_leader:
            raise HookCommandError("permission denied")
        data = dict(relation.app_bag(owner).data)
        return _merged(data, self._app_writes.get(relation.id)) if own else data

    def _unit_data(self, relation: Relation, owner: str) -> dict[str, str]:
        bag = relation.unit_bags.get(owner)
        if owner == self.unit.name:
            return _merged(dict(bag.data) if bag else {}, self._unit_writes.get(relation.id))
        sibling = owner.partition("/")[0] == self.application.name and not relation.is_peer
        if bag is None or sibling:
            raise HookCommandError("permission denied")
        return dict(bag.data)

    def relation_model_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("relation-model-get")
        parser.add_argument("-r", "--relation")
        options = parser.parse_args(arguments)
        model = self._relation(options.relation).other_model or self._model
        return printed({"uuid": model.uuid}, options.format)

    def relation_set(self, arguments: list[str], stdin: str) -> str:
        parser = parser_of("relation-set")
        parser.add_argument("-r", "--relation")
        parser.add_argument("--app", action="store_true")
        parser.add_argument("--file")
        parser.add_argument("pairs", nargs="*")
        options = parser.parse_args(arguments)
        relation = self._relation(options.relation)
        changes = self._settings(options, stdin)
        if options.app and not self.unit.is_leader:
            raise HookCommandError("cannot write relation settings")
        writes = self._app_writes if options.app else self._unit_writes
        writes.setdefault(relation.id, {}).update(changes)
        return ""

    def _settings(self, options: argparse.Namespace, stdin: str) -> dict[str, str]:
        """Key-value pairs from the YAML of ``--file``, and from the arguments, which win."""
        pairs = key_values(options.pairs)
        if not options.file:
            return pairs
        try:
            text = stdin if options.file == "-" else (self._directory / options.file).read_text()
            # Every scalar as it is written: `port: 080` is the text 080.
            settings = yaml.load(text, Loader=yaml.BaseLoader) or {}
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise HookCommandError(f"open {options.file}: {reason}") from None
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise HookCommandError(f"cannot read {options.file}: {error}") from None
        if not isinstance(settings, dict):
            raise HookCommandError(f"cannot read {options.file}: it is no map of keys to values")
        for key, value in settings.items():
            if not isinstance(value, str):
                raise HookCommandError(f'value of "{key}" is not a string: {value!r}')
        return {**settings, **pairs}

    # The unit and its application

    def is_leader(self, arguments: list[str], _stdin: str) -> str:
        return printed(self.unit.is_leader, parser_of("is-leader").parse_args(arguments).format)

    def config_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("config-get")
        parser.add_argument("key", nargs="?")
        parser.add_argument("--all", "-a", action="store_true")
        options = parser.parse_args(arguments)
        settings = self.application.settings
        return printed(settings.get(options.key) if options.key else settings, options.format)

    def status_set(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("status-set")
        parser.add_argument("--application", default="false")
        parser.add_argument("status", nargs="?")
        parser.add_argument("message", nargs="?", default="")
        options = parser.parse_args(_with_values(arguments))
        if not options.status:
            raise HookCommandError("invalid args, require <status> [message]", 2)
        if options.status not in SETTABLE_STATUSES:
            raise HookCommandError(
                f'invalid status "{options.status}", expected one of '
                f"[{' '.join(SETTABLE_STATUSES)}]",
                2,
            )
        status = Status(options.status, options.message, self._now())
        if options.application.lower() != "true":
            self.unit.workload_status = status
        elif self.unit.is_leader:
            self.application.status = status
        else:
            raise HookCommandError("this unit is not the leader")
        return ""

    def status_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("status-get")
        parser.add_argument("--include-data", action="store_true")
        parser.add_argument("--application", default="false")
        options = parser.parse_args(_with_values(arguments))

        def as_dict(status: Status) -> dict[str, Any]:
            return {"status": status.current, "message": status.message, "status-data": {}}

        if options.application.lower() != "true":
            return printed(as_dict(self.unit.workload_status), options.format)
        if not self.unit.is_leader:
            raise HookCommandError("this unit is not the leader")
        return printed(
            {
                "application-status": {
                    **as_dict(self.application.status or Status("unknown")),
                    "units": {
                        unit.name: as_dict(unit.workload_status)
                        for unit in self.application.sorted_units
                    },
                }
            },
            options.format,
        )

    def application_version_set(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("application-version-set")
        parser.add_argument("version")
        self.unit.workload_version = parser.parse_args(arguments).version
        self.application.workload_version = self.unit.workload_version
        return ""

    def juju_log(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("juju-log")
        parser.add_argument("-l", "--log-level", default="INFO")
        parser.add_argument("--debug", action="store_true")
        parser.add_argument("message", nargs="+")
        options = parser.parse_args(arguments)
        self._log("DEBUG" if options.debug else options.log_level, " ".join(options.message))
        return ""

    def goal_state(self, arguments: list[str], _stdin: str) -> str:
        options = parser_of("goal-state").parse_args(arguments)

        def of(application: RelatedApplication) -> dict[str, dict[str, str]]:
            return {
                unit.name: {
                    "status": "dying" if unit.life == "dying" else unit.workload_status.current,
                    "since": "2026-01-01 00:00:00Z",
                }
                for unit in application.sorted_units
            }

        relations: dict[str, dict[str, Any]] = {}
        for relation in self._model.relations_of(self.application):
            if relation.is_peer:
                continue
            remote = relation.remote(self.application).application
            if remote.goal_name is None:
                continue
            endpoint = relation.local(self.application).endpoint.name
            goals = relations.setdefault(endpoint, {})
            goals[remote.goal_name] = {
                "status": "joined" if relation.is_active else "suspended",
                "since": "2026-01-01 00:00:00Z",
            }
            goals.update(of(remote))
        return printed({"units": of(self.application), "relations": relations}, options.format)

    def network_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("network-get")
        parser.add_argument("-r", "--relation")
        parser.add_argument("--primary-address", action="store_true")
        parser.add_argument("--bind-address", action="store_true")
        parser.add_argument("--ingress-address", action="store_true")
        parser.add_argument("--egress-subnets", action="store_true")
        parser.add_argument("endpoint", nargs="?")
        options = parser.parse_args(arguments)
        if not options.endpoint:
            raise HookCommandError("no arguments specified", 2)
        if options.endpoint not in self.application.charm.endpoints:
            raise HookCommandError(f'undefined for unit "{self.unit.name}": {options.endpoint}')
        if options.relation:
            self._relation(options.relation)
        address = self.unit.machine.address
        network = {
            "bind-addresses": [
                {
                    "mac-address": "",
                    "interface-name": "lo",
                    "addresses": [{"hostname": "", "value": address, "cidr": f"{address}/32"}],
                }
            ],
            "egress-subnets": [f"{address}/32"],
            "ingress-addresses": [address],
        }
        asked = {
            "bind-address": options.bind_address and address,
            "egress-subnets": options.egress_subnets and network["egress-subnets"],
            "ingress-address": options.ingress_address and address,
        }
        asked = {name: value for name, value in asked.items() if value}
        if options.primary_address:
            if asked:
                raise HookCommandError("--primary-address must be the only flag specified")
            return printed(address, options.format)
        if len(asked) == 1:
            return printed(next(iter(asked.values())), options.format)
        if asked:
            return printed(asked, options.format)
        return printed(network, options.format)

    def resource_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("resource-get")
        parser.add_argument("name")
        name = parser.parse_args(arguments).name
        if name not in self.application.resources:
            raise HookCommandError(
                f"could not download resource: HTTP request failed: "
                f'Get resource "{name}" of application "{self.application.name}": '
                "resource not found"
            )
        uploaded = self.application.resources[name]
        filename = self.application.charm.resources[name].get("filename") or name
        file = self.unit.folder / "resources" / name / filename
        if not (file.exists() and file.samefile(uploaded)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            os.link(uploaded, file)
        return str(file)

    # The charm's own state, kept by the controller

    def state_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("state-get")
        parser.add_argument("key", nargs="?")
        options = parser.parse_args(arguments)
        return printed(
            self._state.get(options.key) if options.key else self._state, options.format
        )

    def state_set(self, arguments: list[str], stdin: str) -> str:
        parser = parser_of("state-set")
        parser.add_argument("--file")
        parser.add_argument("pairs", nargs="*")
        self._state.update(self._settings(parser.parse_args(arguments), stdin))
        return ""

    def state_delete(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("state-delete")
        parser.add_argument("key")
        self._state.pop(parser.parse_args(arguments).key, None)
        return ""

    # Actions

    def _the_action(self, command: str) -> Action:
        if self.action is None:
            raise HookCommandError(f"not running an action: {command}")
        return self.action

    def action_get(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("action-get")
        parser.add_argument("key", nargs="?")
        options = parser.parse_args(arguments)
        value: Any = self._the_action("action-get").parameters
        for part in options.key.split(".") if options.key else []:
            value = value.get(part) if isinstance(value, dict) else None
        return printed(value, options.format)

    def action_set(self, arguments: list[str], _stdin: str) -> str:
        results = self._the_action("action-set").results
        pairs = [_result(argument) for argument in arguments]
        for keys, value in pairs:
            action_parameters.put(results, keys, value)
        return ""

    def action_fail(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("action-fail")
        parser.add_argument("message", nargs="?")
        options, others = parser.parse_known_args(arguments)
        if others:
            listed = " ".join(map(json.dumps, others))
            raise HookCommandError(f"unrecognized args: [{listed}]", 2)
        default = "action failed without reason given, check action for errors"
        message = default if options.message is None else options.message
        self._the_action("action-fail").failure = message
        return ""

    def action_log(self, arguments: list[str], _stdin: str) -> str:
        parser = parser_of("action-log")
        parser.add_argument("message", nargs="*")
        words = parser.parse_args(arguments).message
        if not words:
            raise HookCommandError("no message specified", 2)
        self._the_action("action-log").log.append((self._now(), " ".join(words)))
        return ""


COMMANDS: dict[str, Callable[[HookContext, list[str], str], str]] = {
    "action-fail": HookContext.action_fail,
    "action-get": HookContext.action_get,
    "action-log": HookContext.action_log,
    "action-set": HookContext.action_set,
    "application-version-set": HookContext.application_version_set,
    "config-get": HookContext.config_get,
    "goal-state": HookContext.goal_state,
    "is-leader": HookContext.is_leader,
    "juju-log": HookContext.juju_log,
    "network-get": HookContext.network_get,
    "relation-get": HookContext.relation_get,
    "relation-ids": HookContext.relation_ids,
    "relation-list": HookContext.relation_list,
    "relation-model-get": HookContext.relation_model_get,
    "relation-set": HookContext.relation_set,
    "resource-get": HookContext.resource_get,
    "state-delete": HookContext.state_delete,
    "state-get": HookContext.state_get,
    "state-set": HookContext.state_set,
    "status-get": HookContext.status_get,
    "status-set": HookContext.status_set,
}

GROUPS = (COMMANDS, PORT_COMMANDS, SECRET_COMMANDS, STORAGE_COMMANDS, UNIT_COMMANDS)

LEADER_SETTINGS = ("leader-get", "leader-set")


def names(behaviour: Behaviour) -> list[str]:
    """Return every hook command of a Juju version, with those that localjuju leaves out."""
    everything = {*LEFT_OUT, *(name for group in GROUPS for name in group)}
    if not behaviour.legacy_leader_settings_and_private_address:
        everything.difference_update(LEADER_SETTINGS)
    return sorted(everything)


def _with_values(arguments: list[str]) -> list[str]:
    """Juju's boolean options may stand alone or with ``=true``."""
    return ["--application=true" if a == "--application" else a for a in arguments]


RESERVED_RESULTS = ("stdout", "stdout-encoding", "stderr", "stderr-encoding")


def _result(argument: str) -> tuple[list[str], str]:
    """Split one of the arguments of ``action-set``: ``key.key=value``."""
    key, separator, value = argument.partition("=")
    if not separator:
        raise HookCommandError(f'argument "{argument}" must be of the form key...=value', 2)
    keys = key.split(".")
    for part in keys:
        if not action_parameters.NAME.fullmatch(part):
            raise HookCommandError(
                f'key "{part}" must start and end with lowercase alphanumeric, and contain only '
                "lowercase alphanumeric, hyphens and periods",
                2,
            )
        if part in RESERVED_RESULTS:
            raise HookCommandError(f'cannot set reserved action key "{part}"', 2)
    return keys, value


def _merged(data: dict[str, str], writes: dict[str, str] | None) -> dict[str, str]:
    """What a hook reads of its own bag: with what it has written itself."""
    return {key: value for key, value in {**data, **(writes or {})}.items() if value != ""}
