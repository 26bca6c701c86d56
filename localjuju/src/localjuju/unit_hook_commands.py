"""The hook commands for a unit's options, leader, resources, machine and cloud."""

from __future__ import annotations

import os
from collections.abc import Callable

from localjuju.hook_arguments import (
    Call,
    HookCommandError,
    Switch,
    key_values,
    usage_error,
)
from localjuju.hook_output import SMART
from localjuju.uniter import Uniter


class UnitHookCommands:
    """Answers these commands in one hook of one unit."""

    def __init__(self, uniter: Uniter, in_action: bool):
        self._unit = uniter.unit
        self._model = uniter.model
        self._in_action = in_action
        self.reboots = False
        """Whether the machine restarts after the hook, if the hook succeeds."""
        self.reboots_now = False
        """Whether the machine restarts at once. Then the hook runs again."""

    def config_get(self, call: Call) -> str:
        options = call.parse(Switch("a", "all"), takes=["key"], formats=SMART)
        if options.key and options.all:
            problem = f'cannot use argument --all together with key "{options.key}"'
            raise usage_error(problem)
        settings = self._unit.application.settings
        if options.key:
            return options.printed(settings.get(options.key))
        unset = dict.fromkeys(self._unit.application.charm.options) if options.all else {}
        return options.printed({**unset, **settings})

    def is_leader(self, call: Call) -> str:
        return call.parse(formats=SMART).printed(self._unit.is_leader)

    def leader_get(self, call: Call) -> str:
        options = call.parse(takes=["key"], formats=SMART)
        if "=" in (options.key or ""):
            raise usage_error(f'invalid key "{options.key}"')
        settings = self._unit.application.leader_settings.data
        if options.key in (None, "", "-"):
            return options.printed(settings)
        return options.printed(settings.get(options.key))

    def leader_set(self, call: Call) -> str:
        """Write leader settings. Juju does this at once, even if the hook fails later."""
        changes = key_values(call.parse(rest="pairs").pairs)
        if not self._unit.is_leader:
            raise HookCommandError(
                "cannot write leadership settings: cannot write settings: not the leader"
            )
        self._unit.application.leader_settings.update(changes)
        return ""

    def resource_get(self, call: Call) -> str:
        name = call.parse(takes=["name"]).name
        if name is None:
            raise usage_error("missing required resource name")
        application = self._unit.application
        if name not in application.resources:
            raise HookCommandError(
                f"could not download resource: HTTP request failed: "
                f'Get resource "{name}" of application "{application.name}": '
                "resource not found"
            )
        uploaded = application.resources[name]
        filename = application.charm.resources[name].get("filename") or name
        file = self._unit.folder / "resources" / name / filename
        if not (file.exists() and file.samefile(uploaded)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            os.link(uploaded, file)
        return str(file)

    def credential_get(self, call: Call) -> str:
        options = call.parse(formats=SMART)
        if not self._unit.application.trusted:
            raise HookCommandError("cannot access cloud credentials: permission denied")
        # There is no cloud, so there are no credentials to return.
        cloud = {
            "type": "lxd",
            "name": "localhost",
            "region": "localhost",
            "endpoint": "",
            "credential": {"auth-type": "empty", "attrs": {}},
        }
        return options.printed(cloud, in_order=True)

    def juju_reboot(self, call: Call) -> str:
        options = call.parse(Switch("now"))
        if self._in_action:
            raise HookCommandError("juju-reboot is not supported when running an action.")
        self.reboots, self.reboots_now = True, options.now
        return ""


COMMANDS: dict[str, Callable[[UnitHookCommands, Call], str]] = {
    "config-get": UnitHookCommands.config_get,
    "credential-get": UnitHookCommands.credential_get,
    "is-leader": UnitHookCommands.is_leader,
    "juju-reboot": UnitHookCommands.juju_reboot,
    "leader-get": UnitHookCommands.leader_get,
    "leader-set": UnitHookCommands.leader_set,
    "resource-get": UnitHookCommands.resource_get,
}
