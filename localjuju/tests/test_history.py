"""The history of a run: what each hook read, ran and changed, and why it ran."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jsonschema
import jubilant
import pytest

from conftest import PEERS, PROVIDER, REQUIRER, SCRIPT, MakeCharm, add_model, run
from localjuju import LocalJuju, run_data
from localjuju.faults import Faults
from localjuju.history import Event, every_event

CHARMS = pathlib.Path(__file__).parent / "charms"


def described(juju: LocalJuju) -> dict[str, Any]:
    """Return the data of the run, after a check against its schema."""
    data = run_data.describe(juju.history)
    jsonschema.validate(data, json.loads(run_data.SCHEMA.read_text()))
    return json.loads(json.dumps(data))


def hooks(juju: LocalJuju, unit: str, hook: str) -> list[dict[str, Any]]:
    events = described(juju)["events"]
    return [e for e in events if e.get("unit") == unit and e["hook"] == hook]


def why(juju: LocalJuju, unit: str, hook: str) -> str:
    """Return why the last of these hooks of the unit ran."""
    return hooks(juju, unit, hook)[-1]["why"]["text"]


def test_first_hooks_say_why_they_ran(juju: LocalJuju) -> None:
    juju.deploy(CHARMS / "tprov")
    juju.settle()
    deploy = f"with `juju deploy {CHARMS / 'tprov'}`"
    assert why(juju, "tprov/0", "install") == f"The unit was added {deploy}."
    assert why(juju, "tprov/0", "replicas-relation-created").endswith(f"was added {deploy}.")
    assert why(juju, "tprov/0", "leader-elected").endswith(f"was deployed {deploy}.")
    text = "Every unit runs it once after install, which ran in hook 1, and before start."
    assert why(juju, "tprov/0", "config-changed") == text
    assert (
        why(juju, "tprov/0", "start") == "It always follows config-changed, which ran in hook 4."
    )


def test_relation_hooks_say_what_triggered_them(juju: LocalJuju) -> None:
    juju.deploy(CHARMS / "tprov")
    juju.deploy(CHARMS / "treq")
    juju.settle()
    juju.integrate("treq:database", "tprov:database")
    juju.settle()
    integrate = "with `juju integrate treq:database tprov:database`"
    created = hooks(juju, "tprov/0", "database-relation-created")[0]
    assert created["why"]["text"] == f"The applications were integrated {integrate}."
    joined = hooks(juju, "tprov/0", "database-relation-joined")[0]
    assert joined["why"]["text"] == f"treq/0 joined the relation {integrate}."
    changed = hooks(juju, "tprov/0", "database-relation-changed")
    texts = [one["why"]["text"] for one in changed]
    assert f"It always follows relation-joined, which ran in hook {joined['number']}." in texts
    writer = hooks(juju, "treq/0", "database-relation-created")[0]
    of_application = f"application treq changed: app-from in hook {writer['number']}."
    assert f"The databag of the {of_application}" in texts
    events = described(juju)["events"]
    for one in (created, joined, *changed):
        commands = [events[index]["text"] for index in one["origins"]]
        assert commands == ["integrate treq:database tprov:database"]


def test_databag_write_names_the_hook_that_it_triggered(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PROVIDER, SCRIPT))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    run(juju, "relation-set -r 0 colour=red", "relation-set -r 0 shape=round")
    juju.settle()
    run(juju, "relation-set -r 0 colour=blue")
    juju.settle()
    first, second = hooks(juju, "b/0", "data-relation-changed")[-2:]
    writers = hooks(juju, "a/0", "evaluate")
    text = "The databag of a/0 changed: colour, shape in hook {}."
    assert first["why"]["text"] == text.format(writers[0]["number"])
    events = described(juju)["events"]
    assert [events[index]["number"] for index in second["why"]["events"]] == [writers[1]["number"]]
    (change,) = [c for c in writers[1]["changes"] if c["kind"] == "databag-updated"]
    assert change["about"] == "0 a/0"
    assert change["keys"] == {"colour": ["red", "blue"]}
    command = "with `juju run --format json a/0 evaluate"
    assert f"The operator ran it {command}" in writers[1]["why"]["text"]


def test_relation_joined_of_a_new_unit_names_its_install(juju: LocalJuju) -> None:
    juju.deploy(CHARMS / "tprov")
    juju.settle()
    juju.add_unit("tprov")
    juju.settle()
    (number,) = (hook["number"] for hook in hooks(juju, "tprov/1", "install"))
    assert why(juju, "tprov/1", "replicas-relation-joined") == (
        f"tprov/0 was in the relation when tprov/1 joined it in hook {number}."
    )
    assert why(juju, "tprov/0", "replicas-relation-joined") == (
        f"tprov/1 joined the relation in hook {number}."
    )


def test_commands_of_the_operator_trigger_hooks(juju: LocalJuju) -> None:
    juju.deploy(CHARMS / "fprov", num_units=2)
    juju.settle()
    juju.config("fprov", {"fail": 0})
    juju.config("fprov", {"fail": 1})
    juju.settle()
    failed = hooks(juju, "fprov/0", "config-changed")
    assert failed[1]["why"]["text"] == "Options were changed with `juju config fprov fail=1`."
    again = f"It failed in hook {failed[1]['number']}, and Juju runs it again."
    assert failed[2]["why"]["text"] == again
    juju.config("fprov", {"fail": 0})
    juju.refresh("fprov", path=CHARMS / "fprov")
    juju.settle()
    assert "`juju refresh fprov" in why(juju, "fprov/0", "upgrade-charm")
    assert why(juju, "fprov/0", "config-changed").startswith(
        "It always follows upgrade-charm, which ran in hook "
    )
    leader = next(n for n, u in juju.status().apps["fprov"].units.items() if u.leader)
    juju.remove_unit(leader)
    juju.settle()
    assert why(juju, leader, "stop").endswith(f"`juju remove-unit --no-prompt {leader}`.")
    (survivor,) = juju.status().apps["fprov"].units
    elected = why(juju, survivor, "leader-elected")
    assert elected.startswith(
        f"{leader} was the previous leader of fprov. Juju chose {survivor} in hook "
    )


def test_failed_hook_shows_traceback_and_rolled_back_commands(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].relation_created, self._created)

def _created(self, event):
    event.relation.data[self.unit]["greeting"] = "hello"
    raise RuntimeError("told to")
"""
    juju.deploy(make_charm("a", PROVIDER, body))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    failed = hooks(juju, "a/0", "data-relation-created")[0]
    assert failed["error"] == "exit status 1"
    assert failed["traceback"].startswith("Traceback (most recent call last)")
    assert failed["traceback"].endswith("RuntimeError: told to")
    commands = described(juju)["commands"]
    (discarded,) = [commands[index] for index in failed["discarded"]]
    assert discarded[0][0] == "relation-set"
    assert json.loads(discarded[4]) == {"greeting": "hello"}
    assert not failed["changes"]


def test_hook_shows_its_commands_statuses_databags_and_log(juju: LocalJuju) -> None:
    juju.deploy(CHARMS / "tprov", num_units=2)
    juju.settle()
    leader = next(n for n, u in juju.status().apps["tprov"].units.items() if u.leader)
    elected = hooks(juju, leader, "leader-elected")[0]
    commands = described(juju)["commands"]
    ran = [commands[index] for index in elected["commands"]]
    assert ["is-leader", "--format=json"] in [command[0] for command in ran]
    assert next(c for c in ran if c[0][0] == "is-leader")[1:3] == [0, "true\n"]
    assert elected["after"] == ["active", "leader-elected"]
    assert elected["before"][1].endswith("-relation-created")
    assert {"0 tprov", f"0 {leader}"} <= set(elected["databags"])
    assert 'ran "leader-elected" hook' in elected["log"][-1][2]


def test_fault_is_shown_between_the_hooks(series: str) -> None:
    with LocalJuju(series, seed=3, faults=Faults(["command-fails"], most=2)) as juju:
        juju.deploy(CHARMS / "tprov", num_units=3)
        juju.deploy(CHARMS / "treq", num_units=3)
        juju.integrate("treq:database", "tprov:database")
        juju.settle()
        events = described(juju)["events"]
        page = juju.history.page()
    faults = [event for event in events if event["kind"] == "fault"]
    assert [fault["number"] for fault in faults] == [1, 2]
    for fault in faults:
        failed = events[events.index(fault) + 1]
        assert (failed["unit"], bool(failed["error"])) == (fault["unit"], True)
        assert f"<td>fault: {fault['text']}</td>" in page


def test_failed_command_is_shown(juju: LocalJuju) -> None:
    with pytest.raises(jubilant.CLIError):
        juju.integrate("a", "b")
    (command,) = described(juju)["events"]
    assert "not found" in command["error"]


def test_listener_gets_writes_to_databags_and_secrets(make_charm: MakeCharm) -> None:
    events: list[Event] = []
    with every_event(events.append), LocalJuju() as juju:
        juju.deploy(make_charm("a", PEERS, SCRIPT))
        run(juju, "relation-set -r 0 colour=red", "secret-add token=abcdefgh")
        assert events == juju.history.events
    (event,) = [event for event in events if event.task]
    assert [(write.owner, write.keys) for write in event.writes] == [("a/0", ("colour",))]
    assert event.writes[0].relation.unit_databags["a/0"].data["colour"] == "red"
    assert [change.kind for change in event.secret_changes] == ["secret-added"]


LEAKS_SECRETS = """
def observe(self):
    self.framework.observe(self.on.start, self._start)
    self.framework.observe(self.on.config_changed, self._changed)

def _start(self, event):
    self._leak(self.config["word"], "pass word's\\n\\"end\\"")

def _changed(self, event):
    if self.config["fails"]:
        self._leak("never-took-effect", "another value")
        raise RuntimeError("never-took-effect")

def _leak(self, word, text):
    import base64, logging, json
    content = {"word": word, "text": text}
    secret = self.app.add_secret(content, label=f"mine-{self.config['fails']}")
    logging.getLogger().warning("word is %s, text is %s", word, text)
    logging.getLogger().warning(base64.b64encode(word.encode()).decode())
    databag = self.model.get_relation("replicas").data[self.app]
    databag["bag"] = json.dumps(content)
    databag["id"] = secret.id
    self.unit.status = ops.BlockedStatus(f"with {word}")
    secret.get_content(refresh=True)
    print(word)
"""

OPTIONS = """
config:
  options:
    word: {type: string, default: horse-battery}
    fails: {type: boolean, default: false}
"""


def test_no_content_of_a_secret_is_shown(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PEERS + OPTIONS, LEAKS_SECRETS + SCRIPT))
    juju.settle()
    juju.cli("add-secret", "operators", "pin=x7k2", "long=correct-horse-staple")
    run(juju, "juju-log the pin is x7k2", "juju-log a correct-horse-staple x7k2x")
    juju.config("a", {"fails": True})
    juju.settle()
    shown = json.dumps(described(juju)) + juju.history.timeline() + juju.history.page()
    for content in (
        "horse-battery",
        "aG9yc2UtYmF0dGVyeQ",
        "pass word",
        "correct-horse",
        " x7k2 ",
        "=x7k2",
        "never-took-effect",
        "another value",
    ):
        assert content not in shown.replace("default: horse-battery", ""), content
    assert "add-secret operators 'pin=(hidden)' 'long=(hidden)'" in juju.history.timeline()
    assert '"secret-label": "mine' in shown or '"label": "mine-False"' in shown
    # The log is the same as on a controller, so a test can find secrets that leak into it.
    assert "word is horse-battery" in juju.debug_log()


def test_record_of_a_hook_hides_the_content_in_its_secret_commands(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", "", SCRIPT))
    answers = run(juju, "secret-add one=horse-battery", "secret-get {secret} one")
    assert answers[1] == "horse-battery"
    (event,) = [event for event in juju.history.events if event.task]
    assert event.record
    commands = [one for one in event.record.commands if one.command[0].startswith("secret-")]
    assert [one.command[0] for one in commands] == ["secret-add", "secret-get"]
    assert "horse-battery" not in str(commands)
    assert commands[0].command[1] == "one=(hidden)"
    assert commands[1].stdout == "(hidden)"


def test_other_models_are_named_and_their_secrets_are_hidden(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    other = add_model(juju, "other")
    juju.deploy(make_charm("a", PROVIDER, SCRIPT))
    juju.offer("a", endpoint="data")
    other.deploy(make_charm("b", REQUIRER, SCRIPT))
    other.consume("local.a", "saas")
    other.integrate("b", "saas")
    juju.settle()
    uri = str(run(juju, "secret-add token=of-another-model", "secret-grant -r 0 {secret}")[0])
    run(juju, f"relation-set -r 0 id={uri}")
    other.settle()
    assert why(other, "b/0", "data-relation-joined") == (
        "saas/0 of the model local joined the relation."
    )
    assert why(other, "b/0", "data-relation-changed") == (
        "The databag of saas/0 changed in the model local: id."
    )
    assert "of-another-model" in str(run(other, f"secret-get {uri}", unit="b/0"))
    run(other, "juju-log token is of-another-model", unit="b/0")
    run(juju, f"secret-set {uri} token=newer-of-another")
    other.settle()
    assert hooks(other, "b/0", "secret-changed") or other.series == "3.6"
    for reason in hooks(other, "b/0", "secret-changed"):
        assert reason["why"]["text"].endswith("got revision 2 in the model local.")
    assert "of-another" not in json.dumps(described(other))


def test_names_stay_visible_even_if_a_secret_contains_them(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PEERS, SCRIPT))
    run(juju, "secret-add username=a/0 realm=replicas")
    assert why(juju, "a/0", "install").startswith("The unit was added")
    assert hooks(juju, "a/0", "replicas-relation-created")[0]["databags"] == ["0 a/0", "0 a"]
