"""How hook commands are called, and the errors of invalid calls."""

from __future__ import annotations

import jubilant
import pytest

from conftest import PROVIDER, REQUIRER, MakeCharm, evaluate
from localjuju import LocalJuju


@pytest.mark.parametrize(
    "command",
    ["'is-leader'", "b'is-leader'", "['/usr/bin/is-leader']", "pathlib.Path('is-leader')"],
)
def test_hook_command_is_found_by_name_and_by_path(
    juju: LocalJuju, make_charm: MakeCharm, command: str
) -> None:
    juju.deploy(make_charm("a"))
    run = f"subprocess.run({command}, capture_output=True, text=True).stdout.strip()"
    imports = "[globals().update(subprocess=subprocess, pathlib=__import__('pathlib'))"
    assert evaluate(juju, "a/0", f"{imports}, {run}][1]") == "'True'"


def test_unknown_call_fails_with_its_name_and_the_next_call_succeeds(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a"))
    run = "subprocess.run(['is-leader', '--help'], capture_output=True, text=True).stderr"
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "a/0", run)
    assert "is-leader: --help" in failure.value.task.message
    assert evaluate(juju, "a/0", "1 + 1") == "2"


@pytest.mark.parametrize(
    "command", [["secret-add", "key#file=/nosuch"], ["state-set", "--file", "/nosuch"]]
)
def test_missing_file_is_named_and_the_hook_continues(
    juju: LocalJuju, make_charm: MakeCharm, command: list[str]
) -> None:
    juju.deploy(make_charm("a"))
    message = evaluate(juju, "a/0", f"subprocess.run({command}, capture_output=True).stderr")
    assert "ERROR" in message
    assert "/nosuch" in message


def test_missing_key_of_a_secret_is_named(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    secret = evaluate(juju, "a/0", "self.app.add_secret({'key': 'one'}).id")
    run = "subprocess.run({}, capture_output=True, text=True).stderr"
    message = evaluate(juju, "a/0", run.format(["secret-get", secret.strip("'"), "nosuch"]))
    assert message == repr('ERROR secret key value "nosuch" not found\n')


def test_databag_of_a_sibling_unit_can_be_read_only_in_a_peer_relation(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    ends = f"{PROVIDER}\npeers: {{replicas: {{interface: replicas}}}}"
    juju.deploy(make_charm("a", ends), num_units=2)
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    get = "subprocess.run({}, capture_output=True, text=True).stderr"

    def error_with(relation: str) -> str:
        command = ["relation-get", "-r", relation, "-", "a/1"]
        return evaluate(juju, "a/0", get.format(command))

    assert error_with("replicas:0") == "''"
    assert "permission denied" in error_with("data:1")


THREADS = """
def asks(self, program, shown):
    command = ["juju-log", f"{program} says {shown}"]
    for _ in range(50):
        assert subprocess.run(command, capture_output=True, text=True).returncode == 0
        leads = subprocess.run([program], capture_output=True, text=True).stdout.strip()
        assert leads == shown, leads

def _on_start(self, _):
    from concurrent.futures import ThreadPoolExecutor
    asked = [("is-leader", "True"), ("opened-ports", "")] * 3
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda pair: self.asks(*pair), asked))
    self.unit.status = ops.ActiveStatus()
"""


def test_each_thread_of_a_charm_gets_its_own_answers(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", THREADS))
    juju.wait(jubilant.all_active, error=jubilant.any_error)
