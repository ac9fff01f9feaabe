"""Answers that are written differently and say the same."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from orchestra.aggregation.vote import ballot
from orchestra.core.errors import BadReply, NotSerialisable

Extract = Callable[[Any], str | None]
"""An answer -> what it must have in common with another to count as the same, None where nothing can be read."""

_READ_CHARACTERS = 20_000
_DIGITS = 400
_NUMBER = r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:e[-+]?\d{1,3})?"
_RATIO = re.compile(rf"({_NUMBER})(?:\s*/\s*({_NUMBER}))?")
_LEAD = re.compile(r"(?:the\s+)?(?:final\s+)?answer(?:\s+is\b\s*:?|\s*[:=])\s*")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_WRAPS = (("\\boxed{", "}"), ("\\(", "\\)"), ("**", "**"), ("$", "$"), ("`", "`"), ('"', '"'), ("'", "'"))
_SIGNS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{FRACTION SLASH}": "/", "\N{DIVISION SLASH}": "/"})


def canonical_answer(answer: Any) -> str | None:
    """What two answers must have in common to count as one; None for one that is empty or cannot be read.

    Numbers are compared by value: 0.5, 1/2, "1/2." and "\\frac{1}{2}" are one, and so are 1,000 and 1e3. Texts agree
    when they differ only in case, spacing, quotes, final punctuation and a leading "the answer is". A percent sign or a
    unit is kept, as it changes what is said. Other values are compared by their canonical JSON.

    Source: ACAR's EXTRACT step, whose rule was not found; this one is our default.
    """
    if answer is None or (isinstance(answer, (list, tuple, dict, set)) and not answer):
        return None
    if isinstance(answer, (int, float, Decimal)) and not isinstance(answer, bool):
        return _number(str(answer)) if math.isfinite(answer) else None
    if not isinstance(answer, str):
        try:
            return ballot(answer)
        except NotSerialisable:
            return None
    text = _bare(answer[:_READ_CHARACTERS])
    return (_number(text) or text) if text else None


def classes(answers: Sequence[Any], extract: Extract = canonical_answer) -> tuple[int, ...]:
    """The class of each answer, numbered as they come first: (0, 0, 1) for two that agree and a third.

    What ``extract`` finds nothing in, or refuses with ValueError or BadReply, is alone in a class of its own.
    """
    seen: dict[object, int] = {}
    for place, answer in enumerate(answers):
        seen.setdefault(_key(answer, place, extract), len(seen))
    return tuple(seen[_key(answer, place, extract)] for place, answer in enumerate(answers))


def readable(answer: Any, extract: Extract = canonical_answer) -> bool:
    """Whether there is an answer in it at all."""
    return isinstance(_key(answer, 0, extract), str)


def _key(answer: Any, place: int, extract: Extract) -> object:
    try:
        found = extract(answer)
    except (ValueError, BadReply):
        found = None
    return place if found is None else found


def _bare(text: str) -> str:
    """Without what is only form."""
    text = _RAISED.sub(lambda digits: f"^{digits[0]}", text)  # or else NFKC made 102 of 10 squared
    text = " ".join(unicodedata.normalize("NFKC", text).translate(_SIGNS).casefold().split())
    before = None
    while text != before:
        before = text
        text = _LEAD.sub("", text, count=1) if _LEAD.match(text) else text
        text = text.strip().rstrip(".!,;").rstrip()
        for first, last in _WRAPS:
            if len(text) > len(first) and text.startswith(first) and text.endswith(last):
                text = text[len(first) : -len(last)].strip()
    return _FRACTION.sub(r"\1/\2", text)


def _number(text: str) -> str | None:
    """The value as a fraction in lowest terms, None where it is no number that can be compared."""
    found = _RATIO.fullmatch(text.casefold()) if len(text) <= _DIGITS else None
    if found is None:
        return None
    above, below = (Fraction(part.replace(",", "")) if part else Fraction(1) for part in found.groups())
    return str(above / below) if below else None
