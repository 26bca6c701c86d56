"""Older hook commands on the unit, its leader's settings, its machine and its cloud."""

from __future__ import annotations

from collections.abc import Callable

from localjuju.hook_arguments import HookCommandError, key_values, parser_of, printed
from localjuju.uniter import Uniter


class UnitHookCommands:
    """Answers them in one hook of one unit."""

    def __init__(self, uniter: Uniter, in_action: bool):
        self._unit = uniter.unit
        self._model = uniter.model
        self._in_action = in_action
        self.reboots = False
        """The machine is to start anew when the hook has succeeded."""
        self.reboots_now = False
        """The machine is to start anew at once; then the hook runs again."""

    def unit_get(self, arguments: list[str]) -> str:
        parser = parser_of("unit-get")
        parser.add_argument("setting", nargs="?")
        options = parser.parse_args(arguments)
        if not options.setting:
            raise HookCommandError("no setting specified", 2)
        if options.setting not in ("private-address", "public-address"):
            raise HookCommandError(f'unknown setting "{options.setting}"', 2)
        return printed(self._unit.machine.address, options.format)

    def leader_get(self, arguments: list[str]) -> str:
        parser = parser_of("leader-get")
        parser.add_argument("key", nargs="?", default="-")
        options = parser.parse_args(arguments)
        if "=" in options.key:
            raise HookCommandError(f'invalid key "{options.key}"', 2)
        settings = self._unit.application.leader_settings.data
        return printed(
            settings if options.key == "-" else settings.get(options.key), options.format
        )

    def leader_set(self, arguments: list[str]) -> str:
        """Unlike most, it takes effect at once, and stays where the hook fails."""
        parser = parser_of("leader-set")
        parser.add_argument("pairs", nargs="*")
        changes = key_values(parser.parse_args(arguments).pairs)
        if not self._unit.is_leader:
            raise HookCommandError(
                "cannot write leadership settings: cannot write settings: not the leader"
            )
        self._unit.application.leader_settings.update(changes)
        return ""

    def credential_get(self, arguments: list[str]) -> str:
        options = parser_of("credential-get").parse_args(arguments)
        if not self._unit.application.trusted:
            raise HookCommandError("cannot access cloud credentials: permission denied")
        # There is no cloud, so nothing of one can be given away.
        cloud = {
            "type": "lxd",
            "name": "localhost",
            "region": "localhost",
            "endpoint": "",
            "credential": {"auth-type": "empty", "attrs": {}},
        }
        return printed(cloud, options.format)

    def juju_reboot(self, arguments: list[str]) -> str:
        parser = parser_of("juju-reboot")
        parser.add_argument("--now", action="store_true")
        options = parser.parse_args(arguments)
        if self._in_action:
            raise HookCommandError("juju-reboot is not supported when running an action.")
        self.reboots, self.reboots_now = True, options.now
        return ""


COMMANDS: dict[str, Callable[[UnitHookCommands, list[str]], str]] = {
    "credential-get": UnitHookCommands.credential_get,
    "juju-reboot": UnitHookCommands.juju_reboot,
    "leader-get": UnitHookCommands.leader_get,
    "leader-set": UnitHookCommands.leader_set,
    "unit-get": UnitHookCommands.unit_get,
}
