"""The errors for Juju's commands that localjuju does not support, and for unknown commands."""

from __future__ import annotations

from collections.abc import Iterable

from localjuju.command import CommandError

_COMMANDS_BY_REASON = {
    "localjuju has one cloud, this computer, and cannot add or change clouds": (
        *("add-cloud", "clouds", "list-clouds", "remove-cloud", "show-cloud", "update-cloud"),
        *("default-region", "list-regions", "regions", "set-default-region"),
        *("grant-cloud", "revoke-cloud", "update-public-clouds"),
    ),
    "localjuju needs no credentials": (
        *("add-credential", "autoload-credentials", "credentials", "default-credential"),
        *("list-credentials", "remove-credential", "set-credential", "set-default-credentials"),
        *("show-credential", "show-credentials", "update-credential", "update-credentials"),
    ),
    "localjuju has no store of charms: give deploy and refresh the path of a charm": (
        *("agree", "agreements", "charm-resources", "download", "find", "info"),
        *("list-agreements", "list-charm-resources"),
    ),
    "localjuju runs machine charms only, not charms for Kubernetes": (
        *("add-k8s", "remove-k8s", "update-k8s"),
    ),
    "localjuju opens no SSH connections, so it needs no SSH keys": (
        *("add-ssh-key", "import-ssh-key", "list-ssh-keys", "remove-ssh-key", "ssh-keys"),
    ),
    'localjuju has one user, "admin", who may do everything': (
        *("add-user", "change-user-password", "disable-user", "enable-user", "list-users"),
        *("grant", "login", "logout", "remove-user", "revoke", "show-user", "users"),
    ),
    "localjuju has one controller, which starts and ends with it": (
        *("bootstrap", "controller-config", "destroy-controller", "enable-destroy-controller"),
        *("enable-ha", "kill-controller", "migrate", "register", "unregister"),
        *("sync-agent-binary", "upgrade-controller", "upgrade-machine", "upgrade-model"),
    ),
    "localjuju has no database to back up": ("create-backup", "download-backup"),
    'localjuju has one network and one space, "alpha"': (
        *("add-space", "bind", "list-spaces", "list-subnets", "move-to-space", "reload-spaces"),
        *("remove-space", "rename-space", "show-space", "spaces", "subnets"),
    ),
    "localjuju has no firewall": (
        *("firewall-rules", "list-firewall-rules", "set-firewall-rule"),
    ),
    "localjuju stores secrets itself and has no other secret backends": (
        *("add-secret-backend", "list-secret-backends", "model-secret-backend"),
        *("remove-secret-backend", "secret-backends", "show-secret-backend"),
        "update-secret-backend",
    ),
    "localjuju accepts any name of a storage pool and keeps no list of pools": (
        *("create-storage-pool", "import-filesystem", "list-storage-pools"),
        *("remove-storage-pool", "storage-pools", "update-storage-pool"),
    ),
    "localjuju cannot debug a hook in a terminal: use a debugger in the charm's unit tests": (
        *("debug-code", "debug-hook", "debug-hooks"),
    ),
    "localjuju cannot disable commands": (
        *("disable-command", "disabled-commands", "enable-command", "list-disabled-commands"),
    ),
    "localjuju has no defaults for the options of new models: use add-model --config": (
        *("model-default", "model-defaults"),
    ),
    "localjuju's machines start at once, so there is nothing to retry": ("retry-provisioning",),
    "localjuju deploys bundles, but cannot compare or export them": (
        *("diff-bundle", "export-bundle"),
    ),
    "localjuju has no dashboard": ("dashboard",),
    "localjuju has no metrics": ("collect-metrics", "metrics", "set-meter-status"),
    "localjuju has no payloads": ("list-payloads", "payloads"),
    "localjuju runs every charm on the base of this computer": ("set-application-base",),
    "localjuju has no help texts: see Juju's documentation": (
        *("documentation", "help", "help-action-commands", "help-hook-commands", "help-tool"),
        *("hook-tool", "hook-tools", "list-hook-tools"),
    ),
    "localjuju does not list the actions that a charm declares": (
        *("actions", "list-actions", "show-action"),
    ),
    "localjuju keeps no history of statuses: use debug-log": (*("show-status-log",),),
    "localjuju runs all hooks before it prints a status: use status, or jubilant's wait": (
        "wait-for",
    ),
}

REFUSED = {name: reason for reason, names in _COMMANDS_BY_REASON.items() for name in names}
"""The reason why localjuju does not support a command, by the command's name."""

KUBERNETES_COMMANDS = ("scale-application",)
"""Commands that Juju itself refuses on machines."""


def refusal(command: str, known: Iterable[str]) -> CommandError:
    """Return the error for a command that localjuju does not support.

    Args:
        command: its name.
        known: the names of the commands that localjuju supports.
    """
    if command in REFUSED:
        return CommandError(f'ERROR "juju {command}" is not supported: {REFUSED[command]}')
    if command in KUBERNETES_COMMANDS:
        return CommandError(
            f'ERROR Juju command "{command}" only supported on k8s container models'
        )
    names = {*known, *REFUSED, *KUBERNETES_COMMANDS}
    closest = min(sorted(names), key=lambda name: _edit_distance(command, name))
    if _edit_distance(command, closest) > len(closest):
        return CommandError(f"ERROR unrecognized command: {command}", 2)
    return CommandError(
        f'ERROR juju: "{command}" is not a juju command. See "juju --help".\n\n'
        f"Did you mean:\n\t{closest}"
    )


def _edit_distance(one: str, other: str) -> int:
    """Return how many letters have to be inserted, deleted or changed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        diagonal, row[0] = row[0], number
        for index, another in enumerate(other, start=1):
            changed = diagonal + (letter != another)
            diagonal, row[index] = row[index], min(changed, row[index] + 1, row[index - 1] + 1)
    return row[-1]
