"""The option `version` upgrades the replica set to another series of MongoDB."""

from __future__ import annotations

import pytest
from ops import testing

from states import app_databag, peers, unit_databag


def test_option_version_upgrades_to_next_series(ctx, world, model):
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert world.called("raise_compatibility_version") == [("8.0",)], "the present series"
    assert app_databag(state, relation)["version"] == "8.2"
    state = ctx.run(ctx.on.update_status(), state)
    assert unit_databag(state, relation)["restart"] is True
    assert not world.called("install"), "it waits for its turn"
    state = ctx.run(ctx.on.update_status(), state)
    assert world.called("install") == [("8.2", None)]
    assert world.called("start")
    assert unit_databag(state, relation)["restart"] is None


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ("10.0", "MongoDB cannot go from 8.0 to 10.0; upgrade to 9.0 first"),
        ("7.0", "MongoDB cannot be downgraded from 8.0 to 7.0; keep 8.0"),
    ],
)
def test_refused_upgrade_shows_reason(ctx, world, model, wanted, refusal):
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": wanted}))
    assert state.unit_status == testing.BlockedStatus(f"config option version: {refusal}")
    assert app_databag(state, relation)["version"] == "8.0"


@pytest.mark.parametrize("version", ["8.2", "10.0"])
def test_option_version_is_not_used_with_resource(ctx, world, model, resource, version):
    relation = peers()
    state = model(relation, config={"version": version}, resources=[resource])
    for _ in range(3):  # Install the resource, restart mongod, and then an upgrade is possible.
        state = ctx.run(ctx.on.config_changed(), state)
    assert world.called("raise_compatibility_version")
    assert app_databag(state, relation)["version"] == "8.0"
    assert not isinstance(state.unit_status, testing.BlockedStatus)


def test_no_upgrade_while_member_has_to_restart(ctx, world, model):
    world.up_to_date = False
    relation = peers()
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert app_databag(state, relation)["version"] == "8.0"


@pytest.mark.parametrize("problem", ["behind the primary", "unknown version"])
def test_no_upgrade_while_member_is_unhealthy(ctx, world, model, problem):
    world.units["mongodb/1"] = "active"
    relation = peers(1, more={1: {"version": "null"}} if problem == "unknown version" else {})
    world.lag = 61 if problem == "behind the primary" else 0
    state = ctx.run(ctx.on.config_changed(), model(relation, config={"version": "8.2"}))
    assert app_databag(state, relation)["version"] == "8.0"
    assert not world.called("raise_compatibility_version")


def test_compatibility_version_follows_oldest_member(ctx, world, model):
    world.units["mongodb/1"] = "active"
    ctx.run(ctx.on.update_status(), model(peers(1, more={1: {"version": '"8.2.1"'}})))
    assert world.called("raise_compatibility_version") == [("8.0",)]
