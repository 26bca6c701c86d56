"""Which units can read and write which databags."""

from __future__ import annotations

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, MakeCharm, evaluate, follower_of, leader_of
from localjuju import LocalJuju


@pytest.mark.parametrize(
    ("who", "python", "error"),
    [
        ("follower", "data[self.app].update(k='v')", "RelationDataAccessError"),
        ("follower", "data[self.app].get('k')", "RelationDataAccessError"),
        ("leader", "data[self.model.get_app('b')].update(k='v')", "RelationDataAccessError"),
        ("leader", "data[self.unit].update(k=1)", "RelationDataTypeError"),
    ],
)
def test_ops_refuses_what_juju_refuses(
    juju: LocalJuju, make_charm: MakeCharm, who: str, python: str, error: str
) -> None:
    juju.deploy(make_charm("a", PROVIDER), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    unit = leader_of(juju, "a") if who == "leader" else follower_of(juju, "a")
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, unit, f"self.model.get_relation('data').{python}")
    assert error in failure.value.task.stderr


RAW = "subprocess.run({command}, capture_output=True, text=True).stderr"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["relation-get", "-r", "data:0", "-", "a", "--app"], "permission denied"),
        (["relation-set", "-r", "data:0", "--app", "k=v"], "cannot write relation settings"),
        (["relation-get", "-r", "data:9", "-", "a/0"], "relation not found"),
        (["secret-add", "key=v"], "not the leader"),
        (["secret-get", "secret:nosuch"], 'secret URI "secret:nosuch" not valid'),
        (["status-set", "--application", "active"], "not the leader"),
        (["action-get", "--format=json"], ""),
        (["network-get", "nosuch"], "nosuch"),
    ],
)
def test_hook_commands_refuse_what_juju_refuses(
    juju: LocalJuju, make_charm: MakeCharm, command: list[str], message: str
) -> None:
    """Without ops, which refuses most of these calls itself."""
    juju.deploy(make_charm("a", PROVIDER), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    error = evaluate(juju, follower_of(juju, "a"), RAW.format(command=command))
    assert message in error.replace("\\'", "'") and ("ERROR" in error) == bool(message)
