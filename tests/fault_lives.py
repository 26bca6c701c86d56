"""Lives in which something goes wrong on purpose: the charms come to rest all the same.

    make faults SEEDS=1000

A seed chooses the series of Juju, the charms, what goes wrong and when. One life in ten is of the
bundle, on machines where no workload runs. The name of a failed test tells its seed:

    make faults SEEDS=471-471
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import jubilant
import pytest

import bundles
from event_demos import CHARMS, SERIES, integrate, settled, view
from localjuju import Faults, LocalJuju
from localjuju.faults import FAULTS
from soak import seeds
from without_workloads import copy_charms

PROVIDER, REQUIRER = "p", "r"


@pytest.fixture(scope="session")
def charms(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of the bundle's charms, with machines on which nothing runs."""
    return copy_charms(tmp_path_factory.mktemp("charms"))


def bundle(juju: LocalJuju, folder: pathlib.Path) -> None:
    """The bundle, with one unit of each application."""
    juju.deploy(bundles.write_variant(folder, bundles.BUNDLE, units=bundles.SMALL))
    juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert juju.settle() == 0


def peers(juju: LocalJuju, folder: pathlib.Path) -> None:
    """Units that tell each other their names, and where their leader is."""
    juju.deploy(CHARMS / "replicas-demo", "d", num_units=2)
    assert len(view(juju)) == 2


def demos(juju: LocalJuju, folder: pathlib.Path) -> None:
    """Applications whose leaders write to each other; one of them may come to have another."""
    juju.deploy(CHARMS / "demo-provider", PROVIDER, num_units=2)
    juju.deploy(CHARMS / "demo-requirer", REQUIRER)
    integrate(juju, PROVIDER, REQUIRER)
    assert set(settled(juju, (PROVIDER,), (REQUIRER,))) == {(PROVIDER, REQUIRER)}


Life = Callable[[LocalJuju, pathlib.Path], None]
LIVES: tuple[Life, ...] = (bundle, *[peers, demos] * 4, peers)


@pytest.mark.parametrize("seed", seeds())
def test_life_with_faults(seed: int, charms: pathlib.Path, tmp_path: pathlib.Path) -> None:
    life = LIVES[seed % len(LIVES)]
    # One kind alone, or all of them.
    number = seed % (len(FAULTS) + 1)
    kinds = FAULTS[number : number + 1] or FAULTS
    series = SERIES[seed // len(LIVES) % len(SERIES)]
    with LocalJuju(series, seed=seed, charms=charms, faults=Faults(kinds)) as juju:
        try:
            life(juju, tmp_path)
        except Exception:
            print(f"{juju}: make faults SEEDS={seed}-{seed}")
            print(juju.history.timeline())
            raise
