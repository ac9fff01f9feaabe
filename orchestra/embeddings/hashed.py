"""Text to a vector without a model: hashed words, word pairs and character n-grams, weighted by how rare they are.

Formula: v[h(g)] += sign(g) weight(g) idf(g) for every n-gram g of the text, then v / |v|, with
idf(g) = ln((1 + N) / (1 + n_g)) + 1 over the N texts it was fitted on.
Source: the hashing trick, Weinberger et al. 2009, arXiv:0902.2206; the weights are ours, chosen on public sets of
intents and tools.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
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
# Of texts as long as descriptions: a catalogue that changes is read again, text by text, at each change.
CACHED_TEXTS, CACHED_CHARACTERS = 4096, 500


class Grams(NamedTuple):
    """The n-grams of a text, one entry for each time. Two of one checksum, 1 in 4 billion, count as the same.

    Shapes: ``checksums``, ``weights`` (with their signs) and ``places`` (to be taken modulo d) (n,), ``distinct`` (m,).
    """

    checksums: NDArray[np.uint32]
    weights: Array
    places: NDArray[np.int64]
    distinct: NDArray[np.uint32]


class Rarity:
    """How rare each n-gram is among some texts. Shapes: ``checksums`` (m,) in order, ``idf`` (m,)."""

    def __init__(self, texts: Sequence[str]) -> None:
        import numpy as np

        found = [_grams_of(text, 1.0).distinct for text in texts]
        joined = np.concatenate(found) if found else np.zeros(0, dtype=np.uint32)
        self.checksums, counts = np.unique(joined, return_counts=True)
        self.idf: Array = np.log((1 + len(texts)) / (1 + counts)) + 1.0
        self.texts = tuple(sorted(texts))

    @classmethod
    def recorded(cls, checksums: NDArray[np.uint32], idf: Array, label: str) -> Rarity:
        """As it was once, of texts that are no longer there; ``label`` stands for them."""
        made = cls(())
        made.checksums, made.idf, made.texts = checksums, idf, (label,)
        return made

    def of(self, checksums: NDArray[np.uint32]) -> Array:
        """The idf of each."""
        import numpy as np

        if not len(self.checksums):
            return np.full(len(checksums), UNSEEN)
        at = np.minimum(np.searchsorted(self.checksums, checksums), len(self.checksums) - 1)
        found: Array = np.where(self.checksums[at] == checksums, self.idf[at], UNSEEN)
        return found


class HashedEmbedder:
    """A pure embedder that needs numpy only; about 20 us a sentence once its words are known.

    ``function_words`` is the weight of English function words: 1 for what a router learns from (they tell questions
    apart), .2 for comparing a question with a description. Hashes are the same in every process. Of long texts the
    first 10,000 characters are read. ``name`` changes with the texts it was fitted on.

    Shapes: ``embed`` returns (d,), L2-normalised, zeros for a text without words.
    Raises: BadNumber where d < 1.
    """

    def __init__(self, rarity: Rarity, *, d: int = 64, function_words: float = 1.0) -> None:
        if d < 1:
            raise BadNumber(f"d={d!r} dimensions.", remedy="Give a number from 1.")
        self.d = d
        self.name = f"hash{d}-idf-{digest(chr(0).join((f'{FORMAT} {function_words}', *rarity.texts)), 4)}"
        self.rarity = rarity
        self._function_words = function_words
        self._token_to_entries: dict[str, tuple[NDArray[np.intp], Array]] = {}

    @classmethod
    def fit(cls, texts: Sequence[str], d: int = 64, *, function_words: float = 1.0) -> HashedEmbedder:
        """Takes the n-grams' rarity from these texts: descriptions and examples of a catalogue's nodes."""
        return cls(Rarity(texts), d=d, function_words=function_words)

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

    def matrix(self, texts: Sequence[str]) -> Array:
        """``vector`` of each text, all at once. Shapes: returns (texts, d)."""
        import numpy as np

        read = [_grams_of(text, self._function_words) for text in texts]
        checksums = np.concatenate([grams.checksums for grams in read])
        rows = np.repeat(np.arange(len(read)) * self.d, [len(grams.checksums) for grams in read])
        places = np.concatenate([grams.places for grams in read]) % self.d + rows
        weights = np.concatenate([grams.weights for grams in read]) * self.rarity.of(checksums)
        summed = np.bincount(places, weights, len(read) * self.d).astype(np.float64, copy=False).reshape(-1, self.d)
        norms = np.sqrt(np.einsum("ij,ij->i", summed, summed))
        summed /= np.where(norms, norms, 1.0)[:, None]
        return summed

    def _entries(self, token: str) -> tuple[NDArray[np.intp], Array]:
        """A token's places and signed weights; the cache is emptied when it is full."""
        known = self._token_to_entries.get(token)
        if known is not None:
            return known
        if len(self._token_to_entries) >= CACHED_TOKENS:
            self._token_to_entries.clear()
        grams = _grams_in((token,), self._function_words)
        entries = (grams.places % self.d, grams.weights * self.rarity.of(grams.checksums))
        self._token_to_entries[token] = entries
        return entries


def _grams_of(text: str, function_words: float) -> Grams:
    return _known_grams(text, function_words) if len(text) <= CACHED_CHARACTERS else _read(text, function_words)


def _read(text: str, function_words: float) -> Grams:
    return _grams_in(_tokens(text), function_words)


_known_grams = lru_cache(CACHED_TEXTS)(_read)


def _grams_in(tokens: Sequence[str], function_words: float) -> Grams:
    import numpy as np

    checksums, plain = [], []
    for token in tokens:
        common = token in FUNCTION_WORDS
        for gram, weight in _grams(token):
            if common and (function_words == 1.0 or gram[0] == "="):
                weight *= function_words
            elif common:
                continue
            checksums.append(crc32(gram.encode("utf-8", "surrogatepass")))
            plain.append(weight)
    sums = np.array(checksums, dtype=np.uint32)
    mixed = sums.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # modulo 2**64
    signs = np.where(mixed & np.uint64(0x100000000), 1.0, -1.0)
    places = (mixed >> np.uint64(33)).astype(np.int64)
    return Grams(sums, np.array(plain, dtype=np.float64) * signs, places, np.unique(sums))


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
