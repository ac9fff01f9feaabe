"""The shop's product and policy pages and a small lexical search over them: TF-IDF on words, one sentence out."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

FOLDER = Path(__file__).parent / "pages"

_FILLERS = (
    "a about all am an and any anything are as at be been by can could did do does for from get go had has have hello"
    " hi how i if in into is it its just know let like may me might much my need no not of on one or our please shall"
    " should so some something tell than that the their them then there they this to up us was we were what when where"
    " which who will with would you your"
)
_STOP = frozenset(_FILLERS.split())
# What customers call a thing, and the word the pages use for it.
_SYNONYMS = {
    "big": "measure", "brew": "steep", "capacity": "hold", "charge": "cost", "clean": "wash", "deliver": "ship", 
    "diameter": "across", "guarantee": "warranty", "heavy": "weigh", "height": "tall", "high": "tall",
    "large": "measure", "last": "keep", "made": "make", "mend": "repair", "microwavable": "microwave",
    "postage": "ship", "price": "cost", "return": "back", "send": "deliver", "size": "measure", "temperature": "degree",
    "volume": "hold", "wide": "across", "width": "across", "weight": "weigh", "wrap": "wrapping",
}  # fmt: skip
_TITLE_WEIGHT = 0.5
# The kind of answer that a question asks for, and what a sentence that holds such an answer looks like.
_NUMBER = r"(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_DURATION = rf"\b{_NUMBER} (?:minute|hour|day|working day|week|month|year)s?\b"
_ANSWERS = (
    (r"\bhow long\b", rf"{_DURATION}|\d (?:c?m|mm)\b"),
    (r"\b(?:what time|what hour|when do|when is|when are)", r"\d:\d\d|day\b"),
    (r"\bhow much (?:is|are|do you)\b|\bwhat (?:amount|price)\b|\b(?:cost|charge for|price)\b", r"\bEUR\b"),
    (r"\bhow (?:tall|high|wide|big|large|heavy|deep|strong)\b|\bhow much (?:does|do|will)\b|\btemperature\b", r"\d"),
)
_WITHOUT_IT = 0.25  # our default: what is left of the score of a sentence without the kind of answer asked for
ENOUGH = 0.16  # our default: up to this share of the question's weight, no sentence is about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: its name ('products/marlow-mug'), its title, and its sentences."""

    name: str
    title: str
    sentences: tuple[str, ...]


def read_pages(folder: Path = FOLDER) -> tuple[Page, ...]:
    """All pages under a folder, by name. A page is a '# Title' and one sentence a line."""
    pages = []
    for path in sorted(folder.rglob("*.md")):
        title, *lines = path.read_text(encoding="utf-8").splitlines()
        sentences = tuple(line for line in lines if line)
        name = path.relative_to(folder).with_suffix("").as_posix()
        pages.append(Page(name=name, title=title.removeprefix("# "), sentences=sentences))
    return tuple(pages)


def only(pages: Sequence[Page], kind: str) -> tuple[Page, ...]:
    """The pages of one kind: 'products' or 'policies'."""
    return tuple(page for page in pages if page.name.startswith(f"{kind}/"))


def stem(word: str) -> str:
    """A word without its commonest endings, so that 'mugs' meets 'mug' and 'washing' meets 'wash'."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


_SYNONYM_STEMS = {stem(key): stem(value) for key, value in _SYNONYMS.items()}


def terms(text: str) -> list[str]:
    """The words of a text that carry meaning, stemmed, with synonyms folded together."""
    words = re.findall(r"[a-z0-9]+", text.casefold())
    stems = [stem(word) for word in words if word not in _STOP]
    return [_SYNONYM_STEMS.get(found, found) for found in stems]


def alike(left: str, right: str) -> bool:
    """Whether two words are the same but for a typo (only words of five letters and more are given the benefit)."""
    if left == right:
        return True
    if min(len(left), len(right)) < 5 or left[0] != right[0]:
        return False
    return SequenceMatcher(None, left, right).ratio() >= 0.84


def search(pages: Sequence[Page], question: str, *, enough: float = ENOUGH) -> tuple[Page, str] | None:
    """The page and the sentence that answer a question best, or None if none is about it.

    A sentence scores the IDF weight of the question's words it has, and half of it for those only in its page's title;
    both as a share of the weight of the whole question. A sentence without the kind of answer that is asked for (a
    duration, an amount, a number of days) loses most of its score. Among equals, the shorter sentence wins.
    """
    asked = set(terms(question))
    kinds = _kinds(question)
    entries = [(page, text, set(terms(text)), set(terms(page.title))) for page in pages for text in page.sentences]
    counts = Counter(term for _, _, own, title in entries for term in own | title)
    weight = {term: math.log((1 + len(entries)) / (1 + _count(term, counts))) for term in asked}
    whole = sum(weight.values())
    best: tuple[float, int, Page, str] | None = None
    for page, text, own, title in entries:
        score = 0.0
        for term in asked:
            if any(alike(term, word) for word in own):
                score += weight[term]
            elif any(alike(term, word) for word in title):
                score += _TITLE_WEIGHT * weight[term]
        if not all(kind.search(text) for kind in kinds):
            score *= _WITHOUT_IT
        if best is None or (score, -len(text)) > best[:2]:
            best = (score, -len(text), page, text)
    if best is None or best[0] <= enough * whole:
        return None
    return best[2], best[3]


def _kinds(question: str) -> list[re.Pattern[str]]:
    """The looks of an answer to a question."""
    flat = question.casefold()
    looks = [answer for asked, answer in _ANSWERS if re.search(asked, flat)]
    looks += [rf"\b{_NUMBER} (?:working )?{word[:-1]}" for word in re.findall(r"\bhow many (\w{4,})", flat)]
    return [re.compile(look, re.IGNORECASE) for look in looks]


def _count(term: str, counts: Counter[str]) -> int:
    return sum(number for word, number in counts.items() if alike(term, word))
