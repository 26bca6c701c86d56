"""The peer relation `replicas`: the settings that all units share, and the data of each unit."""

from __future__ import annotations

import functools
import logging

import ops

from inputs import NotReadyError, read_databag
from mongodb_replica_set_interface import MongodbReplicaSetApp, MongodbReplicaSetUnit

logger = logging.getLogger(__name__)


class Replicas:
    """Reads and writes the databags of the peer relation, and lists the units.

    Args:
        charm: the charm of this unit.
    """

    def __init__(self, charm: ops.CharmBase):
        self._charm = charm

    @property
    def relation(self) -> ops.Relation | None:
        """The peer relation; None during `install`, before Juju has created it."""
        return self._charm.model.get_relation("replicas")

    def settings(self) -> MongodbReplicaSetApp | None:
        """Return the settings from the application databag; None until the leader writes them."""
        relation = self.relation
        settings = relation.load(MongodbReplicaSetApp, self._charm.app) if relation else None
        return settings if settings and settings.secret_admin else None

    def write_settings(self, settings: MongodbReplicaSetApp) -> None:
        """Write the settings to the application databag. Only the leader may call this."""
        if self.relation:
            self.relation.save(settings, self._charm.app)

    def own_data(self) -> MongodbReplicaSetUnit:
        """Return the content of this unit's databag."""
        if not self.relation:
            return MongodbReplicaSetUnit()
        return self.relation.load(MongodbReplicaSetUnit, self._charm.unit)

    def write_own_data(self, data: MongodbReplicaSetUnit) -> None:
        """Write this unit's databag."""
        if self.relation:
            self.relation.save(data, self._charm.unit)

    def units(self) -> dict[str, MongodbReplicaSetUnit]:
        """Return the databags of the units that stay, by unit. An invalid one counts as empty."""
        return self._read_databags(self.staying())

    def all_units(self) -> dict[str, MongodbReplicaSetUnit]:
        """Return the databags of all units, also of the units that are being removed."""
        return self._read_databags(self.staying() | self.leaving())

    def staying(self) -> set[str]:
        """Return the names of the units that are not being removed."""
        return {unit for unit, status in self._goal_statuses.items() if status != "dying"}

    def leaving(self) -> set[str]:
        """Return the names of the units that are being removed and still exist."""
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
        # Juju 4 keeps a removed unit in relation-list, and runs no relation-departed for it
        # (https://github.com/juju/juju/issues/23326). goal-state lists only units that exist.
        return {unit: goal.status for unit, goal in ops.hookcmds.goal_state().units.items()}
