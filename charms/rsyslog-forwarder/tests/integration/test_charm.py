"""The charm on a controller, with a principal."""

from __future__ import annotations

import pathlib

import jubilant
import pytest

APP, PRINCIPAL = "rsyslog-forwarder", "principal"
TIMEOUT = 15 * 60.0
"""Seconds in which a machine must start and install rsyslog."""


@pytest.mark.juju_setup
def test_deploy(charm: pathlib.Path, principal: pathlib.Path | str, juju: jubilant.Juju) -> None:
    juju.deploy(principal, PRINCIPAL)
    juju.deploy(charm, APP)
    # Name both endpoints: with some principals, Juju 4 finds the short form ambiguous.
    juju.integrate(f"{PRINCIPAL}:juju-info", f"{APP}:juju-info")
    # The principal may be blocked, because its own relations are missing.
    juju.wait(
        lambda status: bool(status.get_units(APP)) and jubilant.all_active(status, APP),
        error=jubilant.any_error,
        timeout=TIMEOUT,
    )


def test_status_shows_logs_and_target(juju: jubilant.Juju) -> None:
    (unit,) = juju.status().get_units(APP).values()
    address = juju.show_unit(f"{PRINCIPAL}/0").public_address
    assert unit.workload_status.message == (
        f"forwarding syslog to {PRINCIPAL}/0 itself at {address}:514 (udp): "
        "set target to forward to a syslog server"
    )


def test_target_option_is_applied(juju: jubilant.Juju) -> None:
    juju.config(APP, {"target": "192.0.2.1:5514", "protocol": "tcp"})
    wanted = "forwarding syslog to 192.0.2.1:5514 (tcp)"
    juju.wait(
        lambda status: any(
            unit.workload_status.message == wanted for unit in status.get_units(APP).values()
        ),
        error=jubilant.any_error,
        timeout=TIMEOUT,
    )
