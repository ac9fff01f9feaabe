"""What is seen of a text without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.routing.rules.language import language_of
from orchestra.routing.rules.signals import (
    Complexity,
    Keyword,
    Language,
    Length,
    Metadata,
    Sensor,
    Sight,
    Similar,
    Structure,
)


def read(signal: Any, text: str, **metadata: Any) -> float:
    return float(signal.read(Sight(text, metadata)))


@pytest.mark.parametrize(
    ("join", "text", "found"),
    [
        ("or", "This is URGENT!", 1),
        ("or", "insurgent", 0),
        ("or", "call 555-1234", 1),
        ("and", "urgent: 555-1234", 1),
        ("and", "urgent", 0),
        ("nor", "nothing of it", 1),
        ("nor", "urgent", 0),
    ],
)
def test_keywords_by_regular_expression(join: Any, text: str, found: float) -> None:
    assert read(Keyword(name="k", patterns=("urgent", r"\d{3}-\d{4}"), join=join), text) == found


def test_keywords_by_bm25() -> None:
    signal = Keyword(name="k", patterns=("refund my order", "track a parcel"), method="bm25")
    whole, part, none = (read(signal, text) for text in ("please refund my order", "an order", "good morning"))
    assert 1 > whole > part > 0 == none
    assert read(Keyword(name="k", patterns=("refund my order",), method="bm25", threshold=9.0), "refund my order") == 0


def test_keywords_by_trigrams_forgive_typing_errors() -> None:
    signal = Keyword(name="k", patterns=("subscription",), method="trigram")
    assert read(signal, "cancel my subscription now") == 1.0
    assert 0.4 <= read(signal, "cancel my subscripton now") < 1.0
    assert read(signal, "a new shipment") == read(signal, "") == 0


@pytest.mark.parametrize(
    ("unit", "text", "size"), [("tokens", "äöü", 2), ("words", "to be, or not", 4), ("characters", "äöü", 3)]
)
def test_length_is_an_interval_with_its_ends(unit: Any, text: str, size: int) -> None:
    for low, high, found in ((size, size, 1), (size + 1, 99, 0), (0, size - 1, 0)):
        assert read(Length(name="l", low=low, high=high, unit=unit), text) == found


@pytest.mark.parametrize(
    ("feature", "limits", "text", "found"),
    [
        ("count", {"gte": 4}, "a? b? c? d?", 1),
        ("count", {"gte": 4}, "a? b? c?", 0),
        ("count", {"gte": 1, "lte": 2}, "a? b? c?", 0),
        ("exists", {}, "why?", 1),
        ("exists", {}, "why", 0),
        ("density", {"gte": 50}, "why? how?", 1),
        ("density", {"gte": 50}, "why is it that this is so?", 0),
    ],
)
def test_structure_counts(feature: Any, limits: Any, text: str, found: float) -> None:
    assert read(Structure(name="s", patterns=(r"\?",), feature=feature, **limits), text) == found


def test_a_sequence_is_in_order() -> None:
    signal = Structure(name="s", patterns=("first", "then", "finally"), feature="sequence")
    assert read(signal, "First do a, then b; finally c.") == 1
    assert read(signal, "Then b, first a, finally c.") == read(signal, "first then") == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What is the best way to do it?", "en"),
        ("Wie komme ich zu dem Bahnhof und was kostet das?", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de España y por qué?", "es"),
        ("Qual è la capitale della Francia?", "it"),
        ("Qual é a capital do Brasil, e não só isso?", "pt"),
        ("Wat is de hoofdstad van het land en hoe kom je er?", "nl"),
        ("東京はどこですか", "ja"),
        ("北京在哪里", "zh"),
        ("Где находится Москва?", "ru"),
        ("서울은 어디에 있습니까", "ko"),
        ("12 + 30", ""),
        ("", ""),
    ],
)
def test_languages(text: str, code: str) -> None:
    assert language_of(text)[0] == code
    if code:
        assert 0 < read(Language(name="l", languages=(code, "th")), text) <= 1
    assert read(Language(name="l", languages=("th",)), text) == 0


class Axes:
    """Texts by their first letter: h, e or anything else."""

    name, d = "axes", 3

    def embed(self, text: str, /) -> Sequence[float]:
        return [3.0 * (text[:1] == "h"), 2.0 * (text[:1] == "e"), float(text[:1] not in "he")]


def test_similarity_is_that_of_the_nearest_exemplar() -> None:
    signal = Similar(name="s", exemplars=("hi", "eh"), threshold=0.7, embedder=Axes())
    assert read(signal, "hello") == read(signal, "every") == 1.0 and read(signal, "what") == 0
    words = Similar(name="s", exemplars=("I want my money back", "refund the order"))
    assert read(words, "give me my money back") > 0.3 and read(words, "what time is it") == 0


@pytest.mark.parametrize(("level", "text"), [("hard", "hmm"), ("easy", "ease"), ("medium", "what")])
def test_complexity_is_a_contrast(level: Any, text: str) -> None:
    signal = Complexity(name="c", hard=("hard",), easy=("easy",), level=level, embedder=Axes())
    assert [read(signal, one) for one in ("hmm", "ease", "what")].count(1.0) == 1 == read(signal, text)


def test_metadata() -> None:
    tier = Metadata(name="m", key="tier", values=("gold", "silver"))
    assert (read(tier, "", tier="gold"), read(tier, "", tier="tin"), read(tier, "")) == (1, 0, 0)
    age = Metadata(name="m", key="age", gte=18)
    assert (read(age, "", age=18), read(age, "", age=17), read(age, "", age="18"), read(age, "", age=True)) == (
        1,
        0,
        0,
        0,
    )
    assert read(Metadata(name="m", key="x"), "", x=0) == 1


def test_a_signal_of_ones_own_is_bounded() -> None:
    assert [read(Sensor(name="s", check=lambda sight, v=v: v), "") for v in (-1, True, 7)] == [0, 1, 1]  # type: ignore[misc]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Keyword(name="k", patterns=()),
        lambda: Keyword(name="k", patterns=("(",)),
        lambda: Keyword(name="k", patterns=("a",), join="xor"),  # type: ignore[arg-type]
        lambda: Length(name="l", low=2, high=1),
        lambda: Length(name="l", unit="lines"),  # type: ignore[arg-type]
        lambda: Structure(name="s", patterns=("a",), feature="many"),  # type: ignore[arg-type]
        lambda: Structure(name="s", patterns=("a",), gte=float("nan")),
        lambda: Language(name="l", languages=("tlh",)),
        lambda: Similar(name="s", exemplars=(" ",)),
        lambda: Complexity(name="c", hard=("a",), easy=("b",), level="odd"),  # type: ignore[arg-type]
        lambda: Metadata(name="m", key="k", gte=2, lte=1),
    ],
)
def test_what_cannot_be_a_signal(make: Any) -> None:
    with pytest.raises((BadDefinition, BadNumber)):
        make()


SIGNALS = [
    Keyword(name="k", patterns=("a b", "c")),
    Keyword(name="k", patterns=("a b", "c"), method="bm25"),
    Keyword(name="k", patterns=("a b", "c"), method="trigram"),
    Structure(name="s", patterns=("a",), feature="density", gte=0),
    Language(name="l", languages=("en", "zh")),
    Similar(name="s", exemplars=("a b",), threshold=-1),
    Complexity(name="c", hard=("a",), easy=("b",)),
]


@given(st.text(max_size=80))
def test_every_text_has_a_confidence(text: str) -> None:
    assert all(0 <= read(signal, text) <= 1 for signal in SIGNALS)
