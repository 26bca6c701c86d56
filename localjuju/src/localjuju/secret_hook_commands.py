"""The hook commands on secrets: what they take, print and refuse."""

from __future__ import annotations

import argparse
import base64
import datetime
import pathlib
import re
from collections.abc import Callable

from localjuju import secret_content
from localjuju.go_duration import seconds_of
from localjuju.hook_arguments import HookCommandError, HookParser, parser_of, printed
from localjuju.relation import Relation
from localjuju.secret import POLICIES, Revision, Secret, id_of
from localjuju.secret_changes import SecretChanges, SecretUpdate
from localjuju.uniter import Uniter


class SecretHookCommands:
    """Answers them in one hook of one unit."""

    def __init__(
        self,
        uniter: Uniter,
        find_relation: Callable[[str | None], Relation],
        now: Callable[[], float],
    ):
        """Prepare.

        Args:
            uniter: whose hook it is.
            find_relation: finds what ``-r`` names.
            now: tells the model's time.
        """
        self._uniter = uniter
        self._unit = uniter.unit
        self._model = uniter.model
        self._find_relation = find_relation
        self._now = now
        self.changes = SecretChanges(self._model, self._unit, now)

    def _manageable(self, secret_id: str) -> None:
        """Refuse what only a secret's owner may do; of an application that is its leader."""
        secret = self.changes.find(secret_id)
        if secret is None:
            return
        leads = secret.owner == self._unit.application.name and self._unit.is_leader
        if secret.owner != self._unit.name and not leads:
            raise HookCommandError("permission denied")

    def add(self, arguments: list[str]) -> str:
        options = _secret_parser("secret-add").parse_args(arguments)
        if not options.pairs and not options.file:
            raise HookCommandError("missing secret value or filename", 2)
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
        update.describe(secret, now)
        self.changes.create(secret)
        return f"secret://{self._model.uuid}/{secret.id}"

    def set(self, arguments: list[str]) -> str:
        options = _secret_parser("secret-set", reference=True).parse_args(arguments)
        secret_id = _id_of(options.reference)
        self._manageable(secret_id)
        self.changes.update(secret_id, self._update(options))
        return ""

    def _update(self, options: argparse.Namespace) -> SecretUpdate:
        """Read what secret-add and secret-set say of a secret."""
        expires = self._expiry(options.expire) if options.expire else None
        if options.rotate and options.rotate not in POLICIES:
            raise HookCommandError(f'rotate policy "{options.rotate}" not valid', 2)
        if options.owner not in ("application", "unit"):
            raise HookCommandError(f'secret owner "{options.owner}" not valid', 2)
        try:
            # Juju's agent reads the files, so a path is never relative to the hook's folder.
            content = secret_content.parse(options.pairs, options.file, pathlib.Path("/"))
        except secret_content.SecretContentError as error:
            raise HookCommandError(str(error), 2) from None
        return SecretUpdate(
            content or None,
            options.label or None,
            options.description or None,
            options.rotate or None,
            expires,
        )

    def _expiry(self, text: str) -> float:
        """Read when a secret ends: at a time, or after a duration."""
        try:
            moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            if "T" in text:
                zone = moment.tzinfo or datetime.timezone.utc
                return moment.replace(tzinfo=zone).timestamp()
        except ValueError:
            pass
        seconds = seconds_of(text)
        if seconds is None:
            raise HookCommandError(f'expire time or duration "{text}" not valid', 2)
        if seconds <= 0:
            raise HookCommandError(f'negative expire duration "{text}" not valid', 2)
        return self._now() + seconds

    def get(self, arguments: list[str]) -> str:
        parser = parser_of("secret-get")
        parser.add_argument("reference", nargs="?")
        parser.add_argument("key", nargs="?")
        parser.add_argument("--label")
        parser.add_argument("--refresh", action="store_true")
        parser.add_argument("--peek", action="store_true")
        options = parser.parse_args(arguments)
        _check_named(options)
        if options.peek and options.refresh:
            raise HookCommandError("specify one of --peek or --refresh but not both", 2)
        secret = self._readable(options.reference, options.label)
        if options.reference and options.label:
            self._give_label(secret, options.label)
        content = self.changes.pending_content(secret.id, options.refresh, options.peek)
        content = content or self._read(secret, options.refresh, options.peek)
        if not options.key:
            return printed(content, options.format)
        key = options.key.removesuffix("#base64")
        if key not in content:
            raise HookCommandError(f'secret key value "{key}" not found')
        value = content[key]
        if key != options.key:
            value = base64.b64encode(value.encode()).decode()
        return printed(value, options.format)

    def _readable(self, reference: str | None, label: str | None) -> Secret:
        """Find a secret that the unit may read: by its id, or by the label that the unit gave."""
        words_of_3_6 = self._model.behaviour.errors_in_words_of_3_6
        if reference:
            secret_id = _id_of(reference)
            secret = self.changes.find(secret_id) or self._model.find_secret(reference)
            problem = f'secret "{secret_id}" not found'
            if not words_of_3_6:
                problem = "getting latest secret revision: secret not found"
        else:
            labelled = [one for one in self.changes.owned().values() if one.label == label]
            labelled += [
                secret
                for secret in self._model.secrets_of_all_models()
                if secret.labels.get(self._reader(secret)) == label
            ]
            secret = (self.changes.find(labelled[0].id) or labelled[0]) if labelled else None
            uri = "" if words_of_3_6 else "secret URI for "
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
        # A revision may have been removed: what is left then is the latest.
        tracked = secret.tracked.get(self._reader(secret))
        if tracked not in secret.revisions:
            tracked = secret.latest
        revision = secret.latest if refresh or peek else tracked
        if not peek:
            secret.tracked[self._reader(secret)] = revision
            self._uniter.consume(secret)
        return secret.revisions[revision].content

    def info_get(self, arguments: list[str]) -> str:
        parser = parser_of("secret-info-get")
        parser.add_argument("reference", nargs="?")
        parser.add_argument("--label")
        options = parser.parse_args(arguments)
        _check_named(options)
        wanted = _id_of(options.reference) if options.reference else options.label
        for secret in self.changes.owned().values():
            if wanted == (secret.id if options.reference else secret.label):
                expires = secret.revisions[secret.latest].expires
                info = {
                    "revision": secret.latest,
                    "label": secret.label,
                    "description": secret.description,
                    "owner": "unit" if "/" in secret.owner else "application",
                    "rotation": secret.rotation,
                    "rotates": secret.rotates and _moment(secret.rotates),
                    "expiry": expires and _moment(expires),
                }
                return printed({secret.id: {k: v for k, v in info.items() if v}}, options.format)
        raise HookCommandError(f'secret "{wanted}" not found')

    def ids(self, arguments: list[str]) -> str:
        options = parser_of("secret-ids").parse_args(arguments)
        owners = (
            [self._unit.name, self._unit.application.name]
            if self._unit.is_leader
            else [self._unit.name]
        )
        owned = self.changes.owned().values()
        return printed([s.id for s in owned if s.owner in owners], options.format)

    def grant(self, arguments: list[str]) -> str:
        self.changes.grant(*self._grant("secret-grant", arguments))
        return ""

    def revoke(self, arguments: list[str]) -> str:
        self.changes.revoke(*self._grant("secret-revoke", arguments))
        return ""

    def _grant(self, command: str, arguments: list[str]) -> tuple[str, tuple[int, str]]:
        parser = parser_of(command)
        parser.add_argument("-r", "--relation", required=True)
        parser.add_argument("--unit")
        parser.add_argument("reference")
        options = parser.parse_args(arguments)
        relation = self._find_relation(options.relation)
        remote = relation.remote(self._unit.application).application
        secret_id = _id_of(options.reference)
        self._manageable(secret_id)
        if secret_id not in self.changes.owned():
            raise HookCommandError(f'secret "{secret_id}" not found')
        if not remote.takes_secrets:
            raise HookCommandError(
                "sharing consumer secrets across a cross model relation not supported"
            )
        return secret_id, (relation.id, options.unit or remote.name)

    def remove(self, arguments: list[str]) -> str:
        parser = parser_of("secret-remove")
        parser.add_argument("--revision", type=int)
        parser.add_argument("reference")
        options = parser.parse_args(arguments)
        secret_id = _id_of(options.reference)
        self._manageable(secret_id)
        self.changes.remove(secret_id, options.revision)
        return ""


COMMANDS: dict[str, Callable[[SecretHookCommands, list[str]], str]] = {
    "secret-add": SecretHookCommands.add,
    "secret-get": SecretHookCommands.get,
    "secret-grant": SecretHookCommands.grant,
    "secret-ids": SecretHookCommands.ids,
    "secret-info-get": SecretHookCommands.info_get,
    "secret-remove": SecretHookCommands.remove,
    "secret-revoke": SecretHookCommands.revoke,
    "secret-set": SecretHookCommands.set,
}


def _id_of(reference: str) -> str:
    """Return the bare id of a secret, which may not exist."""
    secret_id = id_of(reference)
    if not re.fullmatch("[0-9a-v]{20}", secret_id):
        raise HookCommandError(f'secret URI "{reference}" not valid', 2)
    return secret_id


def _secret_parser(command: str, reference: bool = False) -> HookParser:
    parser = parser_of(command)
    parser.add_argument("--label")
    parser.add_argument("--description")
    parser.add_argument("--expire")
    parser.add_argument("--rotate")
    parser.add_argument("--file")
    parser.add_argument("--owner", default="application")
    if reference:
        parser.add_argument("reference")
    parser.add_argument("pairs", nargs="*")
    return parser


def _check_named(options: argparse.Namespace) -> None:
    if not options.reference and not options.label:
        raise HookCommandError("require either a secret URI or label", 2)


def _moment(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
