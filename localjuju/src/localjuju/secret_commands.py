"""The ``juju`` commands that show secrets, and that change the secrets of users."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from localjuju import secret_content
from localjuju.command import TERMINAL, CommandError, Output, Parser, dump, table
from localjuju.model_runner import ModelRunner
from localjuju.secret import MODEL_OWNER, Revision, Secret, id_of


class SecretCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    # User secrets

    def add_secret(self, arguments: list[str]) -> Output:
        options = _content_parser("add-secret", "name").parse_args(arguments)
        content = _read_content(options.pairs, options.file)
        if not options.name:
            raise CommandError("ERROR secret name needs to be supplied as the first argument", 2)
        if not content:
            raise CommandError("ERROR missing secret value or filename", 2)
        self._check_name_is_free(options.name)
        now = self.runner.clock.now()
        secret = Secret(
            self.model.new_secret_id(),
            MODEL_OWNER,
            options.name,
            options.info or "",
            revisions={1: Revision(content, now)},
            created=now,
            updated=now,
        )
        self.model.secrets[secret.id] = secret
        return Output(f"secret:{secret.id}\n")

    def update_secret(self, arguments: list[str]) -> Output:
        parser = _content_parser("update-secret", "secret")
        parser.add_argument("--name")
        parser.add_argument("--auto-prune", nargs="?", const="true", choices=("true", "false"))
        options = parser.parse_args(arguments)
        if not options.secret:
            raise CommandError("ERROR missing secret URI", 2)
        content = _read_content(options.pairs, options.file)
        if not (content or options.name or options.info or options.auto_prune):
            raise CommandError("ERROR at least one attribute to update must be specified")
        secret = self._find_user_secret(options.secret)
        if options.name and options.name != secret.label:
            self._check_name_is_free(options.name)
            secret.label = options.name
        if options.info:
            secret.description = options.info
        if options.auto_prune:
            secret.auto_prune = options.auto_prune == "true"
        # Juju adds a revision only if the content differs.
        if content and content != secret.revisions[secret.latest].content:
            secret.add_revision(content, self.runner.clock.now())
        secret.prune()
        return Output()

    def grant_secret(self, arguments: list[str]) -> Output:
        secret, applications = self._change_access("grant-secret", arguments)
        secret.grants.update((None, name) for name in applications)
        return Output()

    def revoke_secret(self, arguments: list[str]) -> Output:
        secret, applications = self._change_access("revoke-secret", arguments)
        secret.grants.difference_update((None, name) for name in applications)
        return Output()

    def _change_access(self, command: str, arguments: list[str]) -> tuple[Secret, list[str]]:
        parser = Parser(command)
        parser.add_argument("secret", nargs="?")
        parser.add_argument("applications", nargs="?")
        options = parser.parse_args(arguments)
        if not options.applications:
            raise CommandError("ERROR missing secret name or application name", 2)
        secret = self._find_user_secret(options.secret)
        applications = options.applications.split(",")
        unknown = [name for name in applications if name not in self.model.applications]
        if unknown:
            prefix = "invalid subject reference: saas " if self._uses_3_6_wording else ""
            problems = ", ".join(
                f'cannot change access to "secret:{secret.id}" for "{name}": '
                f'{prefix}application "{name}" not found'
                for name in unknown
            )
            raise CommandError(f"ERROR failed to grant/revoke secret: {problems}")
        return secret, applications

    def remove_secret(self, arguments: list[str]) -> Output:
        parser = Parser("remove-secret")
        parser.add_argument("secret", nargs="?")
        parser.add_argument("--revision", type=int)
        options = parser.parse_args(arguments)
        if not options.secret:
            raise CommandError("ERROR missing secret URI", 2)
        secret = self._find_user_secret(options.secret)
        if options.revision:
            secret.revisions.pop(options.revision, None)
        if not options.revision or not secret.revisions:
            del self.model.secrets[secret.id]
        return Output()

    def _check_name_is_free(self, name: str) -> None:
        if not self._find_by_name(name):
            return
        if self._uses_3_6_wording:
            raise CommandError(f'ERROR secret with name "{name}" already exists')
        raise CommandError(
            f'ERROR secret with name "{name}" already exists: secret label already exists'
        )

    def _find_by_name(self, name: str) -> Secret | None:
        secrets = self.model.secrets.values()
        return next((one for one in secrets if one.is_user_secret and one.label == name), None)

    def _find(self, reference: str) -> Secret | None:
        """Find any secret by its id, or a user secret by its name."""
        return self.model.find_secret(reference) or self._find_by_name(reference)

    def _find_user_secret(self, reference: str) -> Secret:
        secret = self._find(reference)
        if secret is None:
            if self._uses_3_6_wording:
                raise CommandError(
                    f'ERROR secret "{_short_reference(reference)}" not found (not found)'
                )
            if _is_id(reference):
                raise CommandError("ERROR secret not found")
            raise CommandError(
                f'ERROR getting user secret for label "{reference}": secret with label '
                f'"{reference}" not found (secret not found)'
            )
        if not secret.is_user_secret:
            raise CommandError("ERROR permission denied (unauthorized access)")
        return secret

    # Commands that show secrets

    def secrets(self, arguments: list[str]) -> Output:
        parser = Parser("secrets")
        parser.add_argument("--owner")
        parser.add_argument("--revisions", action="store_true")
        parser.add_argument("--format", default="tabular")
        options = parser.parse_args(arguments)
        kind, _, owner = (options.owner or "").partition("-")
        if options.owner and (kind not in ("application", "unit") or not owner):
            raise CommandError(f'ERROR invalid owner "{options.owner}"')
        if kind == "unit":
            owner = "/".join(owner.rsplit("-", 1))
        self.runner.settle()
        shown = [one for one in self.model.secrets.values() if owner in ("", one.owner)]
        if options.format == "tabular":
            return Output(self._table(shown))
        described = {one.id: self._describe(one, options.revisions) for one in shown}
        return Output(dump(described, options.format))

    def _table(self, secrets: list[Secret]) -> str:
        rows = [("ID", "Name", "Owner", "Rotation", "Revision", "Last updated")]
        for one in sorted(secrets, key=lambda secret: (secret.owner, -secret.latest)):
            name = one.label if one.is_user_secret else "-"
            updated = _format_time(one.updated)
            rows.append((one.id, name, one.owner, one.rotation, str(one.latest), updated))
        return table(rows)

    def show_secret(self, arguments: list[str]) -> Output:
        parser = Parser("show-secret")
        parser.add_argument("secret", nargs="?")
        parser.add_argument("--reveal", action="store_true")
        parser.add_argument("-r", "--revision", type=int, default=0)
        parser.add_argument("--revisions", action="store_true")
        parser.add_argument("--format", default="yaml")
        options = parser.parse_args(arguments)
        if not options.secret:
            raise CommandError("ERROR secret ID is required", 2)
        for given, other in ((options.reveal, "reveal"), (options.revision > 0, "revision")):
            if options.revisions and given:
                raise CommandError(
                    f"ERROR specify either --revisions or --{other} but not both", 2
                )
        if options.revision < 0:
            raise CommandError("ERROR revision must be a positive integer", 2)
        self.runner.settle()
        secret = self._find(options.secret)
        if secret is None:
            raise CommandError(
                f'ERROR secret "{_short_reference(options.secret)}" not found', stdout="{}\n"
            )
        number = options.revision or secret.latest
        if number not in secret.revisions:
            raise CommandError(
                f'ERROR secret revision "{secret.id}/{number}" not found (not found)'
                if self._uses_3_6_wording
                else "ERROR secret revision not found"
            )
        described = self._describe(secret, options.revisions)
        if options.reveal:
            content = secret.revisions[number].content
            described["checksum"] = secret_content.checksum(content)
            # Only the JSON form has this extra level.
            as_json = options.format == "json"
            described["content"] = {"Data": content} if as_json else dict(content)
        if access := self._describe_grants(secret):
            described["access"] = access
        return Output(dump({secret.id: described}, options.format))

    def _describe_grants(self, secret: Secret) -> list[dict[str, str]]:
        described = []
        for relation, target in sorted(secret.grants, key=str):
            scope = f"model-{self.model.uuid}"
            if relation is not None:
                key = self.model.relations[relation].key
                scope = f"relation-{key.replace(' ', '#')}"
            kind = "application"
            if "/" in target:
                kind, target = "unit", target.replace("/", "-")
            described.append({"target": f"{kind}-{target}", "scope": scope, "role": "view"})
        return described

    def _describe(self, secret: Secret, revisions: bool) -> dict[str, Any]:
        described: dict[str, Any] = {"revision": secret.latest}
        if expires := secret.revisions[secret.latest].expires:
            described["expires"] = _format_time(expires)
        if secret.rotation != "never" or not self._uses_3_6_wording:
            described["rotation"] = secret.rotation
        if secret.rotates:
            described["rotates"] = _format_time(secret.rotates)
        described["owner"] = secret.owner
        if secret.description:
            described["description"] = secret.description
        if secret.label:
            described["name" if secret.is_user_secret else "label"] = secret.label
        described["created"] = _format_time(secret.created)
        described["updated"] = _format_time(secret.updated)
        if revisions:
            described["revisions"] = [
                _describe_revision(number, secret.revisions[number])
                for number in sorted(secret.revisions)
            ]
        return described


COMMANDS: dict[str, Callable[[SecretCommands, list[str]], Output]] = {
    "add-secret": SecretCommands.add_secret,
    "grant-secret": SecretCommands.grant_secret,
    "list-secrets": SecretCommands.secrets,
    "remove-secret": SecretCommands.remove_secret,
    "revoke-secret": SecretCommands.revoke_secret,
    "secrets": SecretCommands.secrets,
    "show-secret": SecretCommands.show_secret,
    "update-secret": SecretCommands.update_secret,
}


def _content_parser(command: str, subject: str) -> Parser:
    parser = Parser(command)
    parser.add_argument(subject, nargs="?")
    parser.add_argument("pairs", nargs="*")
    parser.add_argument("--info")
    parser.add_argument("--file")
    return parser


def _read_content(pairs: list[str], file: str | None) -> dict[str, str]:
    try:
        return secret_content.parse(pairs, file, TERMINAL.get().folder)
    except secret_content.SecretContentError as error:
        raise CommandError(f"ERROR {error}", 2) from None


def _is_id(reference: str) -> bool:
    return re.fullmatch("[0-9a-v]{20}", id_of(reference)) is not None


def _short_reference(reference: str) -> str:
    """Return a secret's id without prefix, or its name, as Juju's messages do."""
    return id_of(reference) if _is_id(reference) else reference


def _describe_revision(number: int, revision: Revision) -> dict[str, Any]:
    created = _format_time(revision.created)
    described = {
        "revision": number,
        "backend": "internal",
        "created": created,
        "updated": created,
    }
    if revision.expires:
        described["expires"] = _format_time(revision.expires)
    return described


def _format_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
