"""User secrets: the commands, and a charm that gets one through an option."""

from __future__ import annotations

import json
import pathlib

import jubilant
import pytest

from conftest import MakeCharm, error_text, evaluate, hooks_of
from localjuju import LocalJuju

OPTION = "config: {options: {credentials: {type: secret}}}"
OBSERVES = """
def observe(self):
    self.framework.observe(self.on.secret_changed, self._noop)

def _noop(self, _):
    pass
"""
READ = "self.model.get_secret(id=self.config['credentials']).get_content({refresh})['password']"


def test_jubilants_methods(juju: LocalJuju) -> None:
    first = juju.add_secret("first", {"user": "u", "password": "one"}, info="A description.")
    juju.add_secret("second", {"user": "u2"})
    assert [(s.name, s.owner, s.revision) for s in juju.secrets()] == [
        ("first", "<model>", 1),
        ("second", "<model>", 1),
    ]
    juju.update_secret("first", {"password": "two"}, info="Another.", name="renamed")
    shown = juju.show_secret(first, reveal=True)
    assert (shown.name, shown.description, shown.revision) == ("renamed", "Another.", 2)
    assert shown.content == {"password": "two"}
    assert shown.label is None
    old = juju.show_secret("renamed", reveal=True, revision=1)
    assert old.content == {"user": "u", "password": "one"}
    revisions = juju.show_secret("renamed", revisions=True).revisions
    assert revisions and [(r.revision, r.backend) for r in revisions] == [
        (1, "internal"),
        (2, "internal"),
    ]
    juju.remove_secret("renamed", revision=1)
    assert len(juju.show_secret("renamed", revisions=True).revisions or []) == 1
    juju.remove_secret(first)
    assert [s.name for s in juju.secrets()] == ["second"]


def test_charm_reads_the_secret_of_its_option_after_the_grant(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    for name in ("a", "b"):
        juju.deploy(make_charm(name, OPTION, OBSERVES))
    uri = juju.add_secret("mine", {"password": "one"})
    for name in ("a", "b"):
        juju.config(name, {"credentials": uri})
    for name in ("a", "b"):
        with pytest.raises(jubilant.TaskError) as failure:
            evaluate(juju, f"{name}/0", READ.format(refresh=""))
        assert "permission denied" in failure.value.task.stderr
    juju.grant_secret("mine", ["a", "b"])
    for name in ("a", "b"):
        assert evaluate(juju, f"{name}/0", READ.format(refresh="")) == "'one'"
    access = juju.show_secret("mine").access
    assert access and [one.target for one in access] == ["application-a", "application-b"]
    juju.cli("revoke-secret", "mine", "b")
    with pytest.raises(jubilant.TaskError):
        evaluate(juju, "b/0", READ.format(refresh=""))
    juju.update_secret("mine", {"password": "two"})
    juju.settle()
    assert hooks_of(juju, "a/0").count("secret-changed") == 1
    assert "secret-changed" not in hooks_of(juju, "b/0")
    assert evaluate(juju, "a/0", READ.format(refresh="")) == "'one'"
    assert evaluate(juju, "a/0", READ.format(refresh="refresh=True")) == "'two'"


def test_unchanged_content_adds_no_revision(juju: LocalJuju) -> None:
    juju.add_secret("mine", {"password": "one"})
    juju.update_secret("mine", {"password": "one"}, info="Described.")
    shown = juju.show_secret("mine")
    assert (shown.revision, shown.description) == (1, "Described.")


def test_auto_prune_removes_revisions_that_no_unit_tracks(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", OPTION, OBSERVES))
    uri = juju.add_secret("mine", {"password": "one"})
    juju.grant_secret(uri, "a")
    juju.config("a", {"credentials": uri})
    evaluate(juju, "a/0", READ.format(refresh=""))
    juju.update_secret(uri, {"password": "two"}, auto_prune=True)
    assert len(juju.show_secret(uri, revisions=True).revisions or []) == 2
    evaluate(juju, "a/0", READ.format(refresh="refresh=True"))
    assert len(juju.show_secret(uri, revisions=True).revisions or []) == 1


def test_grant_ends_with_its_application(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    juju.add_secret("mine", {"password": "one"})
    juju.grant_secret("mine", "a")
    juju.remove_application("a")
    assert juju.show_secret("mine").access is None


def test_content_from_pairs_and_files(juju: LocalJuju, tmp_path: pathlib.Path) -> None:
    (tmp_path / "part").write_text("from a file")
    (tmp_path / "all.yaml").write_text("pin: 007\nflag: yes\n")
    juju.cli("add-secret", "mine", "key#base64=b25l", f"part#file={tmp_path}/part")
    assert juju.show_secret("mine", reveal=True).content == {"key": "one", "part": "from a file"}
    juju.cli("update-secret", "mine", "key=two", "--file", f"{tmp_path}/all.yaml")
    content = {"key": "two", "pin": "007", "flag": "yes"}
    assert juju.show_secret("mine", reveal=True).content == content
    assert "key: two" in juju.cli("show-secret", "mine", "--reveal")
    assert "mine" in juju.cli("secrets").splitlines()[1]


def test_invalid_commands_are_refused(
    juju: LocalJuju, make_charm: MakeCharm, series: str, tmp_path: pathlib.Path
) -> None:
    juju.deploy(make_charm("a"))
    owned = evaluate(juju, "a/0", "self.app.add_secret({'key': 'one'}).id").strip("'")
    uri = juju.add_secret("mine", {"password": "one"})
    (tmp_path / "list.yaml").write_text("[one]")
    assert error_text(juju, "add-secret", "other") == "ERROR missing secret value or filename"
    assert error_text(juju, "add-secret", "other", "ab=c") == 'ERROR key "ab" not valid'
    assert error_text(juju, "add-secret", "other", "abc") == 'ERROR key value "abc" not valid'
    for file in ("list.yaml", "none.yaml"):
        message = error_text(juju, "add-secret", "other", "--file", f"{tmp_path / file}")
        assert message.startswith(f'ERROR reading secret file "{tmp_path / file}": ')
    taken = 'ERROR secret with name "mine" already exists'
    taken += "" if series == "3.6" else ": secret label already exists"
    assert error_text(juju, "add-secret", "mine", "key=one") == taken
    juju.add_secret("second", {"key": "one"})
    assert error_text(juju, "update-secret", "second", "--name", "mine") == taken
    assert error_text(juju, "update-secret", "mine") == (
        "ERROR at least one attribute to update must be specified"
    )
    assert "permission denied" in error_text(juju, "remove-secret", owned)
    assert "permission denied" in error_text(juju, "grant-secret", owned, "a")
    assert error_text(juju, "show-secret", "mine", "--revisions", "--reveal") == (
        "ERROR specify either --revisions or --reveal but not both"
    )
    assert "not found" in error_text(juju, "show-secret", "mine", "--revision", "7")
    missing = error_text(juju, "remove-secret", "none")
    if series == "3.6":
        assert missing == 'ERROR secret "none" not found (not found)'
    else:
        assert missing == (
            'ERROR getting user secret for label "none": secret with label "none" not found '
            "(secret not found)"
        )
    assert error_text(juju, "grant-secret", "mine", "a,b,c").count("cannot change access") == 2
    assert "access" not in json.loads(juju.cli("show-secret", uri, "--format", "json"))


def test_secrets_are_listed_by_owner(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    juju.deploy(make_charm("b-c"))
    of_application = evaluate(juju, "b-c/0", "self.app.add_secret({'key': 'one'}).id")
    of_unit = evaluate(juju, "b-c/0", "self.unit.add_secret({'key': 'one'}).id")
    juju.add_secret("mine", {"key": "one"})

    def listed(owner: str) -> list[str]:
        return list(json.loads(juju.cli("secrets", "--owner", owner, "--format", "json")))

    for owner, secret in (("application-b-c", of_application), ("unit-b-c-0", of_unit)):
        (found,) = listed(owner)
        assert found in secret
    assert listed("unit-a-0") == listed("application-a") == []
    for owner in ("b-c", "unit-", "model-b-c"):
        assert error_text(juju, "secrets", "--owner", owner) == f'ERROR invalid owner "{owner}"'


def test_policy_never_is_shown_on_4_0_only(juju: LocalJuju, series: str) -> None:
    juju.add_secret("mine", {"key": "one"})
    assert ("rotation: never" in juju.cli("show-secret", "mine")) == (series == "4.0")
