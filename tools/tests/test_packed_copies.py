"""A new charm can be packed. `make pack-here` runs this, with its Python in PACK_PYTHON."""

from __future__ import annotations

import os
import pathlib
import subprocess
import zipfile

import pytest
import yaml

import new_charm

ROOT = pathlib.Path(__file__).parents[2]
CHARMS = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
NAME = "our-blog"


@pytest.mark.parametrize("charm", CHARMS)
def test_new_charm_can_be_packed(charm: str, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / NAME
    new_charm.make(charm, NAME, folder)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    python = pathlib.Path(os.environ["PACK_PYTHON"])
    wrapper = os.environ["PACK_WRAPPER"]
    subprocess.run(
        [python, ROOT / "tools/pack.py", "--here", "--wrapper", wrapper, folder],
        check=True,
        env={**os.environ, "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]])},
    )
    packed = (ROOT / "build" / f"{NAME}.charm").rename(tmp_path / f"{NAME}.charm")
    with zipfile.ZipFile(packed) as charm_file:
        metadata = yaml.safe_load(charm_file.read("metadata.yaml"))
        assert metadata["name"] == NAME
        assert {"dispatch", "src/charm.py", "icon.svg", "LICENSE"} <= set(charm_file.namelist())
