"""Storage: what a unit gets, how it is removed, and how it is attached again."""

from __future__ import annotations

import json
import pathlib

import jubilant
import pytest

from conftest import PEERS, MakeCharm, error_text, evaluate, hooks_of
from localjuju import LocalJuju

DATA = """
storage:
  data: {type: filesystem, minimum-size: 1G}
"""
MANY = """
storage:
  disks: {type: filesystem, multiple: {range: 0-2}}
"""
# A charm that records what each storage hook sees.
PRINTS_STORAGE = """
def observe(self):
    import os
    kind = os.environ.get("JUJU_STORAGE_KIND")
    if kind:
        given = [os.environ[f"JUJU_STORAGE_{key}"] for key in ("ID", "LOCATION")]
        get = lambda *rest: subprocess.run(
            ["storage-get", *rest], check=True, capture_output=True, text=True
        ).stdout.strip()
        print("sees", kind, *given, get("location"), get("kind"), get("-s", given[0], "location"))
    for name in self.meta.storages:
        self.framework.observe(self.on[name].storage_attached, self._tell)
        self.framework.observe(self.on[name].storage_detaching, self._tell)

def _tell(self, event):
    print("event", event.storage.full_id, event.storage.location)
"""
LOCATION = "str(self.model.storages['data'][0].location)"


def location_of(juju: LocalJuju, unit: str) -> pathlib.Path:
    return pathlib.Path(evaluate(juju, unit, LOCATION).strip("'"))


def lines(juju: LocalJuju, word: str) -> list[list[str]]:
    found = [line.partition(f" {word} ") for line in juju.debug_log().splitlines()]
    return [rest.split() for _, separator, rest in found if separator]


def test_storage_is_attached_before_install_and_detached_before_stop(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", DATA + PEERS, PRINTS_STORAGE), num_units=2)
    juju.settle()
    for unit in ("a/0", "a/1"):
        assert hooks_of(juju, unit)[:2] == ["data-storage-attached", "install"]
    location = str(location_of(juju, "a/0"))
    assert len(location) < 40  # The path of a socket has at most 107 characters.
    seen = [line for line in lines(juju, "sees") if line[1] == "data/0"]
    assert seen == [["filesystem", "data/0", location, location, "filesystem", location]]
    juju.remove_unit("a/0")
    juju.settle()
    last = ["data-storage-detaching", "replicas-relation-departed", "stop", "remove"]
    assert hooks_of(juju, "a/0")[-4:] == last
    assert [event for event in lines(juju, "event") if event[0] == "data/0"] == [
        ["data/0", location],
        ["data/0", location],
    ]
    assert not pathlib.Path(location).exists()
    assert "left behind" not in juju.debug_log()


def test_storage_of_the_machine_is_removed_with_its_unit(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", DATA), num_units=2)
    location = location_of(juju, "a/1")
    (location / "file").write_text("x")
    message = juju.cli("remove-unit", "--no-prompt", "a/1")
    assert message == "will remove unit a/1\n- will remove storage data/1\n"
    juju.settle()
    assert not location.exists()
    assert list(juju.status().storage.storage) == ["data/0"]
    assert "left behind" not in juju.debug_log()


def test_storage_in_a_pool_stays_and_can_be_attached_to_a_new_unit(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", DATA, PRINTS_STORAGE), num_units=2, storage={"data": "fast,3G"})
    location = location_of(juju, "a/1")
    (location / "file").write_text("kept")
    message = juju.cli("remove-unit", "--no-prompt", "a/1")
    assert message == "will remove unit a/1\n- will detach storage data/1\n"
    kept = juju.status().storage.storage["data/1"]
    assert (kept.status.current, kept.attachments) == ("detached", None)
    assert "left behind" not in juju.debug_log()
    juju.add_unit("a", attach_storage="data/1")
    juju.settle()
    assert location_of(juju, "a/2") == location
    assert (location / "file").read_text() == "kept"
    assert hooks_of(juju, "a/2")[:2] == ["data-storage-attached", "install"]
    status = juju.status().storage
    attached = status.storage["data/1"]
    assert attached.attachments
    assert attached.attachments.units["a/2"].location == str(location)
    (filesystem,) = [f for f in status.filesystems.values() if f.storage == "data/1"]
    assert (filesystem.pool, filesystem.size) == ("fast", 3 * 1024)
    assert len(status.storage) == 2


def test_storage_outlives_its_application(juju: LocalJuju, make_charm: MakeCharm) -> None:
    charm = make_charm("a", DATA)
    juju.deploy(charm, storage={"data": "fast"})
    (location_of(juju, "a/0") / "file").write_text("kept")
    message = juju.cli("remove-application", "--no-prompt", "a")
    assert message.splitlines()[1:] == ["- will remove unit a/0", "- will detach storage data/0"]
    juju.settle()
    juju.deploy(charm, "b", attach_storage=["data/0"])
    assert (location_of(juju, "b/0") / "file").read_text() == "kept"
    juju.remove_application("b", destroy_storage=True)
    assert juju.status().storage.storage == {}


def test_storage_can_be_destroyed_with_its_unit(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", DATA), storage={"data": "fast"})
    location = location_of(juju, "a/0")
    message = juju.cli("remove-unit", "--no-prompt", "--destroy-storage", "a/0")
    assert "- will remove storage data/0\n" in message
    assert juju.status().storage.storage == {}
    assert not location.exists()


def test_all_files_are_removed_with_the_model(series: str, make_charm: MakeCharm) -> None:
    with LocalJuju(series) as juju:
        juju.deploy(make_charm("a", DATA), storage={"data": "fast"})
        location = location_of(juju, "a/0")
        juju.remove_application("a")
        juju.settle()
        assert location.exists()
    assert not location.exists()


def test_declared_location_is_below_the_machines_folder(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    declared = "storage: {data: {type: filesystem, location: /srv/data}}"
    juju.deploy(make_charm("a", declared), storage={"data": "fast"})
    location = location_of(juju, "a/0")
    assert location == juju.machine_folder("a/0") / "srv" / "data"
    (location / "file").write_text("kept")
    juju.remove_unit("a/0")
    juju.settle()
    assert "left behind" not in juju.debug_log()
    juju.add_unit("a", attach_storage="data/0")
    assert (location_of(juju, "a/1") / "file").read_text() == "kept"


def test_unit_is_removed_only_after_storage_detaching(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    body = """
def observe(self):
    self.framework.observe(self.on["data"].storage_detaching, self._fail)

def _fail(self, _):
    raise RuntimeError("told to")
"""
    juju.deploy(make_charm("a", DATA, body), storage={"data": "fast"})
    location = location_of(juju, "a/0")
    juju.remove_unit("a/0")
    status = juju.status()
    message = status.apps["a"].units["a/0"].workload_status.message
    assert message == 'hook failed: "data-storage-detaching"'
    assert status.storage.storage["data/0"].status.current == "detaching"
    juju.cli("resolved", "--no-retry", "a/0")
    status = juju.status()
    assert not status.apps["a"].units
    assert status.storage.storage["data/0"].status.current == "detached"
    assert location.exists()
    juju.add_unit("a", attach_storage="data/0")
    juju.settle()
    juju.remove_unit("a/1", force=True)
    assert juju.status().storage.storage["data/0"].status.current == "detached"
    assert location.exists()


def test_storage_is_added_to_and_removed_from_a_running_unit(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", MANY, PRINTS_STORAGE))
    listed = "[s.full_id for s in self.model.storages['disks']]"
    assert evaluate(juju, "a/0", listed) == "[]"
    juju.cli("add-storage", "a/0", "disks=fast,2")
    assert evaluate(juju, "a/0", listed) == "['disks/0', 'disks/1']"
    assert hooks_of(juju, "a/0").count("disks-storage-attached") == 2
    assert "exceeding the maximum of 2" in error_text(juju, "add-storage", "a/0", "disks")
    juju.cli("detach-storage", "disks/0")
    assert evaluate(juju, "a/0", listed) == "['disks/1']"
    assert hooks_of(juju, "a/0").count("disks-storage-detaching") == 1
    juju.cli("attach-storage", "a/0", "disks/0")
    assert evaluate(juju, "a/0", listed) == "['disks/0', 'disks/1']"
    attached = error_text(juju, "remove-storage", "disks/0")
    assert "storage is attached" in attached
    assert "Use the --force option" in attached
    juju.cli("remove-storage", "--force", "disks/0")
    assert evaluate(juju, "a/0", listed) == "['disks/1']"
    assert list(juju.status().storage.storage) == ["disks/1"]


def test_storage_at_a_declared_location_is_added_and_removed(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    declared = "storage: {data: {type: filesystem, location: /srv, multiple: {range: 0-}}}"
    juju.deploy(make_charm("a", declared), storage={"data": "fast,2"})
    (location_of(juju, "a/0") / "file").write_text("kept")
    assert location_of(juju, "a/0") == juju.machine_folder("a/0") / "srv" / "data" / "0"
    juju.cli("detach-storage", "data/0")
    assert location_of(juju, "a/0").name == "1"
    assert not (juju.machine_folder("a/0") / "srv" / "data" / "0").exists()
    juju.cli("attach-storage", "a/0", "data/0")
    assert (location_of(juju, "a/0") / "file").read_text() == "kept"


def test_storage_that_was_never_attached_is_removed_without_a_hook(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", MANY))
    juju.settle()
    juju.cli("add-storage", "a/0", "disks=fast")
    juju.cli("detach-storage", "disks/0")
    assert juju.settle() == 0
    assert juju.status().storage.storage["disks/0"].status.current == "detached"


def test_charm_adds_storage(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", MANY))
    request = "self.model.storages.request('disks', {count})"
    evaluate(juju, "a/0", request.format(count=2))
    juju.settle()
    assert hooks_of(juju, "a/0").count("disks-storage-attached") == 2
    with pytest.raises(jubilant.TaskError) as failure:
        evaluate(juju, "a/0", request.format(count=1))
    assert "exceeding the maximum of 2" in failure.value.task.message
    assert len(juju.status().storage.storage) == 2


def test_storage_get_refuses_storage_of_other_units(
    juju: LocalJuju, make_charm: MakeCharm
) -> None:
    juju.deploy(make_charm("a", DATA), num_units=2)
    get = "subprocess.run(['storage-get', {}], capture_output=True, text=True).stderr"
    other = evaluate(juju, "a/0", get.format("'-s', 'data/1'"))
    assert 'invalid value "data/1" for option -s: storage not found' in other
    assert "no storage instance specified" in evaluate(juju, "a/0", get.format("'location'"))
    attribute = evaluate(juju, "a/0", get.format("'-s', 'data/0', 'size'"))
    assert 'invalid storage attribute "size"' in attribute


@pytest.mark.parametrize(
    ("declared", "directive", "message"),
    [
        (DATA, "other=1G", 'charm "a" has no store called "other"'),
        (DATA, "data=2", 'charm "a" store "data": storage is singular, 2 specified'),
        (MANY, "disks=3", 'charm "a" store "disks": at most 2 instances supported, 3 specified'),
        (
            "storage: {disks: {type: filesystem, multiple: {range: 2+}}}",
            "disks=fast",
            'charm "a" store "disks": 2 instances required, 1 specified',
        ),
        (
            DATA,
            "data=100M",
            'charm "a" store "data": minimum storage size is 1.0 GB, 100 MB specified',
        ),
        (DATA, "data=0", 'count must be greater than zero, got "0"'),
        (DATA, "data=!", '"!" not valid'),
        (
            "storage: {data: {type: filesystem, shared: true}}",
            "data=1G",
            "shared storage support not implemented",
        ),
        ("storage: {data: {type: block}}", "data=1G", "localjuju does not support block storage"),
        ("storage: {data: {type: disk}}", "data=1G", "storage.data.type: unexpected value"),
        (
            "storage: {data: {type: filesystem, multiple: {range: many}}}",
            "data=1G",
            "storage.data.multiple.range: unexpected value 'many'",
        ),
    ],
)
def test_invalid_storage_is_refused_at_deploy(
    juju: LocalJuju, make_charm: MakeCharm, declared: str, directive: str, message: str
) -> None:
    charm = make_charm("a", declared)
    assert message in error_text(juju, "deploy", str(charm), "--storage", directive)
    assert not juju.status().apps


def test_invalid_attach_or_detach_is_refused(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", DATA), storage={"data": "fast"})
    juju.deploy(make_charm("many", MANY), storage={"disks": "1"})
    juju.settle()
    assert "storage is singular" in error_text(juju, "detach-storage", "data/0")
    assert "storage is not detachable" in error_text(juju, "detach-storage", "disks/1")
    assert 'storage instance "data/9" not found' in error_text(juju, "detach-storage", "data/9")
    add = ("add-unit", "a", "--attach-storage")
    assert "cannot attach storage owned by unit a/0" in error_text(juju, *add, "data/0")
    assert 'storage instance "data/9" not found' in error_text(juju, *add, "data/9")
    assert "cannot be used with -n" in error_text(juju, *add, "data/0", "-n", "2")
    juju.remove_unit("a/0")
    juju.settle()
    assert "charm many has no storage called data" in error_text(
        juju, "attach-storage", "many/0", "data/0"
    )
    assert list(juju.status().apps["a"].units) == []


def test_storage_is_listed(juju: LocalJuju, make_charm: MakeCharm) -> None:
    juju.deploy(make_charm("a", DATA), num_units=2, storage={"data": "fast"})
    juju.remove_unit("a/0")
    assert juju.cli("storage").splitlines() == [
        "Unit  Storage ID  Type        Pool  Size    Status    Message",
        "a/1   data/1      filesystem  fast  1.0GiB  attached  ",
        "      data/0      filesystem  fast  1.0GiB  detached  ",
    ]
    listed = json.loads(juju.cli("storage", "--format", "json"))
    status = json.loads(juju.cli("status", "--storage", "--format", "json"))
    assert status["storage"] == listed
    shown = json.loads(juju.cli("show-storage", "data/1", "--format", "json"))
    assert shown["data/1"] == listed["storage"]["data/1"]
    assert shown["data/1"]["kind"] == "filesystem"


def test_bundle_has_storage_directives(
    juju: LocalJuju, make_charm: MakeCharm, tmp_path: pathlib.Path
) -> None:
    make_charm("a", DATA)
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text(
        """
applications:
  one: {charm: ./a, num_units: 1, storage: {data: 2G}}
  two: {charm: ./a, num_units: 1, storage: {data: "fast,1G"}}
"""
    )
    juju.deploy(bundle)
    filesystems = juju.status().storage.filesystems.values()
    assert [(f.storage, f.pool, f.size) for f in filesystems] == [
        ("data/0", "rootfs", 2048),
        ("data/1", "fast", 1024),
    ]
