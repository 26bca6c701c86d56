"""Check that a charm's status handlers change nothing, after every event that Juju can send.

    status_rule.py FOLDER

prints the changes that the status handlers of the charm in this folder make, and exits with 1 if
there are any. It is a program, because each charm has a module ``charm``, and because Python
cannot remove an audit hook.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import importlib
import importlib.util
import inspect
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from typing import Any

import ops
import psutil
import yaml
from ops import testing

import status_watch

# The databags of the remote side, by the interface and the charm's role. With other interfaces,
# they are empty.
REMOTE_DATABAGS: dict[tuple[str, str], dict[str, dict[str, str]]] = {
    ("mongodb", "requires"): {
        "app": {
            "database": '"notes"',
            "endpoints": '["127.0.0.1:9"]',
            "replset": '"mongodb"',
            "secret-user": '"secret:given"',
        }
    },
    ("mongodb", "provides"): {"app": {"database": '"notes"'}},
    ("logging-directory", "requires"): {
        "unit": {"directory": '"/var/log/app"', "files": '["app.log"]'}
    },
    ("demo", "requires"): {"app": {"leader-uuid": "2f1c1c1e-8f0e-5d3c-9d0a-7f6f5d0b5a11"}},
    ("demo", "provides"): {"app": {"token": "6a1f7b0e-6c5e-4b8e-8e57-0c5b6f3d9a22"}},
}
CONTENT = {"username": "user", "password": "old", "uris": "mongodb://127.0.0.1:9"}
NEW_CONTENT = CONTENT | {"password": "new"}

LIFECYCLE = (
    *("install", "start", "config_changed", "leader_elected", "update_status", "upgrade_charm"),
    *("pre_series_upgrade", "post_series_upgrade", "stop", "remove"),
)
EXAMPLES = {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}
"""A value for a parameter that an action requires, by its type."""

Context = testing.Context[Any]
Event = Callable[[Context], Any]


def event_of(name: str, *subjects: Any, **arguments: Any) -> Event:
    """Return a function that makes an event. Example: ``event_of("secret_changed", secret)``."""
    return lambda context: getattr(context.on, name)(*subjects, **arguments)


class StatusCheck:
    """Runs a charm's handlers with all events, and records changes by the status handlers."""

    def __init__(self, folder: pathlib.Path, machine: pathlib.Path):
        self.declared: dict[str, Any] = yaml.safe_load((folder / "charmcraft.yaml").read_text())
        self.problems: dict[str, str] = {}
        """Each problem, with the first event after which it occurs."""
        self._handlers: Collection[str] = ()
        """The handlers of the charm that run: ``status``, ``others`` or both."""
        self._watch = status_watch.Watch()
        self._machine = machine
        self._root = machine / "charm"
        # Link the charm's files, but not its metadata, which ops.testing writes there.
        self._root.mkdir()
        for path in folder.iterdir():
            if path.suffix != ".yaml":
                (self._root / path.name).symlink_to(path)
        # Each process needs its own address, because several run at the same time.
        self._address = f"127.76.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
        self._type = charm_type(folder, machine, self._address)
        self._observe_with_watch()

    def run(self) -> None:
        """Run the status handlers after each event: on a new machine, and after the setup."""
        # The constructor may change something, such as StoredState's defaults. So run it first.
        new = self._run(event_of("update_status"), self._state(), handlers=())
        for where, state in (("on a new machine", new), ("after setup", self._set_up(new))):
            for leader in (True, False):
                for event in self._events(state):
                    self._check_status(event, dataclasses.replace(state, leader=leader), where)

    def _observe_with_watch(self) -> None:
        check, observe = self, ops.Framework.observe

        def watched(self: ops.Framework, bound_event: ops.BoundEvent, observer: Any) -> None:
            is_status = bound_event.event_type is ops.CollectStatusEvent
            if is_status:
                setattr(observer.__self__, observer.__name__, check._watch.handler(observer))
            # ops itself observes events for StoredState, and must write it then.
            of_ops = type(observer.__self__).__module__.partition(".")[0] == "ops"
            if of_ops or ("status" if is_status else "others") in check._handlers:
                observe(self, bound_event, observer)

        ops.Framework.observe = watched
        # ops.testing supports neither of these hook commands.
        ops.hookcmds.goal_state = self._goal_state
        ops.hookcmds.secret_ids = list

    def _goal_state(self) -> ops.hookcmds.GoalState:
        now = datetime.datetime.now(datetime.timezone.utc)
        goal = ops.hookcmds.Goal(status="active", since=now)
        names = (f"{self.declared['name']}/{number}" for number in (0, 1))
        return ops.hookcmds.GoalState(units=dict.fromkeys(names, goal), relations={})

    def _context(self) -> Context:
        meta = dict(self.declared)
        return testing.Context(
            self._type,
            meta=meta,
            config=meta.pop("config", None),
            actions=meta.pop("actions", None),
            charm_root=self._root,
            principal_unit="app/1" if meta.get("subordinate") else None,
        )

    def _state(self) -> testing.State:
        """Return a model with a relation on each endpoint, and with secrets of each kind."""
        relations = [
            self._relation(role, name, declared)
            for role in ("provides", "requires", "peers")
            for name, declared in (self.declared.get(role) or {}).items()
        ]
        address = testing.BindAddress([testing.Address(self._address)])
        networks = [
            testing.Network(relation.endpoint, [address], ingress_addresses=[self._address])
            for relation in relations
            if not isinstance(relation, testing.SubordinateRelation)  # Not in ops.testing.
        ]
        own_secrets = [
            testing.Secret(CONTENT, latest_content=NEW_CONTENT, owner=owner, label=owner)
            for owner in ("app", "unit")
        ]
        empty = self._machine / "resource"
        empty.touch()
        return testing.State(
            leader=True,
            relations=relations,
            networks=networks,
            secrets=[
                testing.Secret(CONTENT, latest_content=NEW_CONTENT, id="secret:given"),
                *own_secrets,
            ],
            resources=[
                testing.Resource(name=name, path=empty)
                for name in self.declared.get("resources") or {}
            ],
            storages=[testing.Storage(name) for name in self.declared.get("storage") or {}],
            planned_units=2,
        )

    def _relation(self, role: str, name: str, declared: dict[str, Any]) -> testing.RelationBase:
        unit = {"ingress-address": "127.0.0.9"}
        if role == "peers":
            return testing.PeerRelation(name, peers_data={1: unit})
        sent = REMOTE_DATABAGS.get((declared["interface"], role), {})
        app, unit = sent.get("app", {}), unit | sent.get("unit", {})
        if declared.get("scope") == "container":
            return testing.SubordinateRelation(
                name,
                remote_app_name="app",
                remote_unit_id=1,
                remote_app_data=app,
                remote_unit_data=unit,
            )
        return testing.Relation(
            name, remote_app_name="app", remote_app_data=app, remote_units_data={1: unit}
        )

    def _events(self, state: testing.State) -> Iterator[Event]:
        """Return each event that Juju can send, whether the charm observes it or not."""
        yield from map(event_of, LIFECYCLE)
        for relation in state.relations:
            for name in ("relation_created", "relation_broken"):
                yield event_of(name, relation)
            for name in ("relation_joined", "relation_changed", "relation_departed"):
                yield event_of(name, relation, remote_unit=1)
        for storage in state.storages:
            for name in ("storage_attached", "storage_detaching"):
                yield event_of(name, storage)
        for secret in state.secrets:
            if secret.owner is None:
                yield event_of("secret_changed", secret)
            elif secret.owner == "unit":  # Only the leader gets events of app secrets.
                yield event_of("secret_rotate", secret)
                for name in ("secret_remove", "secret_expired"):
                    yield event_of(name, secret, revision=1)
        for name, declared in (self.declared.get("actions") or {}).items():
            types = {key: declared["params"][key]["type"] for key in declared.get("required", [])}
            yield event_of("action", name, params={key: EXAMPLES[t] for key, t in types.items()})

    def _set_up(self, state: testing.State) -> testing.State:
        """Return the model after the leader's setup hooks, with a new revision of each secret."""
        # Run the hooks in Juju's order. Each hook needs the relation from the current state.
        ids = sorted(relation.id for relation in state.relations)
        state = self._run(event_of("install"), state)
        for storage in state.storages:
            state = self._run(event_of("storage_attached", storage), state)
        for number in ids:
            state = self._run(event_of("relation_created", state.get_relation(number)), state)
        for name in ("leader_elected", "config_changed", "start"):
            state = self._run(event_of(name), state)
        for number in ids:
            for name in ("relation_joined", "relation_changed"):
                relation = state.get_relation(number)
                state = self._run(event_of(name, relation, remote_unit=1), state)
        state = self._run(event_of("update_status"), state)
        secrets = [
            dataclasses.replace(
                secret, latest_content={**(secret.tracked_content or {}), "newer-revision": "x"}
            )
            for secret in state.secrets
        ]
        return dataclasses.replace(state, secrets=secrets)

    def _run(
        self, event: Event, state: testing.State, handlers: Collection[str] = ("status", "others")
    ) -> testing.State:
        """Run a hook, and return the new model. If the hook fails, Juju discards its changes."""
        self._handlers = handlers
        context = self._context()
        ops_event = event(context)
        with contextlib.suppress(testing.errors.UncaughtCharmError):
            state = context.run(ops_event, state)
        self._record_problems(f"after {ops_event.name}, in setup")
        return state

    def _check_status(self, event: Event, before: testing.State, where: str) -> None:
        """Run only the status handlers after an event, and compare the model."""
        self._handlers, handlers = ("status",), self._watch.handlers_run
        context = self._context()
        ops_event = event(context)
        problems = self._watch.problems
        try:
            problems += status_watch.differences(before, context.run(ops_event, before))
        except testing.errors.UncaughtCharmError as error:
            problems.append(f"fails with {error.__cause__!r}")
        if self._watch.handlers_run == handlers:
            problems.append("does not run")
        self._record_problems(
            f"after {ops_event.name}, {where}, {'leader' if before.leader else 'follower'}"
        )

    def _record_problems(self, where: str) -> None:
        for problem in self._watch.problems:
            self.problems.setdefault(problem.replace(str(self._machine), ""), where)
        self._watch.problems.clear()


def charm_type(folder: pathlib.Path, machine: pathlib.Path, address: str) -> type[ops.CharmBase]:
    """Set up the charm's fake machine, if it has one, and return the charm's class."""
    sys.path.insert(0, str(folder / "src"))
    fake_machine = folder / "tests" / "fake_machine.py"
    if fake_machine.exists():
        specification = importlib.util.spec_from_file_location("fake_machine", fake_machine)
        assert specification and specification.loader
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        root = machine / "root"
        root.mkdir()
        module.fake_machine(root, address)
    charm = importlib.import_module("charm")
    (charm_class,) = (
        member
        for _, member in inspect.getmembers(charm, inspect.isclass)
        if issubclass(member, ops.CharmBase) and member.__module__ == "charm"
    )
    return charm_class


def end_processes(machine: pathlib.Path) -> None:
    """Stop the processes that the charm has started on its machine."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(word.startswith(str(machine)) for word in process.cmdline()):
                process.kill()
                process.wait(10)


def main() -> int:
    """Check the charm that the command line names, and return the exit status."""
    parser = argparse.ArgumentParser(
        description="Check that a charm's status handlers change nothing."
    )
    parser.add_argument("folder", type=pathlib.Path, help="the charm's folder")
    folder = parser.parse_args().folder.resolve()
    # A short path, because the path of a socket can have at most 107 characters.
    with tempfile.TemporaryDirectory() as machine:
        check = StatusCheck(folder, pathlib.Path(machine))
        try:
            check.run()
        finally:
            end_processes(pathlib.Path(machine))
    for problem, where in check.problems.items():
        print(f"{folder.name}: status {problem} ({where})")
    return int(bool(check.problems))


if __name__ == "__main__":
    sys.exit(main())
