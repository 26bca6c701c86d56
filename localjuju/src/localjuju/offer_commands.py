"""The ``juju`` commands on offers: those that make them, use them, and end their use."""

from __future__ import annotations

import re
from collections.abc import Callable

from localjuju import offer_url
from localjuju.command import TERMINAL, CommandError, Output, Parser
from localjuju.cross_model import USER, CrossModelRelation, Offer, RemoteApplication
from localjuju.model import Application, Model, new_uuid
from localjuju.model_runner import ModelRunner
from localjuju.offer_url import OfferUrl, OfferUrlError


class OfferCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self.controller = runner.controller
        self._words_of_3_6 = runner.behaviour.errors_in_words_of_3_6

    # In the offering model

    def offer(self, arguments: list[str]) -> Output:
        parser = Parser("offer")
        parser.add_argument("endpoints", nargs="?")
        parser.add_argument("name", nargs="?")
        parser.add_argument("-c", "--controller", default="")
        options = parser.parse_intermixed_args(arguments)
        if not options.endpoints:
            raise CommandError("ERROR an offer must at least specify application endpoint", 2)
        self._check_controller(options.controller)
        owner_and_model, name, names = _split_offered(options.endpoints)
        model = self._model(owner_and_model) if owner_and_model else self.model
        application = model.applications.get(name)
        if application is None:
            raise CommandError(
                f'ERROR getting offered application {name}: application "{name}" not found'
            )
        offer_name = options.name or name
        if not offer_url.NAME.fullmatch(offer_name):
            raise CommandError(f'ERROR offer name "{offer_name}" not valid')
        offer = self._make_offer(model, offer_name, application, names)
        listed = ", ".join(names)
        return Output(
            stderr=f'Application "{name}" endpoints [{listed}] available at "{offer.url}"\n'
        )

    def _make_offer(
        self, model: Model, name: str, application: Application, endpoints: list[str]
    ) -> Offer:
        """Make an offer, or give one that there is other endpoints, as Juju does."""
        existing = model.offers.get(name)
        verb = "update" if existing else "add"
        problem = f'ERROR cannot {verb} application offer "{name}": '
        for endpoint in endpoints:
            if reason := _unfit(application, endpoint):
                raise CommandError(f"{problem}{reason}")
        if existing is None:
            uuid = new_uuid(self.runner.rng)
            model.offers[name] = Offer(name, uuid, model, application, endpoints)
            return model.offers[name]
        if existing.application is not application:
            raise CommandError(f"{problem}application offer already exists")
        for relation in self.controller.cross_model.of(existing):
            used = relation.offering.endpoint_name
            if used not in endpoints:
                raise CommandError(f'{problem}application endpoint "{used}" has active consumers')
        existing.endpoint_names = endpoints
        return existing

    def remove_offer(self, arguments: list[str]) -> Output:
        parser = Parser("remove-offer")
        parser.add_argument("offers", nargs="*")
        parser.add_argument("-c", "--controller", default="")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("-y", "--yes", "--no-prompt", action="store_true")
        options = parser.parse_intermixed_args(arguments)
        if not options.offers:
            raise CommandError("ERROR no offers specified", 2)
        self._check_controller(options.controller)
        urls = [self.url_of(text) for text in options.offers]
        said = ""
        if options.force and not options.yes:
            said = _warning(urls)
            if TERMINAL.get().read_stdin().strip().lower() not in ("y", "yes"):
                raise CommandError("ERROR offer removal: aborted", stdout=said)
        for url in urls:
            self._remove_offer(self.find_offer(url), options.force)
        return Output(said)

    def _remove_offer(self, offer: Offer, force: bool) -> None:
        relations = self.controller.cross_model.of(offer)
        if relations and not force:
            count = len(relations)
            if self._words_of_3_6:
                raise CommandError(
                    f'ERROR cannot delete application offer "{offer.name}": '
                    f"offer has {count} relation{'s' * (count > 1)}"
                )
            raise CommandError(
                f'ERROR cannot delete offer "{offer.uuid}", it has {count} connections'
            )
        for relation in relations:
            relation.end()
        del offer.model.offers[offer.name]

    # In the consuming model

    def consume(self, arguments: list[str]) -> Output:
        parser = Parser("consume")
        parser.add_argument("offer", nargs="?")
        parser.add_argument("alias", nargs="?")
        options = parser.parse_intermixed_args(arguments)
        if not options.offer:
            raise CommandError("ERROR no remote offer specified", 2)
        if options.alias and not offer_url.NAME.fullmatch(options.alias):
            raise CommandError(f'ERROR invalid application name "{options.alias}"', 2)
        url = _parsed(options.offer)
        if url.endpoint:
            raise CommandError(f'ERROR saas offer "{options.offer}" shouldn\'t include endpoint')
        offer = self.find_offer(url)
        saas = self._consume(offer, options.alias or offer.name)
        written = options.offer if url.owner else offer.url
        return Output(stderr=f"Added {written} as {saas.name}\n")

    def consume_for_relation(self, text: str) -> str:
        """Consume an offer, and return how a relation in this model names it.

        Args:
            text: the offer's URL, with an endpoint or without.

        Raises:
            CommandError: there is no such offer, or the model has the name for another thing.
        """
        url = _parsed(text)
        saas = self._consume(self.find_offer(url), url.offer)
        return f"{saas.name}:{url.endpoint}" if url.endpoint else saas.name

    def _consume(self, offer: Offer, name: str) -> RemoteApplication:
        """Have a SAAS for an offer. One that is there already is as good."""
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
        # Juju shows it as the relation's message, which is printed nowhere here.
        parser.add_argument("--message", default="")
        options = parser.parse_intermixed_args(arguments)
        if not options.ids:
            raise CommandError("ERROR no relation ids specified", 2)
        for text in options.ids:
            if not text.isdecimal():
                raise CommandError(f'ERROR relation ID "{text}" not valid', 2)
        relations = [self._cross_model_relation(int(text)) for text in options.ids]
        for relation in relations:
            relation.suspend(suspended)
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

    # What the arguments name

    def url_of(self, text: str) -> OfferUrl:
        """Read the URL of an offer, or the name of one in this model."""
        if offer_url.NAME.fullmatch(text):
            return OfferUrl("", "", self.model.name, text, "")
        return _parsed(text)

    def find_offer(self, url: OfferUrl) -> Offer:
        """Find an offer of any model.

        Raises:
            CommandError: there is none.
        """
        self._check_controller(url.controller)
        model = self._model(f"{url.owner or USER}/{url.model}")
        if url.offer not in model.offers:
            name = f"{USER}/{model.name}.{url.offer}"
            raise CommandError(f'ERROR application offer "{name}" not found')
        return model.offers[url.offer]

    def _model(self, qualified: str) -> Model:
        owner, _, name = qualified.rpartition("/")
        if owner not in ("", USER) or name not in self.controller.models:
            raise CommandError(f'ERROR model "{owner or USER}/{name}" not found')
        return self.controller.models[name].model

    def _check_controller(self, name: str) -> None:
        if name not in ("", self.controller.name):
            raise CommandError(f"ERROR controller {name} not found")


COMMANDS: dict[str, Callable[[OfferCommands, list[str]], Output]] = {
    "consume": OfferCommands.consume,
    "offer": OfferCommands.offer,
    "remove-consumed-application": OfferCommands.remove_saas,
    "remove-offer": OfferCommands.remove_offer,
    "remove-saas": OfferCommands.remove_saas,
    "resume-relation": OfferCommands.resume_relation,
    "suspend-relation": OfferCommands.suspend_relation,
}


def _parsed(text: str) -> OfferUrl:
    try:
        return offer_url.parse(text)
    except OfferUrlError as error:
        raise CommandError(f"ERROR {error}") from None


def _unfit(application: Application, endpoint: str) -> str:
    """Say why an application's endpoint cannot be offered, if it cannot."""
    declared = application.endpoints.get(endpoint)
    if declared is None:
        return (
            f'getting relation endpoint for relation "{endpoint}" and application '
            f'"{application.name}": application "{application.name}" has no "{endpoint}" relation'
        )
    if declared.role == "peers":
        return f'endpoint "{endpoint}" of application "{application.name}" is of a peer relation'
    if declared.scope == "container":
        return f'endpoint "{endpoint}" of application "{application.name}" has container scope'
    return ""


def _split_offered(text: str) -> tuple[str, str, list[str]]:
    """Split ``[model.]application:endpoint[,endpoint]``."""
    form = re.fullmatch(r"/?((?P<model>[^.]*)\.)?(?P<application>[^:]*):(?P<endpoints>.*)", text)
    if form is None:
        raise CommandError(
            'ERROR endpoints must conform to format "<application-name>:<endpoint-name>[,...]" ',
            2,
        )
    if not offer_url.NAME.fullmatch(form["application"]):
        raise CommandError(f'ERROR application name "{form["application"]}" not valid', 2)
    if not form["endpoints"]:
        raise CommandError(f'ERROR specify endpoints for {form["application"]}" ', 2)
    return form["model"] or "", form["application"], form["endpoints"].split(",")


def _warning(urls: list[OfferUrl]) -> str:
    named = ", ".join(f"{url.owner or USER}/{url.model}.{url.offer}" for url in urls)
    return (
        f"WARNING! This command will remove offers: {named}\n"
        "This includes all relations to those offers.\n\nContinue [y/N]? "
    )
