"""A real rsyslogd forwards to a real receiver."""

from __future__ import annotations

import pathlib

import psutil
import pytest
from conftest import Machine, Receiver, wait_for

import rsyslog
from snippets import Destination, Forward, LogFiles


def syslog_to(receiver: Receiver) -> Forward:
    return Forward(receiver.destination, receiver.protocol)


def files_to(
    receiver: Receiver, directory: pathlib.Path, *names: str, tag: str = "app"
) -> Forward:
    files = LogFiles(str(directory), names, tag)
    return Forward(receiver.destination, receiver.protocol, files)


def append(file: pathlib.Path, *lines: str) -> None:
    with file.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def state_files(machine: Machine) -> list[str]:
    """Return imfile's state files, which contain its positions in the log files."""
    return [note.read_text() for note in machine.forwarder.spool_dir.glob("imfile-state:*")]


def pid(machine: Machine) -> str:
    return (machine.folder / "run/rsyslog/pid").read_text()


def test_syslog_is_forwarded(machine: Machine, udp: Receiver):
    machine.forwarder.configure({"syslog": syslog_to(udp)})
    machine.log("hello")
    wait_for(lambda: udp.texts("test") == ["hello"])
    assert machine.forwarder.runs_with({"syslog": syslog_to(udp)})


def test_log_file_is_forwarded_but_not_written_to_the_machines_syslog(
    machine: Machine, udp: Receiver
):
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    append(machine.logs / "app.log", "from the file")
    machine.log("from the syslog")
    wait_for(lambda: udp.texts("app") == ["from the file"])
    wait_for(lambda: "from the syslog" in machine.syslog())
    assert "from the file" not in machine.syslog()
    assert not udp.lines("from the syslog")


def test_each_stream_has_its_own_target(machine: Machine, udp: Receiver):
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


# The first 31 or 48 characters are the same. Some formats truncate names there.
PAYMENT = "my-node-application-of-the-payment"
LONG = "my-node-application-of-the-payment-team-in-the-city-of"
NAMES = [f"{PAYMENT}-team", f"{PAYMENT}-desk", f"{LONG}-london", f"{LONG}-lisbon"]


def follow_each(machine: Machine, receiver: Receiver) -> dict[str, Forward]:
    """Return streams for the log files of all these applications."""
    return {
        f"files-{number}": files_to(receiver, machine.logs, f"{name}.log", tag=name)
        for number, name in enumerate(NAMES)
    }


def test_applications_with_long_names_are_distinguished(machine: Machine, either: Receiver):
    machine.forwarder.configure(follow_each(machine, either))
    for name in NAMES:
        append(machine.logs / f"{name}.log", f"from {name}")
    wait_for(lambda: len(either.messages()) == len(NAMES))
    # RFC 5424 allows 48 characters. A digest replaces the end of a longer name.
    programs = [*NAMES[:2], f"{LONG[:39]}-ed1c1977", f"{LONG[:39]}-c6676656"]
    assert either.messages() == {
        program: [f"from {name}"] for program, name in zip(programs, NAMES, strict=True)
    }


def test_long_lines_arrive_complete(machine: Machine, either: Receiver):
    machine.forwarder.configure(
        {"files": files_to(either, machine.logs, "app.log"), "syslog": syslog_to(either)}
    )
    in_file, in_syslog = "f" * 65_000, "s" * 60_000
    # One after the other, because two such datagrams exceed the receiver's buffer.
    append(machine.logs / "app.log", in_file)
    wait_for(lambda: either.texts("app"))
    machine.log(in_syslog)
    wait_for(lambda: either.texts("test"))
    assert (either.texts("app"), either.texts("test")) == ([in_file], [in_syslog])


def test_line_longer_than_a_datagram_is_truncated_and_the_next_arrives(
    machine: Machine, either: Receiver
):
    machine.forwarder.configure({"files": files_to(either, machine.logs, "app.log")})
    append(machine.logs / "app.log", "x" * 70_000, "next")
    wait_for(lambda: either.lines("next"))
    (long,) = either.lines("xxx")
    assert len(long) == 65_507


def test_message_of_several_lines_is_one_line_for_the_receiver(machine: Machine, either: Receiver):
    machine.forwarder.configure({"syslog": syslog_to(either)})
    machine.log("first\nsecond")
    wait_for(lambda: either.lines("second"))
    assert either.texts("test") == ["first#012second"]


def test_files_and_directories_that_appear_later_are_followed(machine: Machine, udp: Receiver):
    directory = machine.logs / "later"
    machine.forwarder.configure({"files": files_to(udp, directory, "*.log", "a.log")})
    directory.mkdir()
    append(directory / "a.log", "first of a")
    append(directory / "b.log", "first of b")
    wait_for(lambda: udp.lines("first of a") and udp.lines("first of b"))


def test_file_that_matches_two_patterns_is_sent_once(machine: Machine, udp: Receiver):
    streams = {"files": files_to(udp, machine.logs, "*.log", "a.log")}
    machine.forwarder.configure(streams)
    append(machine.logs / "a.log", "one")
    wait_for(lambda: udp.lines("one"))
    machine.forwarder.restart()
    append(machine.logs / "a.log", "two")
    wait_for(lambda: udp.lines("two"))
    assert len(udp.lines("one")) == 1


def test_log_rotation_by_renaming_and_by_truncating_loses_no_line(machine: Machine, udp: Receiver):
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
    wait_for(lambda: udp.texts("app")[-1] == "x")
    assert udp.texts("app") == ["before rotation", "after renaming", "x"]


def test_lines_written_while_rsyslogd_is_stopped_are_sent_later(machine: Machine, udp: Receiver):
    streams = {"files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(streams)
    append(machine.logs / "app.log", "one")
    wait_for(lambda: udp.lines("one"))
    psutil.Process(int(pid(machine))).terminate()
    wait_for(lambda: not machine.forwarder.is_running())
    append(machine.logs / "app.log", "two")
    machine.forwarder.configure(streams)
    wait_for(lambda: udp.lines("two"))
    assert len(udp.lines("one")) == 1


def test_tcp_loses_no_line_while_the_target_is_down(machine: Machine):
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
    machine.forwarder.restart()  # The queue survives the restart.
    assert any("forwarder.syslog" in file for file in machine.files())
    with receiver.listening():
        # A line that was being sent at the restart may arrive twice.
        wait_for(lambda: all(receiver.lines(f"file {n:03}.") for n in range(200)))
        wait_for(lambda: all(receiver.lines(f"syslog {n:03}.") for n in range(50)))


def test_machine_that_forwards_to_itself_gets_each_message_once(machine: Machine):
    own = Destination(machine.address, 5514)
    received = machine.folder / "var/log/received"
    receiver = machine.forwarder.snippet_dir / "10-receiver.conf"
    receiver.write_text(
        'module(load="imudp")\n'
        f'input(type="imudp" address="{own.host}" port="{own.port}")\n'
        f'if $inputname == "imudp" then action(type="omfile" file="{received}")\n'
    )
    files = LogFiles(str(machine.logs), ("app.log",), tag="app")
    machine.forwarder.configure(
        {"syslog": Forward(own, "udp"), "files": Forward(own, "udp", files)}
    )
    append(machine.logs / "app.log", "from the file")
    machine.log("from the syslog")
    machine.log("last")

    def lines(part: str) -> list[str]:
        text = received.read_text() if received.exists() else ""
        return [line for line in text.splitlines() if part in line]

    wait_for(lambda: lines("last") and lines("from the file"))
    # A loop would have sent the first lines many times before this line.
    machine.log("later")
    wait_for(lambda: lines("later"))
    assert [len(lines(part)) for part in ("the file", "the syslog", "last")] == [1, 1, 1]
    receiver.unlink()
    received.unlink()


def test_rsyslogd_as_receiver_distinguishes_long_names(machine: Machine):
    received = machine.folder / "var/log/received"
    receiver = machine.forwarder.snippet_dir / "10-receiver.conf"
    receiver.write_text(
        'module(load="imudp")\nmodule(load="imtcp")\n'
        'template(name="seen" type="string" string="%app-name%:%msg%\\n")\n'
        f'ruleset(name="seen") {{ action(type="omfile" file="{received}" template="seen") }}\n'
        f'input(type="imudp" address="{machine.address}" port="5514" ruleset="seen")\n'
        f'input(type="imtcp" address="{machine.address}" port="5514" ruleset="seen")\n'
    )
    own = {protocol: Destination(machine.address, 5514) for protocol in ("udp", "tcp")}
    streams = {
        f"{protocol}-{number}": Forward(
            destination, protocol, LogFiles(str(machine.logs), (f"{name}-{protocol}.log",), name)
        )
        for protocol, destination in own.items()
        for number, name in enumerate(NAMES)
    }
    machine.forwarder.configure(streams)
    # Several long datagrams at the same time exceed the receiver's buffer.
    sent = {"udp": "udp", "tcp": f"tcp {'x' * 60_000}."}
    for protocol, line in sent.items():
        for name in NAMES:
            append(machine.logs / f"{name}-{protocol}.log", line)

    def lines() -> list[str]:
        return received.read_text().splitlines() if received.exists() else []

    wait_for(lambda: len(lines()) == len(streams))
    programs: dict[str, list[str]] = {}
    for line in lines():
        program, _, text = line.partition(":")
        programs.setdefault(program, []).append(text)
    assert len(programs) == len(NAMES)
    assert all(sorted(seen) == sorted(sent.values()) for seen in programs.values())
    receiver.unlink()
    received.unlink()


@pytest.mark.parametrize(
    "setting",
    [
        'global(maxMessageSize="16k")',
        "$MaxMessageSize 16k",
        'global(\n  MaxMessageSize = "16k")',
    ],
)
@pytest.mark.parametrize("file", ["10-other_file.conf", "60-other_file.conf"])
def test_message_size_in_another_file_is_kept(
    file: str, setting: str, machine: Machine, udp: Receiver
):
    streams = {"files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(streams)
    other_file = machine.forwarder.snippet_dir / file
    other_file.write_text(f"# a comment\n{setting}\n")
    machine.forwarder.configure(streams)
    append(machine.logs / "app.log", "x" * 20_000)
    wait_for(lambda: udp.lines("xxx"))
    assert len(udp.lines("xxx")[0]) == 16_384
    other_file.unlink()


class KilledError(BaseException):
    """The hook's process is killed here."""


def test_next_hook_restarts_rsyslog_after_a_killed_hook(
    machine: Machine, udp: Receiver, monkeypatch: pytest.MonkeyPatch
):
    def kill(self: rsyslog.Rsyslog) -> None:
        raise KilledError

    before = Destination("192.0.2.1")
    machine.forwarder.configure({"syslog": Forward(before, "udp")})
    streams = {"syslog": syslog_to(udp)}
    with monkeypatch.context() as patch:
        patch.setattr(rsyslog.Rsyslog, "restart", kill)
        with pytest.raises(KilledError):
            machine.forwarder.configure(streams)
    assert not machine.forwarder.runs_with(streams)
    first = pid(machine)
    machine.forwarder.configure(streams)
    assert machine.forwarder.runs_with(streams)
    assert pid(machine) != first
    machine.log("to the new target")
    wait_for(lambda: udp.lines("to the new target"))


def test_unchanged_configuration_restarts_nothing(machine: Machine, udp: Receiver):
    streams = {"syslog": syslog_to(udp)}
    machine.forwarder.configure(streams)
    first = pid(machine)
    machine.forwarder.configure(streams)
    machine.forwarder.configure({"syslog": None})
    assert pid(machine) == first


def test_last_valid_configuration_stays_if_rsyslog_refuses_the_new_one(
    machine: Machine, udp: Receiver
):
    snippets = machine.forwarder.snippet_dir
    good = {"syslog": syslog_to(udp), "files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(good)
    before = {file.name: file.read_text() for file in snippets.iterdir()}
    first = pid(machine)
    (snippets / "90-broken.conf").write_text('action(type="omfile" nonsense="x")\n')
    wanted = {
        "syslog": Forward(Destination("192.0.2.1"), "tcp"),
        "files": good["files"],
    }
    with pytest.raises(rsyslog.RsyslogError, match=r"refuses.*90-broken\.conf"):
        machine.forwarder.configure(wanted)
    assert not machine.forwarder.runs_with(wanted)
    assert machine.forwarder.runs_with(good)
    (snippets / "90-broken.conf").unlink()
    assert {file.name: file.read_text() for file in snippets.iterdir()} == before
    assert pid(machine) == first
    machine.log("still forwarded")
    wait_for(lambda: udp.lines("still forwarded"))


def test_main_file_may_include_other_files(machine: Machine, udp: Receiver):
    other_file = machine.forwarder.snippet_dir / "other_file.inc"
    other_file.write_text("# nothing\n")
    main_file = machine.forwarder.main_file
    before = main_file.read_text()
    main_file.write_text(f'{before}include(file="{other_file}" mode="required")\n')
    machine.forwarder.configure({"syslog": syslog_to(udp)})
    machine.log("hello")
    wait_for(lambda: udp.texts("test") == ["hello"])
    machine.forwarder.configure({})
    other_file.unlink()
    main_file.write_text(before)


def test_ended_stream_is_removed_even_if_the_rest_is_refused(machine: Machine, udp: Receiver):
    snippets = machine.forwarder.snippet_dir
    machine.forwarder.configure({"syslog": syslog_to(udp), "files": syslog_to(udp)})
    broken = snippets / "90-broken.conf"
    broken.write_text('action(type="omfile" nonsense="x")\n')
    new = Forward(Destination("192.0.2.1"), "tcp")
    with pytest.raises(rsyslog.RsyslogError):
        machine.forwarder.configure({"syslog": new})
    assert [file.name for file in snippets.glob("40-*")] == ["40-forwarder.syslog.conf"]
    assert "192.0.2.1" not in (snippets / "40-forwarder.syslog.conf").read_text()
    machine.forwarder.configure({})
    assert list(snippets.iterdir()) == [broken]
    broken.unlink()


def test_two_applications_on_one_machine_do_not_affect_each_other(machine: Machine, udp: Receiver):
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
        append(machine.logs / "app.log", "for no application")
    machine.other.uninstall()
    (elsewhere / "b.log").unlink()
    assert not udp.lines("for no application")
    assert machine.files() == []


@pytest.mark.parametrize(
    "load",
    ['module(load="imfile")', 'module(\n  mode="inotify" load="imfile")', "$ModLoad imfile"],
)
def test_module_that_another_file_loads_is_not_loaded_twice(
    load: str, machine: Machine, udp: Receiver
):
    other_file = machine.forwarder.snippet_dir / "10-other_file.conf"
    other_file.write_text(f"# a comment\n{load}\n")
    streams = {"files": files_to(udp, machine.logs, "app.log")}
    machine.forwarder.configure(streams)
    assert machine.forwarder.runs_with(streams)
    other_file.write_text("".join(f"# {line}\n" for line in load.splitlines()))
    machine.forwarder.configure(streams)
    append(machine.logs / "app.log", "one")
    wait_for(lambda: udp.lines("one"))
    other_file.unlink()


def test_uninstall_leaves_nothing(machine: Machine):
    away = Receiver("tcp")
    machine.forwarder.configure(
        {"syslog": syslog_to(away), "files": files_to(away, machine.logs, "app.log")}
    )
    process = psutil.Process(int(pid(machine)))
    append(machine.logs / "app.log", "queued")
    machine.log("queued")
    wait_for(lambda: "queued" in machine.syslog())
    # rsyslogd writes queues and state files when it stops.
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


def test_position_in_a_followed_file_is_kept(machine: Machine, udp: Receiver):
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log", "b.log")})
    append(machine.logs / "app.log", "one")
    append(machine.logs / "b.log", "two")
    wait_for(lambda: udp.lines("one") and udp.lines("two"))
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    append(machine.logs / "app.log", "three")
    wait_for(lambda: udp.lines("three"))
    assert len(udp.lines("one")) == 1
    machine.forwarder.restart()
    assert ["app.log" in note for note in state_files(machine)] == [True]
    # It is the same file with another pattern.
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.*")})
    assert ["app.log" in note for note in state_files(machine)] == [True]


def test_apparmor_allows_a_directory_outside_var_log(machine: Machine, udp: Receiver):
    machine.forwarder.apparmor_dir.mkdir(parents=True)
    rules = machine.forwarder.apparmor_dir / "juju-forwarder"
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    assert f'"{machine.logs}/*" r,' in rules.read_text()
    machine.forwarder.configure({"files": files_to(udp, pathlib.Path("/var/log/app"), "a.log")})
    assert not rules.exists()
    machine.forwarder.configure({"files": files_to(udp, machine.logs, "app.log")})
    machine.forwarder.configure({})
    assert not rules.exists()


def test_version_is_read_from_rsyslogd(machine: Machine):
    assert machine.forwarder.version().startswith("8.")
