"""Secrets: which units may read which revision, and the events of a new revision."""

from __future__ import annotations

import jubilant
import pytest

from conftest import (
    PEERS,
    PROVIDER,
    REQUIRER,
    MakeCharm,
    evaluate,
    follower_of,
    hooks_of,
    leader_of,
)
from localjuju import LocalJuju

OWNER = PROVIDER + "\n" + PEERS
OBSERVES_SECRETS = """
def observe(self):
    self.framework.observe(self.on.secret_changed, self._noop)
    self.framework.observe(self.on.secret_remove, self._remove)

def _noop(self, _):
    pass

def _remove(self, event):
    print(f"obsolete {event.revision} {event.secret.label}")
"""
READ = "self.model.get_secret(id={id!r}).get_content(refresh={refresh})['key']"


@pytest.fixture
def secret(juju: LocalJuju, make_charm: MakeCharm) -> str:
    """The id of a secret of application a, granted to b."""
    juju.deploy(make_charm("a", OWNER, OBSERVES_SECRETS), num_units=2)
    juju.deploy(make_charm("b", REQUIRER, OBSERVES_SECRETS), num_units=2)
    juju.deploy(make_charm("c", REQUIRER, OBSERVES_SECRETS))
    juju.integrate("a", "b")
    juju.integrate("a", "c")
    juju.settle()
    add = "self.app.add_secret({'key': 'one'}, label='mine')"
    grant = "[s.grant(r) for r in self.model.relations['data'] if r.app.name == 'b']"
    added = evaluate(juju, leader_of(juju, "a"), f"[({grant}, s.id) for s in [{add}]][0][1]")
    return added.strip("'")


def test_secret_is_readable_only_with_a_grant(juju: LocalJuju, secret: str) -> None:
    assert evaluate(juju, "b/0", READ.format(id=secret, refresh=False)) == "'one'"
    assert evaluate(juju, "a/0", READ.format(id=secret, refresh=False)) == "'one'"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "c/0", READ.format(id=secret, refresh=False))
    assert "ModelError" in failure.value.task.stderr
    assert "permission denied" in failure.value.task.stderr


def test_old_revision_is_obsolete_when_all_observers_have_refreshed(
    juju: LocalJuju, secret: str
) -> None:
    for unit in ("b/0", "b/1"):
        evaluate(juju, unit, READ.format(id=secret, refresh=False))
    set_content = "self.model.get_secret(label='mine').set_content({'key': 'two'})"
    evaluate(juju, leader_of(juju, "a"), set_content)
    juju.settle()
    for unit in ("b/0", "b/1"):
        assert hooks_of(juju, unit).count("secret-changed") == 1
        assert evaluate(juju, unit, READ.format(id=secret, refresh=False)) == "'one'"
    evaluate(juju, "b/0", READ.format(id=secret, refresh=True))
    juju.settle()
    assert "obsolete 1" not in juju.debug_log()
    assert evaluate(juju, "b/1", READ.format(id=secret, refresh=True)) == "'two'"
    # get_secret(label=...) makes the owner track it too.
    assert hooks_of(juju, leader_of(juju, "a")).count("secret-changed") == 1
    evaluate(juju, leader_of(juju, "a"), READ.format(id=secret, refresh=True))
    juju.settle()
    assert juju.debug_log().count("obsolete 1 mine") == 1
    assert juju.show_secret(secret, reveal=True).content == {"key": "two"}


def test_grant_ends_with_its_relation_and_the_secret_stays(juju: LocalJuju, secret: str) -> None:
    evaluate(juju, "b/0", READ.format(id=secret, refresh=False))
    juju.remove_relation("a", "b")
    juju.settle()
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "b/0", READ.format(id=secret, refresh=False))
    assert "permission denied" in failure.value.task.stderr
    assert [s.label for s in juju.secrets()] == ["mine"]
    juju.remove_application("a")
    juju.settle()
    assert juju.secrets() == []


def test_non_leader_cannot_change_the_applications_secret(juju: LocalJuju, secret: str) -> None:
    with pytest.raises(jubilant.TaskError):
        evaluate(
            juju,
            follower_of(juju, "a"),
            f"self.model.get_secret(id={secret!r}).set_content({{'key': 'other'}})",
        )


def test_change_of_metadata_triggers_no_event(juju: LocalJuju, secret: str) -> None:
    evaluate(juju, "b/0", READ.format(id=secret, refresh=False))
    leader = leader_of(juju, "a")
    evaluate(juju, leader, f"self.model.get_secret(id={secret!r}).set_info(description='new')")
    evaluate(juju, leader, f"self.model.get_secret(id={secret!r}).set_content({{'key': 'one'}})")
    juju.settle()
    assert "secret-changed" not in hooks_of(juju, "b/0")


def test_label_given_with_the_id_replaces_the_old_one(juju: LocalJuju, secret: str) -> None:
    relabel = f"self.model.get_secret(id={secret!r}, label={{label!r}}).get_content()"
    by_label = "self.model.get_secret(label={label!r}).get_content()['key']"
    for unit in ("b/0", leader_of(juju, "a")):
        for label in ("first", "second"):
            evaluate(juju, unit, relabel.format(label=label))
            assert evaluate(juju, unit, by_label.format(label=label)) == "'one'"
    assert [s.label for s in juju.secrets()] == ["second"]


def test_secret_remove_names_the_model_on_4_0_only(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.secret_remove, self._remove)

def _remove(self, _):
    import os
    print("removes", os.environ["JUJU_SECRET_ID"])
"""
    juju.deploy(make_charm("a", "", body))
    evaluate(juju, "a/0", "self.app.add_secret({'key': 'one'}, label='mine')")
    evaluate(juju, "a/0", "self.model.get_secret(label='mine').set_content({'key': 'two'})")
    evaluate(juju, "a/0", "self.model.get_secret(label='mine').get_content(refresh=True)")
    juju.settle()
    (line,) = [line for line in juju.debug_log().splitlines() if " removes " in line]
    assert ("secret://" in line) == (series == "4.0")


REFRESHES = """
def observe(self):
    self.framework.observe(self.on["other"].relation_created, self._refresh)

def _refresh(self, _):
    self.model.get_secret(label="theirs").get_content(refresh=True)
"""


def test_secret_changed_runs_even_if_an_earlier_hook_refreshed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(
        make_charm("b", f"{REQUIRER}\nprovides: {{other: {{interface: other}}}}", REFRESHES)
    )
    juju.deploy(make_charm("c", "requires: {other: {interface: other}}"))
    juju.integrate("a", "b")
    juju.settle()
    add = "self.app.add_secret({'key': 'one'}, label='mine')"
    grant = "[s.grant(r) for r in self.model.relations['data']]"
    added = evaluate(juju, "a/0", f"[({grant}, s.id) for s in [{add}]][0][1]").strip("'")
    evaluate(juju, "b/0", f"self.model.get_secret(id={added!r}, label='theirs').get_content()")
    evaluate(juju, "a/0", "self.model.get_secret(label='mine').set_content({'key': 'two'})")
    juju.integrate("b:other", "c:other")
    juju.settle()
    hooks = hooks_of(juju, "b/0")
    last = hooks[hooks.index("other-relation-created") :]
    assert last.count("secret-changed") == 1
    peek = "self.model.get_secret(label='theirs').get_content()['key']"
    assert evaluate(juju, "b/0", peek) == "'two'"
    juju.settle()
    assert hooks_of(juju, "b/0").count("secret-changed") == 1


def test_first_read_of_a_later_revision_triggers_no_event(juju: LocalJuju, secret: str) -> None:
    set_content = "self.model.get_secret(label='mine').set_content({'key': 'two'})"
    evaluate(juju, leader_of(juju, "a"), set_content)
    assert evaluate(juju, "b/0", READ.format(id=secret, refresh=False)) == "'two'"
    juju.settle()
    assert "secret-changed" not in hooks_of(juju, "b/0")
