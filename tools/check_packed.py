"""Start a hook through the `dispatch` of packed charms, each with its own dependencies.

    check_packed.py FILE.charm...

Each file is unpacked, and its dispatch is run as Juju would run it for leader-settings-changed: a
hook that no charm here observes, so that nothing happens to this machine. The charm comes up
all the same, and says its status. The hook commands are scripts with the answers of a model in
which nothing is related yet. The exit status is 1 if a charm fails or says no status.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import yaml

HOOK = "leader-settings-changed"


def unpack(charm: pathlib.Path, to: pathlib.Path) -> None:
    """Unzip a charm with its files' permissions, which zipfile leaves behind."""
    with zipfile.ZipFile(charm) as archive:
        archive.extractall(to)
        for member in archive.infolist():
            if mode := member.external_attr >> 16:
                (to / member.filename).chmod(mode & 0o777)


def write_hook_commands(folder: pathlib.Path, config: dict[str, object], said: pathlib.Path):
    """Write the hook commands that a charm may call; what it says goes to the file `said`."""
    answers = {
        "config-get": json.dumps(config),
        "goal-state": json.dumps({"units": {}, "relations": {}}),
        "is-leader": "false",
        "relation-ids": "[]",
    }
    scripts = {name: f"cat <<'END'\n{answer}\nEND" for name, answer in answers.items()}
    scripts |= {
        name: f'echo "{name} $*" >>{said}'
        for name in ("juju-log", "status-set", "application-version-set")
    }
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


def check(charm: pathlib.Path, scratch: pathlib.Path) -> bool:
    """Run the hook in a scratch folder, print what happened, and return whether it went well."""
    folder, commands, said = scratch / "charm", scratch / "commands", scratch / "said"
    unpack(charm, folder)
    metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
    options = {}
    if (folder / "config.yaml").exists():
        options = yaml.safe_load((folder / "config.yaml").read_text())["options"]
    config = {key: option["default"] for key, option in options.items() if "default" in option}
    write_hook_commands(commands, config, said)
    said.touch()

    environment = {
        # The charm was packed for the system's Python, which dispatch looks for on PATH.
        "PATH": f"{commands}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(scratch),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "JUJU_CHARM_DIR": str(folder),
        "JUJU_DISPATCH_PATH": f"hooks/{HOOK}",
        "JUJU_HOOK_NAME": HOOK,
        "JUJU_MODEL_NAME": "packed",
        "JUJU_MODEL_UUID": "00000000-0000-4000-8000-000000000000",
        "JUJU_UNIT_NAME": f"{metadata['name']}/0",
        "JUJU_VERSION": "3.6.28",
    }
    if metadata.get("subordinate"):
        environment["JUJU_PRINCIPAL_UNIT"] = "principal/0"
    hook = subprocess.run(
        ["./dispatch"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    statuses = [line for line in said.read_text().splitlines() if line.startswith("status-set")]
    if hook.returncode == 0 and statuses:
        print(f"{charm}: dispatch ran {HOOK}: {statuses[-1]}")
        return True
    print(f"{charm}: dispatch of {HOOK} ended with {hook.returncode}, statuses: {statuses}")
    print(said.read_text(), hook.stdout, hook.stderr, sep="", file=sys.stderr)
    return False


def main() -> int:
    """Check the charms that the command line names, and return the exit status."""
    if not sys.argv[1:]:
        raise SystemExit("usage: check_packed.py FILE.charm...")
    failed = False
    for argument in sys.argv[1:]:
        charm = pathlib.Path(argument)
        if not charm.exists():
            print(f"{charm}: there is no such file", file=sys.stderr)
            failed = True
            continue
        with tempfile.TemporaryDirectory() as scratch:
            failed |= not check(charm, pathlib.Path(scratch))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
