"""Which skills fit a task, by the words of their names and descriptions."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestra.skills.skill import Skill

_WORD = re.compile(r"[^\W_]+")
_COMMON = frozenset(
    "a an and any are as at be by can do for from has have how i if in into is it its me my not of on one or our so "
    "that the their them then there these this to use used was we what when where which who will with you your".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Units: ``score`` from 0 (no word in common) to 1 (the same words)."""

    skill: Skill
    score: float


class SkillIndex:
    """Skills by their words. Immutable and pure: a search costs as much as the skills that share a word with it.

    Source: cosine of sets weighted by ln(1 + n / df), the usual inverse document frequency; the list of common words
    and the plural rule are our defaults.
    """

    __slots__ = ("_norms", "_unseen", "_weights", "_word_to_places", "skills")

    def __init__(self, skills: Iterable[Skill]) -> None:
        self.skills = tuple(skills)
        texts = [words(f"{skill.name} {skill.description}") for skill in self.skills]
        frequency = Counter(word for text in texts for word in text)
        self._weights = {word: math.log(1 + len(texts) / df) for word, df in frequency.items()}
        self._unseen = math.log(1 + len(texts))
        self._norms = [math.sqrt(sum(self._weights[word] ** 2 for word in sorted(text))) for text in texts]
        self._word_to_places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            for word in text:
                self._word_to_places.setdefault(word, []).append(place)

    def match(self, text: str, limit: int = 3) -> tuple[Match, ...]:
        """At most ``limit`` skills that share a word with the text, the best first, equals by name."""
        asked = sorted(words(text))
        norm = math.sqrt(sum(self._weights.get(word, self._unseen) ** 2 for word in asked))
        place_to_sum: dict[int, float] = {}
        for word in asked:
            for place in self._word_to_places.get(word, ()):
                place_to_sum[place] = place_to_sum.get(place, 0.0) + self._weights[word] ** 2
        matches = [
            Match(skill=self.skills[place], score=min(1.0, total / (norm * self._norms[place])))
            for place, total in place_to_sum.items()
        ]
        return tuple(sorted(matches, key=lambda match: (-match.score, match.skill.name))[:limit])


def words(text: str) -> frozenset[str]:
    """The words that tell texts apart: in lower case, without the most common ones, plurals as singulars."""
    return frozenset(_singular(word) for word in _WORD.findall(text.casefold()) if word not in _COMMON)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
