"""An interface's models stand in each charm that speaks it, because a charm packs alone."""

from __future__ import annotations

import collections
import pathlib

CHARMS = pathlib.Path(__file__).parents[1] / "charms"


def test_copies_of_an_interfaces_models_are_equal() -> None:
    texts = collections.defaultdict(set)
    for path in CHARMS.glob("*/src/*_interface.py"):
        texts[path.name].add(path.read_text())
    shared = {"demo_interface.py", "logging_directory_interface.py", "mongodb_interface.py"}
    assert shared <= set(texts)
    assert [name for name, copies in texts.items() if len(copies) > 1] == []
