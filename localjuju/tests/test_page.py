"""``localjuju page``: the files that it reads, the comparison, and the page that it writes."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import jsonschema
import pytest

from localjuju import LocalJuju, cli, page, run_data
from localjuju.comparison import differences
from localjuju.hiding import Hiding
from localjuju.html_page import page_of

HERE = pathlib.Path(__file__).parent
CHARMS = HERE / "charms"
RECORDINGS = [HERE / "recordings" / f"hooks-{series}.jsonl" for series in ("3.6", "4.0")]


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_recording_is_read_as_a_run(recording: pathlib.Path) -> None:
    run = page.read_run(recording)
    jsonschema.validate(run, json.loads(run_data.SCHEMA.read_text()))
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    events = run["events"]
    assert [e.get("text") for e in events] == [line.get("step") for line in lines]
    assert [e.get("hook") for e in events] == [line.get("hook") for line in lines]
    changed = [e for e in events if e.get("remote-unit") == "treq/0" and e["seen"]]
    assert any("created-by" in seen["keys"] for e in changed for seen in e["seen"])
    assert all(e["why"]["text"] for e in events if e["kind"] == "hook")


def test_recording_names_the_writer_if_only_one_hook_can_have_written(
    tmp_path: pathlib.Path,
) -> None:
    about = {"relation": "data:0", "remote_app": "b", "relation_list": ["b/0"]}
    lines = [
        {"unit": "b/0", "hook": "start", "leader": True},
        {"t": 0, "step": "integrate a b"},
        {"unit": "b/0", "hook": "data-relation-created", "leader": True, **about},
        {
            "unit": "a/0",
            "hook": "data-relation-changed",
            "leader": True,
            **about,
            "remote_unit": "b/0",
            "remote_unit_bag": {"port": "1"},
        },
    ]
    file = tmp_path / "short.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    last = page.read_run(file)["events"][-1]
    assert last["why"]["events"] == [2]
    assert last["why"]["text"] == (
        "The databag of b/0 changed: port. Only hook 2 can have written it."
    )


@pytest.mark.parametrize(
    ("question", "after", "who", "first", "second"),
    [
        ("Q2", "integrate treq:logging", "treq/0", "", "logging-relation-joined tsub/0"),
        ("Q3", "integrate tprov tsub", "tsub/2", "", "logging-relation-created"),
        ("Q5", "remove-unit leader", "tprov/2", "replicas-relation-departed tprov/0", ""),
        ("Q6", "remove-application tprov", "tprov/2", "replicas-relation-broken", ""),
        ("Q7", "deploy", "databags of tprov", "private-address", ""),
    ],
    ids=lambda value: value if value.startswith("Q") else "",
)
def test_comparison_of_two_recordings_shows_where_juju_differs(
    question: str, after: str, who: str, first: str, second: str
) -> None:
    found = [
        one
        for one in differences(*map(page.read_run, RECORDINGS))
        if one.command.startswith(f"juju {after}") and one.who == who
    ]
    assert not first or any(first in one.only_first.split(", ") for one in found), question
    assert not second or any(second in one.only_second.split(", ") for one in found), question


def test_run_does_not_differ_from_itself() -> None:
    run = page.read_run(RECORDINGS[0])
    assert differences(run, run) == []


def test_comparison_shows_a_command_that_only_one_run_refuses() -> None:
    """Q1: on Juju 4 an implicit juju-info makes a relation ambiguous."""
    runs: list[dict[str, Any]] = []
    for series in ("3.6", "4.0"):
        with LocalJuju(series, seed=1) as juju:
            juju.deploy(CHARMS / "treq")
            juju.deploy(CHARMS / "tsub")
            try:
                juju.integrate("treq", "tsub")
            except Exception as error:
                assert "ambiguous relation" in str(error)
            runs.append(run_data.describe(juju.history))
    (difference,) = [one for one in differences(*runs) if one.who == "the command"]
    assert difference.only_first == ""
    assert "ambiguous relation" in difference.only_second


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.jsonl", "{", "line 1 is not JSON"),
        ("a.jsonl", '{"args": []}', 'line 1 needs a "step", or a "unit" and a "hook"'),
        ("a.json", "{", "it is not JSON"),
        ("a.json", "[]", 'its "format" is not "localjuju run"'),
        ("a.json", '{"format": "localjuju run", "version": 9}', "its version is 9"),
        ("a.json", b"\xff", "codec can't decode"),
    ],
)
def test_file_that_is_not_a_run_is_refused_with_its_name(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str | bytes,
    problem: str,
) -> None:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert page.main([str(file)]) == 1
    message = capsys.readouterr().err
    assert (
        message.startswith(f"ERROR cannot read a run from {file}: {problem}") or problem in message
    )
    assert str(file) in message


def test_missing_file_and_too_many_files_are_refused(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert page.main([str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err == f"ERROR {tmp_path}/none.json: no such file or directory\n"
    assert page.main(["a", "b", "c"]) == 2
    assert "a page shows one run" in capsys.readouterr().err


def test_command_writes_the_page_to_the_given_file(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "page.html"
    assert cli.main(["page", *map(str, RECORDINGS), "--output", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert file.read_text().count('<table class="hooks">') == 2


def test_run_is_written_and_read_again(tmp_path: pathlib.Path) -> None:
    with LocalJuju(seed=1) as juju:
        juju.deploy(CHARMS / "tprov")
        juju.settle()
        text = juju.history.page(tmp_path / "new" / "page.html", "A title")
        data = run_data.describe(juju.history, "A title")
    assert (tmp_path / "new" / "page.html").read_text() == text
    (tmp_path / "run.json").write_text(json.dumps(data))
    assert page_of([page.read_run(tmp_path / "run.json")]) == text
    assert "<h1>A title</h1>" in text
    assert re.search(r'<tr id="hook-1"><td><a href="#hook-1">1</a></td><td>tprov/0</td>', text)


def test_texts_of_a_run_do_not_become_markup() -> None:
    run = page.read_run(RECORDINGS[0])
    evil = "</script><script>alert(1)</script>\u202e\"'&"
    run["title"] = evil
    run["events"][0]["text"] = evil
    run["events"][1]["hook"] = evil
    text = page_of([run])
    assert "<script>alert" not in text
    assert "\u202e" not in text.split('id="data">')[0]
    assert text.count("</script>") == text.count("<script")


def test_hiding_finds_content_in_every_notation() -> None:
    hiding = Hiding({'a "quoted" word', "line one\nline two", "k9", "abc"}, names={"abc"})
    assert hiding.in_text('say a "quoted" word') == "say (hidden)"
    assert hiding.in_text(r'{"x": "a \"quoted\" word"}') == '{"x": "(hidden)"}'
    assert hiding.in_text("x line two y") == "x (hidden) y"
    assert hiding.in_text("a%20%22quoted%22%20word") == "(hidden)"
    assert hiding.in_text("abc and k9") == "abc and k9"
    assert hiding.in_data({"line one": ["line two", 3]}) == {"(hidden)": ["(hidden)", 3]}
