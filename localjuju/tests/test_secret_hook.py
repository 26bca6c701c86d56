"""Secrets in one hook: what it reads after its own changes, and the effects of its end."""

from __future__ import annotations

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, SCRIPT, MakeCharm, evaluate, hooks_of, run
from localjuju import LocalJuju


@pytest.fixture
def owner(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    juju.deploy(make_charm("a", PROVIDER, SCRIPT))
    juju.settle()
    return juju


def revision_of(juju: LocalJuju) -> int:
    (secret,) = juju.secrets()
    return secret.revision


def test_owner_reads_the_content_that_it_has_just_set(owner: LocalJuju) -> None:
    added, plain, *_ = run(owner, "secret-add --label mine key=one", "secret-get --label=mine")
    assert str(added).startswith("secret://")
    assert plain == "key: one"
    assert run(
        owner,
        "secret-get --label=mine",
        "secret-set " + str(added) + " key=two",
        "secret-get --label=mine",
        "secret-get --label=mine --peek",
        "secret-set " + str(added) + " key=three",
        "secret-get --label=mine --peek",
        "secret-get --label=mine",
        "secret-get --label=mine --refresh",
    ) == [
        "key: one",
        0,
        "key: one",
        "key: two",
        0,
        "key: three",
        "key: one",
        "key: three",
    ]
    assert run(owner, "secret-get --label=mine") == ["key: three"]


def test_revision_increases_by_one_when_the_hook_ends(owner: LocalJuju) -> None:
    run(owner, "secret-add --label mine key=one", "secret-set {secret} key=two")
    assert revision_of(owner) == 1
    (secret,) = owner.secrets()
    set_to = f"secret-set secret:{secret.uri.unique_identifier} key="
    answers = run(owner, f"{set_to}three", f"{set_to}four", "secret-info-get --label mine")
    assert "revision: 1" in str(answers[2])
    assert revision_of(owner) == 2
    assert owner.show_secret(secret.uri, reveal=True).content == {"key": "four"}
    run(owner, f"{set_to}four")
    assert revision_of(owner) == 2


def test_new_label_is_found_at_once_and_the_old_one_is_not(owner: LocalJuju) -> None:
    answers = run(
        owner,
        "secret-add --label first key=one",
        "secret-info-get --label first",
        "secret-set {secret} --label second",
        "secret-get --label=second",
        "secret-info-get --label first",
    )
    assert "label: first" in str(answers[1])
    assert answers[2:] == [0, "key: one", 'ERROR secret "first" not found']
    (secret,) = owner.secrets()
    reference = f"secret:{secret.uri.unique_identifier}"
    answers = run(
        owner,
        f"secret-set {reference} --label third",
        "secret-get --label=third",
        "secret-info-get --label second",
    )
    assert answers == [0, "key: one", 'ERROR secret "second" not found']
    assert [s.label for s in owner.secrets()] == ["third"]


def test_removal_of_a_missing_secret_prints_nothing_and_fails_no_hook(owner: LocalJuju) -> None:
    (added,) = run(owner, "secret-add --label mine key=one")
    assert run(
        owner,
        f"secret-remove {added} --revision 7",
        f"secret-remove {added} --revision 7",
    ) == [0, 0]
    assert len(owner.secrets()) == 1
    assert run(owner, f"secret-remove {added}", f"secret-remove {added}") == [0, 0]
    assert owner.secrets() == []
    assert run(owner, f"secret-remove {added}", f"secret-remove {added} --revision 1") == [0, 0]
    assert run(owner, "secret-remove secret:d0000000000000000000") == [0]


def test_removal_of_the_last_revision_removes_the_secret(
    owner: LocalJuju,
) -> None:
    (added,) = run(owner, "secret-add --label mine key=one")
    run(owner, f"secret-set {added} key=two")
    run(owner, f"secret-remove {added} --revision 1")
    assert revision_of(owner) == 2
    run(owner, f"secret-remove {added} --revision 2")
    assert owner.secrets() == []


def test_secret_that_was_added_and_removed_in_one_hook_is_not_found(
    owner: LocalJuju, series: str
) -> None:
    answers = run(
        owner, "secret-add --label mine key=one", "secret-remove {secret}", "secret-get {secret}"
    )
    assert answers[1] == 0
    if series == "3.6":
        assert str(answers[2]).startswith('ERROR secret "')
        assert str(answers[2]).endswith('" not found')
    else:
        assert answers[2] == "ERROR getting latest secret revision: secret not found"
    assert owner.secrets() == []


def test_removal_takes_effect_when_the_hook_ends(owner: LocalJuju) -> None:
    (added,) = run(owner, "secret-add --label mine key=one")
    answers = run(
        owner,
        f"secret-remove {added}",
        f"secret-get {added} key",
        f"secret-info-get {added}",
        "secret-ids",
        f"secret-grant {added} -r data:0",
    )
    assert answers[:2] == [0, "one"]
    identity = str(added).rpartition("/")[2]
    assert answers[2] == f'ERROR secret "{identity}" not found'
    assert answers[3] == 0
    assert owner.secrets() == []


def test_info_of_an_unknown_secret_is_refused(owner: LocalJuju) -> None:
    assert run(
        owner,
        "secret-info-get secret:d0000000000000000000",
        "secret-info-get --label other",
    ) == ['ERROR secret "d0000000000000000000" not found', 'ERROR secret "other" not found']
    missing = "self.model.get_secret(id='secret:d0000000000000000000').get_info()"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(owner, "a/0", missing)
    assert "SecretNotFoundError" in failure.value.task.stderr


def test_secret_without_id_and_label_is_refused(owner: LocalJuju) -> None:
    run(owner, "secret-add key=one")
    asked = run(owner, "secret-get", "secret-info-get")
    assert asked == ["ERROR require either a secret URI or label"] * 2


def test_unknown_label_of_an_observer_is_refused(owner: LocalJuju, series: str) -> None:
    what = "" if series == "3.6" else "secret URI for "
    assert run(owner, "secret-get --label=creds") == [
        f'ERROR {what}consumer label "creds" not found'
    ]


def test_setting_a_removed_secret_fails_when_the_hook_ends(owner: LocalJuju) -> None:
    with pytest.raises(jubilant.TaskError) as failure:
        run(owner, "secret-set secret:d0000000000000000000 key=two")
    assert 'secret "d0000000000000000000" not found' in failure.value.task.message


@pytest.mark.parametrize("key", ["ab", "v", "Vok", "a_b_c", "abc-"])
def test_invalid_key_is_refused(owner: LocalJuju, key: str) -> None:
    assert run(owner, f"secret-add {key}=one") == [f'ERROR key "{key}" not valid']
    status = f"subprocess.run(['secret-add', '{key}=one'], capture_output=True).returncode"
    assert evaluate(owner, "a/0", status) == "2"


def test_observer_cannot_read_a_secret_that_its_owner_removed(
    owner: LocalJuju, make_charm: MakeCharm
) -> None:
    owner.deploy(make_charm("b", REQUIRER, SCRIPT))
    owner.integrate("a", "b")
    owner.settle()
    (added, *_) = run(owner, "secret-add key=one", "secret-grant {secret} -r data:0")
    assert run(owner, f"secret-get {added} key", unit="b/0") == ["one"]
    run(owner, f"secret-set {added} key=two")
    run(owner, f"secret-remove {added}")
    owner.settle()
    assert hooks_of(owner, "b/0").count("secret-changed") == 1
    assert "not found" in str(run(owner, f"secret-get {added}", unit="b/0")[0])


def test_secret_get_refuses_and_encodes(owner: LocalJuju) -> None:
    (added,) = run(owner, "secret-add key=one")
    assert run(
        owner,
        f"secret-get {added} key#base64",
        f"secret-get {added} none",
        f"secret-get {added} --peek --refresh",
        "secret-get plain",
    ) == [
        "b25l",
        'ERROR secret key value "none" not found',
        "ERROR specify one of --peek or --refresh but not both",
        'ERROR secret URI "plain" not valid',
    ]
