"""The model's configuration: proxies, the update-status interval, and confirmation."""

from __future__ import annotations

from collections.abc import Mapping

from localjuju.go_duration import seconds_of

LOCAL_ADDRESSES = "127.0.0.1,localhost,::1"

DEFAULTS = {
    "ftp-proxy": "",
    "http-proxy": "",
    "https-proxy": "",
    "juju-ftp-proxy": "",
    "juju-http-proxy": "",
    "juju-https-proxy": "",
    "juju-no-proxy": LOCAL_ADDRESSES,
    "logging-config": "<root>=INFO",
    "mode": "requires-prompts",
    "no-proxy": LOCAL_ADDRESSES,
    "update-status-hook-interval": "5m",
}
"""Options and their defaults. An option that this file does not read has no effect."""

UPDATE_STATUS = "update-status-hook-interval"

PROTOCOLS = ("http", "https", "ftp")


class ModelConfigError(ValueError):
    """Options contradict each other, or a value is not valid."""


def check(settings: Mapping[str, str]) -> None:
    """Raise a ModelConfigError if both kinds of proxies are set, or a value is not valid."""
    interval = settings.get(UPDATE_STATUS)
    if interval is not None and (seconds_of(interval) or 0) <= 0:
        raise ModelConfigError(
            "invalid update status hook interval in model configuration: "
            f'time: invalid duration "{interval}"'
        )
    legacy = any(settings.get(f"{protocol}-proxy") for protocol in PROTOCOLS)
    if legacy and any(settings.get(f"juju-{protocol}-proxy") for protocol in PROTOCOLS):
        raise ModelConfigError("cannot specify both legacy proxy values and juju proxy values")


def update_status_interval(settings: Mapping[str, str]) -> float:
    """Return the seconds between two update-status hooks."""
    return seconds_of(settings.get(UPDATE_STATUS, "")) or 300.0


def asks_for_confirmation(settings: Mapping[str, str]) -> bool:
    """Whether commands that remove something ask for confirmation."""
    return "requires-prompts" in {**DEFAULTS, **settings}["mode"].split(",")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that tell a hook about proxies.

    Args:
        settings: the options that the operator has set.
    """
    everything = {**DEFAULTS, **settings}
    variables = {}
    for name in (*PROTOCOLS, "no"):
        variables[f"JUJU_CHARM_{name.upper()}_PROXY"] = everything[f"juju-{name}-proxy"]
        # Unlike Juju, do not pass the default of no-proxy: this computer may need its own value.
        if value := settings.get(f"{name}-proxy"):
            variables[f"{name}_proxy"] = variables[f"{name.upper()}_PROXY"] = value
    return variables
