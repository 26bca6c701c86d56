"""Reads the content of a secret from ``key=value`` pairs and files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import pathlib
import re
from collections.abc import Sequence

import yaml


class SecretContentError(ValueError):
    """Juju refuses the content. The message is Juju's."""


def parse(
    pairs: Sequence[str], file: str | None = None, folder: pathlib.Path | None = None
) -> dict[str, str]:
    """Read content from a command's arguments.

    Args:
        pairs: ``key=value``, ``key#base64=value`` or ``key#file=path``.
        file: a YAML or JSON file with more pairs, which take precedence.
        folder: the folder for relative paths. By default the current folder.

    Raises:
        SecretContentError: a key or a value is not valid.
    """
    folder = folder or pathlib.Path()
    content = dict(_pair(text, folder) for text in pairs)
    if file:
        content.update(_pair(f"{k}={v}", folder) for k, v in _load(folder / file).items())
    return content


def checksum(content: dict[str, str]) -> str:
    """Return Juju's checksum of a secret's content."""
    encoded = {k: base64.b64encode(v.encode()).decode() for k, v in sorted(content.items())}
    return hashlib.sha256(json.dumps(encoded, separators=(",", ":")).encode()).hexdigest()


def _pair(text: str, folder: pathlib.Path) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise SecretContentError(f'key value "{text}" not valid')
    if key.endswith("#file"):
        key, value = key.removesuffix("#file"), _read(folder / value)
    elif key.endswith("#base64"):
        key, value = key.removesuffix("#base64"), _decode(value)
    if not re.fullmatch(r"[a-z](-?[a-z0-9]){2,}", key):
        raise SecretContentError(f'key "{key}" not valid')
    return key, value


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise SecretContentError(f'base64 value "{text}" not valid') from None


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretContentError(f'reading secret file "{path}": {error}') from None


def _load(path: pathlib.Path) -> dict[str, str]:
    try:
        # Read every scalar as text, as Juju does: `pin: 007` is "007".
        data = yaml.load(_read(path), Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise SecretContentError(f'reading secret file "{path}": {error}') from None
    if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
        raise SecretContentError(f'reading secret file "{path}": it is no map of keys to texts')
    return data
