"""Which language a text is in, by its script or its commonest words. Our default; no model."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

READ_CHARACTERS = 10_000
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
COMMON = {
    code: frozenset(said.split())
    for code, said in {
        "en": "the and of to is in that it for you what how with this are was on be have not do does which from my",
        "de": "der die das und ist nicht ein eine ich zu den mit von wie was auf für sich dem des im wir sie es auch",
        "fr": "le la les des et est une un que qui dans pour pas je vous ce sur avec du au nous il elle quel quelle",
        "es": "el la los las de que y en un una es por para con no se su lo como qué está son mi cuál pero",
        "it": "il lo la gli le di che e un una è per con non si come sono della del mi cosa quale perché ma",
        "pt": "o a os as de que e em um uma é para com não se por como do da no na são meu qual mas",
        "nl": "de het een en van is dat niet ik in op te voor met zijn wat hoe je er aan ook maar om deze",
    }.items()
}
SCRIPT_TO_LANGUAGE = {
    "ARABIC": "ar",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "GREEK": "el",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "THAI": "th",
}
LANGUAGES = frozenset(COMMON) | frozenset(SCRIPT_TO_LANGUAGE.values())


def words(text: str) -> list[str]:
    """The words of the text's first 10,000 characters, in small letters."""
    return WORD.findall(unicodedata.normalize("NFKC", text[:READ_CHARACTERS]).casefold())


def language_of(text: str) -> tuple[str, float]:
    """The language and what share of the evidence speaks for it; ("", 0) where there is none."""
    letters = [letter for letter in text[:1000] if letter.isalpha()]
    scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in letters)
    found = Counter[str]()
    for script, count in scripts.items():
        found[SCRIPT_TO_LANGUAGE.get(script, "")] += count
    if found["ja"]:  # Japanese is written with Chinese signs as well
        found["ja"] += found.pop("zh", 0)
    best = max(found, key=found.__getitem__, default="")
    if best:
        return best, found[best] / len(letters)
    said = words(text)
    hits = {code: sum(word in common for word in said) for code, common in COMMON.items()}
    most = max(hits.values())
    if not most or list(hits.values()).count(most) > 1:
        return "", 0.0
    return max(hits, key=hits.__getitem__), most / sum(hits.values())
