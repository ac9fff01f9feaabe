"""What can be told of a text without understanding it, as embedders to be joined with others.

Complexity is 100 - Flesch's reading ease, clamped to [0, 100], in three levels: below 20, below 30, and above. Reading
ease is 206.835 - 1.015 words / sentences - 84.6 syllables / words.
Structure is length, questions, code and digits, each s in [0, 1] as (sqrt(1 - s), sqrt(s)) / 2, so that the length of
the vector is 1 whatever they are.
Source: the levels are those of GreenServ, arXiv:2601.17551; Flesch 1948; a syllable counted as a group of vowels, and
the structure, are our default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

READ_CHARACTERS = 10_000
LEVELS = (20.0, 30.0)
WORD = re.compile(r"[^\W\d_]+")
VOWELS = re.compile(r"[aeiouy]+")
SENTENCE_ENDS = re.compile(r"[.!?。！？]+(?:\s|$)")  # noqa: RUF001
CODE = re.compile(r"```|[{};=<>]|\bdef\b|->|::|\(\)")
# A text this long counts as 1: what differs is mostly below.
LONG_CHARACTERS = 4000
QUESTIONS, CODE_SHARE, DIGIT_SHARE = 3, 0.2, 0.2


def complexity(text: str) -> float | None:
    """From 0 for what a child can read to 100; None for a text without letters."""
    words = WORD.findall(text[:READ_CHARACTERS].lower())
    if not words:
        return None
    sentences = max(1, len(SENTENCE_ENDS.findall(text[:READ_CHARACTERS])))
    syllables = sum(max(1, len(VOWELS.findall(word))) for word in words)
    ease = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)
    return min(100.0, max(0.0, 100.0 - ease))


class _Signal:
    name: str
    d: int

    def __init__(self, name: str, d: int, of: Callable[[str], Sequence[float]]) -> None:
        self.name, self.d, self._of = name, d, of

    def embed(self, text: str, /) -> Sequence[float]:
        return self._of(text)

    def matrix(self, texts: Sequence[str], /) -> Array:
        """``embed`` of each text. Shapes: returns (n, d)."""
        import numpy as np

        return np.array([self._of(text) for text in texts], dtype=np.float32).reshape(-1, self.d)


def level_of(text: str) -> Sequence[float]:
    """Shapes: (3,), a one at the level, zeros for a text without letters."""
    value = complexity(text)
    at = None if value is None else sum(value >= bound for bound in LEVELS)
    return [float(at == level) for level in range(len(LEVELS) + 1)]


def structure_of(text: str) -> Sequence[float]:
    """Shapes: (8,), of length 1; zeros for an empty text."""
    read = text[:READ_CHARACTERS]
    if not read:
        return [0.0] * 8
    shares = (
        math.log1p(len(read)) / math.log1p(LONG_CHARACTERS),
        read.count("?") / QUESTIONS,
        len(CODE.findall(read)) / (1 + len(WORD.findall(read))) / CODE_SHARE,
        sum(one.isdigit() for one in read) / len(read) / DIGIT_SHARE,
    )
    return [math.sqrt(part) / 2 for share in shares for part in (1 - min(1.0, share), min(1.0, share))]


COMPLEXITY = _Signal("complexity3", 3, level_of)
"""An embedder: the level of complexity. Shapes: (3,)."""
STRUCTURE = _Signal("structure8", 8, structure_of)
"""An embedder: length, questions, code and digits. Shapes: (8,)."""
