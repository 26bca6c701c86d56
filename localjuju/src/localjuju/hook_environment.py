"""The environment variables that Juju gives to a hook or an action."""

from __future__ import annotations

from localjuju import model_config
from localjuju.action_hook_commands import Action
from localjuju.model import Model, Unit
from localjuju.secret import Secret
from localjuju.uniter import Hook


def hook_environment(
    model: Model, unit: Unit, hook: Hook, action: Action | None, hooks_run: int
) -> dict[str, str]:
    """Return the environment variables that Juju documents for a hook.

    Args:
        model: the unit's model.
        unit: the unit that runs the hook.
        hook: the hook.
        action: the action, if the hook is one.
        hooks_run: how many hooks the model has run before it.
    """
    environment = {
        "JUJU_AGENT_SOCKET_NETWORK": "unix",
        "JUJU_CHARM_DIR": str(unit.folder / "charm"),
        "CHARM_DIR": str(unit.folder / "charm"),
        "JUJU_CONTEXT_ID": f"{unit.name}-{hook.name}-{hooks_run}",
        "JUJU_DISPATCH_PATH": f"{'actions' if action else 'hooks'}/{hook.name}",
        "JUJU_HOOK_NAME": "" if action else hook.name,
        "JUJU_MACHINE_ID": unit.machine.number,
        "JUJU_MODEL_NAME": model.name,
        "JUJU_MODEL_UUID": model.uuid,
        "JUJU_PRINCIPAL_UNIT": unit.principal.name if unit.principal else "",
        "JUJU_UNIT_NAME": unit.name,
        "JUJU_VERSION": model.behaviour.version,
        **model_config.environment(model.config),
    }
    if action:
        environment["JUJU_ACTION_TAG"] = f"action-{action.task}"
        environment["JUJU_ACTION_NAME"] = action.name
        environment["JUJU_ACTION_UUID"] = str(action.task)
    if hook.relation:
        environment["JUJU_RELATION"] = hook.reference.partition(":")[0]
        environment["JUJU_RELATION_ID"] = hook.reference
        environment["JUJU_REMOTE_APP"] = hook.remote_application
        environment["JUJU_REMOTE_UNIT"] = hook.remote_unit
        if hook.departing_unit:
            environment["JUJU_DEPARTING_UNIT"] = hook.departing_unit
    if hook.storage:
        environment["JUJU_STORAGE_ID"] = hook.storage.id
        environment["JUJU_STORAGE_LOCATION"] = str(hook.storage.location)
        environment["JUJU_STORAGE_KIND"] = "filesystem"
    if hook.secret:
        environment.update(_secret_environment(model, unit, hook, hook.secret))
    return environment


def _secret_environment(model: Model, unit: Unit, hook: Hook, secret: Secret) -> dict[str, str]:
    owner = model.model_of_secret(secret)
    is_owner = owner is model and secret.owner in (unit.name, unit.application.name)
    names_model = hook.kind == "secret-remove" and model.behaviour.secret_remove_names_model
    names_model |= owner is not model
    label = secret.labels.get(model.reader_name(unit, secret), "")
    environment = {
        "JUJU_SECRET_ID": f"secret:{f'//{owner.uuid}/' * names_model}{secret.id}",
        "JUJU_SECRET_LABEL": secret.label if is_owner else label,
    }
    if hook.secret_revision:
        environment["JUJU_SECRET_REVISION"] = str(hook.secret_revision)
    return environment
