"""Hides what secrets hold in texts that are to be shown."""

from __future__ import annotations

import base64
import functools
import json
import re
import shlex
import urllib.parse
from collections.abc import Collection, Iterator
from typing import Any

from localjuju.hook_record import HIDDEN

SHORTEST = 3
"""Characters. Less than this is in every text, and no secret."""

LONG = 8
"""Characters from which a value is found inside of words too."""


class Hiding:
    """Puts ``HIDDEN`` in the place of what secrets hold, in any of the ways of writing it."""

    def __init__(self, contents: Collection[str], names: Collection[str] = ()):
        """Prepare.

        Args:
            contents: what is not to be seen.
            names: what stays though a secret may hold it: the units' and applications' names.
        """
        forms = {form for value in contents for form in _forms(value)}
        kept = sorted(forms.difference(names), key=len, reverse=True)
        patterns = [_pattern(form) for form in kept if len(form) >= SHORTEST]
        self._pattern = re.compile("|".join(patterns)) if patterns else None
        self.text = functools.lru_cache(maxsize=None)(self._text)

    def _text(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def everywhere(self, data: Any) -> Any:
        """Return data of lists, dictionaries and texts with all the texts hidden, keys too."""
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, dict):
            return {self.text(key): self.everywhere(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.everywhere(value) for value in data]
        return data


def _forms(value: str) -> Iterator[str]:
    """Return the ways in which a value stands in logs, databags and commands."""
    for text in (value, *value.splitlines()):  # The log has a line for each.
        yield text
        yield text.strip()
        yield json.dumps(text)[1:-1]
        yield repr(text)[1:-1]
        yield shlex.quote(text)
        yield urllib.parse.quote(text, safe="")
        yield urllib.parse.quote_plus(text)
        encoded = base64.b64encode(text.encode()).decode()
        yield encoded
        yield encoded.rstrip("=")


def _pattern(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= LONG else rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"
