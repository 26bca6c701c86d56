"""Which hooks run, and in which order."""

from __future__ import annotations

import pathlib

import pytest

from conftest import (
    PEERS,
    PRINCIPAL,
    PROVIDER,
    REQUIRER,
    SUBORDINATE,
    MakeCharm,
    evaluate,
    follower_of,
    hooks_of,
    leader_of,
)
from localjuju import LocalJuju
from localjuju.history import Event

CHARMS = pathlib.Path(__file__).parent / "charms"


def test_first_hooks_of_a_leader(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PEERS))
    juju.settle()
    first = ["install", "replicas-relation-created", "leader-elected", "config-changed", "start"]
    assert hooks_of(juju, "a/0") == first


def test_relations_do_not_exist_yet_in_install(juju: LocalJuju, make_charm: MakeCharm) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on.install, self._look)
    self.framework.observe(self.on["replicas"].relation_created, self._look)

def _look(self, event):
    print(f"{type(event).__name__} sees {self.model.get_relation('replicas') is not None}")
"""
    juju.deploy(make_charm("a", PEERS, body))
    juju.settle()
    log = juju.debug_log()
    assert "InstallEvent sees False" in log
    assert "RelationCreatedEvent sees True" in log


def test_followers_get_leader_settings_changed_on_3_6_only_q7(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a"), num_units=2)
    follower = follower_of(juju, "a")
    assert ("leader-settings-changed" in hooks_of(juju, follower)) == (series == "3.6")


def test_private_address_is_in_unit_databags_on_3_6_only_q7(
    juju: LocalJuju, make_charm: MakeCharm, series: str
) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    data = evaluate(
        juju, "b/0", "sorted(self.model.get_relation('data').data[self.model.get_unit('a/0')])"
    )
    expected = ["egress-subnets", "ingress-address"] + ["private-address"] * (series == "3.6")
    assert data == repr(expected)


def test_joined_is_followed_by_changed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    juju.settle()
    juju.integrate("a", "b")
    juju.settle()
    assert hooks_of(juju, "b/0")[-3:] == [
        "data-relation-created",
        "data-relation-joined",
        "data-relation-changed",
    ]


def test_changes_coalesce_and_a_settled_model_runs_nothing(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    writes = "self.model.get_relation('data').data[self.unit].update({'k': '%s'})"
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", REQUIRER))
    juju.integrate("a", "b")
    juju.settle()
    assert juju.settle() == 0
    evaluate(juju, "a/0", writes % 1)
    assert juju.settle() == 1
    evaluate(juju, "a/0", writes % 1)  # Writing an unchanged value triggers no event.
    assert juju.settle() == 0


def test_own_write_triggers_no_changed_but_application_data_of_peers_does(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", PEERS), num_units=2)
    leader = leader_of(juju, "a")
    juju.settle()
    for owner, hooks in (("unit", 1), ("app", 2)):
        evaluate(
            juju, leader, f"self.model.get_relation('replicas').data[self.{owner}].update(k='v')"
        )
        assert juju.settle() == hooks


def test_the_same_seed_runs_the_same_hooks(series: str) -> None:
    runs = []
    for _ in range(2):
        with LocalJuju(series, seed=11) as juju:
            juju.deploy(CHARMS / "tprov", num_units=3)
            juju.deploy(CHARMS / "treq", num_units=2)
            juju.integrate("treq:database", "tprov:database")
            juju.remove_unit("tprov/1")
            juju.settle()
            runs.append([(e.unit, str(e.hook)) for e in juju.history.events])
    assert runs[0] == runs[1]


def test_seeds_differ_in_the_order_of_hooks(series: str) -> None:
    orders_of_units, orders_of_hooks = set(), set()
    for seed in range(4):
        with LocalJuju(series, seed=seed) as juju:
            juju.deploy(CHARMS / "tprov", num_units=4)
            juju.settle()
            hooks = [(event.unit, str(event.hook)) for event in juju.history.events if event.hook]
            orders_of_units.add(tuple(unit for unit, hook in hooks if hook == "install"))
            orders_of_hooks.add(tuple(hook for unit, hook in hooks if unit == "tprov/0"))
    assert len(orders_of_units) > 1
    assert len(orders_of_hooks) > 1


def test_seed_decides_the_order_of_sets_in_charms(make_charm: MakeCharm) -> None:
    charm = make_charm("a")
    orders = []
    for seed in (1, 1, 2):
        with LocalJuju(seed=seed) as juju:
            juju.deploy(charm)
            orders.append(evaluate(juju, "a/0", "list({str(n) for n in range(100)})"))
    assert orders[0] == orders[1] != orders[2]


def test_created_and_secret_hooks_come_before_config_changed_and_other_relation_hooks_after(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    options = "config: {options: {n: {type: int, default: 1}}}"
    ends = "requires: {data: {interface: data}, other: {interface: data}}"
    juju.deploy(make_charm("a", PROVIDER))
    juju.deploy(make_charm("b", f"{ends}\n{options}"))
    juju.integrate("a", "b:data")
    juju.settle()
    grant = "[s.grant(self.model.get_relation('data')) or s.id for s in [{add}]][0]"
    add = "self.app.add_secret({'key': 'one'}, label='mine')"
    secret = evaluate(juju, "a/0", grant.format(add=add))
    evaluate(juju, "b/0", f"self.model.get_secret(id={secret}).get_content()")
    evaluate(juju, "a/0", "self.model.get_secret(label='mine').set_content({'key': 'two'})")
    juju.config("b", {"n": 2})
    juju.integrate("a", "b:other")
    before = len(hooks_of(juju, "b/0"))
    juju.settle()
    assert hooks_of(juju, "b/0")[before:] == [
        "other-relation-created",
        "secret-changed",
        "config-changed",
        "other-relation-joined",
        "other-relation-changed",
    ]


def test_hooks_do_not_inherit_juju_variables(
    juju: LocalJuju, make_charm: MakeCharm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUJU_REMOTE_UNIT", "other/7")
    juju.deploy(make_charm("a"))
    environment = evaluate(juju, "a/0", "dict(pathlib.os.environ)")
    assert "other/7" not in environment
    assert "'JUJU_UNIT_NAME': 'a/0'" in environment


def test_environment_of_an_action(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    names = ("JUJU_ACTION_NAME", "JUJU_ACTION_TAG", "JUJU_PRINCIPAL_UNIT", "JUJU_HOOK_NAME")
    python = f"[__import__('os').environ[name] for name in {names!r}]"
    task = juju.run("a/0", "evaluate", {"python": python})
    assert task.results["value"] == f"['evaluate', 'action-{task.id}', '', '']"


WRITES = """
def observe(self):
    for name in self.meta.relations:
        self.framework.observe(self.on[name].relation_changed, self._write)

def _write(self, event):
    event.relation.data[self.unit]["name"] = self.unit.name
    if self.unit.is_leader():
        event.relation.data[self.app]["leader"] = self.unit.name
"""


def test_agents_that_check_only_changed_relations_miss_no_hook(
    make_charm: MakeCharm, series: str
) -> None:
    """A cached answer to whether an agent has a hook never differs from a new check."""
    with LocalJuju(series, seed=3) as juju:
        agents, hooks = juju._runner.agents, []

        def compare(event: Event) -> None:
            ready = agents.ready_uniters()
            for uniter in agents.uniters.values():
                for view in uniter.views.values():
                    view.settled_version = -1
                assert bool(uniter.candidates()) == (uniter in ready)
            hooks.append(event)

        juju.history.on_event = compare
        juju.deploy(make_charm("a", f"{PEERS}\n{PROVIDER}", WRITES), num_units=3)
        juju.deploy(make_charm("b", f"{REQUIRER}\n{PRINCIPAL}", WRITES), num_units=2)
        juju.deploy(make_charm("c", SUBORDINATE, WRITES))
        juju.integrate("a:data", "b:data")
        juju.integrate("b:logging", "c:logging")
        juju.settle()
        juju.remove_unit("a/0")
        juju.settle()
        juju.remove_relation("a:data", "b:data")
        juju.remove_application("b")
        juju.settle()
        assert len(hooks) > 50


def test_lazily_imported_modules_are_loaded_before_the_hook(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    """For example, pydantic imports most of itself at the first use of BaseModel."""
    charm = make_charm("a", "", "pool = lambda self: futures.ThreadPoolExecutor")
    code = charm / "src" / "charm.py"
    code.write_text("from concurrent import futures\nimport sys\n" + code.read_text())
    juju.deploy(charm)
    assert evaluate(juju, "a/0", "'concurrent.futures.thread' in sys.modules") == "True"


def test_modules_of_a_package_are_loaded_before_the_hook(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    """In ``from charmlibs import apt`` too, the name is a module."""
    charm = make_charm("a")
    code = charm / "src" / "charm.py"
    imports = "import sys\nWAS_LOADED = 'xml.sax.saxutils' in sys.modules\n"
    code.write_text(f"{imports}from xml.sax import saxutils\n{code.read_text()}")
    juju.deploy(charm)
    assert evaluate(juju, "a/0", "WAS_LOADED") == "True"


def test_modules_that_cannot_be_read_do_not_stop_hooks(
    juju: LocalJuju, make_charm: MakeCharm, capfd: pytest.CaptureFixture[str]
) -> None:
    charm = make_charm("a")
    source = charm / "src"
    (source / "folder.py").mkdir()
    (source / "gone.py").symlink_to("nowhere")
    (source / "syntax.py").write_text("this is not Python")
    (source / "binary.py").write_bytes(b"\0\xff")
    (source / "escape.py").write_text(r"pattern = '\d'")
    (source / "latin.py").write_bytes(b"# coding: latin-1\nname = '\xe9'\n")
    juju.deploy(charm)
    assert evaluate(juju, "a/0", "__import__('latin').name") == "'é'"
    assert capfd.readouterr().err == ""
