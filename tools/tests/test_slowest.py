"""tools/slowest.py finds the slowest tests in the output of `make test`."""

from __future__ import annotations

import slowest

PRINTED = """\
unit: commands[0]> python tools/each_charm.py --jobs 2 coverage run -m pytest tests/unit
== charms/mongodb: coverage run -m pytest tests/unit
12.50s call     tests/unit/test_charm.py::test_a[with space]
== charms/mongodb: 14.0 s
== charms/my-node-app: coverage run -m pytest tests/unit
3.00s setup    tests/unit/test_charm.py::test_a
bundle: commands[0]> pytest
100.25s call     tests/test_bundle.py::test_b
1.00s teardown tests/test_bundle.py::test_b
"""


def test_slowest_tests_come_first_with_their_suite() -> None:
    assert slowest.slowest(PRINTED, 3) == [
        (100.25, "bundle: tests/test_bundle.py::test_b"),
        (12.5, "unit: charms/mongodb/tests/unit/test_charm.py::test_a[with space]"),
        (3.0, "unit: charms/my-node-app/tests/unit/test_charm.py::test_a"),
    ]
