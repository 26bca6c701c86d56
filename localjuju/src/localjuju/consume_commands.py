"""The ``juju`` commands that consume offers, and that suspend and resume their relations."""

from __future__ import annotations

from collections.abc import Callable

from localjuju import offer_url
from localjuju.command import CommandError, Output, Parser
from localjuju.cross_model import CrossModelRelation, Offer, RemoteApplication
from localjuju.model_runner import ModelRunner
from localjuju.offer_commands import find_offer


class ConsumeCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self.controller = runner.controller

    def consume(self, arguments: list[str]) -> Output:
        parser = Parser("consume")
        parser.add_argument("offer", nargs="?")
        parser.add_argument("alias", nargs="?")
        options = parser.parse_intermixed_args(arguments)
        if not options.offer:
            raise CommandError("ERROR no remote offer specified", 2)
        if options.alias and not offer_url.NAME.fullmatch(options.alias):
            raise CommandError(f'ERROR invalid application name "{options.alias}"', 2)
        url = offer_url.read(options.offer)
        if url.endpoint:
            raise CommandError(f'ERROR saas offer "{options.offer}" shouldn\'t include endpoint')
        offer = find_offer(self.controller, url)
        saas = self._consume(offer, options.alias or offer.name)
        written = options.offer if url.owner else offer.url
        return Output(stderr=f"Added {written} as {saas.name}\n")

    def consume_for_relation(self, text: str) -> str:
        """Consume an offer, and return the name that a relation in this model uses for it.

        Args:
            text: the offer's URL, with or without an endpoint.

        Raises:
            CommandError: the offer does not exist, or the model already uses its name.
        """
        url = offer_url.read(text)
        saas = self._consume(find_offer(self.controller, url), url.offer)
        return f"{saas.name}:{url.endpoint}" if url.endpoint else saas.name

    def _consume(self, offer: Offer, name: str) -> RemoteApplication:
        """Create a SAAS for an offer, unless the model has it already."""
        existing = self.model.remote_applications.get(name)
        if existing and existing.offer is offer:
            existing.endpoints.update(offer.endpoints)
            existing.life = "alive"
            return existing
        problem = f'ERROR could not consume {offer.url}: cannot add saas application "{name}": '
        if name in self.model.applications:
            raise CommandError(f"{problem}local application with same name already exists")
        if existing and existing.offer.exists:
            raise CommandError(f"{problem}saas application already exists")
        saas = RemoteApplication(name, offer, dict(offer.endpoints), is_saas=True)
        self.model.remote_applications[name] = saas
        return saas

    def remove_saas(self, arguments: list[str]) -> Output:
        parser = Parser("remove-saas")
        parser.add_argument("names", nargs="*")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--no-wait", action="store_true")
        options = parser.parse_intermixed_args(arguments)
        if not options.names:
            raise CommandError("ERROR no SAAS application names specified", 2)
        for name in options.names:
            if not offer_url.NAME.fullmatch(name):
                raise CommandError(f'ERROR invalid SAAS application name "{name}"', 2)
        if options.no_wait and not options.force:
            raise CommandError("ERROR --no-wait requires --force")
        problems = []
        for name in options.names:
            saas = self.model.remote_applications.get(name)
            if saas is None or not saas.is_saas:
                reason = f'saas application "{name}" not found'
                problems.append(f"removing SAAS application {name} failed: {reason}")
                continue
            saas.life = "dying"
            for relation in self.model.relations_of(saas):
                self.runner.remove_relation(relation, options.force)
        if problems:
            raise CommandError("\n".join(problems))
        return Output()

    # Relations to offers

    def suspend_relation(self, arguments: list[str]) -> Output:
        return self._set_suspended("suspend-relation", arguments, True)

    def resume_relation(self, arguments: list[str]) -> Output:
        return self._set_suspended("resume-relation", arguments, False)

    def _set_suspended(self, command: str, arguments: list[str], suspended: bool) -> Output:
        parser = Parser(command)
        parser.add_argument("ids", nargs="*")
        # Juju shows it as the relation's message, which localjuju does not print.
        parser.add_argument("--message", default="")
        options = parser.parse_intermixed_args(arguments)
        if not options.ids:
            raise CommandError("ERROR no relation ids specified", 2)
        for text in options.ids:
            if not text.isdecimal():
                raise CommandError(f'ERROR relation ID "{text}" not valid', 2)
        relations = [self._cross_model_relation(int(text)) for text in options.ids]
        for relation in relations:
            relation.set_suspended(suspended)
        return Output()

    def _cross_model_relation(self, relation_id: int) -> CrossModelRelation:
        relation = self.model.relations.get(relation_id)
        if relation is None:
            raise CommandError(f"ERROR relation {relation_id} not found")
        found = self.controller.cross_model.with_relation(self.model, relation)
        if found is None or found.offering.relation is not relation:
            raise CommandError(
                f'ERROR cannot set suspend status for "{relation.key}" which is not associated '
                "with an offer"
            )
        return found


COMMANDS: dict[str, Callable[[ConsumeCommands, list[str]], Output]] = {
    "consume": ConsumeCommands.consume,
    "remove-consumed-application": ConsumeCommands.remove_saas,
    "remove-saas": ConsumeCommands.remove_saas,
    "resume-relation": ConsumeCommands.resume_relation,
    "suspend-relation": ConsumeCommands.suspend_relation,
}
