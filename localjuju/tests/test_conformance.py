"""CONFORMANCE.md says the same as the recordings and the tests."""

from __future__ import annotations

import conformance


def test_page_is_up_to_date() -> None:
    stale = "CONFORMANCE.md is stale: run python tests/conformance.py"
    assert conformance.PAGE.read_text() == conformance.page(), stale
