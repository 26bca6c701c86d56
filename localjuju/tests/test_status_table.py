"""The text output of ``juju status`` and ``juju debug-log``.

test_commands.py compares whole tables with recorded ones.
"""

from __future__ import annotations

import re

import jubilant
import pytest

from conftest import PEERS, PRINCIPAL, PROVIDER, REQUIRER, SUBORDINATE, MakeCharm
from localjuju import LocalJuju, status_table

PORTS = """
def observe(self):
    self.framework.observe(self.on.install, self._on_install)

def _on_install(self, _):
    self.unit.set_workload_version("a version that is long")
    self.unit.set_ports(80, 443, ops.Port("udp", 53))
"""


@pytest.fixture
def two(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    """A principal with ports, and its subordinate."""
    juju.deploy(make_charm("a", f"{PRINCIPAL}\n{PEERS}", PORTS), num_units=2)
    juju.deploy(make_charm("sub", SUBORDINATE))
    juju.integrate("a:logging", "sub:logging")
    juju.wait(jubilant.all_active)
    return juju


def rows(printed: str, first: str) -> list[list[str]]:
    """Return the cells of the section whose first row starts with a word."""
    section = next(s for s in printed.split("\n\n") if s.startswith(first))
    return [re.split(r"  +", line.rstrip()) for line in section.splitlines()]


def test_units_are_in_order_with_subordinates_below_them(two: LocalJuju) -> None:
    printed = two.cli("status")
    units = rows(printed, "Unit")[1:]
    names = [row[0] or f"  {row[1]}" for row in units]
    assert [name.rstrip("*") for name in names[::2]] == ["a/0", "a/1"]
    assert {name[:6] for name in names[1::2]} == {"  sub/"}
    assert sum(name.startswith("a/") and name.endswith("*") for name in names) == 1
    assert units[0][5] == "80,443/tcp 53/udp"
    applications = rows(printed, "App")[1:]
    assert applications[0][:5] == ["a", "a version th...", "active", "2", "a"]
    assert applications[1][:5] == ["sub", "active", "2", "sub", "0"]
    assert len(rows(printed, "Machine")) == 3
    assert "Integration provider" not in printed


def test_relations_and_one_application(two: LocalJuju) -> None:
    printed = two.cli("status", "--relations")
    assert rows(printed, "Integration provider") == [
        ["Integration provider", "Requirer", "Interface", "Type", "Message"],
        ["a:logging", "sub:logging", "logging", "subordinate"],
        ["a:replicas", "a:replicas", "replicas", "peer"],
    ]


def test_short_format_has_a_line_for_each_unit(two: LocalJuju) -> None:
    first, second, *_ = two.cli("status", "--format", "short").splitlines()
    address = r"127\.\d+\.\d+\.\d+"
    states = r"\(agent:idle, workload:active\)"
    assert re.fullmatch(rf"- a/0: {address} {states} 80,443/tcp 53/udp", first)
    assert re.fullmatch(rf"  - sub/\d+: {address} {states}", second)


def test_empty_model_is_named_on_standard_error(juju: LocalJuju) -> None:
    _, message = juju._cli("status")
    assert message == '\nModel "admin/local" is empty.\n'


def test_storage_has_a_section_if_requested(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(
        make_charm("a", "storage: {data: {type: filesystem}}"), storage={"data": "rootfs,10G"}
    )
    juju.wait(jubilant.all_active)
    header, row = rows(juju.cli("status", "--storage"), "Storage Unit")
    assert header == [
        *("Storage Unit", "Storage ID", "Type", "Pool"),
        *("Mountpoint", "Size", "Status", "Message"),
    ]
    assert row[:4] == ["a/0", "data/0", "filesystem", "rootfs"]
    assert row[5:] == ["10 GiB", "attached"]
    assert "Storage Unit" not in juju.cli("status")


def test_offers_and_saas_have_sections(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.offer("a", endpoint="data")
    juju.add_model("other")
    juju.deploy(make_charm("b", REQUIRER))
    juju.consume("admin/local.a", "there")
    assert rows(juju.cli("status", "-m", "local"), "Offer")[1] == [
        *("a", "a", "a", "0", "0/0", "data", "data", "provider")
    ]
    juju.integrate("b:data", "there")
    juju.settle()
    assert rows(juju.cli("status", "-m", "other"), "SAAS") == [
        ["SAAS", "Status", "Store", "URL"],
        ["there", "active", "localjuju", "admin/local.a"],
    ]
    assert rows(juju.cli("status", "-m", "local"), "Offer")[1][4] == "1/1"


def test_message_of_an_agent_is_as_on_juju() -> None:
    for message, doing in (
        ("running install hook", "install"),
        ("running leader-elected hook", "leader-elected"),
        ("running action backup", "backup"),
        ("running database-relation-changed hook for b/0", ""),
    ):
        assert status_table._running_hook(message) == doing


LOG = """
def observe(self):
    self.framework.observe(self.on.start, self._on_started)

def _on_started(self, _):
    import logging
    logging.warning("a warning")
    logging.error("an error")
"""


@pytest.fixture
def logged(juju: LocalJuju, make_charm: MakeCharm) -> LocalJuju:
    charm = make_charm("a", "", LOG)
    juju.deploy(charm, "a")
    juju.deploy(charm, "b")
    juju.settle()
    return juju


ALL = {"INFO", "WARNING", "ERROR"}
BOTH = {"unit-a-0", "unit-b-0"}
FILTERS: list[tuple[list[str], set[str], set[str]]] = [
    ([], BOTH, ALL),
    (["--include", "a"], {"unit-a-0"}, ALL),
    (["--include", "b/0"], {"unit-b-0"}, ALL),
    (["-i", "unit-b-*"], {"unit-b-0"}, ALL),
    (["--exclude", "unit-b-0"], {"unit-a-0"}, ALL),
    (["--level", "warning"], BOTH, {"WARNING", "ERROR"}),
    (["-l", "ERROR", "-x", "a"], {"unit-b-0"}, {"ERROR"}),
    (["--include-module", "juju.worker"], BOTH, {"INFO"}),
    (["--exclude-module", "juju", "-i", "a"], {"unit-a-0"}, {"WARNING", "ERROR"}),
]


def test_the_log_is_filtered(logged: LocalJuju) -> None:
    for options, entities, levels in FILTERS:
        printed = logged.cli("debug-log", "--replay", *options)
        lines = [line.split() for line in printed.splitlines()]
        assert {line[0].rstrip(":") for line in lines} == entities, options
        assert {line[2] for line in lines} == levels, options


def test_first_and_last_lines_of_the_log(logged: LocalJuju) -> None:
    everything = logged.cli("debug-log", "--replay").splitlines()
    assert len(everything) > 10
    assert logged.cli("debug-log").splitlines() == everything[-10:]
    assert logged.debug_log() == "".join(f"{line}\n" for line in everything)
    assert logged.cli("debug-log", "--limit", "3").splitlines() == everything[-3:]
    assert logged.cli("debug-log", "-n", "2").splitlines() == everything[-2:]
    assert logged.cli("debug-log", "--replay", "--limit", "3").splitlines() == everything[:3]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--tail", "--no-tail"], "setting --tail and --no-tail not valid"),
        (["--limit", "1", "--lines", "1"], "setting --limit and --lines not valid"),
        (
            ["--level", "LOUD"],
            'level value "LOUD" is not one of "TRACE", "DEBUG", "INFO", "WARNING", "ERROR"',
        ),
    ],
)
def test_contradicting_options_are_refused(
    juju: LocalJuju, options: list[str], reason: str
) -> None:
    with pytest.raises(jubilant.CLIError) as failure:
        juju.cli("debug-log", *options)
    assert failure.value.stderr == f"ERROR {reason}\n"
