"""Hides the content of secrets in texts that are shown."""

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

SHORTEST_HIDDEN = 3
"""The shortest value to hide, in characters. Shorter values occur in every text."""

SHORTEST_HIDDEN_IN_WORDS = 8
"""Values with at least this many characters are also hidden inside words."""


class Hiding:
    """Replaces the content of secrets with ``HIDDEN``, in all notations of it."""

    def __init__(self, contents: Collection[str], names: Collection[str] = ()):
        """Prepare the search.

        Args:
            contents: the values to hide.
            names: names of units and applications. They stay, even if a secret contains them.
        """
        forms = {form for value in contents for form in _forms(value)}
        kept = sorted(forms.difference(names), key=len, reverse=True)
        patterns = [_pattern(form) for form in kept if len(form) >= SHORTEST_HIDDEN]
        self._pattern = re.compile("|".join(patterns)) if patterns else None
        self.in_text = functools.lru_cache(maxsize=None)(self._in_text)

    def _in_text(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def in_data(self, data: Any) -> Any:
        """Return data of lists, dictionaries and texts, with secrets hidden in all texts."""
        if isinstance(data, str):
            return self.in_text(data)
        if isinstance(data, dict):
            return {self.in_text(key): self.in_data(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.in_data(value) for value in data]
        return data


def _forms(value: str) -> Iterator[str]:
    """Yield the notations of a value in logs, databags and commands."""
    for text in (value, *value.splitlines()):  # The log has one entry for each line.
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
    if len(form) >= SHORTEST_HIDDEN_IN_WORDS:
        return escaped
    return rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"
