"""The bundle comes up, serves notes, and says over its relations what the interfaces say."""

from __future__ import annotations

import cloud
import databags
from localjuju import LocalJuju
from website import Website


def test_website_keeps_notes(bundle: LocalJuju) -> None:
    website = Website(cloud.address(bundle, "my-node-app/0"))
    assert website.is_healthy()
    first = website.write("a note", key="the-same-key")
    assert website.write("a note", key="the-same-key") == first
    assert website.texts() == ["a note"]


def test_each_application_says_its_version(bundle: LocalJuju) -> None:
    versions = {name: app.version for name, app in bundle.status().apps.items()}
    assert versions["mongodb"].startswith("6.0")
    assert all(versions.values()), versions


def test_requirer_asks_and_provider_answers_on_mongodb(bundle: LocalJuju) -> None:
    address = cloud.address(bundle, "mongodb/0")
    answers = [bag for bag in databags.app_bags(bundle, "database") if "secret-user" in bag]
    assert len(answers) == 1
    answer = answers[0]
    assert answer["database"] == "my-node-app"
    assert answer["endpoints"] == [f"{address}:27017"]
    assert answer["version"].startswith("6.0")
    bag = databags.unit_bags(bundle, "database", "mongodb")["mongodb/0"]
    assert bag["hostname"] == address
    assert bag["port"] == "27017"
    assert bag["type"] == "database"
    assert bag["replset"] == answer["replset"]


def test_secret_is_granted_to_the_requirer_and_opens_the_database(bundle: LocalJuju) -> None:
    (answer,) = [bag for bag in databags.app_bags(bundle, "database") if "secret-user" in bag]
    secret = bundle.show_secret(answer["secret-user"], reveal=True)
    assert set(secret.content) == {"username", "password", "uris"}
    assert secret.content["uris"].startswith(f"mongodb://{secret.content['username']}:")
    access = bundle.show_secret(answer["secret-user"]).access
    assert access and [a.target for a in access] == ["application-my-node-app"]


def test_no_credential_is_in_any_databag_log_or_command_line(bundle: LocalJuju) -> None:
    credentials = set()
    for secret in bundle.secrets():
        content = bundle.show_secret(secret.uri, reveal=True).content
        credentials |= {value for key, value in content.items() if key != "username"}
    assert credentials
    shown = databags.everything(bundle) + bundle.debug_log()
    units = [*bundle.status().get_units("mongodb"), *bundle.status().get_units("my-node-app")]
    for unit in units:
        for program in ("mongod", "node"):
            for process in cloud.processes(bundle, unit, program):
                shown += "".join(process.cmdline()) + str(process.environ())
    assert not [c for c in credentials if c in shown]


def test_files_with_credentials_are_for_their_owner_only(bundle: LocalJuju) -> None:
    credentials = [
        bundle.show_secret(secret.uri, reveal=True).content for secret in bundle.secrets()
    ]
    passwords = {value for content in credentials for key, value in content.items()}
    passwords -= {content.get("username") for content in credentials}
    found = 0
    for unit in ("mongodb/0", "my-node-app/0"):
        for path in bundle.machine_folder(unit).rglob("*"):
            if path.is_file() and path.stat().st_size < 100_000:
                text = path.read_text(errors="replace")
                if any(password in text for password in passwords):
                    found += 1
                    assert path.stat().st_mode & 0o077 == 0, path
    assert found >= 2  # The keyfile and the application's settings.


def test_website_is_published_and_so_are_its_logs(bundle: LocalJuju) -> None:
    bag = databags.unit_bags(bundle, "logging", "my-node-app")["my-node-app/0"]
    assert bag["directory"].endswith('/var/log/my-node-app"')
    assert bag["files"] == '["app.log"]'
    assert bundle.status().apps["my-node-app"].units["my-node-app/0"].open_ports == ["3000/tcp"]


def test_settled_bundle_runs_no_hook(bundle: LocalJuju) -> None:
    assert bundle.settle() == 0
