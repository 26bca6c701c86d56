"""The bundle saves notes, and its databags and secrets follow the interfaces."""

from __future__ import annotations

import re
import stat

import jubilant
import pytest

import databags
from cloud import Cloud, LocalCloud
from website import Website


def test_website_saves_notes(bundle: Cloud) -> None:
    website = Website(bundle.address("my-node-app/0"))
    assert website.is_healthy()
    first = website.write("a note", key="the-same-key")
    assert website.write("a note", key="the-same-key") == first
    assert website.texts() == ["a note"]


def test_each_application_shows_its_version(bundle: Cloud) -> None:
    versions = {name: app.version for name, app in bundle.juju.status().apps.items()}
    assert all(re.match(r"\d+\.\d+", version) for version in versions.values()), versions


def test_provider_answers_the_request_of_the_requirer(bundle: Cloud) -> None:
    address = bundle.address("mongodb/0")
    answer = databags.database(bundle.juju)
    assert answer["database"] == "my-node-app"
    assert answer["endpoints"] == [f"{address}:27017"]
    assert answer["version"] == bundle.juju.status().apps["mongodb"].version
    databag = databags.unit_databags(bundle.juju, "database", "mongodb")["mongodb/0"]
    assert databag["hostname"] == address
    assert databag["port"] == "27017"
    assert databag["type"] == "database"
    assert databag["replset"] == answer["replset"]


def test_secret_for_the_requirer_contains_its_credentials(bundle: Cloud) -> None:
    secret = databags.secret(bundle.juju)
    assert set(secret.content) == {"username", "password", "uris"}
    assert secret.content["uris"].startswith(f"mongodb://{secret.content['username']}:")
    access = bundle.juju.show_secret(secret.uri).access
    assert access and [each.target for each in access] == ["application-my-node-app"]


def credentials(juju: jubilant.Juju) -> set[str]:
    """Return the values of all secrets, except user names."""
    secrets = databags.all_secrets(juju)
    return {v for content in secrets for k, v in content.items() if k != "username"}


def test_no_credential_is_in_any_databag_log_or_command_line(bundle: Cloud) -> None:
    secret_values = credentials(bundle.juju)
    assert secret_values
    shown = databags.all_relation_data(bundle.juju) + bundle.juju.debug_log(limit=0)
    for unit, program in (("mongodb/0", "mongod"), ("my-node-app/0", "node")):
        (process,) = bundle.processes(unit, program)
        shown += " ".join(process.arguments) + process.environment
    assert not [value for value in secret_values if value in shown]


def test_only_the_owner_can_read_files_with_credentials(bundle: Cloud) -> None:
    secret_values = credentials(bundle.juju)
    for unit in ("mongodb/0", "my-node-app/0"):
        found = bundle.files_with(unit, secret_values)
        assert found  # The keyfile of mongod, or the application's settings.
        assert [path for path, mode in found.items() if stat.S_IMODE(mode) & 0o077] == []


def test_website_opens_its_port_and_publishes_its_logs(bundle: Cloud) -> None:
    databag = databags.unit_databags(bundle.juju, "logging", "my-node-app")["my-node-app/0"]
    assert databag["directory"].endswith('/var/log/my-node-app"')
    assert databag["files"] == '["app.log"]'
    unit = bundle.juju.status().apps["my-node-app"].units["my-node-app/0"]
    assert unit.open_ports == ["3000/tcp"]


@pytest.mark.localjuju("a controller does not count hooks")
def test_settled_bundle_runs_no_hook(bundle: LocalCloud) -> None:
    assert bundle.juju.settle() == 0
