"""The page on how far localjuju is as Juju is says what the recordings and the tests say."""

from __future__ import annotations

import conformance


def test_page_is_up_to_date() -> None:
    stale = "CONFORMANCE.md is stale: python tests/conformance.py writes it anew"
    assert conformance.PAGE.read_text() == conformance.page(), stale
