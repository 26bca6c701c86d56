"""Offers: they are created, listed, found, consumed and removed, or refused."""

from __future__ import annotations

import json

import jubilant
import pytest

from conftest import PEERS, PROVIDER, REQUIRER, MakeCharm, add_model, error_text
from localjuju import LocalJuju

TWO_ENDS = """
provides:
  data: {interface: data}
  log: {interface: log}
  shared: {interface: shared, scope: container}
"""


@pytest.fixture
def other(juju: LocalJuju) -> LocalJuju:
    """A second model."""
    return add_model(juju, "other")


@pytest.fixture
def offering(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    """The first model, with an application ``a`` that has endpoints to offer."""
    juju.deploy(make_charm("a", f"{TWO_ENDS}\n{PEERS}"))
    return juju


def offers_of(juju: LocalJuju, *arguments: str) -> dict:
    return json.loads(juju.cli("offers", "--format", "json", *arguments))


def rows(juju: LocalJuju, *arguments: str) -> list[str]:
    return [line.rstrip() for line in juju.cli(*arguments).splitlines()]


def test_offer_prints_its_url(offering: LocalJuju) -> None:
    _, message = offering._cli("offer", "a:data,log", "both")
    assert message == 'Application "a" endpoints [data, log] available at "admin/local.both"\n'
    offering.offer("a", endpoint="data")
    offering.offer("local.a", endpoint=["data"], name="third", controller="localjuju")
    assert list(offers_of(offering)) == ["a", "both", "third"]
    assert offers_of(offering, "both") == {
        "both": {
            "application": "a",
            "store": "localjuju",
            "charm": "local:a-0",
            "offer-url": "admin/local.both",
            "endpoints": {
                "data": {"interface": "data", "role": "provider"},
                "log": {"interface": "log", "role": "provider"},
            },
            "users": {
                "admin": {"display-name": "admin", "access": "admin"},
                "everyone@external": {"access": "read"},
            },
        }
    }


def test_offer_may_name_its_model(
    offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm
) -> None:
    other.deploy(make_charm("b", PROVIDER))
    offering.cli("switch", "other", include_model=False)
    other.cli("offer", "b:data", include_model=False)
    assert list(offers_of(other)) == ["b"]
    other.destroy_model("other", force=True)
    offering.offer("a", endpoint="data")
    assert list(offers_of(offering)) == ["a"]
    assert "No model in focus" in error_text(offering, "offer", "a:data")


def test_second_offer_changes_the_endpoints(
    offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm
) -> None:
    offering.offer("a", endpoint="data")
    offering.offer("a", endpoint=["data", "log"])
    assert list(offers_of(offering)["a"]["endpoints"]) == ["data", "log"]
    other.deploy(make_charm("b", REQUIRER))
    other.integrate("b", "local.a")
    assert error_text(offering, "offer", "a:log") == (
        'ERROR cannot update application offer "a": '
        'application endpoint "data" has active consumers'
    )
    offering.deploy(make_charm("c", PROVIDER))
    assert error_text(offering, "offer", "c:data", "a") == (
        'ERROR cannot update application offer "a": application offer already exists'
    )


def test_invalid_offer_is_refused(offering: LocalJuju) -> None:
    add = 'ERROR cannot add application offer "a": '
    for arguments, message in (
        ([], "ERROR an offer must at least specify application endpoint"),
        (
            ["a"],
            'ERROR endpoints must conform to format "<application-name>:<endpoint-name>[,...]"',
        ),
        (["A:data"], 'ERROR application name "A" not valid'),
        (["a:"], 'ERROR specify endpoints for a"'),
        (["a:data", "A"], 'ERROR offer name "A" not valid'),
        (["b:data"], 'ERROR getting offered application b: application "b" not found'),
        (["none.a:data"], "ERROR model localjuju:admin/none not found"),
        (["a:data", "-c", "none"], "ERROR controller none not found"),
        (
            ["a:none"],
            f'{add}getting relation endpoint for relation "none" and application "a": '
            'application "a" has no "none" relation',
        ),
        (["a:replicas"], f'{add}endpoint "replicas" of application "a" is of a peer relation'),
        (["a:shared"], f'{add}endpoint "shared" of application "a" has container scope'),
    ):
        assert error_text(offering, "offer", *arguments) == message
    assert offers_of(offering) == {}


def test_offers_are_listed(offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm) -> None:
    offering.offer("a", endpoint=["data", "log"], name="used")
    offering.offer("a", endpoint="log", name="unused")
    other.deploy(make_charm("b", REQUIRER))
    other.integrate("b", "local.used")
    assert rows(offering, "offers") == [
        "Offer   User   Relation ID  Status  Endpoint  Interface  Role      Ingress subnets",
        "unused  -",
        "used    admin  1            joined  data      data       provider",
    ]
    assert rows(offering, "list-offers", "--format", "summary") == [
        "Offer   Application  Charm      Connected  Store      URL                 "
        "Endpoint  Interface  Role",
        "unused  a            local:a-0  0/0        localjuju  admin/local.unused  "
        "log       log        provider",
        "used    a            local:a-0  1/1        localjuju  admin/local.used    "
        "data      data       provider",
        "                                                                          "
        "log       log        provider",
    ]
    (connection,) = offers_of(offering)["used"]["connections"]
    assert connection == {
        "source-model-uuid": other._runner.model.uuid,
        "username": "admin",
        "relation-id": 1,
        "endpoint": "data",
        "status": {"current": "joined"},
    }
    for filters, found in (
        (["--active-only"], ["used"]),
        (["--interface", "data"], ["used"]),
        (["--interface", "log"], ["unused", "used"]),
        (["--application", "none"], []),
        (["--application", "a"], ["unused", "used"]),
        (["--connected-user", "admin"], ["used"]),
        (["--connected-user", "bob"], []),
        (["--allowed-consumer", "admin"], ["unused", "used"]),
        (["--allowed-consumer", "bob"], []),
    ):
        assert list(offers_of(offering, *filters)) == found
    assert offers_of(other) == {}


def test_offers_are_found_and_shown(
    offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm
) -> None:
    assert error_text(other, "find-offers") == "ERROR no matching application offers found"
    offering.offer("a", endpoint=["data", "log"])
    other.deploy(make_charm("c", "provides: {http: {interface: http}}"))
    other.offer("c", endpoint="http")
    assert rows(other, "find-offers") == [
        "Store      URL            Access  Interfaces",
        "localjuju  admin/local.a  admin   data:data, log:log",
        "localjuju  admin/other.c  admin   http:http",
    ]
    a, c = "localjuju:admin/local.a", "localjuju:admin/other.c"
    for filters, found in (
        (["local"], [a]),
        (["admin/other"], [c]),
        (["localjuju:"], [a, c]),
        (["localjuju:admin/other.c"], [c]),
        (["--url", "other.c"], [c]),
        (["--interface", "log"], [a]),
        (["--offer", "c"], [c]),
    ):
        assert list(json.loads(juju_find(other, *filters))) == found
    for filters in (["none"], ["bob/local"], ["--interface", "none"], ["--offer", "none"]):
        assert error_text(other, "find-offers", *filters).endswith("application offers found")
    assert error_text(other, "find-offers", "none:") == "ERROR controller none not found"
    assert error_text(other, "find-offers", "local", "--url", "x") == (
        "ERROR URL term cannot be specified twice"
    )
    assert error_text(other, "find-offers", "local", "--offer", "x") == (
        "ERROR cannot specify both a URL term and offer term"
    )
    assert rows(other, "show-offer", "local.a") == [
        "Store      URL            Access  Description  Endpoint  Interface  Role",
        "localjuju  admin/local.a  admin                data      data       provider",
        "                                               log       log        provider",
    ]
    shown = json.loads(other.cli("show-offer", "c", "--format", "json"))
    assert shown == json.loads(juju_find(other, "other"))
    assert error_text(other, "show-offer", "a") == (
        'ERROR application offer "admin/other.a" not found'
    )
    assert error_text(other, "show-offer") == "ERROR must specify endpoint URL"


def juju_find(juju: LocalJuju, *filters: str) -> str:
    return juju.cli("find-offers", "--format", "json", *filters)


def test_offers_are_consumed(
    offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    offering.offer("a", endpoint="data")
    for arguments, message in (
        (["local.a"], "Added admin/local.a as a\n"),
        (["admin/local.a", "b"], "Added admin/local.a as b\n"),
        (["localjuju:admin/local.a", "c"], "Added localjuju:admin/local.a as c\n"),
        (["local.a"], "Added admin/local.a as a\n"),
    ):
        assert other._cli("consume", *arguments)[1] == message
    saas = other.status().app_endpoints
    assert list(saas) == ["a", "b", "c"]
    assert saas["b"].url == "localjuju:admin/local.a"
    assert saas["b"].endpoints["data"].interface == "data"
    assert saas["b"].endpoints["data"].role == "provider"
    assert saas["b"].app_status.current == "active"
    assert saas["b"].relations == {}
    assert saas["b"].life == ("" if series == "3.6" else "alive")
    other.deploy(make_charm("d", REQUIRER))
    taken = 'ERROR could not consume admin/local.a: cannot add saas application "'
    assert error_text(other, "consume", "local.a", "d") == (
        f'{taken}d": local application with same name already exists'
    )
    offering.offer("a", endpoint="log", name="second")
    assert error_text(other, "consume", "local.second", "b") == (
        'ERROR could not consume admin/local.second: cannot add saas application "b": '
        "saas application already exists"
    )
    assert error_text(other, "deploy", str(make_charm("b"))).endswith(
        'cannot add application "b": saas application with same name already exists'
    )
    for arguments, message in (
        ([], "ERROR no remote offer specified"),
        (["a"], "ERROR offer URL is missing the name"),
        ([".a"], "ERROR offer URL is missing model"),
        (["local.A"], 'ERROR offer name "A" not valid'),
        (["local.a:data"], 'ERROR saas offer "local.a:data" shouldn\'t include endpoint'),
        (["local.a", "A"], 'ERROR invalid application name "A"'),
        (["local.none"], 'ERROR application offer "admin/local.none" not found'),
        (["none.a"], 'ERROR model "admin/none" not found'),
        (["bob/local.a"], 'ERROR model "bob/local" not found'),
        (["none:admin/local.a"], "ERROR controller none not found"),
        (
            ["a/b/c.d"],
            "ERROR offer URL has invalid form, must be "
            '[<source>:][<qualifier>]<model>.<offername>: "a/b/c.d"',
        ),
    ):
        assert error_text(other, "consume", *arguments) == message


def test_saas_is_removed(offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm) -> None:
    offering.offer("a", endpoint="data")
    other.consume("local.a", "x")
    other.deploy(make_charm("b", REQUIRER))
    other.integrate("b", "x")
    other.cli("remove-saas", "x")
    status = other.wait(jubilant.all_active)
    assert status.app_endpoints == {}
    assert status.apps["b"].relations == {}
    assert offers_of(offering, "--active-only") == {}
    for arguments, message in (
        ([], "ERROR no SAAS application names specified"),
        (["X"], 'ERROR invalid SAAS application name "X"'),
        (["x", "--no-wait"], "ERROR --no-wait requires --force"),
        (["x"], 'removing SAAS application x failed: saas application "x" not found'),
    ):
        assert error_text(other, "remove-saas", *arguments) == message


def test_offer_in_use_is_removed_only_with_force(
    offering: LocalJuju, other: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    offering.offer("a", endpoint="data")
    offering.offer("a", endpoint="log", name="unused")
    other.deploy(make_charm("b", REQUIRER))
    other.integrate("b", "local.a")
    message = error_text(offering, "remove-offer", "a")
    removal = error_text(offering, "remove-application", "a")
    if series == "3.6":
        assert message == 'ERROR cannot delete application offer "a": offer has 1 relation'
        assert removal.endswith('cannot destroy application "a": application is used by 2 offers')
    else:
        assert message.startswith('ERROR cannot delete offer "')
        assert message.endswith('", it has 1 connections')
        assert removal.endswith('cannot remove application "a", it has 1 offer connection(s)')
    offering.cli("remove-offer", "admin/local.unused", "-y")
    asked = error_text(offering, "remove-offer", "a", "--force")
    assert asked == (
        "WARNING! This command will remove offers: admin/local.a\n"
        "This includes all relations to those offers.\n\n"
        "Continue [y/N]? ERROR offer removal: aborted"
    )
    assert list(offers_of(offering)) == ["a"]
    offering.cli("remove-offer", "a", "--force", stdin="y\n")
    status = other.wait(jubilant.all_active)
    assert status.apps["b"].relations == {}
    assert status.app_endpoints["a"].app_status.current == "terminated"
    assert status.app_endpoints["a"].app_status.message == "offer has been removed"
    assert offering.status().offers == {}
    assert error_text(offering, "remove-offer") == "ERROR no offers specified"
    assert error_text(offering, "remove-offer", "a").endswith('"admin/local.a" not found')
    offering.offer("a", endpoint="data")
    other.integrate("b", "local.a")
    assert other.wait(jubilant.all_active).app_endpoints["a"].app_status.current == "active"
