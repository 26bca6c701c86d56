"""Each unit installs mongod, from MongoDB's apt repository or from the resource."""

from __future__ import annotations

import pytest
from ops import testing

from mongod import InstallError, UnusableMongodError
from states import peers


def test_missing_mongod_is_installed(ctx, world, model):
    world.installed, world.running = False, False
    state = ctx.run(ctx.on.config_changed(), model())
    assert world.called("install") == [("8.0", None)]
    assert world.called("start") == [()]
    assert state.unit_status == testing.ActiveStatus("primary")


def test_temporary_install_error_fails_hook(ctx, world, model):
    world.installed = False
    world.install_error = InstallError("no network")
    with pytest.raises(testing.errors.UncaughtCharmError, match="no network"):
        ctx.run(ctx.on.config_changed(), model())


def test_temporary_install_error_in_upgrade_fails_hook(ctx, world, model):
    world.install_error = InstallError("no network")
    relation = peers(app={"version": "8.2", "restarting": "mongodb/0"})
    with pytest.raises(testing.errors.UncaughtCharmError, match="no network"):
        ctx.run(ctx.on.update_status(), model(relation, config={"version": "8.2"}))


def test_unusable_resource_blocks_unit(ctx, world, model, resource):
    world.installed, world.running = False, False
    world.install_error = UnusableMongodError("the file is not a mongod that runs on this machine")
    blocked = testing.BlockedStatus(f"resource mongod: {world.install_error}")
    state = ctx.run(ctx.on.config_changed(), model(resources=[resource]))
    assert world.called("install") == [("8.0", resource.path)]
    assert state.unit_status == state.app_status == blocked
    assert not world.called("configure")
    state = ctx.run(ctx.on.action("replica-set-status"), state)
    assert state.unit_status == blocked
    world.install_error = None
    state = ctx.run(ctx.on.update_status(), state)
    assert state.unit_status == testing.ActiveStatus("primary")


def test_unusable_new_resource_keeps_old_mongod(ctx, world, model, resource):
    world.install_error = UnusableMongodError("not a mongod")
    state = ctx.run(ctx.on.upgrade_charm(), model(resources=[resource]))
    assert not world.called("stop")
    assert world.called("reconcile_members"), "the installed mongod stays in use"
    assert state.unit_status == testing.BlockedStatus("resource mongod: not a mongod")


def test_resource_is_installed_once(ctx, world, model, resource):
    state = ctx.run(ctx.on.upgrade_charm(), model(resources=[resource]))
    ctx.run(ctx.on.update_status(), state)
    assert world.called("install") == [("8.0", resource.path)]


def test_resource_of_new_unit_is_compared_with_series_of_members(ctx, world, model, resource):
    ctx.run(ctx.on.update_status(), model(peers(1), resources=[resource]))
    assert world.members_series == "8.0"


@pytest.mark.parametrize(
    ("environment", "proxies"),
    [
        (
            {
                "JUJU_CHARM_HTTP_PROXY": "http://proxy:3128",
                "JUJU_CHARM_HTTPS_PROXY": "http://proxy:3129",
                "JUJU_CHARM_NO_PROXY": "127.0.0.1,10.0.0.0/8",
            },
            {
                "http": "http://proxy:3128",
                "https": "http://proxy:3129",
                "no": "127.0.0.1,10.0.0.0/8",
            },
        ),
        ({"JUJU_CHARM_HTTPS_PROXY": ""}, {}),
    ],
)
def test_model_proxies_are_passed_to_mongod(ctx, model, monkeypatch, environment, proxies):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with ctx(ctx.on.update_status(), model()) as manager:
        assert manager.charm._member.mongod.proxies == proxies
