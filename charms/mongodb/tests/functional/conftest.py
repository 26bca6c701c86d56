"""Fixtures for machines with real mongods: see tests/machines.py."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable, Iterator

import pytest

import mongod
from machines import TIMEOUT, Machine, joining, replica_set


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Machine]]:
    """A function that returns the machine with a number."""
    shipped = dict(vars(mongod.Mongod))
    made: dict[int, Machine] = {}
    # tmp_path would be too long: the path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory() as folder:

        def machine(number: int) -> Machine:
            if number not in made:
                root = pathlib.Path(folder, str(number))
                root.mkdir()
                made[number] = Machine(root, number)
            return made[number]

        yield machine
        for each in made.values():
            each.mongod.stop()
    for name, value in shipped.items():
        if not name.startswith("__"):
            setattr(mongod.Mongod, name, value)


@pytest.fixture
def machine(machines: Callable[[int], Machine]) -> Machine:
    """The first machine."""
    return machines(0)


@pytest.fixture
def three(machines: Callable[[int], Machine]) -> list[Machine]:
    """A replica set of three members. The first is the primary."""
    found = [machines(0), machines(1), machines(2)]
    found[0].initiate()
    for machine in found[1:]:
        machine.run()
    with replica_set(found[0]) as rs:
        rs.reconcile_members([], joining(*found), TIMEOUT)
    return found
