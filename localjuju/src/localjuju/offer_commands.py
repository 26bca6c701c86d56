"""The ``juju`` commands that create and remove offers. They have no ``--model`` option."""

from __future__ import annotations

import re
from collections.abc import Callable

from localjuju import model_reference, offer_url
from localjuju.command import CommandError, Output, Parser
from localjuju.confirmation import ask_to_continue
from localjuju.controller import Controller
from localjuju.cross_model import Offer
from localjuju.model import Application, Model, new_uuid
from localjuju.offer_url import OfferUrl


class OfferCommands:
    """Runs these commands on one controller."""

    def __init__(self, controller: Controller):
        self.controller = controller
        self._uses_3_6_wording = controller.behaviour.errors_use_3_6_wording

    def offer(self, arguments: list[str]) -> Output:
        parser = Parser("offer")
        parser.add_argument("endpoints", nargs="?")
        parser.add_argument("name", nargs="?")
        parser.add_argument("-c", "--controller", default="")
        options = parser.parse_intermixed_args(arguments)
        if not options.endpoints:
            raise CommandError("ERROR an offer must at least specify application endpoint", 2)
        model_reference.check_controller(self.controller, options.controller)
        model_name, name, names = _split_offered(options.endpoints)
        model = model_reference.find_model(self.controller, model_name).model
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
        """Create an offer, or change the endpoints of an existing one, as Juju does."""
        existing = model.offers.get(name)
        verb = "update" if existing else "add"
        problem = f'ERROR cannot {verb} application offer "{name}": '
        for endpoint in endpoints:
            if reason := _endpoint_problem(application, endpoint):
                raise CommandError(f"{problem}{reason}")
        if existing is None:
            uuid = new_uuid(self.controller.rng)
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
        model_reference.check_controller(self.controller, options.controller)
        current = self.controller.current_model
        urls = [offer_url.read(text, current) for text in options.offers]
        if options.force and not options.yes:
            ask_to_continue(_warning(urls), "offer removal")
        for url in urls:
            self._remove_offer(find_offer(self.controller, url), options.force)
        return Output()

    def _remove_offer(self, offer: Offer, force: bool) -> None:
        relations = self.controller.cross_model.of(offer)
        if relations and not force:
            count = len(relations)
            if self._uses_3_6_wording:
                raise CommandError(
                    f'ERROR cannot delete application offer "{offer.name}": '
                    f"offer has {count} relation{'s' * (count > 1)}"
                )
            raise CommandError(
                f'ERROR cannot delete offer "{offer.uuid}", it has {count} connections'
            )
        for relation in relations:
            relation.remove()
        del offer.model.offers[offer.name]


COMMANDS: dict[str, Callable[[OfferCommands, list[str]], Output]] = {
    "offer": OfferCommands.offer,
    "remove-offer": OfferCommands.remove_offer,
}


def find_offer(controller: Controller, url: OfferUrl) -> Offer:
    """Find an offer in any model.

    Raises:
        CommandError: the offer does not exist.
    """
    model_reference.check_controller(controller, url.controller)
    owner = url.owner or model_reference.USER
    if owner != model_reference.USER or url.model not in controller.models:
        raise CommandError(f'ERROR model "{owner}/{url.model}" not found')
    model = controller.models[url.model].model
    if url.offer not in model.offers:
        name = f"{model_reference.qualified(model.name)}.{url.offer}"
        raise CommandError(f'ERROR application offer "{name}" not found')
    return model.offers[url.offer]


def _endpoint_problem(application: Application, endpoint: str) -> str:
    """Return why an application's endpoint cannot be offered, or "" if it can."""
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
    named = ", ".join(f"{model_reference.qualified(url.model)}.{url.offer}" for url in urls)
    return (
        f"WARNING! This command will remove offers: {named}\n"
        "This includes all relations to those offers.\n\n"
    )
