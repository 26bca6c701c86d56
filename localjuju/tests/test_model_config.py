"""The model's configuration: the proxies in the environment of hooks."""

from __future__ import annotations

import jubilant
import pytest

from conftest import MakeCharm, evaluate
from localjuju import LocalJuju

PROXIES = "{k: v for k, v in __import__('os').environ.items() if k.upper().endswith('_PROXY')}"


def proxies(juju: LocalJuju) -> dict[str, str]:
    return eval(evaluate(juju, "a/0", PROXIES))


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "ftp", "no"):
        for variable in (f"{name}_proxy", f"{name.upper()}_PROXY"):
            monkeypatch.delenv(variable, raising=False)


def test_proxies_of_the_model_reach_hooks(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.model_config({"juju-https-proxy": "http://proxy:3128"})
    juju.deploy(make_charm("a"))
    assert proxies(juju) == {
        "JUJU_CHARM_HTTP_PROXY": "",
        "JUJU_CHARM_HTTPS_PROXY": "http://proxy:3128",
        "JUJU_CHARM_FTP_PROXY": "",
        "JUJU_CHARM_NO_PROXY": "127.0.0.1,localhost,::1",
    }
    juju.model_config({"juju-http-proxy": "http://other:1", "juju-no-proxy": "10.0.0.0/8"})
    assert juju.settle() == 0
    after = proxies(juju)
    assert after["JUJU_CHARM_HTTP_PROXY"] == "http://other:1"
    assert after["JUJU_CHARM_NO_PROXY"] == "10.0.0.0/8"
    juju.model_config(reset=["juju-http-proxy", "juju-https-proxy"])
    assert proxies(juju)["JUJU_CHARM_HTTPS_PROXY"] == ""


def test_legacy_proxies_have_the_usual_names(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    juju.model_config({"http-proxy": "http://proxy:3128", "no-proxy": "localhost"})
    after = proxies(juju)
    assert after["http_proxy"] == after["HTTP_PROXY"] == "http://proxy:3128"
    assert after["no_proxy"] == after["NO_PROXY"] == "localhost"
    assert "https_proxy" not in after
    assert after["JUJU_CHARM_HTTP_PROXY"] == ""


def test_both_kinds_of_proxies_are_refused(juju: LocalJuju) -> None:
    juju.model_config({"http-proxy": "http://proxy:3128"})
    with pytest.raises(jubilant.CLIError) as failure:
        juju.model_config({"juju-http-proxy": "http://proxy:3128"})
    message = "cannot specify both legacy proxy values and juju proxy values"
    assert message in failure.value.stderr
    assert juju.model_config()["juju-http-proxy"] == ""


def test_model_config_prints_the_options(juju: LocalJuju) -> None:
    juju.model_config({"juju-http-proxy": "http://proxy:3128"})
    assert juju.model_config()["juju-http-proxy"] == "http://proxy:3128"
    assert juju.cli("model-config", "juju-http-proxy") == "http://proxy:3128\n"
    (line,) = [
        line for line in juju.cli("model-config").splitlines() if line.startswith("juju-http-")
    ]
    assert line.split() == ["juju-http-proxy", "model", "http://proxy:3128"]
    with pytest.raises(jubilant.CLIError) as failure:
        juju.cli("model-config", "other")
    assert 'key "other" not found in "local" model.' in failure.value.stderr
