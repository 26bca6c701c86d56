"""Secrets that are granted over a relation to another model."""

from __future__ import annotations

import json

import jubilant
import pytest

from conftest import (
    PROVIDER,
    REQUIRER,
    MakeCharm,
    add_model,
    evaluate,
    hooks_of,
    leader_of,
)
from localjuju import LocalJuju

OBSERVES_SECRETS = """
def observe(self):
    self.framework.observe(self.on.secret_changed, self._changed)
    self.framework.observe(self.on.secret_remove, self._remove)

def _changed(self, event):
    print(f"changed {event.secret.id} {event.secret.label}")

def _remove(self, event):
    print(f"obsolete {event.revision} {event.secret.label}")
"""
ADD = "self.app.add_secret({'key': 'one'}, label='mine')"
GRANT = "[self.model.get_secret(label='mine').grant(r) for r in self.model.relations['data']]"
SET = "self.model.get_secret(label='mine').set_content({{'key': {!r}}})"
READ = "self.model.get_secret({}).get_content(refresh={})['key']"


@pytest.fixture
def other(juju: LocalJuju) -> LocalJuju:
    """A second model."""
    return add_model(juju, "other")


@pytest.fixture
def secret(juju: LocalJuju, other: LocalJuju, make_charm: MakeCharm) -> str:
    """The id of a secret of application ``a``, granted to ``b`` of the second model."""
    juju.deploy(make_charm("a", PROVIDER, OBSERVES_SECRETS), num_units=2)
    # An application and a unit with the same names as the owners of the secret.
    other.deploy(make_charm("z", REQUIRER), "a")
    other.deploy(make_charm("b", REQUIRER, OBSERVES_SECRETS), num_units=2)
    juju.offer("a", endpoint="data")
    other.consume("local.a", "saas")
    other.integrate("b", "saas")
    juju.wait(jubilant.all_active)
    owner = leader_of(juju, "a")
    added = evaluate(juju, owner, f"{ADD}.id").strip("'")
    evaluate(juju, owner, GRANT)
    return f"secret://{juju._runner.model.uuid}/{added.rpartition('/')[2].removeprefix('secret:')}"


def read(juju: LocalJuju, unit: str, named: str, refresh: bool = False) -> str:
    return evaluate(juju, unit, READ.format(named, refresh)).strip("'")


def read_error(juju: LocalJuju, unit: str, named: str) -> str:
    with pytest.raises(jubilant.TaskError) as failure:
        read(juju, unit, named)
    return failure.value.task.stderr


def test_granted_secret_is_readable_in_the_other_model(
    juju: LocalJuju, other: LocalJuju, secret: str
) -> None:
    assert read(other, "b/0", f"id={secret!r}, label='theirs'") == "one"
    assert read(other, "b/0", "label='theirs'") == "one"
    assert read(other, "b/1", f"id={secret!r}") == "one"
    assert "permission denied" in read_error(other, "a/0", f"id={secret!r}")
    bare = f"secret:{secret.rpartition('/')[2]}"
    assert "SecretNotFoundError" in read_error(other, "b/0", f"id={bare!r}")
    elsewhere = f"secret://{other._runner.model.uuid}/{secret.rpartition('/')[2]}"
    assert "SecretNotFoundError" in read_error(other, "b/0", f"id={elsewhere!r}")
    nowhere = f"secret://{other._runner.model.uuid[::-1]}/{secret.rpartition('/')[2]}"
    assert "SecretNotFoundError" in read_error(other, "b/0", f"id={nowhere!r}")


def test_secret_is_found_by_the_uri_in_the_databag(
    juju: LocalJuju, other: LocalJuju, secret: str
) -> None:
    owner = leader_of(juju, "a")
    mine = "self.model.get_secret(label='mine').get_info().id"
    publish = f"self.model.get_relation('data').data[self.app].update({{'secret': {mine}}})"
    evaluate(juju, owner, publish)
    juju.settle()
    relation = "self.model.get_relation('data')"
    assert read(other, "b/1", f"id={relation}.data[{relation}.app]['secret']") == "one"


def test_secret_that_is_not_granted_is_not_readable(
    juju: LocalJuju, other: LocalJuju, secret: str
) -> None:
    owner = leader_of(juju, "a")
    evaluate(juju, owner, GRANT.replace(".grant(", ".revoke("))
    assert "permission denied" in read_error(other, "b/0", f"id={secret!r}")
    evaluate(juju, owner, GRANT.replace("grant(r)", "grant(r, unit=min(r.units, key=str))"))
    assert read(other, "b/0", f"id={secret!r}") == "one"
    assert "permission denied" in read_error(other, "b/1", f"id={secret!r}")


def test_new_revision_reaches_the_other_model(
    juju: LocalJuju, other: LocalJuju, secret: str
) -> None:
    named = f"id={secret!r}, label='theirs'"
    read(other, "b/0", named)
    read(other, "b/1", named)
    for owner in ("a/0", "a/1"):
        read(juju, owner, "label='mine'")
    owner = leader_of(juju, "a")
    evaluate(juju, owner, SET.format("two"))
    juju.settle()
    for unit in ("b/0", "b/1"):
        assert hooks_of(other, unit).count("secret-changed") == 1
        assert read(other, unit, "label='theirs'") == "one"
    line_end = f"changed {secret} theirs"
    assert sum(line.endswith(line_end) for line in other.debug_log().splitlines()) == 2
    for unit in ("a/0", "a/1"):
        read(juju, unit, "label='mine'", refresh=True)
    assert read(other, "b/0", "label='theirs'", refresh=True) == "two"
    juju.settle()
    assert "secret-remove" not in hooks_of(juju, owner)
    assert read(other, "b/1", "label='theirs'", refresh=True) == "two"
    juju.settle()
    assert hooks_of(juju, owner).count("secret-remove") == 1
    assert any(line.endswith("obsolete 1 mine") for line in juju.debug_log().splitlines())
    assert not any(name.startswith("secret-") for name in hooks_of(other, "a/0"))


def test_removed_consumer_tracks_no_revision(
    juju: LocalJuju, other: LocalJuju, secret: str
) -> None:
    read(other, "b/0", f"id={secret!r}")
    owner = leader_of(juju, "a")
    evaluate(juju, owner, SET.format("two"))
    for unit in ("a/0", "a/1"):
        read(juju, unit, "label='mine'", refresh=True)
    before = hooks_of(juju, owner).count("secret-remove")
    other.remove_unit("b/0")
    juju.settle()
    assert (before, hooks_of(juju, owner).count("secret-remove")) == (0, 1)


@pytest.mark.parametrize("end", ["remove-relation", "suspend-relation"])
def test_grant_ends_with_the_relation(
    juju: LocalJuju, other: LocalJuju, secret: str, end: str
) -> None:
    assert read(other, "b/0", f"id={secret!r}") == "one"
    juju.cli(end, "0")
    juju.settle()
    assert "permission denied" in read_error(other, "b/0", f"id={secret!r}")
    if end == "suspend-relation":
        juju.cli("resume-relation", "0")
        juju.settle()
        assert read(other, "b/0", f"id={secret!r}") == "one"


def test_consumer_cannot_grant_secrets_to_the_other_model(
    juju: LocalJuju, other: LocalJuju, secret: str
) -> None:
    owner = leader_of(other, "b")
    evaluate(other, owner, ADD)
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(other, owner, GRANT)
    message = failure.value.task.stderr
    assert "sharing consumer secrets across a cross model relation not supported" in message


def test_each_model_lists_its_own_secrets(juju: LocalJuju, other: LocalJuju, secret: str) -> None:
    read(other, "b/0", f"id={secret!r}")
    assert [one.uri.unique_identifier for one in juju.secrets()] == [secret.rpartition("/")[2]]
    assert other.secrets() == []
    (shown,) = json.loads(juju.cli("show-secret", secret, "--format", "json")).values()
    (access,) = shown["access"]
    assert access["target"].startswith("application-remote-")
