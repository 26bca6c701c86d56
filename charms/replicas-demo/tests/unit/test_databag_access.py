"""Who may read and write each databag of a peer relation.

ops raises the same errors in a real hook.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import ops
import pytest
from ops import testing

from charm import DemoCharm
from demo_replicas_interface import DemoReplicasApp, DemoReplicasUnit, encode

ADDRESS = "10.0.0.10"
OTHER_ADDRESS = "192.0.2.1"

FOLLOWER_WRITES = "replicas-demo/1 is not leader and cannot write application data."
WRITES_PEER = "replicas-demo/0 cannot write databag of replicas-demo/2: not the same unit."

HookFunction = Callable[[DemoCharm, ops.Relation], None]


class Access(ops.Object):
    """Runs a function in a hook. Outside of hooks, ops allows tests to access all databags."""

    def __init__(self, charm: DemoCharm, function: HookFunction):
        super().__init__(charm, "access")
        self._charm, self._function = charm, function
        charm.framework.observe(charm.on.start, self._on_start)

    def _on_start(self, _: ops.StartEvent) -> None:
        self._function(self._charm, self._charm.model.relations["replicas"][0])


def in_a_hook(leader: bool, function: HookFunction) -> testing.RelationBase:
    """Run a function in a hook of a unit, and return the relation with its databags.

    Args:
        leader: whether to run it on the leader (unit 0) or on a follower (unit 1).
        function: a function with the parameters charm and relation.
    """
    unit = 0 if leader else 1
    context = testing.Context(DemoCharm, unit_id=unit)
    databags = {n: {"unit-data": f"replicas-demo/{n}"} for n in range(3)}
    replicas = testing.PeerRelation(
        "replicas",
        id=1,
        local_app_data={"leader-ip": ADDRESS},
        local_unit_data=databags.pop(unit),
        peers_data=databags,
    )
    state = testing.State(leader=leader, relations=[replicas])
    with context(context.on.start(), state) as manager:
        _access = Access(manager.charm, function)  # ops itself keeps only a weak reference.
        return manager.run().get_relation(1)


def refused(message: str) -> pytest.RaisesExc[ops.RelationDataAccessError]:
    return pytest.raises(ops.RelationDataAccessError, match=f"^{re.escape(message)}$")


def test_unit_reads_the_databags_of_its_peers():
    def read(charm: DemoCharm, relation: ops.Relation):
        units = sorted(unit.name for unit in relation.units)
        assert units == ["replicas-demo/0", "replicas-demo/2"]
        peer = charm.model.get_unit("replicas-demo/2")
        assert relation.data[peer]["unit-data"] == "replicas-demo/2"
        loaded = relation.load(DemoReplicasUnit, peer, decoder=str)
        assert loaded == DemoReplicasUnit(unit_data="replicas-demo/2")

    in_a_hook(False, read)


@pytest.mark.parametrize("leader", [True, False])
def test_unit_reads_and_writes_its_own_databag(leader: bool):
    def write(charm: DemoCharm, relation: ops.Relation):
        assert relation.data[charm.unit]["unit-data"] == charm.unit.name
        relation.data[charm.unit]["unit-data"] = "raw"
        loaded = relation.load(DemoReplicasUnit, charm.unit, decoder=str)
        assert loaded == DemoReplicasUnit(unit_data="raw")
        relation.save(DemoReplicasUnit(unit_data="typed"), charm.unit, encoder=encode)

    assert in_a_hook(leader, write).local_unit_data["unit-data"] == "typed"


@pytest.mark.parametrize("leader", [True, False])
def test_every_unit_reads_the_application_databag(leader: bool):
    """In a relation between two applications, followers cannot read it."""

    def read(charm: DemoCharm, relation: ops.Relation):
        assert relation.app is charm.app
        assert relation.data[charm.app]["leader-ip"] == ADDRESS
        loaded = relation.load(DemoReplicasApp, charm.app, decoder=str)
        assert loaded == DemoReplicasApp(leader_ip=ADDRESS)

    in_a_hook(leader, read)


def test_leader_writes_the_application_databag():
    def write(charm: DemoCharm, relation: ops.Relation):
        relation.data[charm.app]["leader-ip"] = "raw"
        relation.save(DemoReplicasApp(leader_ip=OTHER_ADDRESS), charm.app, encoder=encode)

    assert in_a_hook(True, write).local_app_data == {"leader-ip": OTHER_ADDRESS}


def test_follower_cannot_write_the_application_databag():
    def write(charm: DemoCharm, relation: ops.Relation):
        with refused(FOLLOWER_WRITES):
            relation.data[charm.app]["leader-ip"] = OTHER_ADDRESS
        with refused(FOLLOWER_WRITES):
            relation.save(DemoReplicasApp(leader_ip=OTHER_ADDRESS), charm.app, encoder=encode)

    assert in_a_hook(False, write).local_app_data == {"leader-ip": ADDRESS}


def test_leader_cannot_write_the_databag_of_a_peer():
    def write(charm: DemoCharm, relation: ops.Relation):
        peer = charm.model.get_unit("replicas-demo/2")
        with refused(WRITES_PEER):
            relation.data[peer]["unit-data"] = "mine"
        with refused(WRITES_PEER):
            relation.save(DemoReplicasUnit(unit_data="mine"), peer, encoder=encode)

    in_a_hook(True, write)
