"""The bundle's suite with pytest-operator and python-libjuju, for migration only.

Both libraries are deprecated, and support no Juju newer than 3.6. Write new tests with jubilant,
as in tests/. docs/libjuju-to-jubilant.md compares the calls.

The tests run in this order, in one model. test_calls.py checks variables with the names of the
libraries' classes, such as `model` and `unit`.
"""

from __future__ import annotations

import json
import urllib.request

import pytest
from juju.application import Application
from juju.model import Model
from juju.unit import Unit
from pytest_operator.plugin import OpsTest

from conftest import packed, resources

SETUP_TIMEOUT = 20 * 60
"""Seconds in which machines must start and install programs."""


def model_of(ops_test: OpsTest) -> Model:
    model = ops_test.model
    assert model
    return model


def application_of(ops_test: OpsTest, name: str) -> Application:
    application = model_of(ops_test).applications[name]
    assert application
    return application


def units_of(ops_test: OpsTest, name: str) -> list[Unit]:
    application = application_of(ops_test, name)
    return sorted(application.units, key=lambda unit: unit.name)


async def notes_at(unit: Unit, new: str | None = None) -> list[str]:
    """Save a new note, if there is one, on a unit of the website. Then return all notes."""
    url = f"http://{await unit.get_public_address()}:3000/api/notes"
    if new:
        body = json.dumps({"text": new}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": new.replace(" ", "-")}
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status < 300
    with urllib.request.urlopen(url, timeout=60) as response:
        return [note["text"] for note in json.load(response)["notes"]]


@pytest.mark.abort_on_fail
async def test_deploy_and_integrate(ops_test: OpsTest) -> None:
    model = model_of(ops_test)
    await model.deploy(packed("mongodb"), application_name="mongodb", resources=resources())
    await model.deploy(packed("my-node-app"), application_name="my-node-app")
    # For a local charm, libjuju does not know that a subordinate must have no units at first.
    forwarder = "rsyslog-forwarder"
    await model.deploy(packed(forwarder), application_name=forwarder, num_units=0)
    await model.integrate("my-node-app:database", "mongodb:database")
    await model.integrate("my-node-app:logging", f"{forwarder}:logging")
    await model.integrate("mongodb:juju-info", f"{forwarder}:juju-info")
    await model.wait_for_idle(
        apps=["mongodb", "my-node-app", forwarder], status="active", timeout=SETUP_TIMEOUT
    )


async def test_website_saves_notes(ops_test: OpsTest) -> None:
    (unit,) = units_of(ops_test, "my-node-app")
    assert await notes_at(unit, new="a note") == ["a note"]


async def test_each_unit_has_its_forwarder(ops_test: OpsTest) -> None:
    for unit in units_of(ops_test, "rsyslog-forwarder"):
        assert unit.workload_status_message.startswith("forwarding ")
    assert len(units_of(ops_test, "rsyslog-forwarder")) == 2


async def test_replica_set_is_scaled_to_three(ops_test: OpsTest) -> None:
    model = model_of(ops_test)
    application = application_of(ops_test, "mongodb")
    await application.add_unit(count=2)
    await model.wait_for_idle(
        apps=["mongodb"], status="active", wait_for_exact_units=3, timeout=SETUP_TIMEOUT
    )
    unit = units_of(ops_test, "mongodb")[0]
    action = await unit.run_action("replica-set-status")
    action = await action.wait()
    assert action.status == "completed"
    states = [member["state"] for member in json.loads(action.results["members"])]
    assert sorted(states) == ["PRIMARY", "SECONDARY", "SECONDARY"]


async def test_only_the_leader_rotates_the_password(ops_test: OpsTest) -> None:
    model = model_of(ops_test)
    for unit in units_of(ops_test, "mongodb"):
        action = await unit.run_action("rotate-password")
        action = await action.wait()
        expected = "completed" if await unit.is_leader_from_status() else "failed"
        assert action.status == expected
    await model.wait_for_idle(status="active", timeout=SETUP_TIMEOUT)
    (unit,) = units_of(ops_test, "my-node-app")
    assert await notes_at(unit) == ["a note"]


async def test_status_names_the_invalid_option(ops_test: OpsTest) -> None:
    model = model_of(ops_test)
    application = application_of(ops_test, "rsyslog-forwarder")
    await application.set_config({"target": "not a host"})
    await model.wait_for_idle(apps=["rsyslog-forwarder"], status="blocked", timeout=SETUP_TIMEOUT)
    # Not application.status_message: it is empty if the charm sets no status of the application.
    for unit in units_of(ops_test, "rsyslog-forwarder"):
        assert "target" in unit.workload_status_message
    await application.reset_config(["target"])
    await model.wait_for_idle(apps=["rsyslog-forwarder"], status="active", timeout=SETUP_TIMEOUT)


async def test_application_stops_with_the_relation(ops_test: OpsTest) -> None:
    model = model_of(ops_test)
    application = application_of(ops_test, "my-node-app")
    await application.destroy_relation("database", "mongodb:database", block_until_done=True)
    await model.wait_for_idle(apps=["my-node-app"], status="blocked", timeout=SETUP_TIMEOUT)
    await model.integrate("my-node-app:database", "mongodb:database")
    await model.wait_for_idle(apps=["my-node-app"], status="active", timeout=SETUP_TIMEOUT)
    (unit,) = units_of(ops_test, "my-node-app")
    assert await notes_at(unit) == ["a note"]


async def test_removed_leader_leaves_the_replica_set(ops_test: OpsTest) -> None:
    model = model_of(ops_test)
    for unit in units_of(ops_test, "mongodb"):
        if await unit.is_leader_from_status():
            await model.destroy_unit(unit.name)
    await model.wait_for_idle(
        apps=["mongodb"], status="active", wait_for_exact_units=2, timeout=SETUP_TIMEOUT
    )
    (unit,) = units_of(ops_test, "my-node-app")
    assert await notes_at(unit, new="another") == ["another", "a note"]
