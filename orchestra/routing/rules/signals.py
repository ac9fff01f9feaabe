"""What can be seen of a request without a model: each signal is a name and a confidence, 0 where it does not hold.

Source: the signals of vLLM Semantic Router (its August 2026 sources): keyword, structure, context, language, embedding
and complexity, with its thresholds. What BM25 and the trigrams are taken over was not found; see ``Keyword``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import mul
from typing import Any, Literal, NamedTuple, Protocol

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.embeddings.hashed import HashedEmbedder
from orchestra.ports.embedder import Embedder
from orchestra.routing.rules.language import LANGUAGES, READ_CHARACTERS, language_of, words

BM25_K1, BM25_B = 1.2, 0.75


class Sight(NamedTuple):
    """What a signal may look at. ``metadata`` is that of the input, under its key of this name."""

    text: str
    metadata: Mapping[str, Any] = {}


class Signal(Protocol):
    """``read`` is pure; it returns a confidence in [0, 1], 0 where the signal does not hold."""

    @property
    def name(self) -> str: ...

    def read(self, sight: Sight, /) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A signal of your own: any function of what can be seen. ``check`` returns a truth value or a confidence."""

    name: str
    check: Callable[[Sight], float]

    def read(self, sight: Sight, /) -> float:
        return min(1.0, max(0.0, float(self.check(sight))))


@dataclass(frozen=True, kw_only=True)
class Keyword:
    """Patterns in the text, joined by ``join``: "or" (any), "and" (all), "nor" (none of them).

    ``method``: "regex" (confidence 1; a pattern without signs is a whole word, case does not count), "bm25" (each
    pattern is a document and the text the query, k1 1.2, b .75, idf over the patterns; the score s counts from
    ``threshold``, .1, on, and the confidence is s / (1 + s)) or "trigram" (the best Jaccard similarity of a pattern's
    character trigrams with those of as many words of the text, from .4 on), which forgives typing errors. The first
    10,000 characters are read.

    Raises: BadDefinition.
    Source: vLLM Semantic Router; what the two scores are taken over is our default.
    """

    name: str
    patterns: tuple[str, ...]
    join: Literal["or", "and", "nor"] = "or"
    method: Literal["regex", "bm25", "trigram"] = "regex"
    threshold: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", _texts(self.name, self.patterns, "patterns"))
        if self.join not in ("or", "and", "nor") or self.method not in ("regex", "bm25", "trigram"):
            raise BadDefinition(
                f"{self.name!r}: join={self.join!r}, method={self.method!r} is not among those known.",
                remedy="join is or, and or nor; method is regex, bm25 or trigram.",
            )
        if self.method == "regex":
            _compiled(self.name, self.patterns)

    def read(self, sight: Sight, /) -> float:
        found = {"regex": self._regex, "bm25": self._bm25, "trigram": self._trigrams}[self.method](sight.text)
        if self.join == "nor":
            return float(not any(found))
        if self.join == "and":
            return min(found)
        return max(found)

    @cached_property
    def _searches(self) -> list[re.Pattern[str]]:
        return _compiled(self.name, self.patterns)

    def _regex(self, text: str) -> list[float]:
        return [float(search.search(text[:READ_CHARACTERS]) is not None) for search in self._searches]

    @cached_property
    def _documents(self) -> tuple[list[Counter[str]], Counter[str], float]:
        documents = [Counter(words(pattern)) for pattern in self.patterns]
        held = Counter(word for document in documents for word in document)
        return documents, held, sum(map(Counter.total, documents)) / len(documents) or 1.0

    def _bm25(self, text: str) -> list[float]:
        (documents, held, mean), asked = self._documents, set(words(text))
        least = 0.1 if self.threshold is None else self.threshold
        n, found = len(documents), []
        for document in documents:
            score = 0.0
            for word, count in document.items():
                if word in asked:
                    idf = math.log(1.0 + (n - held[word] + 0.5) / (held[word] + 0.5))
                    norm = count + BM25_K1 * (1.0 - BM25_B + BM25_B * document.total() / mean)
                    score += idf * count * (BM25_K1 + 1.0) / norm
            found.append(score / (1.0 + score) if score >= least else 0.0)
        return found

    @cached_property
    def _shapes(self) -> list[tuple[int, frozenset[str]]]:
        return [(max(1, len(words(pattern))), _trigrams(words(pattern))) for pattern in self.patterns]

    def _trigrams(self, text: str) -> list[float]:
        said, found, least = words(text), [], 0.4 if self.threshold is None else self.threshold
        for size, grams in self._shapes:
            windows = (_trigrams(said[i : i + size]) for i in range(max(1, len(said) - size + 1)))
            best = max(len(grams & other) / max(1, len(grams | other)) for other in windows)
            found.append(best if best >= least else 0.0)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """The text is from ``low`` to ``high`` long, both included. Confidence 1.

    Units: ``unit`` "tokens" (four UTF-8 bytes each, rounded up), "words" or "characters".
    """

    name: str
    low: float = 0.0
    high: float = math.inf
    unit: Literal["tokens", "words", "characters"] = "tokens"

    def __post_init__(self) -> None:
        if self.unit not in ("tokens", "words", "characters"):
            raise BadDefinition(
                f"{self.name!r}: unit={self.unit!r} is not tokens, words or characters.", remedy="Say one of the three."
            )
        _interval(self.name, self.low, self.high)

    def read(self, sight: Sight, /) -> float:
        text = sight.text
        if self.unit == "tokens":
            size = -(-len(text.encode("utf-8", "surrogatepass")) // 4)
        else:
            size = len(text) if self.unit == "characters" else len(words(text))
        return float(self.low <= size <= self.high)


@dataclass(frozen=True, kw_only=True)
class Structure:
    """How often patterns (regular expressions) stand in the text. Confidence 1.

    ``feature``: "count", "exists" (once at least), "density" (for every 100 words) or "sequence" (each begins after the
    end of the one before: first ... then). "count" and "density" hold from ``gte`` to ``lte``, both included.
    """

    name: str
    patterns: tuple[str, ...]
    feature: Literal["count", "exists", "density", "sequence"] = "exists"
    gte: float = 1.0
    lte: float = math.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", _texts(self.name, self.patterns, "patterns"))
        if self.feature not in ("count", "exists", "density", "sequence"):
            raise BadDefinition(
                f"{self.name!r}: feature={self.feature!r} is not count, exists, density or sequence.",
                remedy="Say one of the four.",
            )
        _interval(self.name, self.gte, self.lte)
        _compiled(self.name, self.patterns)

    @cached_property
    def _searches(self) -> list[re.Pattern[str]]:
        return _compiled(self.name, self.patterns)

    def read(self, sight: Sight, /) -> float:
        text, at = sight.text[:READ_CHARACTERS], 0
        if self.feature == "sequence":
            for search in self._searches:
                found = search.search(text, at)
                if found is None:
                    return 0.0
                at = found.end()
            return 1.0
        count = float(sum(1 for search in self._searches for _ in search.finditer(text)))
        if self.feature == "exists":
            return float(count > 0)
        if self.feature == "density":
            count = 100.0 * count / max(1, len(words(text)))
        return float(self.gte <= count <= self.lte)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The text is in one of ``languages``, as codes such as "en". Confidence: the share of what speaks for it.

    By script (ar, el, he, hi, ja, ko, ru, th, zh) or, in Latin letters, by the commonest words of de, en, es, fr, it,
    nl and pt. A text that shows neither, as a number or a single name, is in no language.
    """

    name: str
    languages: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", _texts(self.name, self.languages, "languages"))
        if unknown := sorted(set(self.languages) - LANGUAGES):
            known = ", ".join(sorted(LANGUAGES))
            raise BadDefinition(
                f"{self.name!r}: {unknown[0]!r} cannot be told; there are {known}.", remedy="Name one of these."
            )

    def read(self, sight: Sight, /) -> float:
        code, share = language_of(sight.text)
        return share if code in self.languages else 0.0


@dataclass(frozen=True, kw_only=True)
class Similar:
    """max_i cos(text, exemplar_i) >= ``threshold``; that maximum is the confidence.

    Without an embedder: hashed n-grams, of the exemplars' rarity. Those are words in common and no meaning, so the
    threshold is low (.3, our default); for an embedder of sentences the published ones lie near .7.
    """

    name: str
    exemplars: tuple[str, ...]
    threshold: float = 0.3
    embedder: Embedder | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "exemplars", _texts(self.name, self.exemplars, "exemplars"))

    @cached_property
    def _near(self) -> _Near:
        return _Near(self.embedder, self.exemplars)

    def read(self, sight: Sight, /) -> float:
        best = self._near.to(sight.text)[0]
        return min(1.0, max(0.0, best)) if best >= self.threshold else 0.0


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """delta = max cos(text, hard) - max cos(text, easy); "hard" above ``threshold``, "easy" below its negative, else
    "medium". The signal holds where the text is of this ``level``. Confidence 1.

    Source: vLLM Semantic Router, its contrastive exemplars; the threshold of .1 is our default.
    """

    name: str
    hard: tuple[str, ...]
    easy: tuple[str, ...]
    level: Literal["hard", "medium", "easy"] = "hard"
    threshold: float = 0.1
    embedder: Embedder | None = None

    def __post_init__(self) -> None:
        for side in ("hard", "easy"):
            object.__setattr__(self, side, _texts(self.name, getattr(self, side), side))
        if self.level not in ("hard", "medium", "easy"):
            raise BadDefinition(
                f"{self.name!r}: level={self.level!r} is not hard, medium or easy.", remedy="Say one of the three."
            )

    @cached_property
    def _near(self) -> _Near:
        return _Near(self.embedder, self.hard, self.easy)

    def read(self, sight: Sight, /) -> float:
        hard, easy = self._near.to(sight.text)
        delta = hard - easy
        level = "hard" if delta > self.threshold else "easy" if delta < -self.threshold else "medium"
        return float(level == self.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A field of the input's metadata: it is there and, where they are given, among ``values`` and in the interval."""

    name: str
    key: str
    values: tuple[Any, ...] = field(default=())
    gte: float = -math.inf
    lte: float = math.inf

    def __post_init__(self) -> None:
        _interval(self.name, self.gte, self.lte)

    def read(self, sight: Sight, /) -> float:
        found = sight.metadata.get(self.key)
        if found is None or (self.values and found not in self.values):
            return 0.0
        if (self.gte, self.lte) == (-math.inf, math.inf):
            return 1.0
        number = isinstance(found, (int, float)) and not isinstance(found, bool)
        return float(number and self.gte <= found <= self.lte)


class _Near:
    """How near a text comes to the nearest of each group of exemplars."""

    def __init__(self, embedder: Embedder | None, *groups: Sequence[str]) -> None:
        texts = [text for group in groups for text in group]
        self._embedder = embedder or HashedEmbedder.fit(texts, 512, function_words=0.2)
        self._groups = [[_unit(self._embedder.embed(text)) for text in group] for group in groups]

    def to(self, text: str) -> list[float]:
        seen = _unit(self._embedder.embed(text))
        return [max(math.fsum(map(mul, seen, one)) for one in group) for group in self._groups]


def _compiled(name: str, patterns: Sequence[str]) -> list[re.Pattern[str]]:
    """A pattern of letters, digits and spaces alone is whole words."""
    found = []
    for pattern in patterns:
        plain = re.fullmatch(r"[\w' -]+", pattern) is not None
        try:
            found.append(re.compile(rf"\b{re.escape(pattern)}\b" if plain else pattern, re.IGNORECASE))
        except (re.error, OverflowError, RecursionError) as error:
            raise BadDefinition(
                f"{name!r}: {pattern!r} is no regular expression: {error}.",
                remedy="Mend it; a backslash makes a character stand for itself.",
            ) from None
    return found


def _trigrams(said: Sequence[str]) -> frozenset[str]:
    framed = f"  {' '.join(said)} "
    return frozenset(framed[i : i + 3] for i in range(len(framed) - 2))


def _texts(name: str, given: Any, what: str) -> tuple[str, ...]:
    found = (given,) if isinstance(given, str) else tuple(given)
    if not found or not all(isinstance(text, str) and text.strip() for text in found):
        raise BadDefinition(f"{name!r}: {what} are one or more texts, none of them empty.", remedy="Give at least one.")
    return found


def _interval(name: str, low: float, high: float) -> None:
    if not low <= high:
        raise BadNumber(f"{name!r}: nothing lies between {low!r} and {high!r}.", remedy="Give the lower number first.")


def _unit(vector: Sequence[float]) -> list[float]:
    values = [float(value) for value in vector]
    norm = math.sqrt(math.fsum(value * value for value in values))
    return [value / norm for value in values] if norm else values
