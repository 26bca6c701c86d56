"""Run the charms while localjuju injects faults. The charms must still settle.

    make faults SEEDS=1000

The seed of a run chooses the version of Juju, the charms, the faults and their moments. One run
in ten deploys the bundle, on machines that run no workload. The name of a failed test contains
its seed, and this command repeats the run:

    make faults SEEDS=471-471
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import jubilant
import pytest

import bundles
from event_demos import CHARMS, SERIES, check_peers, integrate, settle_and_check
from localjuju import Faults, LocalJuju
from localjuju.faults import FAULTS
from stress import seeds
from without_workloads import copy_charms

PROVIDER, REQUIRER = "p", "r"


@pytest.fixture(scope="session")
def charms(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the bundle's charms, changed so that no workload runs."""
    return copy_charms(tmp_path_factory.mktemp("charms"))


def bundle(juju: LocalJuju, folder: pathlib.Path) -> None:
    """Deploy the bundle, with one unit of each application."""
    juju.deploy(bundles.write_variant(folder, bundles.BUNDLE, units=bundles.SMALL))
    juju.wait(jubilant.all_active, error=jubilant.any_error)
    assert juju.settle() == 0


def peers(juju: LocalJuju, folder: pathlib.Path) -> None:
    """Deploy two peers, which publish their names and their leader's address."""
    juju.deploy(CHARMS / "replicas-demo", "d", num_units=2)
    assert len(check_peers(juju)) == 2


def demos(juju: LocalJuju, folder: pathlib.Path) -> None:
    """Integrate two applications whose leaders exchange data."""
    juju.deploy(CHARMS / "demo-provider", PROVIDER, num_units=2)
    juju.deploy(CHARMS / "demo-requirer", REQUIRER)
    integrate(juju, PROVIDER, REQUIRER)
    assert set(settle_and_check(juju, (PROVIDER,), (REQUIRER,))) == {(PROVIDER, REQUIRER)}


Scenario = Callable[[LocalJuju, pathlib.Path], None]
# The bundle takes longest, so it is only one scenario of ten.
SCENARIOS: tuple[Scenario, ...] = (bundle, *[peers, demos] * 4, peers)


@pytest.mark.parametrize("seed", seeds())
def test_charms_settle_despite_faults(
    seed: int, charms: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    scenario = SCENARIOS[seed % len(SCENARIOS)]
    # One kind of fault, or all kinds.
    number = seed % (len(FAULTS) + 1)
    kinds = FAULTS[number : number + 1] or FAULTS
    series = SERIES[seed // len(SCENARIOS) % len(SERIES)]
    with LocalJuju(series, seed=seed, charms=charms, faults=Faults(kinds)) as juju:
        try:
            scenario(juju, tmp_path)
        except Exception:
            print(f"{juju}: make faults SEEDS={seed}-{seed}")
            print(juju.history.timeline())
            raise
