"""The charm passes the model's proxies to mongod's downloads."""

from __future__ import annotations

import pytest


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
