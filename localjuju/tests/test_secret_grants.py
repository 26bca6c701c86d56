"""``secret-grant`` and ``secret-revoke``, and how grants are shown."""

from __future__ import annotations

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, SCRIPT, MakeCharm, run
from localjuju import LocalJuju


@pytest.fixture
def shared(juju: LocalJuju, make_charm: MakeCharm) -> tuple[LocalJuju, str]:
    """A secret of a/0, the only unit of a. It is related to b/0 and b/1."""
    juju.deploy(make_charm("a", PROVIDER, SCRIPT))
    juju.deploy(make_charm("b", REQUIRER, SCRIPT), num_units=2)
    juju.integrate("a", "b")
    juju.settle()
    (added,) = run(juju, "secret-add key=one")
    return juju, str(added)


def readers(juju: LocalJuju, secret: str) -> list[bool]:
    """Return the units of b that may read a secret."""
    return [
        run(juju, f"secret-get {secret} --peek", unit=unit) == ["key: one"]
        for unit in ("b/0", "b/1")
    ]


def test_units_are_granted_one_by_one(shared: tuple[LocalJuju, str]) -> None:
    juju, secret = shared
    grant = f"secret-grant {secret} -r data:0"
    assert (
        run(juju, f"{grant} --unit b/0", f"{grant} --unit=b/0", f"{grant} --unit b/1") == [0] * 3
    )
    assert readers(juju, secret) == [True, True]
    refusal = (
        "ERROR any unit level grants need to be revoked before granting access to the "
        "corresponding application"
    )
    assert run(juju, grant, f"secret-revoke {secret} --unit b/1") == [refusal, 0]
    assert readers(juju, secret) == [True, False]
    assert run(juju, f"secret-revoke {secret} -r 0 --unit b/0", grant) == [0, 0]
    assert readers(juju, secret) == [True, True]


def test_unit_needs_no_grant_if_its_application_has_one(
    shared: tuple[LocalJuju, str],
) -> None:
    juju, secret = shared
    grant = f"secret-grant {secret} --relation data:0"
    assert run(juju, grant, grant, f"{grant} --unit b/0") == [0, 0, 0]
    (info,) = run(juju, f"secret-info-get {secret}")
    assert str(info).endswith(
        "access:\n  - target: application-b\n    scope: relation-b.data#a.data\n    role: view"
    )
    assert run(juju, f"secret-revoke {secret} --app b", f"secret-revoke {secret} --app b") == [
        0,
        0,
    ]
    assert readers(juju, secret) == [False, False]
    assert "access" not in str(run(juju, f"secret-info-get {secret}")[0])


def test_grant_and_revocation_in_one_hook(shared: tuple[LocalJuju, str]) -> None:
    juju, secret = shared
    answers = run(
        juju,
        f"secret-grant {secret} -r 0",
        f"secret-info-get {secret}",
        f"secret-revoke {secret} --relation data:0",
        f"secret-info-get {secret}",
    )
    assert "application-b" in str(answers[1])
    assert "application-b" not in str(answers[3])
    assert readers(juju, secret) == [False, False]


def test_invalid_grants_are_refused(shared: tuple[LocalJuju, str]) -> None:
    juju, secret = shared
    unknown = "d0000000000000000000"
    assert run(
        juju,
        f"secret-grant {secret} -r 0 --unit b",
        f"secret-grant {secret} -r 0 --unit c/0",
        f"secret-grant {secret} -r 9",
        f"secret-grant secret:{unknown} -r 0",
        "secret-grant plain -r 0",
        f"secret-revoke {secret} --unit b",
        f"secret-revoke {secret} --app b/0",
        f"secret-revoke {secret} --app b --unit b/0",
        f"secret-revoke {secret} -r 0 --app b",
    ) == [
        'ERROR unit "b" not valid',
        'ERROR cannot specify unit "c/0" in relation to application "b"',
        'ERROR invalid value "9" for option -r: relation not found',
        f'ERROR secret "{unknown}" not found',
        'ERROR secret URI "plain" not valid',
        'ERROR unit "b" not valid',
        'ERROR application "b/0" not valid',
        "ERROR specify only one of application or unit",
        "ERROR do not specify both relation and app",
    ]


def test_revocation_of_a_missing_secret_fails_when_the_hook_ends(
    shared: tuple[LocalJuju, str],
) -> None:
    juju, _ = shared
    with pytest.raises(jubilant.TaskError) as failure:
        run(juju, "secret-revoke secret:d0000000000000000000 --app b")
    assert 'secret "d0000000000000000000" not found' in failure.value.task.message


def test_relation_hook_grants_for_its_own_relation(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_joined, self._share)

def _share(self, _):
    subprocess.run(["secret-grant", self.app.add_secret({"key": "one"}, label="x").id])
"""
    juju.deploy(make_charm("a", PROVIDER, body))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    (secret,) = juju.secrets()
    shown = juju.cli("show-secret", secret.uri.unique_identifier)
    assert "target: application-b" in shown


def test_secret_info_shows_grants_and_rotation(shared: tuple[LocalJuju, str], series: str) -> None:
    juju, _ = shared
    answers = run(
        juju,
        "secret-add --label mine --description words --rotate daily --expire 24h key=one",
        "secret-info-get {secret}",
        "secret-info-get --label mine --format=json",
        "secret-info-get {secret} --label mine",
    )
    first, *lines = str(answers[1]).splitlines()
    assert answers[0].endswith(first.removesuffix(":"))  # type: ignore[union-attr]
    # The time of the next rotation is known only after the hook.
    assert [line.strip().partition(":")[0] for line in lines] == [
        "revision",
        "label",
        "owner",
        "description",
        "rotation",
        "expiry",
    ]
    assert '"rotation":"daily"' in str(answers[2])
    assert answers[3] == "ERROR specify either a secret URI or label but not both"
    assert "rotates" in str(run(juju, "secret-info-get --label mine")[0])
    none, ids = run(juju, "secret-ids --format=json", unit="b/0") + run(juju, "secret-ids")
    assert none == "null"
    assert len(str(ids).split()) == 2


def test_expiry_must_be_valid(shared: tuple[LocalJuju, str]) -> None:
    juju, secret = shared
    accepted = (
        "2030-01-01T06:06:06",
        "2030-01-01T06:06:06Z",
        "2030-01-01T06:06:06.5+02:00",
        "1h30m",
    )
    refused = ("2030-01-01", "2030-01-01T06", "20300101T060606", "2030-13-01T06:06:06", "soon")
    lines = [f"secret-set {secret} --expire {time}" for time in (*accepted, *refused)]
    assert run(juju, *lines) == [0] * len(accepted) + [
        f'ERROR expire time or duration "{time}" not valid' for time in refused
    ]
