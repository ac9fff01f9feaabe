"""The hashed embedder."""

import subprocess
import sys
from zlib import crc32

import numpy as np
import pytest

from orchestra.core.errors import BadNumber
from orchestra.embeddings.hashed import CACHED_CHARACTERS, CACHED_TOKENS, UNSEEN, HashedEmbedder, Rarity

TEXTS = (
    "Refunds a card payment.",
    "Finds an order by its number.",
    "Says when a parcel will arrive.",
    "Adds up prices.",
)


def cosine(embedder: HashedEmbedder, one: str, two: str) -> float:
    return float(embedder.vector(one) @ embedder.vector(two))


def test_vectors_have_length_one_unless_there_are_no_words() -> None:
    embedder = HashedEmbedder.fit(TEXTS, 64)
    assert len(embedder.embed("Where is my parcel?")) == embedder.d == 64
    assert np.linalg.norm(embedder.embed("Where is my parcel?")) == pytest.approx(1.0)
    for empty in ("", "?! ...", "__"):
        assert set(embedder.embed(empty)) == {0.0}


def test_the_right_description_is_the_nearest() -> None:
    embedder = HashedEmbedder.fit(TEXTS, 1024, function_words=0.2)
    questions = (
        "I want my card payments refunded",
        "look up order A-17",
        "when do parcels arrive",
        "add the price of both",
    )
    for place, text in enumerate(questions):
        assert int(np.argmax([cosine(embedder, text, other) for other in TEXTS])) == place


def test_word_forms_scripts_and_case_are_met() -> None:
    embedder = HashedEmbedder.fit(TEXTS, 1024)
    assert cosine(embedder, "REFUND", "refund") == pytest.approx(1.0)
    assert cosine(embedder, "refund", "refunds") > 0.5 > cosine(embedder, "refund", "parcel")
    assert cosine(embedder, "退款到我的卡", "我的卡要退款") > 0.5


def test_function_words_can_count_less() -> None:
    light = HashedEmbedder.fit(TEXTS, 1024, function_words=0.2)
    heavy = HashedEmbedder.fit(TEXTS, 1024)
    pair = ("when is it that the parcel", "when is it that the price")
    assert cosine(light, *pair) < cosine(heavy, *pair)


def test_the_name_tells_what_it_was_fitted_on() -> None:
    name = HashedEmbedder.fit(TEXTS, 64).name
    assert name.startswith("hash64-idf-")
    assert HashedEmbedder.fit(TEXTS[::-1], 64).name == name
    assert HashedEmbedder.fit(TEXTS[:3], 64).name != name != HashedEmbedder.fit(TEXTS, 65).name
    assert HashedEmbedder.fit((), 8).embed("a word")


def test_another_process_computes_the_same() -> None:
    code = (
        "from orchestra.embeddings.hashed import HashedEmbedder as H;"
        "print(H.fit(['Refunds a card payment.'], 32).embed('refund my card'))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": s}, capture_output=True, text=True, check=True
        ).stdout
        for s in ("1", "2")
    }
    assert outputs == {f"{HashedEmbedder.fit(['Refunds a card payment.'], 32).embed('refund my card')}\n"}


def test_long_texts_and_many_words_stay_bounded() -> None:
    embedder = HashedEmbedder.fit(TEXTS, 16)
    assert embedder.embed("order " * 2000) == embedder.embed("order " * 200_000)
    for start in range(0, 3 * CACHED_TOKENS, 500):
        embedder.embed(" ".join(f"w{n}" for n in range(start, start + 500)))
        assert len(embedder._token_to_entries) <= CACHED_TOKENS
    with pytest.raises(BadNumber, match="d=0"):
        HashedEmbedder.fit(TEXTS, 0)


def test_a_matrix_holds_the_vector_of_each_text() -> None:
    texts = [*TEXTS, "", "an unseen word", "long " * CACHED_CHARACTERS]
    for embedder in (HashedEmbedder.fit(TEXTS, 16), HashedEmbedder.fit(TEXTS, 1024, function_words=0.2)):
        assert np.allclose(embedder.matrix(texts), [embedder.vector(text) for text in texts], atol=1e-12)
    assert HashedEmbedder.fit((), 8).matrix(["a word"]).any()


def test_rarity_is_that_of_the_texts_it_was_fitted_on() -> None:
    rarity = Rarity(["a card", "a parcel", "a letter"])
    common, rare, unseen = rarity.of(np.array([crc32(gram) for gram in (b"=a", b"=card", b"=zebra")], dtype=np.uint32))
    assert common == pytest.approx(1.0) and rare == pytest.approx(np.log(4 / 2) + 1) and unseen == UNSEEN
