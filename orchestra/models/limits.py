"""How long a provider asks to be left alone, and how much it still allows, from its headers. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_TO_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# What is left of an allowance, and when it is full again: OpenAI's headers and those of servers like it, Anthropic's.
_ALLOWANCES = [
    *((f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}") for kind in ("requests", "tokens")),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
    *(
        (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset")
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
]


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that Retry-After asks for, in seconds or as a date, or retry-after-ms; None where neither does.

    A date counts from the response's own date, so that no clock is needed.
    """
    low, since = _read(headers)
    wait_ms = _seconds(low.get("retry-after-ms", ""), None)
    return _seconds(low.get("retry-after", ""), since) if wait_ms is None else wait_ms / 1000


def allowed_again_s(headers: Mapping[str, str]) -> float | None:
    """When the last of the allowances that are used up comes back; None where the headers tell of none."""
    low, since = _read(headers)
    waits = [_seconds(low.get(reset, ""), since) for left, reset in _ALLOWANCES if low.get(left) == "0"]
    return max((wait for wait in waits if wait is not None), default=None)


class Allowance(NamedTuple):
    """The scarcest of what a reply's headers tell of. Units: ``left_share`` in [0, 1], ``reset_s`` seconds until it is
    full again, None where they do not say.
    """

    left_share: float
    reset_s: float | None


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """What is left of the rate limit, remaining / limit; None where the headers do not tell."""
    low, since = _read(headers)
    found = []
    for left, reset in _ALLOWANCES:
        share = _share(low.get(left, ""), low.get(left.replace("remaining", "limit"), ""))
        if share is not None:
            found.append(Allowance(share, _seconds(low.get(reset, ""), since)))
    return min(found, key=lambda one: one.left_share, default=None)


def _share(left: str, limit: str) -> float | None:
    try:
        share = float(left) / float(limit)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return min(share, 1.0) if share >= 0.0 else None


def _read(headers: Mapping[str, str]) -> tuple[dict[str, str], datetime | None]:
    low = {key.lower(): value.strip() for key, value in headers.items()}
    return low, _date(low.get("date", ""))


def _seconds(text: str, since: datetime | None) -> float | None:
    """Of a number, a number of seconds or milliseconds since 1970, a duration like 6m0s, or a date."""
    try:
        number = float(text)
    except ValueError:
        parts = _PARTS.findall(text)
        if parts and "".join(map("".join, parts)) == text:
            text = str(sum(float(count) * _UNIT_TO_S[unit] for count, unit in parts))
            return None if text == "inf" else float(text)
        until = _date(text)
        return None if until is None or since is None else max((until - since).total_seconds(), 0.0)
    if not math.isfinite(number):
        return None
    for scale in (1e3, 1.0):
        if number > 1e9 * scale:
            return None if since is None else max(number / scale - since.timestamp(), 0.0)
    return max(number, 0.0)


def _date(text: str) -> datetime | None:
    """With its zone: as HTTP writes dates, or as ISO 8601 does."""
    date = None
    with suppress(ValueError, TypeError):
        date = parsedate_to_datetime(text)
    if date is None:
        with suppress(ValueError):
            date = datetime.fromisoformat(text)
    return None if date is None or date.tzinfo is None else date
