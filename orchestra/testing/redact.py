"""What may not be written into a recording."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

Redaction = Callable[[Any], Any] | Iterable[str | re.Pattern[str]]
"""A function from JSON value to JSON value, or names of keys (texts) and patterns (compiled)."""

HIDDEN = "***"
SECRET_KEYS = frozenset("api_key apikey authorization password secret token x_api_key access_token".split())
SECRET_TEXTS = (
    re.compile(r"\b(?:sk|pk|rk)-[\w-]{8,}"),
    re.compile(r"\b(?:gh[pousr]_|xox[abp]-|AKIA|AIza)[\w-]{8,}"),
    re.compile(r"\bBearer\s+[\w.~+/=-]{8,}", re.IGNORECASE),
)
SHORTEST = 8
"""A known key shorter than this is not looked for: it would be found in ordinary text."""


class Scrubber:
    """Takes out of JSON values what looks like a key, keys of the environment (``*_API_KEY``) and of ``model``, the
    values of keys that are named like secrets, and what ``redact`` names.
    """

    def __init__(self, redact: Redaction = (), model: Any = None) -> None:
        own = None if callable(redact) else tuple(redact)
        self._last = redact if callable(redact) else None
        self._keys = {_folded(one) for one in own or () if isinstance(one, str)}
        self._texts = (*SECRET_TEXTS, *(one for one in own or () if isinstance(one, re.Pattern)))
        # The longest first: one key may begin another.
        self._known = sorted(_known_keys(model), key=len, reverse=True)

    def __call__(self, value: Any) -> Any:
        clean = self._clean(value)
        return clean if self._last is None else self._last(clean)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        if isinstance(value, dict):
            return {self._text(key): self._item(key, item) for key, item in value.items()}
        return value

    def _item(self, key: str, value: Any) -> Any:
        # A JSON Schema may well describe a property that is named like a secret.
        usual = _folded(key) in SECRET_KEYS and not isinstance(value, (dict, list, type(None)))
        return HIDDEN if usual or _folded(key) in self._keys else self._clean(value)

    def _text(self, text: str) -> str:
        for key in self._known:
            text = text.replace(key, HIDDEN)
        for pattern in self._texts:
            text = pattern.sub(HIDDEN, text)
        return text


def _folded(key: str) -> str:
    return key.lower().replace("-", "_")


def _known_keys(model: Any) -> set[str]:
    """Keys of the environment, and those of the client and of what it wraps."""
    found = {value.strip() for name, value in os.environ.items() if name.upper().endswith("_API_KEY")}
    while model is not None:
        found.add(str(getattr(model, "api_key", "")))
        model = next((one for name in ("model", "_model") if hasattr(one := getattr(model, name, None), "count")), None)
    return {key for key in found if len(key) >= SHORTEST}
