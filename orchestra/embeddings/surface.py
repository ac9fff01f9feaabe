"""What a text looks like, as plain numbers for a model that scales them itself: length, numbers, code, marks.

Source: our default. Difficulty of a kind (longer problems, more numbers) shows here and hardly in an encoder's vector.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

D = 15
READ_CHARACTERS = 20_000
WORD = re.compile(r"\w+")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SENTENCE = re.compile(r"[.!?]+\s")
CHOICE = re.compile(r"\b[A-D][).]")
CODE = re.compile(r"\bdef |\{|return")
OPERATORS = frozenset("+-*/=^<>$%\\")


def surface(text: str) -> tuple[float, ...]:
    """Shapes: (15,). Logarithms of counts, and shares of the characters."""
    read = text[:READ_CHARACTERS]
    n = max(1, len(read))
    words = WORD.findall(read)
    return (
        math.log1p(len(read)),
        math.log1p(len(words)),
        math.log1p(len(NUMBER.findall(read))),
        math.log1p(len(SENTENCE.split(read))),
        math.log1p(read.count("\n")),
        float(min(9, read.count("?"))),
        sum(one.isdigit() for one in read) / n,
        sum(one.isupper() for one in read) / n,
        sum(ord(one) > 127 for one in read) / n,
        sum(one in OPERATORS for one in read) / n,
        read.count(",") / n,
        sum(map(len, words)) / max(1, len(words)),
        len(set(words)) / max(1, len(words)),
        float(CHOICE.search(read) is not None),
        float(CODE.search(read) is not None),
    )


def surfaces(texts: Sequence[str]) -> Array:
    """``surface`` of each. Shapes: (n, 15)."""
    import numpy as np

    return np.array([surface(text) for text in texts], dtype=np.float32).reshape(-1, D)
