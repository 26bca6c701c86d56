"""The peer relation `replicas`: what all units have agreed on, and what each says of itself."""

from __future__ import annotations

import functools
import logging

import ops

from inputs import NotReadyError, read_databag
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit

logger = logging.getLogger(__name__)


class Replicas:
    """The databags of the peer relation, and who is there.

    Args:
        charm: the charm whose peers these are.
    """

    def __init__(self, charm: ops.CharmBase):
        self._charm = charm

    @property
    def relation(self) -> ops.Relation | None:
        """The relation; None in `install`, before Juju has made it."""
        return self._charm.model.get_relation("replicas")

    def settings(self) -> MongodbReplicaSetApp | None:
        """What the units have agreed on; None until the leader has settled it."""
        relation = self.relation
        settings = relation.load(MongodbReplicaSetApp, self._charm.app) if relation else None
        return settings if settings and settings.secret_admin else None

    def write_settings(self, settings: MongodbReplicaSetApp) -> None:
        """Write what the units are to agree on; only the leader may."""
        if self.relation:
            self.relation.save(settings, self._charm.app)

    def own_data(self) -> MongodbReplicaSetUnit:
        """What this unit has said of itself."""
        if not self.relation:
            return MongodbReplicaSetUnit()
        return self.relation.load(MongodbReplicaSetUnit, self._charm.unit)

    def write_own_data(self, own: MongodbReplicaSetUnit) -> None:
        """Tell the other units about this one."""
        if self.relation:
            self.relation.save(own, self._charm.unit)

    def units(self) -> dict[str, MongodbReplicaSetUnit]:
        """What each unit says that is there to stay; nothing for one that says nonsense."""
        return self._read_databags(self.staying())

    def all_units(self) -> dict[str, MongodbReplicaSetUnit]:
        """What each unit says, those too that are being removed and are not gone yet."""
        return self._read_databags(self.staying() | self.leaving())

    def staying(self) -> set[str]:
        """Names of the units that there are, without those that are being removed."""
        return {unit for unit, status in self._goal_statuses.items() if status != "dying"}

    def leaving(self) -> set[str]:
        """Names of the units that are being removed, and are not gone yet."""
        return self._goal_statuses.keys() - self.staying()

    def _read_databags(self, names: set[str]) -> dict[str, MongodbReplicaSetUnit]:
        databags = {name: MongodbReplicaSetUnit() for name in names}
        relation = self.relation
        if not relation:
            return databags
        for unit in {*relation.units, self._charm.unit}:
            if unit.name in names:
                try:
                    databags[unit.name] = read_databag(relation, unit, MongodbReplicaSetUnit)
                except NotReadyError as error:
                    logger.error("%s", error)
        return databags

    @functools.cached_property
    def _goal_statuses(self) -> dict[str, str]:
        # On Juju 4 a removed unit stays in relation-list, and no departed tells of it (Q5).
        return {unit: goal.status for unit, goal in ops.hookcmds.goal_state().units.items()}
