"""``limit``: how many relations an endpoint accepts."""

from __future__ import annotations

from conftest import REQUIRER, MakeCharm, error_text
from localjuju import LocalJuju

ONE_ONLY = "provides: {data: {interface: data, limit: 1}}"


def test_relation_above_the_limit_is_refused(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("own", ONE_ONLY))
    charm = make_charm("user", REQUIRER)
    juju.deploy(charm, "user1")
    juju.deploy(charm, "user2")
    juju.integrate("user1", "own")
    reason = (
        "establishing a new relation for own:data would exceed its maximum relation limit of 1"
    )
    expected = f'cannot add relation "user2:data own:data": {reason} (quota limit exceeded)'
    if series == "4.0":
        expected = (
            'adding relation between endpoints "own:data" and "user2:data": cannot add relation '
            f'"own:data", "user2:data": relation own:data user2:data: {reason}'
        )
    assert error_text(juju, "integrate", "own:data", "user2:data") == f"ERROR {expected}"
    assert not juju.status().apps["user2"].relations
    juju.remove_relation("user1", "own")
    juju.settle()
    juju.integrate("user2", "own")


def test_refresh_to_a_limit_below_the_number_of_relations_is_refused(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    charm = make_charm("own", ONE_ONLY.replace("limit: 1", "limit: 2"))
    juju.deploy(charm)
    other = make_charm("user", REQUIRER)
    for name in ("user1", "user2"):
        juju.deploy(other, name)
        juju.integrate(name, "own")
    file = charm / "charmcraft.yaml"
    file.write_text(file.read_text().replace("limit: 2", "limit: 1"))
    assert "maximum relation limit of 1 for own:data" in error_text(
        juju, "refresh", "own", "--path", str(charm)
    )


def test_limit_that_is_not_a_number_is_refused(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("own", ONE_ONLY.replace("limit: 1", "limit: many"))
    complaint = 'metadata: provides.data.limit: unexpected value "many"'
    assert error_text(juju, "deploy", str(charm)) == f"ERROR {complaint}"
