"""The URLs of offers: ``[controller:][admin/]model.offer[:endpoint]``."""

from __future__ import annotations

import dataclasses
import re

from localjuju.command import CommandError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")
"""The names of applications and offers."""

_FORM = re.compile(r"/?((?P<owner>[^/]+)/)?(?P<model>[^./]*)(\.(?P<offer>[^:/]*)(:(?P<end>.*))?)?")


class OfferUrlError(Exception):
    """The text is not the URL of an offer. The message is Juju's."""


@dataclasses.dataclass(frozen=True)
class OfferUrl:
    """The parts of a URL. Missing parts are empty."""

    controller: str
    owner: str
    model: str
    offer: str
    endpoint: str


def parse(text: str, partly: bool = False) -> OfferUrl:
    """Split a URL into its parts.

    Args:
        text: the URL.
        partly: whether the model and the offer's name may be missing, as in a search.

    Raises:
        OfferUrlError: the text is not the URL of an offer.
    """
    controller, rest = _split_controller(text)
    form = _FORM.fullmatch(rest)
    if form is None or text.startswith(":"):
        raise OfferUrlError(
            "offer URL has invalid form, must be "
            f'[<source>:][<qualifier>]<model>.<offername>: "{text}"'
        )
    owner, model, offer, endpoint = (form[g] or "" for g in ("owner", "model", "offer", "end"))
    if not partly and not model:
        raise OfferUrlError("offer URL is missing model")
    if not partly and not offer:
        raise OfferUrlError("offer URL is missing the name")
    if offer and not NAME.fullmatch(offer):
        raise OfferUrlError(f'offer name "{offer}" not valid')
    return OfferUrl(controller, owner, model, offer, endpoint)


def read(text: str, model: str | None = None) -> OfferUrl:
    """Read the argument of a command.

    Args:
        text: the URL of an offer or, if ``model`` is given, only its name.
        model: the model that has an offer given only by its name.

    Raises:
        CommandError: the text is neither a URL nor a name.
    """
    if model and NAME.fullmatch(text):
        return OfferUrl("", "", model, text, "")
    try:
        return parse(text)
    except OfferUrlError as error:
        raise CommandError(f"ERROR {error}") from None


def is_url(text: str) -> bool:
    """Whether an end of a relation names an offer. Otherwise it names an application."""
    try:
        parse(text)
    except OfferUrlError:
        return False
    return True


def _split_controller(text: str) -> tuple[str, str]:
    """Split off the controller: the text before a colon, unless an endpoint follows the colon.

    As in Juju, only text of letters and digits is taken for an endpoint.
    """
    parts = text.split(":")
    if len(parts) == 3:
        return parts[0], f"{parts[1]}:{parts[2]}"
    if len(parts) == 2 and not parts[1].isalnum():
        return parts[0], parts[1]
    return "", text
