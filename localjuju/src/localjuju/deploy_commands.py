"""The ``juju`` commands that upload charms and resources: deploy, refresh, attach-resource."""

from __future__ import annotations

import argparse
import pathlib
import re
from collections.abc import Callable
from typing import Any

from localjuju import bundle as bundles
from localjuju import charm as charms
from localjuju import constraint_commands, placement
from localjuju.application_commands import ALL_NETWORKS
from localjuju.command import CommandError, Output, Parser, pair, path_of
from localjuju.config_commands import TRUST, ConfigCommands
from localjuju.constraints import Constraints, merge_constraints
from localjuju.model import Application
from localjuju.model_runner import ModelRunner
from localjuju.storage_commands import StorageCommands


class DeployCommands:
    """Runs these commands on one model."""

    def __init__(
        self,
        runner: ModelRunner,
        storage: StorageCommands,
        config: ConfigCommands,
        integrate: Callable[[list[str]], Output],
        charms: pathlib.Path | None,
        packed: bool,
    ):
        """Create the commands for one model.

        Args:
            runner: changes the model.
            storage: reads the storage options of commands.
            config: reads the configuration options of commands.
            integrate: relates two endpoints, for bundles.
            charms: the folder that holds the source folders of packed charms.
            packed: run ``.charm`` files themselves, not their source folders.
        """
        self.runner = runner
        self.model = runner.model
        self._storage = storage
        self._config = config
        self._integrate = integrate
        self._charms = charms
        self._packed = packed
        self._uses_3_6_wording = runner.behaviour.errors_use_3_6_wording

    def deploy(self, arguments: list[str]) -> Output:
        return self._deploy(arguments, {})

    def _deploy(self, arguments: list[str], bundled: dict[str, Any]) -> Output:
        """Deploy one application, with the options that a bundle gives it."""
        options = _parse_deploy(arguments)
        placements = placement.parse_placements(options.to)
        path = path_of(options.charm)
        if path.suffix in (".yaml", ".yml"):
            return self._deploy_bundle(path)
        charm = self._load(path, options.charm)
        name = options.application or charm.name
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*", name):
            raise CommandError(f'ERROR invalid application name "{name}", unexpected character', 2)
        located = f'Located local charm "{charm.name}", revision 0\n'
        if charm.subordinate and (options.num_units not in (None, 0, 1) or placements):
            raise CommandError(
                f"{located}ERROR cannot use --num-units or --to with subordinate application"
            )
        located += (
            f'Deploying "{name}" from local charm "{charm.name}", '
            "revision 0 on ubuntu@24.04/stable\n"
        )
        if name in self.model.applications:
            raise CommandError(located + self._already_exists(name))
        if name in self.model.remote_applications:
            raise CommandError(
                f'{located}ERROR cannot add application "{name}": '
                "saas application with same name already exists"
            )
        config = self._config.parse(charm, bundled)
        config |= self._config.parse_config_arguments(charm, name, options.config)
        trusted = options.trust or bool(config.pop(TRUST, False))
        resources = self._resources(charm, dict(pair(text) for text in options.resource))
        units = 1 if options.num_units is None else options.num_units
        if units < 0:
            raise CommandError(f"ERROR --num-units must be a positive integer, not {units}", 2)
        problem = f'cannot add application "{name}": ' if self._uses_3_6_wording else ""
        storage = self._storage.parse_directives(charm, options.storage, problem)
        attach = self._storage.parse_attach_storage(options.attach_storage, charm, units, problem)
        constraints = self._constraints(options.constraints)
        number = placement.missing_machine(placements[:units], self.model.machines)
        if number is not None:
            raise CommandError(
                f'{located}ERROR cannot deploy "{name}" to machine {number}: '
                f"machine {number} not found"
            )
        application = self.runner.deploy(
            self._upload(charm),
            name,
            units,
            config,
            resources,
            storage,
            attach,
            constraints,
            placements,
        )
        application.trusted = trusted
        return Output(stderr=placement.extra_placements_warning(placements, units) + located)

    def _constraints(self, texts: list[str]) -> Constraints:
        """Read an application's constraints, and add the architecture, as Juju does."""
        wanted = constraint_commands.read_constraints(texts)
        if "arch" in wanted or "arch" in self.model.constraints:
            return wanted
        return merge_constraints({"arch": "amd64"}, wanted)

    def _already_exists(self, name: str) -> str:
        if self._uses_3_6_wording:
            return (
                f'ERROR cannot add application "{name}": application already exists: \n'
                "deploy application using an alias name:\n"
                "    juju deploy <application> <alias>\n"
                "or use remove-application to remove the existing one and try again."
            )
        return (
            f'ERROR cannot deploy "{name}": creating application "{name}": creating IAAS '
            f'application "{name}": inserting IAAS application "{name}": checking if application '
            f'"{name}" exists: application already exists'
        )

    def refresh(self, arguments: list[str]) -> Output:
        parser = Parser("refresh")
        parser.add_argument("application")
        parser.add_argument("--path")
        parser.add_argument("--base")
        parser.add_argument("--channel")
        parser.add_argument("--config", action="append", default=[])
        parser.add_argument("--resource", action="append", default=[])
        parser.add_argument("--storage", action="append", default=[])
        parser.add_argument("--trust", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--force-base", action="store_true")
        parser.add_argument("--force-units", action="store_true")
        options = parser.parse_args(arguments)
        application = self._application(options.application)
        name = application.name
        if options.path is None:
            raise CommandError("ERROR refreshing a local charm requires either --path or --switch")
        charm = self._load(path_of(options.path), options.path)
        if charm.name != application.charm.name:
            raise CommandError(
                f'ERROR cannot refresh "{application.charm.name}" to "{charm.name}"'
            )
        revision = application.revision + 1
        message = f'Added local charm "{charm.name}", revision {revision}, to the model\n'
        problem = f'cannot upgrade application "{name}" to charm "local:{charm.name}-{revision}": '
        if reason := self._upgrade_problem(application, charm):
            raise CommandError(f"{message}ERROR {problem}{reason}")
        config = self._config.parse_config_arguments(charm, name, options.config)
        trusted = options.trust or bool(config.pop(TRUST, application.trusted))
        resources = self._resources(charm, dict(map(pair, options.resource)))
        storage = self._storage.parse_directives(charm, options.storage, problem)
        charm = self._upload(charm)
        application.storage.update(storage)
        application.trusted = trusted
        self.runner.refresh(application, charm, resources, options.force_units)
        self.runner.set_config(application, config)
        return Output(stderr=message)

    def _upgrade_problem(self, application: Application, charm: charms.Charm) -> str | None:
        """Return why an application cannot be upgraded to a charm, or None if it can."""
        if charm.subordinate != application.charm.subordinate:
            return "cannot change an application's subordinacy"
        for relation in self.model.relations_of(application):
            endpoint = relation.local(application).endpoint
            new = charm.endpoints.get(endpoint.name)
            if new is None or (new.role, new.interface) != (endpoint.role, endpoint.interface):
                return f'would break relation "{relation.key}"'
            count = self.model.count_relations(relation.local(application))
            if new.limit and count > new.limit:
                return (
                    f"new charm version imposes a maximum relation limit of {new.limit} for "
                    f"{application.name}:{new.name} which cannot be satisfied by the number of "
                    f"already established relations ({count})"
                )
        for instance in self.model.storage.instances.values():
            used = instance.unit and instance.unit.application is application
            if used and instance.name not in charm.storages:
                return f'in-use storage "{instance.name}" removed'
        return None

    def attach_resource(self, arguments: list[str]) -> Output:
        parser = Parser("attach-resource")
        parser.add_argument("application")
        parser.add_argument("resource")
        options = parser.parse_args(arguments)
        application = self._application(options.application)
        resources = self._resources(application.charm, dict([pair(options.resource)]))
        self.runner.attach_resources(application, resources)
        return Output()

    def _application(self, name: str) -> Application:
        if name not in self.model.applications:
            raise CommandError(f'ERROR application "{name}" not found (not found)')
        return self.model.applications[name]

    def _load(self, path: pathlib.Path, given: str) -> charms.Charm:
        """Load a charm. For a ``.charm`` file this may be its source folder."""
        folder = path
        if path.suffix == ".charm":
            # charmcraft adds the platform to the name: mongodb_ubuntu-24.04-amd64.charm.
            name = path.stem.partition("_")[0]
            folder = self._charms / name if self._charms else path.parent
        try:
            if self._packed:
                if path.suffix != ".charm":
                    raise charms.CharmError(f"{given}: the packed runner takes .charm files only")
                return charms.load_packed(path, folder if self._charms else None)
            if not charms.is_charm(folder) and re.fullmatch(r"(ch:)?[a-z0-9-]+", given):
                raise charms.CharmError(
                    f'localjuju cannot download "{given}" from Charmhub: give a path, '
                    f"such as ./{given.removeprefix('ch:')}"
                )
            if not charms.is_charm(folder):
                raise charms.CharmError(f'no charm was found at "{given}"')
            return charms.load(folder)
        except charms.CharmError as error:
            raise CommandError(f"ERROR {error}") from None

    def _upload(self, charm: charms.Charm) -> charms.Charm:
        """Copy a charm into the model, and return the copy."""
        try:
            return self.runner.upload_charm(charm)
        except charms.CharmError as error:
            raise CommandError(f"ERROR {error}") from None

    def _resources(self, charm: charms.Charm, given: dict[str, str]) -> dict[str, pathlib.Path]:
        resources = {}
        for name, text in given.items():
            if name not in charm.resources:
                raise CommandError(f'ERROR unrecognized resource "{name}"')
            path = path_of(text).resolve()
            if not path.is_file():
                raise CommandError(f'ERROR file for resource "{name}": {text} not found')
            ending = pathlib.PurePath(charm.resources[name].get("filename", "")).suffix
            if path.suffix != ending:
                raise CommandError(
                    f'ERROR resource "{name}": incorrect extension on resource upload "{text}", '
                    f'expected "{ending}"'
                )
            resources[name] = path
        return resources

    def _deploy_bundle(self, path: pathlib.Path) -> Output:
        try:
            bundle = bundles.load(path)
        except bundles.BundleError as error:
            raise CommandError(f"ERROR cannot deploy bundle: {error}") from None
        message = ""
        machines: dict[str, str] = {}
        # Deploy applications that are placed beside others after those others.
        for name, wanted in sorted(
            bundle.applications.items(), key=lambda item: item[1].is_placed_beside_others
        ):
            charm, units = str(path.parent / wanted.charm), str(wanted.num_units)
            arguments = [charm, name, "--num-units", units, "--constraints", wanted.constraints]
            for key, value in wanted.resources.items():
                arguments += ["--resource", f"{key}={path.parent / value}"]
            for key, value in wanted.storage.items():
                arguments += ["--storage", f"{key}={value}"]
            if wanted.to:
                arguments += ["--to", self._placements(wanted, bundle.machines, machines)]
            message += self._deploy(arguments + ["--trust"] * wanted.trust, wanted.options).stderr
            if wanted.expose:
                self.model.applications[name].exposed_to[""] = list(ALL_NETWORKS)
        for first, second in bundle.relations:
            self._integrate([first, second])
        return Output(stderr=f"{message}Deploy of bundle completed.\n")

    def _placements(
        self,
        wanted: bundles.BundledApplication,
        declared: dict[str, str],
        made: dict[str, str],
    ) -> str:
        """Return the value of ``--to`` for a bundle's ``to``, and create machines if needed.

        Args:
            wanted: the application in the bundle.
            declared: the constraints of the bundle's machines, by their names in the bundle.
            made: the numbers of the machines created so far, by the same names. New machines
                are added to it.
        """
        places = [*wanted.to, *[wanted.to[-1]] * wanted.num_units][: wanted.num_units]
        return ",".join(self._placement(place, declared, made) for place in places)

    def _placement(self, place: str, declared: dict[str, str], made: dict[str, str]) -> str:
        container, separator, target = place.rpartition(":")
        if target in ("new", "lxd"):
            machine = self.runner.machines.add(placement.NEW_MACHINE, {})
            separator = ":" if target == "lxd" else separator
            return f"{'lxd' if separator else ''}{separator}{machine.number}"
        if target in declared:
            if target not in made:
                constraints = constraint_commands.read_constraints([declared[target]])
                made[target] = self.runner.machines.add(placement.NEW_MACHINE, constraints).number
            return f"{container}{separator}{made[target]}"
        application, slash, number = target.partition("/")
        if application in self.model.applications:
            units = self.model.applications[application].sorted_units
            index = int(number) if slash and number.isdigit() else 0
            if index < len(units):
                return f"{container}{separator}{units[index].machine.number}"
        raise CommandError(f'ERROR cannot deploy bundle: invalid placement "{place}"')


COMMANDS: dict[str, Callable[[DeployCommands, list[str]], Output]] = {
    "attach-resource": DeployCommands.attach_resource,
    "deploy": DeployCommands.deploy,
    "refresh": DeployCommands.refresh,
}


def _parse_deploy(arguments: list[str]) -> argparse.Namespace:
    parser = Parser("deploy")
    parser.add_argument("charm")
    parser.add_argument("application", nargs="?")
    parser.add_argument("-n", "--num-units", type=int)
    parser.add_argument("--base")
    parser.add_argument("--channel")
    parser.add_argument("--config", action="append", default=[])
    parser.add_argument("--constraints", action="append", default=[])
    parser.add_argument("--resource", action="append", default=[])
    parser.add_argument("--storage", action="append", default=[])
    parser.add_argument("--attach-storage", default="")
    parser.add_argument("--to", default="")
    parser.add_argument("--trust", action="store_true")
    parser.add_argument("--force", action="store_true")
    return parser.parse_args(arguments)
