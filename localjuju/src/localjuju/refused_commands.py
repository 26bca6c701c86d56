"""Juju's commands that localjuju has not, each with the reason; and names that Juju has not."""

from __future__ import annotations

from collections.abc import Iterable

from localjuju.command import CommandError

_SUBJECTS = {
    "localjuju has one cloud, this computer, and no way to add or change one": (
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
    "localjuju opens no connection that would need an SSH key": (
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
    "localjuju keeps nothing that a backup could hold": ("create-backup", "download-backup"),
    'localjuju has one network and one space, "alpha"': (
        *("add-space", "bind", "list-spaces", "list-subnets", "move-to-space", "reload-spaces"),
        *("remove-space", "rename-space", "show-space", "spaces", "subnets"),
    ),
    "localjuju has no firewall": (
        *("firewall-rules", "list-firewall-rules", "set-firewall-rule"),
    ),
    "localjuju keeps secrets itself and has no other secret backends": (
        *("add-secret-backend", "list-secret-backends", "model-secret-backend"),
        *("remove-secret-backend", "secret-backends", "show-secret-backend"),
        "update-secret-backend",
    ),
    "localjuju takes any name for a storage pool and has no list of them": (
        *("create-storage-pool", "import-filesystem", "list-storage-pools"),
        *("remove-storage-pool", "storage-pools", "update-storage-pool"),
    ),
    "localjuju has no terminal to debug a hook in: the charm's own tests can use a debugger": (
        *("debug-code", "debug-hook", "debug-hooks"),
    ),
    "localjuju protects nothing from being changed": (
        *("disable-command", "disabled-commands", "enable-command", "list-disabled-commands"),
    ),
    "localjuju has no defaults for the options of new models: use add-model --config": (
        *("model-default", "model-defaults"),
    ),
    "localjuju's machines start at once, so there is nothing to retry": ("retry-provisioning",),
    "localjuju deploys bundles, but neither compares nor writes them": (
        *("diff-bundle", "export-bundle"),
    ),
    "localjuju has no dashboard": ("dashboard",),
    "localjuju has no metrics": ("collect-metrics", "metrics", "set-meter-status"),
    "localjuju has no payloads": ("list-payloads", "payloads"),
    "localjuju runs every charm on the base of this computer": ("set-application-base",),
    "localjuju has no help texts: they are in Juju's documentation": (
        *("documentation", "help", "help-action-commands", "help-hook-commands", "help-tool"),
        *("hook-tool", "hook-tools", "list-hook-tools"),
    ),
    "localjuju does not list the actions that a charm declares": (
        *("actions", "list-actions", "show-action"),
    ),
    "localjuju keeps no history of statuses: debug-log tells what happened": (
        *("show-status-log",),
    ),
    "localjuju's status is settled when it prints it: use jubilant's wait": ("wait-for",),
}

REFUSED = {name: reason for reason, names in _SUBJECTS.items() for name in names}
"""The reason of each."""

FOR_KUBERNETES = ("scale-application",)
"""Commands that Juju itself refuses on machines."""


def refusal(command: str, known: Iterable[str]) -> CommandError:
    """Return the error for a command that localjuju does not serve.

    Args:
        command: its name.
        known: the names of those that localjuju serves.
    """
    if command in REFUSED:
        return CommandError(f'ERROR "juju {command}" is not supported: {REFUSED[command]}')
    if command in FOR_KUBERNETES:
        return CommandError(
            f'ERROR Juju command "{command}" only supported on k8s container models'
        )
    names = {*known, *REFUSED, *FOR_KUBERNETES}
    closest = min(sorted(names), key=lambda name: _distance(command, name))
    if _distance(command, closest) > len(closest):
        return CommandError(f"ERROR unrecognized command: {command}", 2)
    return CommandError(
        f'ERROR juju: "{command}" is not a juju command. See "juju --help".\n\n'
        f"Did you mean:\n\t{closest}"
    )


def _distance(one: str, other: str) -> int:
    """Return how many letters have to be put in, left out or changed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        diagonal, row[0] = row[0], number
        for place, another in enumerate(other, start=1):
            changed = diagonal + (letter != another)
            diagonal, row[place] = row[place], min(changed, row[place] + 1, row[place - 1] + 1)
    return row[-1]
