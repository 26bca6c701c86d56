"""The ``juju`` commands on relations: integrate and remove-relation."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from localjuju import offer_url
from localjuju.command import CommandError, Output, Parser
from localjuju.cross_model import RemoteApplication
from localjuju.model_runner import ModelRunner
from localjuju.relation import Relation, Side


class RelationCommands:
    """Runs these commands on one model."""

    def __init__(self, runner: ModelRunner, consume: Callable[[str], str]):
        """Create the commands for one model.

        Args:
            runner: changes the model.
            consume: consumes an offer, and returns the name of its SAAS in the model.
        """
        self.runner = runner
        self.model = runner.model
        self._consume = consume
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    def integrate(self, arguments: list[str]) -> Output:
        parser = Parser("integrate")
        parser.add_argument("ends", nargs="*")
        # Check the option, but do nothing with it: localjuju has no firewall.
        parser.add_argument("--via")
        options = parser.parse_intermixed_args(arguments)
        ends = _check_two_ends(options.ends)
        _check_networks(options.via)
        if options.via and not any(offer_url.is_url(end) for end in ends):
            raise CommandError(
                "ERROR the --via option can only be used when relating to offers in a different "
                "model",
                2,
            )
        first, second = self._consume_offer(*ends)
        pair = self._choose_endpoints(first, second)
        existing = self._relation_between(pair)
        if existing:
            raise CommandError(self._relation_exists(first, second, existing))
        for side in pair:
            if side.application.life == "dying":
                problem = self._error_prefix(first, second, pair)
                raise CommandError(f'{problem}application "{side.application.name}" is not alive')
            if self._is_full(side):
                raise CommandError(self._limit_reached(first, second, pair, side))
        self.runner.integrate(*pair)
        return Output()

    def _consume_offer(self, *ends: str) -> list[str]:
        """Consume an offer if one end names it, and return the ends in this model."""
        offers = [end for end in ends if offer_url.is_url(end)]
        if len(offers) > 1:
            raise CommandError("ERROR providing more than one remote endpoints not supported")
        return [self._consume(end) if end in offers else end for end in ends]

    def _is_full(self, side: Side) -> bool:
        """Whether an endpoint has reached its limit of relations in its own model."""
        model, limit = self.model, side.endpoint.limit
        if isinstance(side.application, RemoteApplication):
            offer = side.application.offer
            model, side = offer.model, Side(offer.application, side.endpoint)
        return limit > 0 and model.count_relations(side) >= limit

    def _limit_reached(self, first: str, second: str, pair: tuple[Side, Side], full: Side) -> str:
        reason = (
            f"establishing a new relation for {full.application.name}:{full.endpoint.name} "
            f"would exceed its maximum relation limit of {full.endpoint.limit}"
        )
        quota = " (quota limit exceeded)" if self._uses_3_6_wording else ""
        return f"{self._error_prefix(first, second, pair)}{reason}{quota}"

    def _error_prefix(self, first: str, second: str, pair: tuple[Side, Side]) -> str:
        """Return the beginning of the error for two endpoints that cannot be related."""
        if self._uses_3_6_wording:
            requirer_first = sorted(pair, key=lambda side: side.endpoint.role != "requires")
            return f'ERROR cannot add relation "{_describe_pair(requirer_first)}": '
        ends = '", "'.join(_describe_pair(pair).split())
        return (
            f'ERROR adding relation between endpoints "{first}" and "{second}": '
            f'cannot add relation "{ends}": relation {_describe_pair(pair)}: '
        )

    def _relation_exists(self, first: str, second: str, existing: Relation) -> str:
        if self._uses_3_6_wording:
            if existing.life == "dying":
                return (
                    f'ERROR cannot add relation "{existing.key}": relation {existing.key} '
                    "is dying, but not yet removed (already exists)"
                )
            return (
                f'ERROR cannot add relation "{existing.key}"\n'
                f"relation {existing.key} (already exists): \n\n"
                "Use 'juju status --relations' to view the current relations.\n"
            )
        ends = '", "'.join(existing.key.split())
        return (
            f'ERROR adding relation between endpoints "{first}" and "{second}": '
            f'cannot add relation "{ends}": relation {existing.key}: already exists'
        )

    def _choose_endpoints(self, first: str, second: str) -> tuple[Side, Side]:
        """Find the pair of endpoints that two names mean, which must be the only one."""
        problem = (
            f'ERROR adding relation between endpoints "{first}" and "{second}": '
            f'cannot relate endpoints "{first}" and "{second}": '
        )
        sides = []
        for end in (first, second):
            name, _, endpoint = end.partition(":")
            application = self.model.find_related(name)
            declared = application.endpoints if application else {}
            if application is None or (endpoint and endpoint not in declared):
                if not self._uses_3_6_wording:
                    raise CommandError(
                        f"{problem}no candidates for {end}: relation endpoint not found"
                    )
                if application is None:
                    raise CommandError(f'ERROR application "{name}" not found (not found)')
                raise CommandError(f'ERROR application "{name}" has no "{endpoint}" relation')
            sides.append(
                [Side(application, e) for e in declared.values() if endpoint in ("", e.name)]
            )
        pairs = [
            (one, other) for one in sides[0] for other in sides[1] if _are_compatible(one, other)
        ]
        explicit = [pair for pair in pairs if pair[0].endpoint.interface != "juju-info"]
        if self.runner.behaviour.explicit_endpoint_wins and explicit:
            pairs = explicit
        if not pairs and self._uses_3_6_wording:
            raise CommandError("ERROR no relations found")
        if not pairs:
            raise CommandError(f"{problem}no compatible endpoints found between applications")
        if len(pairs) > 1:
            could = "; ".join(sorted(f'"{_describe_pair(pair)}"' for pair in pairs))
            ambiguous = f'ambiguous relation: "{first} {second}" could refer to {could}'
            raise CommandError(f"{'ERROR ' if self._uses_3_6_wording else problem}{ambiguous}")
        return pairs[0]

    def _relation_between(self, pair: tuple[Side, Side]) -> Relation | None:
        wanted = {(s.application.name, s.endpoint.name) for s in pair}
        for relation in self.model.relations.values():
            if {(s.application.name, s.endpoint.name) for s in relation.sides} == wanted:
                return relation
        return None

    def remove_relation(self, arguments: list[str]) -> Output:
        parser = Parser("remove-relation")
        parser.add_argument("ends", nargs="*")
        parser.add_argument("--force", action="store_true")
        options = parser.parse_intermixed_args(arguments)
        if len(options.ends) == 1:
            relation = self._relation_with_id(options.ends[0])
        else:
            relation = self._relation_of(*_check_two_ends(options.ends))
        self.runner.remove_relation(relation, options.force)
        return Output()

    def _relation_with_id(self, text: str) -> Relation:
        if not text.isdecimal():
            raise CommandError(f'ERROR relation ID "{text}" not valid', 2)
        relation = self.model.relations.get(int(text))
        if relation is None:
            if self._uses_3_6_wording:
                raise CommandError(f"ERROR relation {text} not found (not found)")
            raise CommandError(
                f"ERROR relation with endpoints [] or id {text} not found (not found)"
            )
        if relation.is_peer:
            raise CommandError(
                f'ERROR cannot destroy relation "{relation.key}": is a peer relation'
            )
        return relation

    def _relation_of(self, first: str, second: str) -> Relation:
        """Find the relation that two names mean, which must be the only one."""
        matching = [r for r in self.model.relations.values() if _matches(r, first, second)]
        if not matching:
            if self._uses_3_6_wording:
                raise CommandError(
                    f'ERROR relation matching "{first} {second}" not found (not found)'
                )
            raise CommandError(
                f"ERROR relation with endpoints [{first} {second}] or id 0 not found (not found)"
            )
        if len(matching) > 1:
            could = "; ".join(f'"{relation.key}"' for relation in matching)
            raise CommandError(
                f'ERROR ambiguous relation: "{first} {second}" could refer to {could}'
            )
        return matching[0]


COMMANDS: dict[str, Callable[[RelationCommands, list[str]], Output]] = {
    "integrate": RelationCommands.integrate,
    "relate": RelationCommands.integrate,
    "remove-relation": RelationCommands.remove_relation,
}


def _check_two_ends(ends: list[str]) -> tuple[str, str]:
    if len(ends) != 2:
        raise CommandError("ERROR a relation must involve two applications", 2)
    return ends[0], ends[1]


def _check_networks(text: str | None) -> None:
    for network in text.split(",") if text else []:
        address = network.strip()
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError:
            raise CommandError(f"ERROR invalid CIDR address: {address}", 2) from None
        if "/" not in address:
            raise CommandError(f"ERROR invalid CIDR address: {address}", 2)
        if address == "0.0.0.0/0":
            raise CommandError(f'ERROR CIDR "{address}" not allowed', 2)


def _are_compatible(one: Side, other: Side) -> bool:
    if one.application is other.application:
        return False
    if {one.endpoint.role, other.endpoint.role} != {"provides", "requires"}:
        return False
    if one.endpoint.interface != other.endpoint.interface:
        return False
    if "container" in (one.endpoint.scope, other.endpoint.scope):
        # A container-scoped relation needs a subordinate on at least one side.
        return one.application.subordinate or other.application.subordinate
    return True


def _describe_pair(pair: Iterable[Side]) -> str:
    return " ".join(f"{side.application.name}:{side.endpoint.name}" for side in pair)


def _matches(relation: Relation, first: str, second: str) -> bool:
    if relation.is_peer:
        return False

    def is_end(text: str, side: Side) -> bool:
        return text in (side.application.name, f"{side.application.name}:{side.endpoint.name}")

    one, other = relation.sides
    return (is_end(first, one) and is_end(second, other)) or (
        is_end(first, other) and is_end(second, one)
    )
