"""Text to a vector without a model: hashed words, word pairs and character n-grams, weighted by how rare they are.

Formula: v[h(g)] += sign(g) weight(g) idf(g) for every n-gram g of the text, then v / |v|, with
idf(g) = ln((1 + N) / (1 + n_g)) + 1 over the N texts it was fitted on.
Source: the hashing trick, Weinberger et al. 2009, arXiv:0902.2206; the weights are ours, chosen on public sets of
intents and tools.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

from orchestra.core.errors import BadNumber
from orchestra.core.ids import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Scripts that put no spaces between words give one token for each character.
TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
FUNCTION_WORDS = frozenset(
    """a about after all also am an and any are as at be been being both but by can could did do does doing each
    either else ever for from get give go going got had has have having he her here him his how i if in into is
    it its itself just let like make many may me might more most much must my myself need no nor not of off on
    once one only or other our ours out over own please same shall she should so some such than thank thanks
    that the their them then there these they this those through to too under until up us very want was we well
    were what when where whether which while who whom whose why will with would yes yet you your yours""".split()
)
WORD, PAIR, CHARACTERS = 1.0, 0.5, 0.6
CHARACTER_SIZES = (3, 4, 5)
# An n-gram that no description holds says little about who should answer, but it should not vanish.
UNSEEN = 0.5
FORMAT = 1
READ_CHARACTERS = 10_000
CACHED_TOKENS = 8192


class HashedEmbedder:
    """A pure embedder that needs numpy only; about 20 us a sentence once its words are known.

    ``function_words`` is the weight of English function words: 1 for what a router learns from (they tell questions
    apart), .2 for comparing a question with a description. Hashes are the same in every process. Of long texts the
    first 10,000 characters are read. ``name`` changes with the texts it was fitted on.

    Shapes: ``embed`` returns (d,), L2-normalised, zeros for a text without words.
    Raises: BadNumber where d < 1.
    """

    def __init__(self, idf: Mapping[str, float], *, d: int = 64, function_words: float = 1.0, name: str = "") -> None:
        if d < 1:
            raise BadNumber(f"d={d!r} dimensions.", remedy="Give a number from 1.")
        self.d = d
        self.name = name or f"hash{d}"
        self._idf = idf
        self._function_words = function_words
        self._token_to_entries: dict[str, tuple[NDArray[np.intp], Array]] = {}

    @classmethod
    def fit(cls, texts: Sequence[str], d: int = 64, *, function_words: float = 1.0) -> HashedEmbedder:
        """Takes the n-grams' rarity from these texts: descriptions and examples of a catalogue's nodes."""
        frequency: Counter[str] = Counter()
        for text in texts:
            frequency.update({gram for token in _tokens(text) for gram, _ in _grams(token)})
        idf = {gram: math.log((1 + len(texts)) / (1 + n)) + 1.0 for gram, n in frequency.items()}
        mark = digest("\x00".join((f"{FORMAT} {function_words}", *sorted(texts))), 4)
        return cls(idf, d=d, function_words=function_words, name=f"hash{d}-idf-{mark}")

    def embed(self, text: str, /) -> Sequence[float]:
        values: list[float] = self.vector(text).tolist()
        return values

    def vector(self, text: str) -> Array:
        """``embed`` as an array."""
        import numpy as np

        entries = [self._entries(token) for token in _tokens(text)]
        if not entries:
            return np.zeros(self.d)
        places, weights = zip(*entries, strict=True)
        summed = np.bincount(np.concatenate(places), np.concatenate(weights), self.d).astype(np.float64, copy=False)
        norm = math.sqrt(float(summed @ summed))
        return summed / norm if norm else summed

    def _entries(self, token: str) -> tuple[NDArray[np.intp], Array]:
        """A token's places and signed weights; the cache is emptied when it is full."""
        known = self._token_to_entries.get(token)
        if known is not None:
            return known
        import numpy as np

        places, weights = [], []
        common = token in FUNCTION_WORDS
        for gram, weight in _grams(token):
            if common and (self._function_words == 1.0 or gram[0] == "="):
                weight *= self._function_words
            elif common:
                continue
            mixed = crc32(gram.encode("utf-8", "surrogatepass")) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
            places.append((mixed >> 33) % self.d)
            weights.append(weight * self._idf.get(gram, UNSEEN) * (1.0 if mixed & 0x100000000 else -1.0))
        if len(self._token_to_entries) >= CACHED_TOKENS:
            self._token_to_entries.clear()
        entries = (np.array(places, dtype=np.intp), np.array(weights, dtype=np.float64))
        self._token_to_entries[token] = entries
        return entries


def _tokens(text: str) -> list[str]:
    """The words, and the pairs of neighbours with a space between them."""
    words = TOKEN.findall(text[:READ_CHARACTERS].lower())
    return words + [f"{one} {two}" for one, two in pairwise(words)]


def _grams(token: str) -> Iterator[tuple[str, float]]:
    """A token's n-grams and their weights; a leading = marks a whole word."""
    if " " in token:
        yield token, PAIR
        return
    yield f"={token}", WORD
    framed = f"<{token}>"
    for size in CHARACTER_SIZES:
        for start in range(len(framed) - size + 1):
            yield framed[start : start + size], CHARACTERS
