"""Models of a controller: they are added, listed, shown, switched to and destroyed."""

from __future__ import annotations

import json
import pathlib
import uuid

import jubilant
import pytest

from conftest import MakeCharm, error_of, hooks_of
from localjuju import LocalJuju

CANNOT_STOP = """
def observe(self):
    self.framework.observe(self.on.stop, self._stop)

def _stop(self, _):
    raise RuntimeError("does not stop")
"""
STORAGE = "storage: {data: {type: filesystem}}"


def error_text(juju: LocalJuju, *arguments: str, stdin: str | None = None) -> str:
    """Run a command that fails, without ``--model``, and return its error."""
    return error_of(juju, *arguments, stdin=stdin, include_model=False).stderr


def current_model(juju: LocalJuju) -> str:
    return juju.cli("switch", include_model=False)


def test_added_model_becomes_the_objects_model(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.add_model("second", config={"http-proxy": "http://p:1"})
    assert juju.model == "second"
    juju.deploy(make_charm("a"))
    assert juju.wait(jubilant.all_active).model.name == "second"
    assert juju.cli("model-config", "http-proxy") == "http://p:1\n"
    assert not juju.on_model("local").status().apps


def test_added_model_is_current_unless_no_switch_is_given(juju: LocalJuju) -> None:
    juju.cli("add-model", "--no-switch", "second", include_model=False)
    assert current_model(juju) == "localjuju:admin/local\n"
    juju.cli("add-model", "third", "localhost/localhost", include_model=False)
    assert current_model(juju) == "localjuju:admin/third\n"


def test_model_is_refused_as_juju_does(juju: LocalJuju) -> None:
    assert 'model "local" for admin already exists' in error_text(juju, "add-model", "local")
    assert '"Bad_Name" is not a valid name' in error_text(juju, "add-model", "Bad_Name")
    assert '"aws" is neither a cloud' in error_text(juju, "add-model", "x", "aws")
    assert 'no credential "mine"' in error_text(juju, "add-model", "x", "--credential", "mine")
    assert "controller other not found" in error_text(juju, "add-model", "x", "-c", "other")
    assert "open nosuch.yaml" in error_text(juju, "add-model", "x", "--config", "nosuch.yaml")
    assert "no model name was passed" in error_text(juju, "add-model")


def test_model_reads_options_from_a_file(juju: LocalJuju, tmp_path: pathlib.Path) -> None:
    (tmp_path / "options.yaml").write_text("update-status-hook-interval: 1h\n")
    juju.cli("add-model", "x", "--config", str(tmp_path / "options.yaml"), include_model=False)
    shown = juju.on_model("x").cli("model-config", "update-status-hook-interval")
    assert shown == "1h\n"


def test_model_is_shown_by_any_of_its_names(juju: LocalJuju) -> None:
    info = juju.show_model()
    assert (info.name, info.short_name) == ("admin/local", "local")
    assert (info.status.current, info.is_controller) == ("available", False)
    uuid.UUID(info.model_uuid)
    uuid.UUID(info.controller_uuid)
    for name in ("local", "admin/local", "localjuju:admin/local", ":local", info.model_uuid[:8]):
        assert juju.show_model(name).model_uuid == info.model_uuid
        assert juju.on_model(name).status().model.name == "local"


def test_missing_model_is_named(juju: LocalJuju) -> None:
    assert error_text(juju, "show-model", "x") == "ERROR model localjuju:admin/x not found\n"
    assert error_text(juju, "status", "-m", "y:x") == "ERROR controller y not found\n"


def test_models_are_listed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"), num_units=2)
    juju.cli("add-model", "--no-switch", "another", include_model=False)
    printed = juju.cli("models", include_model=False)
    assert printed == (
        "Controller: localjuju\n\n"
        "Model    Cloud/Region         Type  Status     Machines  Units  Access  Last connection\n"
        "another  localhost/localhost  lxd   available         0      0  admin   just now\n"
        "local*   localhost/localhost  lxd   available         2      2  admin   just now\n"
    )
    listed = json.loads(juju.cli("list-models", "--format", "json", include_model=False))
    assert [one["name"] for one in listed["models"]] == ["admin/another", "admin/local"]
    assert listed["current-model"] == "local"
    assert juju.show_model().model_uuid in juju.cli("models", "--uuid", include_model=False)


@pytest.mark.parametrize("target", ["second", ":second", "admin/second", "localjuju:second"])
def test_switch_prints_the_old_and_the_new_model(target: str) -> None:
    with LocalJuju() as juju:
        juju.cli("add-model", "--no-switch", "second", include_model=False)
        _, printed = juju._cli("switch", target, include_model=False)
        assert printed == "localjuju:admin/local -> localjuju:admin/second\n"
        _, printed = juju._cli("switch", target, include_model=False)
        assert printed == "localjuju:admin/second (no change)\n"
        assert juju.show_model().short_name == "local"
        assert '"x" is not the name of a model or controller' in error_text(juju, "switch", "x")


def test_destroyed_model_runs_its_last_hooks_and_disappears(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.add_model("second")
    juju.deploy(make_charm("a"))
    juju.wait(jubilant.all_active)
    history, folder = juju.history, juju.machine_folder("a/0")
    _, printed = juju._cli("destroy-model", "second", "--no-prompt", include_model=False)
    assert printed == (
        "Destroying model\n"
        "Waiting for model to be removed, 1 machine(s), 1 application(s)...\n"
        "Model destroyed.\n"
    )
    assert [event.hook.name for event in history.events if event.hook][-2:] == ["stop", "remove"]
    assert not folder.exists()
    assert "admin/second not found" in error_text(juju, "show-model", "second")
    assert "second" not in juju.cli("models", include_model=False)


def test_destroying_the_current_model_leaves_none(juju: LocalJuju) -> None:
    juju.destroy_model("local")
    assert juju.model is None
    assert error_text(juju, "status").startswith("ERROR No model in focus.\n\nPlease use")
    assert current_model(juju) == "localjuju\n"
    juju.add_model("fresh")
    assert juju.status().model.name == "fresh"


def test_model_with_storage_needs_an_option_to_be_destroyed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", STORAGE), storage={"data": "fast,1G"})
    juju.settle()
    printed = error_text(juju, "destroy-model", "local", "--no-prompt")
    assert printed.startswith('Destroying modelERROR cannot destroy model "local"\n')
    assert "persistent storage remaining:\n\t1 filesystem\n" in printed
    assert juju.status().apps
    juju.destroy_model("local", release_storage=True)
    assert juju.model is None


def test_model_with_a_unit_in_error_needs_force_or_resolved(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", body=CANNOT_STOP))
    juju.settle()
    printed = error_text(juju, "destroy-model", "local", "--no-prompt")
    assert "not yet been removed:\n - 1 machine(s)\n - 1 application(s)" in printed
    assert juju.show_model().life == "dying"
    juju.cli("resolved", "--no-retry", "a/0")
    juju.settle()
    assert "not found" in error_text(juju, "show-model", "local")


def test_destroying_a_model_asks_for_confirmation(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    printed = error_text(juju, "destroy-model", "local")
    assert printed.startswith('WARNING This command will destroy the "local" model')
    assert '  - application list: "a"\n' in printed
    assert printed.endswith("ERROR model destruction: aborted\n")
    assert "aborted" in error_text(juju, "destroy-model", "local", stdin="y\n")
    juju.cli("destroy-model", "local", include_model=False, stdin="local\n")
    assert "not found" in error_text(juju, "show-model", "local")


def test_options_of_destroy_model_are_checked(juju: LocalJuju) -> None:
    def printed(*options: str) -> str:
        return error_text(juju, "destroy-model", "local", "--no-prompt", *options)

    assert "cannot both be specified" in printed("--destroy-storage", "--release-storage")
    assert "--no-wait without --force not valid" in printed("--no-wait")
    assert "only be used with --force" in printed("--timeout", "5m")
    assert 'invalid value "soon"' in printed("--force", "--timeout", "soon")
    assert "no model specified" in error_text(juju, "destroy-model")
    juju.destroy_model("local", force=True, no_wait=True, timeout=5)


def test_machines_of_two_models_are_distinct(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a"))
    juju.settle()
    kept = juju.machine_folder("a/0")
    juju.cli("add-model", "--no-switch", "second", include_model=False)
    other = juju.on_model("second")
    other.deploy(make_charm("b"))
    other.settle()
    assert other.machine_folder("b/0") != kept
    other.destroy_model("second")
    assert kept.exists()
    assert juju.status().machines.keys() == {"0"}
    assert hooks_of(juju, "a/0")


def test_controller_is_shown(juju: LocalJuju, series: str) -> None:
    assert str(juju.version()).startswith(f"{series}.")
    assert juju.cli("version", include_model=False).startswith(f"{series}.")
    printed = juju.cli("whoami", include_model=False)
    assert printed == "Controller:  localjuju\nModel:       local\nUser:        admin\n"
    assert "localjuju*  local  admin" in juju.cli("controllers", include_model=False)
    listed = json.loads(juju.cli("controllers", "--format", "json", include_model=False))
    shown = json.loads(juju.cli("show-controller", "--format", "json", include_model=False))
    uuids = {
        listed["controllers"]["localjuju"]["uuid"],
        shown["localjuju"]["details"]["controller-uuid"],
        juju.show_model().controller_uuid,
    }
    assert len(uuids) == 1
    assert "controller x not found" in error_text(juju, "show-controller", "x")
