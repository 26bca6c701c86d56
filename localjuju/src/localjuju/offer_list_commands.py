"""The ``juju`` commands that show offers: offers, show-offer, find-offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from localjuju import offer_url
from localjuju.command import CommandError, Output, Parser, dump, table
from localjuju.cross_model import CrossModelRelation, Offer
from localjuju.model_reference import USER, check_controller
from localjuju.model_runner import ModelRunner
from localjuju.offer_commands import find_offer
from localjuju.offer_url import OfferUrlError
from localjuju.status import describe_endpoints

USERS = {
    USER: {"display-name": USER, "access": "admin"},
    "everyone@external": {"access": "read"},
}

CONNECTION_COLUMNS = (
    "Offer",
    "User",
    "Relation ID",
    "Status",
    "Endpoint",
    "Interface",
    "Role",
    "Ingress subnets",
)
SUMMARY_COLUMNS = (
    "Offer",
    "Application",
    "Charm",
    "Connected",
    "Store",
    "URL",
    "Endpoint",
    "Interface",
    "Role",
)


class OfferListCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner):
        self.runner = runner
        self.model = runner.model
        self.controller = runner.controller

    def offers(self, arguments: list[str]) -> Output:
        parser = Parser("offers")
        parser.add_argument("name", nargs="?")
        parser.add_argument("--application")
        parser.add_argument("--interface")
        parser.add_argument("--allowed-consumer")
        parser.add_argument("--connected-user")
        parser.add_argument("--active-only", action="store_true")
        parser.add_argument("--format", default="tabular")
        options = parser.parse_intermixed_args(arguments)
        self.runner.settle()
        wanted = [
            offer
            for name, offer in sorted(self.model.offers.items())
            if options.name in (None, name)
            and options.application in (None, offer.application.name)
            and _has_interface(offer, options.interface)
            and options.allowed_consumer in (None, USER, "everyone@external")
            and (options.connected_user is None or self._is_used_by(offer, options.connected_user))
            and (not options.active_only or self._relations(offer))
        ]
        if options.format == "tabular":
            return Output(table(self._connections_table(wanted)))
        if options.format == "summary":
            return Output(table(self._summary(wanted)))
        return Output(
            dump({offer.name: self._describe_in_list(offer) for offer in wanted}, options.format)
        )

    def _relations(self, offer: Offer) -> list[CrossModelRelation]:
        return self.controller.cross_model.of(offer)

    def _is_used_by(self, offer: Offer, user: str) -> bool:
        return user == USER and bool(self._relations(offer))

    def _describe_in_list(self, offer: Offer) -> dict[str, Any]:
        charm = offer.application.charm
        described: dict[str, Any] = {
            "application": offer.application.name,
            "store": self.controller.name,
            "charm": f"local:{charm.name}-{offer.application.revision}",
            "offer-url": offer.url,
            "endpoints": describe_endpoints(offer.endpoints),
        }
        connections = [
            {
                "source-model-uuid": relation.consuming.model.uuid,
                "username": USER,
                "relation-id": relation.offering.relation.id,
                "endpoint": relation.offering.endpoint_name,
                "status": {"current": relation.status},
            }
            for relation in self._relations(offer)
        ]
        if connections:
            described["connections"] = connections
        return {**described, "users": USERS}

    def _connections_table(self, offers: Iterable[Offer]) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [CONNECTION_COLUMNS]
        for offer in offers:
            relations = self._relations(offer)
            if not relations:
                rows.append((offer.name, "-", "", "", "", "", "", ""))
            for index, relation in enumerate(relations):
                name = relation.offering.endpoint_name
                end = describe_endpoints(offer.endpoints)[name]
                number = str(relation.offering.relation.id)
                first = "" if index else offer.name
                rows.append(
                    (first, USER, number, relation.status, name, end["interface"], end["role"], "")
                )
        return rows

    def _summary(self, offers: Iterable[Offer]) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [SUMMARY_COLUMNS]
        for offer in offers:
            relations = self._relations(offer)
            joined = sum(relation.status == "joined" for relation in relations)
            listed = self._describe_in_list(offer)
            about = (
                *(offer.name, offer.application.name, listed["charm"]),
                *(f"{joined}/{len(relations)}", self.controller.name, offer.url),
            )
            rows += _with_endpoints(about, offer)
        return rows

    def show_offer(self, arguments: list[str]) -> Output:
        parser = Parser("show-offer")
        parser.add_argument("offer", nargs="*")
        parser.add_argument("--format", default="tabular")
        options = parser.parse_intermixed_args(arguments)
        if len(options.offer) != 1:
            raise CommandError("ERROR must specify endpoint URL", 2)
        offer = find_offer(self.controller, offer_url.read(options.offer[0], self.model.name))
        if options.format != "tabular":
            return Output(dump(self._describe_in_search([offer]), options.format))
        rows: list[tuple[str, ...]] = [
            ("Store", "URL", "Access", "Description", "Endpoint", "Interface", "Role"),
            *_with_endpoints((self.controller.name, offer.url, "admin", ""), offer),
        ]
        return Output(table(rows))

    def find_offers(self, arguments: list[str]) -> Output:
        parser = Parser("find-offers")
        parser.add_argument("wanted", nargs="?")
        parser.add_argument("--url")
        parser.add_argument("--interface")
        parser.add_argument("--offer")
        parser.add_argument("--format", default="tabular")
        options = parser.parse_intermixed_args(arguments)
        if options.wanted and options.url:
            raise CommandError("ERROR URL term cannot be specified twice", 2)
        if (options.wanted or options.url) and options.offer:
            raise CommandError("ERROR cannot specify both a URL term and offer term", 2)
        offers = [
            offer
            for offer in self._matching(options.wanted or options.url or "")
            if options.offer is None or options.offer in offer.name
            if _has_interface(offer, options.interface)
        ]
        if not offers:
            raise CommandError("ERROR no matching application offers found")
        if options.format != "tabular":
            return Output(dump(self._describe_in_search(offers), options.format))
        rows: list[tuple[str, ...]] = [("Store", "URL", "Access", "Interfaces")]
        for offer in offers:
            interfaces = sorted(f"{e.interface}:{name}" for name, e in offer.endpoints.items())
            rows.append((self.controller.name, offer.url, "admin", ", ".join(interfaces)))
        return Output(table(rows))

    def _matching(self, text: str) -> list[Offer]:
        """Find the offers in all models whose URL has the parts given in ``text``."""
        every = [
            offer
            for _, runner in sorted(self.controller.models.items())
            for _, offer in sorted(runner.model.offers.items())
        ]
        try:
            url = offer_url.parse(text, partly=True)
        except OfferUrlError as error:
            raise CommandError(f"ERROR {error}") from None
        check_controller(self.controller, url.controller)
        return [
            offer
            for offer in every
            if url.owner in ("", USER)
            and url.model in ("", offer.model.name)
            and url.offer in ("", offer.name)
        ]

    def _describe_in_search(self, offers: Iterable[Offer]) -> dict[str, Any]:
        return {
            f"{self.controller.name}:{offer.url}": {
                "access": "admin",
                "endpoints": describe_endpoints(offer.endpoints),
                "users": USERS,
            }
            for offer in offers
        }


COMMANDS: dict[str, Callable[[OfferListCommands, list[str]], Output]] = {
    "find-offers": OfferListCommands.find_offers,
    "list-offers": OfferListCommands.offers,
    "offers": OfferListCommands.offers,
    "show-offer": OfferListCommands.show_offer,
}


def _has_interface(offer: Offer, interface: str | None) -> bool:
    return interface is None or interface in [e.interface for e in offer.endpoints.values()]


def _with_endpoints(about: tuple[str, ...], offer: Offer) -> list[tuple[str, ...]]:
    """Return a row for each endpoint. Only the first row names the offer."""
    rows = []
    for name, end in describe_endpoints(offer.endpoints).items():
        rows.append((*about, name, end["interface"], end["role"]))
        about = ("",) * len(about)
    return rows
