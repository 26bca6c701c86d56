"""Durations as Go writes them: ``90s``, ``1h30m``, ``1.5h``, ``-1h``."""

from __future__ import annotations

import re

UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}

PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)"


def seconds_of(text: str) -> float | None:
    """Return a duration in seconds, or None if the text is not a duration."""
    if text.lstrip("+-") == "0":
        return 0.0
    if not re.fullmatch(rf"[+-]?({PART})+", text):
        return None
    seconds = sum(float(number) * UNITS[unit] for number, unit in re.findall(PART, text))
    return -seconds if text.startswith("-") else seconds
