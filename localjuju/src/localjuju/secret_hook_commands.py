"""The hook commands for secrets: their arguments, output and errors."""

from __future__ import annotations

import base64
import datetime
import pathlib
import re
from collections.abc import Callable

from localjuju import secret_content
from localjuju.go_duration import seconds_of
from localjuju.hook_arguments import (
    Call,
    HookCommandError,
    Options,
    Switch,
    ValueOption,
    usage_error,
    whole_number,
)
from localjuju.hook_output import SMART, STRUCTURED
from localjuju.secret import POLICIES, Grant, Revision, Secret, id_of
from localjuju.secret_changes import SecretChanges, SecretUpdate
from localjuju.uniter import Uniter


class SecretHookCommands:
    """Answers these commands in one hook of one unit."""

    def __init__(
        self,
        uniter: Uniter,
        relation_option: Callable[[], ValueOption],
        now: Callable[[], float],
    ):
        """Prepare the commands.

        Args:
            uniter: the agent of the unit.
            relation_option: returns the option that names a relation.
            now: returns the model's time.
        """
        self._uniter = uniter
        self._unit = uniter.unit
        self._model = uniter.model
        self._relation_option = relation_option
        self._now = now
        self.changes = SecretChanges(self._model, self._unit, now)

    def _check_owner(self, secret_id: str) -> None:
        """Raise a HookCommandError if the unit does not own a secret.

        The leader owns the secrets of its application.
        """
        secret = self.changes.find(secret_id)
        if secret is None:
            return
        leads = secret.owner == self._unit.application.name and self._unit.is_leader
        if secret.owner != self._unit.name and not leads:
            raise HookCommandError("permission denied")

    def add(self, call: Call) -> str:
        options = call.parse(*_content_options(), rest="pairs")
        if not options.pairs and not options.file:
            raise usage_error("missing secret value or filename")
        update = self._update(options)
        if update.content is None:
            raise HookCommandError("empty secret value not valid")
        owner = self._unit.name if options.owner == "unit" else self._unit.application.name
        if options.owner != "unit" and not self._unit.is_leader:
            raise HookCommandError("this unit is not the leader")
        if options.label and any(
            secret.label == options.label and secret.owner == owner
            for secret in self.changes.owned().values()
        ):
            raise HookCommandError(f'secret with label "{options.label}" already exists')
        now = self._now()
        revisions = {1: Revision(update.content, now)}
        secret = Secret(
            self._model.new_secret_id(), owner, revisions=revisions, created=now, updated=now
        )
        update.apply_metadata(secret, now)
        self.changes.create(secret)
        return f"secret://{self._model.uuid}/{secret.id}"

    def set(self, call: Call) -> str:
        options = call.parse(*_content_options(), takes=["reference"], rest="pairs")
        secret_id = _required_id(options)
        update = self._update(options)
        self._check_owner(secret_id)
        self.changes.update(secret_id, update)
        return ""

    def _update(self, options: Options) -> SecretUpdate:
        """Read the options of secret-add and secret-set."""
        expires = self._expiry(options.expire) if options.expire else None
        if options.rotate and options.rotate not in POLICIES:
            raise usage_error(f'rotate policy "{options.rotate}" not valid')
        if options.owner not in ("application", "unit"):
            raise usage_error(f'secret owner "{options.owner}" not valid')
        try:
            # Juju's agent reads the file, so a path is never relative to the hook's folder.
            content = secret_content.parse(options.pairs, options.file, pathlib.Path("/"))
        except secret_content.SecretContentError as error:
            raise usage_error(str(error)) from None
        return SecretUpdate(
            content or None,
            options.label or None,
            options.description or None,
            options.rotate or None,
            expires,
        )

    def _expiry(self, text: str) -> float:
        """Read the time when a secret expires: a time, or a duration from now."""
        if TIME.fullmatch(text):
            try:
                moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            except ValueError:
                raise _invalid_expiry(text) from None
            zone = moment.tzinfo or datetime.timezone.utc
            return moment.replace(tzinfo=zone).timestamp()
        seconds = seconds_of(text)
        if seconds is None:
            raise _invalid_expiry(text)
        if seconds <= 0:
            raise usage_error(f'negative expire duration "{text}" not valid')
        return self._now() + seconds

    def get(self, call: Call) -> str:
        options = call.parse(
            ValueOption("label"),
            Switch("peek"),
            Switch("refresh"),
            takes=["reference", "key"],
            formats=STRUCTURED,
        )
        _check_reference_or_label(options)
        if options.peek and options.refresh:
            raise usage_error("specify one of --peek or --refresh but not both")
        secret = self._find_readable(options.reference, options.label)
        if options.reference and options.label:
            self._give_label(secret, options.label)
        content = self.changes.pending_content(secret.id, options.refresh, options.peek)
        content = content or self._read(secret, options.refresh, options.peek)
        if not options.key:
            return options.printed(content)
        key = options.key.removesuffix("#base64")
        if key not in content:
            raise HookCommandError(f'secret key value "{key}" not found')
        value = content[key]
        if key != options.key:
            value = base64.b64encode(value.encode()).decode()
        return options.printed(value)

    def _find_readable(self, reference: str | None, label: str | None) -> Secret:
        """Find a secret that the unit may read, by its id or by the unit's label for it."""
        uses_3_6_wording = self._model.behaviour.errors_use_3_6_wording
        if reference:
            secret_id = _id_of(reference)
            secret = self.changes.find(secret_id) or self._model.find_secret(reference)
            problem = f'secret "{secret_id}" not found'
            if not uses_3_6_wording:
                problem = "getting latest secret revision: secret not found"
        else:
            labelled = [one for one in self.changes.owned().values() if one.label == label]
            labelled += [
                secret
                for secret in self._model.secrets_of_all_models()
                if secret.labels.get(self._reader(secret)) == label
            ]
            secret = (self.changes.find(labelled[0].id) or labelled[0]) if labelled else None
            uri = "" if uses_3_6_wording else "secret URI for "
            problem = f'{uri}consumer label "{label}" not found'
        if secret is None:
            raise HookCommandError(problem)
        if not self._model.may_read(secret, self._unit):
            raise HookCommandError("permission denied")
        return secret

    def _reader(self, secret: Secret) -> str:
        return self._model.reader_name(self._unit, secret)

    def _give_label(self, secret: Secret, label: str) -> None:
        here = self._model.model_of_secret(secret) is self._model
        if here and secret.owner in (self._unit.application.name, self._unit.name):
            secret.label = label
        else:
            secret.labels[self._reader(secret)] = label

    def _read(self, secret: Secret, refresh: bool, peek: bool) -> dict[str, str]:
        # The tracked revision may have been removed. Then read the latest one.
        tracked = secret.tracked.get(self._reader(secret))
        if tracked not in secret.revisions:
            tracked = secret.latest
        revision = secret.latest if refresh or peek else tracked
        if not peek:
            secret.tracked[self._reader(secret)] = revision
            self._uniter.consume(secret)
        return secret.revisions[revision].content

    def info_get(self, call: Call) -> str:
        options = call.parse(ValueOption("label"), takes=["reference"], formats=STRUCTURED)
        _check_reference_or_label(options)
        if options.reference and options.label:
            raise usage_error("specify either a secret URI or label but not both")
        wanted = _id_of(options.reference) if options.reference else options.label
        for secret in self.changes.owned().values():
            if wanted == (secret.id if options.reference else secret.label):
                return options.printed({secret.id: self._describe(secret)}, in_order=True)
        raise HookCommandError(f'secret "{wanted}" not found')

    def _describe(self, secret: Secret) -> dict[str, object]:
        described: dict[str, object] = {
            "revision": secret.latest,
            "label": secret.label,
            "owner": "unit" if "/" in secret.owner else "application",
        }
        expires = secret.revisions[secret.latest].expires
        # The controller sets the time of the next rotation after the hook has ended.
        stored = self._model.secrets.get(secret.id)
        further = {
            "description": secret.description,
            "rotation": secret.rotation if stored or secret.rotation != "never" else "",
            "expiry": expires and _format_time(expires),
            "rotates": stored and stored.rotates and _format_time(stored.rotates),
            "access": [self._describe_grant(one) for one in self.changes.grants_of(secret.id)],
        }
        described.update({name: value for name, value in further.items() if value})
        return described

    def _describe_grant(self, grant: Grant) -> dict[str, str]:
        relation, target = grant
        kind = "unit" if "/" in target else "application"
        key = self._model.relations[relation].key if relation in self._model.relations else ""
        return {
            "target": f"{kind}-{target.replace('/', '-')}",
            "scope": f"relation-{key.replace(':', '.').replace(' ', '#')}",
            "role": "view",
        }

    def ids(self, call: Call) -> str:
        options = call.parse(formats=SMART)
        owners = (
            [self._unit.name, self._unit.application.name]
            if self._unit.is_leader
            else [self._unit.name]
        )
        found = tuple(s.id for s in self.changes.owned().values() if s.owner in owners)
        # Go prints an empty (nil) list as null.
        return options.printed(found or (None if options.format == "json" else ()))

    def grant(self, call: Call) -> str:
        options = call.parse(
            self._relation_option(), ValueOption("unit", default=""), takes=["reference"]
        )
        secret_id = _required_id(options)
        if options.relation is None:
            raise usage_error("no relation id specified")
        remote = options.relation.remote(self._unit.application).application
        application = remote.name
        if options.unit:
            _check_unit(options.unit)
            if options.unit.partition("/")[0] != application:
                raise usage_error(
                    f'cannot specify unit "{options.unit}" in relation to application '
                    f'"{application}"'
                )
        self._check_owner(secret_id)
        if secret_id not in self.changes.owned():
            raise HookCommandError(f'secret "{secret_id}" not found')
        if not remote.accepts_secret_grants:
            raise HookCommandError(
                "sharing consumer secrets across a cross model relation not supported"
            )
        self._grant(secret_id, (options.relation.id, options.unit or application))
        return ""

    def _grant(self, secret_id: str, grant: Grant) -> None:
        targets = [t for scope, t in self.changes.grants_of(secret_id) if scope == grant[0]]
        if grant[1] in targets or any("/" not in target for target in targets):
            return
        if targets and "/" not in grant[1]:
            raise HookCommandError(
                "any unit level grants need to be revoked before granting access to the "
                "corresponding application"
            )
        self.changes.grant(secret_id, grant)

    def revoke(self, call: Call) -> str:
        options = call.parse(
            self._relation_option(),
            ValueOption("app", "application", default=""),
            ValueOption("unit", default=""),
            takes=["reference"],
        )
        secret_id = _required_id(options)
        application = options.application
        if application and not re.fullmatch(r"[a-z][a-z0-9-]*", application):
            raise usage_error(f'application "{application}" not valid')
        if options.unit:
            _check_unit(options.unit)
        if application and options.unit:
            raise usage_error("specify only one of application or unit")
        if options.relation is not None:
            if application:
                raise usage_error("do not specify both relation and app")
            application = options.relation.remote(self._unit.application).application.name
        if not application and not options.unit:
            raise usage_error("missing relation or application or unit")
        self._check_owner(secret_id)
        self.changes.revoke(secret_id, options.unit or application)
        return ""

    def remove(self, call: Call) -> str:
        revision = ValueOption("revision", default=0, read=whole_number)
        options = call.parse(revision, takes=["reference"])
        secret_id = _required_id(options)
        self._check_owner(secret_id)
        self.changes.remove(secret_id, options.revision if options.revision > 0 else None)
        return ""


COMMANDS: dict[str, Callable[[SecretHookCommands, Call], str]] = {
    "secret-add": SecretHookCommands.add,
    "secret-get": SecretHookCommands.get,
    "secret-grant": SecretHookCommands.grant,
    "secret-ids": SecretHookCommands.ids,
    "secret-info-get": SecretHookCommands.info_get,
    "secret-remove": SecretHookCommands.remove,
    "secret-revoke": SecretHookCommands.revoke,
    "secret-set": SecretHookCommands.set,
}


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
"""A time in the format of RFC 3339. Without a time zone it is UTC."""


def _id_of(reference: str) -> str:
    """Return the bare id of a secret, even if the secret does not exist."""
    secret_id = id_of(reference)
    if not re.fullmatch("[0-9a-v]{20}", secret_id):
        raise usage_error(f'secret URI "{reference}" not valid')
    return secret_id


def _required_id(options: Options) -> str:
    if options.reference is None:
        raise usage_error("missing secret URI")
    return _id_of(options.reference)


def _content_options() -> list[ValueOption]:
    """Return the options of secret-add and secret-set."""
    texts = [ValueOption(name) for name in ("label", "description", "expire", "rotate", "file")]
    return [*texts, ValueOption("owner", default="application")]


def _check_reference_or_label(options: Options) -> None:
    if not options.reference and not options.label:
        raise usage_error("require either a secret URI or label")


def _check_unit(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]*/\d+", name):
        raise usage_error(f'unit "{name}" not valid')


def _invalid_expiry(text: str) -> HookCommandError:
    return usage_error(f'expire time or duration "{text}" not valid')


def _format_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
