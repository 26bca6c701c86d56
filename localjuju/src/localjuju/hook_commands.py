"""Answers the hook commands of one hook (``relation-get``, ``secret-add``, …) from the model.

Most writes of a hook take effect only when it succeeds. Until then the context keeps them. The
commands of each subject have their own file.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

from localjuju.action_hook_commands import COMMANDS as ACTION_COMMANDS
from localjuju.action_hook_commands import Action, ActionHookCommands
from localjuju.hook_arguments import Call, HookCommandError, UnknownHookCommandError
from localjuju.hook_record import HookRecord
from localjuju.model import Application, Unit
from localjuju.network_hook_commands import COMMANDS as NETWORK_COMMANDS
from localjuju.network_hook_commands import NetworkHookCommands
from localjuju.relation_hook_commands import COMMANDS as RELATION_COMMANDS
from localjuju.relation_hook_commands import DatabagWrite, RelationHookCommands
from localjuju.secret_hook_commands import COMMANDS as SECRET_COMMANDS
from localjuju.secret_hook_commands import SecretHookCommands
from localjuju.state_hook_commands import COMMANDS as STATE_COMMANDS
from localjuju.state_hook_commands import StateHookCommands
from localjuju.status_hook_commands import COMMANDS as STATUS_COMMANDS
from localjuju.status_hook_commands import StatusHookCommands
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


# Juju's hook commands that localjuju does not have. A charm that calls one gets an error.
UNSUPPORTED = (
    "add-metric",
    "k8s-raw-get",
    "k8s-raw-set",
    "k8s-spec-get",
    "k8s-spec-set",
    "payload-register",
    "payload-status-set",
    "payload-unregister",
)

SUPPORTED = (
    *ACTION_COMMANDS,
    *NETWORK_COMMANDS,
    *RELATION_COMMANDS,
    *SECRET_COMMANDS,
    *STATE_COMMANDS,
    *STATUS_COMMANDS,
    *STORAGE_COMMANDS,
    *UNIT_COMMANDS,
)

LEADER_SETTINGS = ("leader-get", "leader-set")


def hook_command_names(behaviour: Behaviour) -> list[str]:
    """Return every hook command of a Juju version, including those that localjuju lacks."""
    everything = {*UNSUPPORTED, *SUPPORTED}
    if not behaviour.legacy_leader_settings_and_private_address:
        everything.difference_update(LEADER_SETTINGS)
    return sorted(everything)


class HookContext:
    """Answers the hook commands of one hook of one unit."""

    def __init__(
        self,
        uniter: Uniter,
        hook: Hook,
        log: Callable[[str, str], None],
        now: Callable[[], float],
        action: Action | None,
        record: HookRecord,
    ):
        """Prepare the context.

        Args:
            uniter: the agent of the unit.
            hook: the hook.
            log: writes a level and a message to the log.
            now: returns the model's time.
            action: the action, if it is one.
            record: records the hook commands and their output.
        """
        self.record = record
        self.uniter = uniter
        self.hook = hook
        self.action = action
        self.before_command: Callable[[str], None] = lambda command: None
        """Called with the name of each command. It can raise an error for the command."""
        self.is_killed = False
        self.unit_commands = UnitHookCommands(uniter, in_action=action is not None)
        """Also has whether the hook has called juju-reboot."""
        self._relations = RelationHookCommands(uniter, hook)
        self._secrets = SecretHookCommands(uniter, self._relations.option, now)
        self._storage = StorageHookCommands(uniter, hook)
        self._network = NetworkHookCommands(uniter, self._relations.option)
        self._state = StateHookCommands(uniter)
        self._status = StatusHookCommands(uniter, log, now)
        self._action = ActionHookCommands(action, now)

    @property
    def unit(self) -> Unit:
        return self.uniter.unit

    @property
    def application(self) -> Application:
        return self.unit.application

    @property
    def ends_now(self) -> bool:
        """Whether to kill the hook's process instead of giving it the answer."""
        return self.is_killed or self.unit_commands.reboots_now

    @property
    def secret_contents(self) -> set[str]:
        """Every value that the hook wrote to a secret, even if it did not take effect."""
        return self._secrets.changes.contents

    def run(self, command: Sequence[str], stdin: str = "", directory: str = "/") -> Result:
        """Answer one hook command.

        Args:
            command: the name and the arguments.
            stdin: the text on standard input.
            directory: the folder in which it runs.

        Raises:
            UnknownHookCommandError: localjuju has no such command or option.
        """
        name, *arguments = command
        try:
            self.before_command(name)
            answer = self._answer(Call(name, arguments, stdin, pathlib.Path(directory)))
            return Result(0, answer and f"{answer}\n")
        except HookCommandError as error:
            return Result(error.returncode, "", f"ERROR {error}\n")

    def _answer(self, call: Call) -> str:
        name = call.command
        if name in ACTION_COMMANDS:
            return ACTION_COMMANDS[name](self._action, call)
        if name in NETWORK_COMMANDS:
            return NETWORK_COMMANDS[name](self._network, call)
        if name in RELATION_COMMANDS:
            return RELATION_COMMANDS[name](self._relations, call)
        if name in SECRET_COMMANDS:
            return SECRET_COMMANDS[name](self._secrets, call)
        if name in STATE_COMMANDS:
            return STATE_COMMANDS[name](self._state, call)
        if name in STATUS_COMMANDS:
            return STATUS_COMMANDS[name](self._status, call)
        if name in STORAGE_COMMANDS:
            return STORAGE_COMMANDS[name](self._storage, call)
        if name in UNIT_COMMANDS:
            return UNIT_COMMANDS[name](self.unit_commands, call)
        raise UnknownHookCommandError(f'hook command "{name}" is not known to localjuju')

    def flush(self) -> list[DatabagWrite]:
        """Apply what the hook wrote, and return the databags that it changed.

        Raises:
            HookCommandError: the controller refuses it. Then nothing is written.
        """
        self._relations.check()
        self._check_leadership()
        self._storage.check()
        self._secrets.changes.check()
        writes = self._relations.apply()
        for secret in self._secrets.changes.apply():
            self.uniter.consume(secret)
        self._storage.apply()
        self._network.apply()
        self._state.apply()
        return writes

    def _check_leadership(self) -> None:
        """Refuse the writes of a leader that has lost its lease during the hook."""
        if self.unit.is_leader:
            return
        if self._relations.writes_as_leader:
            raise HookCommandError(
                f'updating unit and application settings for "{self.unit.name}": permission denied'
            )
        if self._secrets.changes.need_leadership():
            raise HookCommandError("permission denied")
