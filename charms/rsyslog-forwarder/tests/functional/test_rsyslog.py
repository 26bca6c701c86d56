"""A real rsyslogd forwards to a real receiver."""

from __future__ import annotations

import pathlib

import psutil
import pytest
from conftest import Machine, Receiver, wait_for

import rsyslog


def syslog_to(receiver: Receiver) -> rsyslog.Forward:
    return rsyslog.Forward(receiver.destination, receiver.protocol)


def files_to(receiver: Receiver, directory: pathlib.Path, *names: str) -> rsyslog.Forward:
    files = rsyslog.LogFiles(str(directory), names, tag="app")
    return rsyslog.Forward(receiver.destination, receiver.protocol, files)


def append(file: pathlib.Path, *lines: str) -> None:
    with file.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def notes(machine: Machine) -> list[str]:
    """Return what imfile has noted on how far it has read."""
    return [note.read_text() for note in machine.forwarder.spool_dir.glob("imfile-state:*")]


def pid(machine: Machine) -> str:
    return (machine.folder / "run/rsyslog/pid").read_text()


def test_syslog_over_udp(machine: Machine, udp: Receiver):
    machine.forwarder.configure({"syslog": syslog_to(udp)})
    machine.log("hello")
    wait_for(lambda: udp.lines("test: hello"))
    assert machine.forwarder.problem({"syslog": syslog_to(udp)}) == ""


def test_log_file_and_not_into_the_syslog_of_the_machine(machine: Machine, udp: Receiver):
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    append(machine.logs / "app.log", "from the file")
    machine.log("from the syslog")
    wait_for(lambda: udp.lines("app: from the file"))
    wait_for(lambda: "from the syslog" in machine.syslog())
    assert "from the file" not in machine.syslog()
    assert not udp.lines("from the syslog")


def test_both_streams_each_to_its_own_destination(machine: Machine, udp: Receiver):
    with Receiver("udp").listening() as other:
        streams = {
            "files": files_to(udp, machine.logs, "app.log"),
            "syslog": syslog_to(other),
        }
        machine.forwarder.configure(streams)
        append(machine.logs / "app.log", "from the file")
        machine.log("from the syslog")
        wait_for(lambda: udp.lines("from the file"))
        wait_for(lambda: other.lines("from the syslog"))
        assert not other.lines("from the file")
        assert not udp.lines("from the syslog")


def test_file_and_directory_that_appear_later(machine: Machine, udp: Receiver):
    directory = machine.logs / "later"
    machine.forwarder.configure({"files": files_to(udp, directory, "*.log", "a.log")})
    directory.mkdir()
    append(directory / "a.log", "first of a")
    append(directory / "b.log", "first of b")
    wait_for(lambda: udp.lines("first of a") and udp.lines("first of b"))


def test_file_that_two_of_its_names_match_is_sent_once(machine: Machine, udp: Receiver):
    streams = {"files": files_to(udp, machine.logs, "*.log", "a.log")}
    machine.forwarder.configure(streams)
    append(machine.logs / "a.log", "one")
    wait_for(lambda: udp.lines("one"))
    machine.forwarder.restart()
    append(machine.logs / "a.log", "two")
    wait_for(lambda: udp.lines("two"))
    assert len(udp.lines("one")) == 1


def test_rotation_by_renaming_and_by_truncating(machine: Machine, udp: Receiver):
    log = machine.logs / "app.log"
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    append(log, "before rotation")
    wait_for(lambda: udp.lines("before rotation"))
    log.rename(machine.logs / "app.log.1")
    append(log, "after renaming")
    wait_for(lambda: udp.lines("after renaming"))
    with log.open("w"):
        pass
    append(log, "x")
    wait_for(lambda: udp.lines("app: x"))
    assert [len(udp.lines(part)) for part in ("before", "after", "app: x")] == [1, 1, 1]


def test_lines_written_while_rsyslogd_is_away(machine: Machine, udp: Receiver):
    streams = {"files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(streams)
    append(machine.logs / "app.log", "one")
    wait_for(lambda: udp.lines("one"))
    psutil.Process(int(pid(machine))).terminate()
    wait_for(lambda: not machine.forwarder.is_running())
    assert "does not run" in machine.forwarder.problem(streams)
    append(machine.logs / "app.log", "two")
    machine.forwarder.configure(streams)
    wait_for(lambda: udp.lines("two"))
    assert len(udp.lines("one")) == 1


def test_tcp_loses_nothing_while_the_target_is_away(machine: Machine):
    receiver = Receiver("tcp")
    streams = {
        "syslog": syslog_to(receiver),
        "files": files_to(receiver, machine.logs, "app.log"),
    }
    machine.forwarder.configure(streams)
    for n in range(200):
        append(machine.logs / "app.log", f"file {n:03}.")
    for n in range(50):
        machine.log(f"syslog {n:03}.")
    wait_for(lambda: "syslog 049." in machine.syslog())
    machine.forwarder.restart()  # what is queued survives it
    assert any("forwarder.syslog" in file for file in machine.files())
    with receiver.listening():
        # Those that were about to be sent at the restart may arrive twice.
        wait_for(lambda: all(receiver.lines(f"file {n:03}.") for n in range(200)))
        wait_for(lambda: all(receiver.lines(f"syslog {n:03}.") for n in range(50)))


def test_machine_that_is_its_own_target_gets_each_message_once(machine: Machine):
    own = rsyslog.Destination(machine.address, 5514)
    received = machine.folder / "var/log/received"
    receiver = machine.forwarder.snippet_dir / "10-receiver.conf"
    receiver.write_text(
        'module(load="imudp")\n'
        f'input(type="imudp" address="{own.host}" port="{own.port}")\n'
        f'if $inputname == "imudp" then action(type="omfile" file="{received}")\n'
    )
    files = rsyslog.LogFiles(str(machine.logs), ("app.log",), tag="app")
    machine.forwarder.configure(
        {"syslog": rsyslog.Forward(own, "udp"), "files": rsyslog.Forward(own, "udp", files)}
    )
    append(machine.logs / "app.log", "from the file")
    machine.log("from the syslog")
    machine.log("last")

    def lines(part: str) -> list[str]:
        text = received.read_text() if received.exists() else ""
        return [line for line in text.splitlines() if part in line]

    wait_for(lambda: lines("last") and lines("from the file"))
    # A loop would have sent these many times before what is logged only now.
    machine.log("later")
    wait_for(lambda: lines("later"))
    assert [len(lines(part)) for part in ("the file", "the syslog", "last")] == [1, 1, 1]
    receiver.unlink()
    received.unlink()


def test_nothing_new_restarts_nothing(machine: Machine, udp: Receiver):
    streams = {"syslog": syslog_to(udp)}
    machine.forwarder.configure(streams)
    first = pid(machine)
    machine.forwarder.configure(streams)
    machine.forwarder.configure({"syslog": None})
    assert pid(machine) == first


def test_refused_configuration_keeps_the_last_good_one(machine: Machine, udp: Receiver):
    snippets = machine.forwarder.snippet_dir
    good = {"syslog": syslog_to(udp), "files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(good)
    before = {file.name: file.read_text() for file in snippets.iterdir()}
    first = pid(machine)
    (snippets / "90-broken.conf").write_text('action(type="omfile" nonsense="x")\n')
    wanted = {
        "syslog": rsyslog.Forward(rsyslog.Destination("192.0.2.1"), "tcp"),
        "files": good["files"],
    }
    with pytest.raises(rsyslog.RsyslogError, match=r"refuses.*90-broken\.conf") as refused:
        machine.forwarder.configure(wanted)
    assert machine.forwarder.problem(wanted) == str(refused.value)
    (snippets / "90-broken.conf").unlink()
    assert {file.name: file.read_text() for file in snippets.iterdir()} == before
    assert pid(machine) == first
    machine.log("still forwarded")
    wait_for(lambda: udp.lines("still forwarded"))


def test_main_file_may_include_what_is_no_snippet(machine: Machine, udp: Receiver):
    theirs = machine.forwarder.snippet_dir / "theirs.inc"
    theirs.write_text("# nothing\n")
    main_file = machine.forwarder.main_file
    before = main_file.read_text()
    main_file.write_text(f'{before}include(file="{theirs}" mode="required")\n')
    machine.forwarder.configure({"syslog": syslog_to(udp)})
    machine.log("hello")
    wait_for(lambda: udp.lines("test: hello"))
    machine.forwarder.configure({})
    theirs.unlink()
    main_file.write_text(before)


def test_stream_that_ends_goes_even_if_the_rest_is_refused(machine: Machine, udp: Receiver):
    snippets = machine.forwarder.snippet_dir
    machine.forwarder.configure({"syslog": syslog_to(udp), "files": syslog_to(udp)})
    broken = snippets / "90-broken.conf"
    broken.write_text('action(type="omfile" nonsense="x")\n')
    new = rsyslog.Forward(rsyslog.Destination("192.0.2.1"), "tcp")
    with pytest.raises(rsyslog.RsyslogError):
        machine.forwarder.configure({"syslog": new})
    assert [file.name for file in snippets.glob("40-*")] == ["40-forwarder.syslog.conf"]
    assert "192.0.2.1" not in (snippets / "40-forwarder.syslog.conf").read_text()
    machine.forwarder.configure({})
    assert list(snippets.iterdir()) == [broken]
    broken.unlink()


def test_two_applications_on_one_machine(machine: Machine, udp: Receiver):
    machine.other.install()
    elsewhere = machine.folder / "srv/elsewhere"
    elsewhere.mkdir()
    with Receiver("udp").listening() as second:
        machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
        machine.other.configure({"files": files_to(second, elsewhere, "b.log")})
        append(machine.logs / "app.log", "for the first")
        append(elsewhere / "b.log", "for the second")
        wait_for(lambda: udp.lines("for the first") and second.lines("for the second"))
        machine.forwarder.uninstall()
        append(elsewhere / "b.log", "again")
        wait_for(lambda: second.lines("again"))
        assert len(second.lines("for the second")) == 1
        append(machine.logs / "app.log", "for nobody")
    machine.other.uninstall()
    (elsewhere / "b.log").unlink()
    assert not udp.lines("for nobody")
    assert machine.files() == []


@pytest.mark.parametrize(
    "load",
    ['module(load="imfile")', 'module(\n  mode="inotify" load="imfile")', "$ModLoad imfile"],
)
def test_module_that_another_one_loads_is_not_loaded_twice(
    load: str, machine: Machine, udp: Receiver
):
    theirs = machine.forwarder.snippet_dir / "10-theirs.conf"
    theirs.write_text(f"# a comment\n{load}\n")
    streams = {"files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(streams)
    assert machine.forwarder.problem(streams) == ""
    theirs.write_text("".join(f"# {line}\n" for line in load.splitlines()))
    machine.forwarder.configure(streams)
    append(machine.logs / "app.log", "one")
    wait_for(lambda: udp.lines("one"))
    theirs.unlink()


def test_removal_leaves_nothing(machine: Machine):
    away = Receiver("tcp")
    machine.forwarder.configure(
        {"syslog": syslog_to(away), "files": files_to(away, machine.logs, "app.log")}
    )
    process = psutil.Process(int(pid(machine)))
    append(machine.logs / "app.log", "queued")
    machine.log("queued")
    wait_for(lambda: "queued" in machine.syslog())
    # With queues and notes on what was read: they are written when rsyslogd stops.
    machine.forwarder.restart()
    spool = machine.forwarder.spool_dir
    wait_for(lambda: any(spool.glob("imfile-state:*")) and any(spool.glob("forwarder.*")))
    machine.forwarder.configure({})
    assert not machine.forwarder.is_running()
    assert list(spool.iterdir()) == []
    machine.forwarder.uninstall()
    machine.forwarder.uninstall()
    assert machine.files() == []
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_position_in_a_file_that_is_still_followed_is_kept(machine: Machine, udp: Receiver):
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log", "b.log")})
    append(machine.logs / "app.log", "one")
    append(machine.logs / "b.log", "two")
    wait_for(lambda: udp.lines("one") and udp.lines("two"))
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    append(machine.logs / "app.log", "three")
    wait_for(lambda: udp.lines("three"))
    assert len(udp.lines("one")) == 1
    machine.forwarder.restart()
    assert ["app.log" in note for note in notes(machine)] == [True]
    # Under another pattern it is the same file.
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.*")})
    assert ["app.log" in note for note in notes(machine)] == [True]


def test_apparmor_is_told_of_a_directory_outside_var_log(machine: Machine, udp: Receiver):
    machine.forwarder.apparmor_dir.mkdir(parents=True)
    rules = machine.forwarder.apparmor_dir / "juju-forwarder"
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    assert f'"{machine.logs}/*" r,' in rules.read_text()
    machine.forwarder.configure({"files": files_to(udp, pathlib.Path("/var/log/app"), "a.log")})
    assert not rules.exists()
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    machine.forwarder.configure({})
    assert not rules.exists()


def test_version(machine: Machine):
    assert machine.forwarder.version().startswith("8.")
