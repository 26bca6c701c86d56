"""Secrets that rotate and expire, in the time of the model's own clock."""

from __future__ import annotations

import datetime

import jubilant
import pytest

from conftest import MakeCharm, evaluate, hooks_of
from localjuju import LocalJuju
from localjuju.go_duration import seconds_of
from localjuju.secret import next_rotation

ROTATES = """
def observe(self):
    self.framework.observe(self.on.secret_rotate, self._rotate)
    self.framework.observe(self.on.secret_expired, self._expired)

def _rotate(self, event):
    count = event.secret.get_content(refresh=True)["count"]
    event.secret.set_content({"count": count + "x"})

def _expired(self, event):
    print(f"expired {event.revision} {event.secret.label}")
    event.remove_revision()
"""
KEEPS = """
def observe(self):
    self.framework.observe(self.on.secret_rotate, self._noop)
    self.framework.observe(self.on.secret_expired, self._noop)

def _noop(self, _):
    pass
"""
ADD = "self.app.add_secret({{'count': 'x'}}, label='mine', description='Ours.', {more}).id"


def add(juju: LocalJuju, more: str) -> str:
    return evaluate(juju, "a/0", ADD.format(more=more)).strip("'")


def let_time_pass(juju: LocalJuju) -> None:
    """Wait for a condition that is never true, so that the clock moves on."""
    with pytest.raises(TimeoutError):
        juju.wait(lambda _: False)


def test_secret_rotates_repeatedly_during_wait(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", "", ROTATES))
    secret = add(juju, "rotate=ops.SecretRotate.MONTHLY")
    assert "secret-rotate" not in hooks_of(juju, "a/0")
    before = juju.show_secret(secret)
    assert (before.rotation, before.description) == ("monthly", "Ours.")
    assert before.rotates
    assert 28 <= (before.rotates - before.created).days <= 31
    juju.wait(lambda _: juju.show_secret(secret).revision == 2)
    rotates = juju.show_secret(secret).rotates
    assert rotates
    assert 28 <= (rotates - before.rotates).days <= 31
    juju.wait(lambda _: juju.show_secret(secret, reveal=True).content == {"count": "xxx"})
    assert hooks_of(juju, "a/0").count("secret-rotate") == 2


def test_rotation_without_new_content_is_repeated_soon(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", KEEPS))
    secret = add(juju, "rotate=ops.SecretRotate.DAILY")
    first = juju.show_secret(secret).rotates
    juju.wait(lambda _: "secret-rotate" in hooks_of(juju, "a/0"))
    second = juju.show_secret(secret).rotates
    assert first
    assert second == first + datetime.timedelta(minutes=5)


def test_secret_expired_repeats_until_the_revision_is_removed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", ROTATES))
    secret = add(juju, "expire=datetime.timedelta(days=3)")
    shown = juju.show_secret(secret)
    assert shown.expires
    info = evaluate(juju, "a/0", "self.model.get_secret(label='mine').get_info().expires.day")
    assert int(info) == datetime.datetime.fromisoformat(shown.expires.replace("Z", "+00:00")).day
    evaluate(juju, "a/0", "self.model.get_secret(label='mine').set_content({'count': 'y'})")
    assert juju.show_secret(secret).expires is None
    juju.wait(lambda _: "expired 1 mine" in juju.debug_log())
    revisions = juju.show_secret(secret, revisions=True).revisions
    assert [one.revision for one in revisions or []] == [2]
    let_time_pass(juju)
    assert hooks_of(juju, "a/0").count("secret-expired") == 1


def test_secret_expired_repeats_if_the_revision_stays(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", KEEPS))
    add(juju, "expire=datetime.timedelta(days=3)")
    for _ in range(2):
        let_time_pass(juju)
    assert hooks_of(juju, "a/0").count("secret-expired") >= 2


def test_only_the_leader_gets_events_of_the_applications_secret(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", ROTATES), num_units=3)
    status = juju.wait(jubilant.all_active)
    leader = next(name for name, unit in status.get_units("a").items() if unit.leader)
    added = evaluate(juju, leader, ADD.format(more="rotate=ops.SecretRotate.HOURLY")).strip("'")
    juju.wait(lambda _: juju.show_secret(added).revision == 2)
    heard = [name for name in status.get_units("a") if "secret-rotate" in hooks_of(juju, name)]
    assert heard == [leader]


def test_rotation_can_be_disabled(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", "", ROTATES))
    secret = add(juju, "rotate=ops.SecretRotate.HOURLY")
    never = "self.model.get_secret(label='mine').set_info(rotate=ops.SecretRotate.NEVER)"
    evaluate(juju, "a/0", never)
    assert juju.show_secret(secret).rotates is None
    let_time_pass(juju)
    assert "secret-rotate" not in hooks_of(juju, "a/0")


@pytest.mark.parametrize(
    ("option", "refusal"),
    [
        ("--rotate=often", 'rotate policy "often" not valid'),
        ("--expire=-1h", 'negative expire duration "-1h" not valid'),
        ("--expire=2022-01-01", 'expire time or duration "2022-01-01" not valid'),
        ("--owner=user", 'secret owner "user" not valid'),
    ],
)
def test_secret_add_refuses_invalid_times(
    juju: LocalJuju, make_charm: MakeCharm, option: str, refusal: str
) -> None:
    juju.deploy(make_charm("a"))
    command = f"subprocess.run(['secret-add', 'key=one', {option!r}], capture_output=True)"
    message = evaluate(juju, "a/0", f"(lambda done: (done.returncode, done.stderr))({command})")
    assert message == repr((2, f"ERROR {refusal}\n".encode()))


def test_monthly_rotation_ends_on_the_last_day_of_a_month() -> None:
    def moment(text: str) -> float:
        return datetime.datetime.fromisoformat(f"{text}T12:00:00+00:00").timestamp()

    assert next_rotation("monthly", moment("2027-01-31")) == moment("2027-02-28")
    assert next_rotation("quarterly", moment("2027-11-30")) == moment("2028-02-29")
    assert next_rotation("yearly", moment("2028-02-29")) == moment("2029-02-28")
    assert next_rotation("never", moment("2028-02-29")) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("-1h", -3600), ("0", 0), ("1", None)],
)
def test_durations_are_read_as_go_does(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds
