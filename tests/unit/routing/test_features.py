"""Context, similarities, priors."""

from collections.abc import Sequence

import pytest

from orchestra.embeddings.hashed import HashedEmbedder
from orchestra.routing.features import READ_TOGETHER, TEXTS_KEPT, Features, priors
from tests.unit.routing.kit import catalog, node

CATALOG = catalog(
    node("stripe", description="Refunds a card payment."),
    node("tracker", description="Says when a parcel will arrive.", examples=("my order never came",)),
)


class Moody:
    """An embedder that fails on some texts and returns too much on others."""

    name, d = "moody", 2

    def embed(self, text: str, /) -> Sequence[float]:
        if "boom" in text:
            raise RuntimeError(text)
        return (1.0,) * (3 if "long" in text else 2)


def test_x_is_a_constant_and_the_embedding() -> None:
    seen = Features(CATALOG).of("refund my card")
    assert len(seen.x) == 65 and seen.x[0] == 1.0
    assert sum(value * value for value in seen.x[1:]) == pytest.approx(1.0, abs=1e-4)
    assert seen.marks.startswith("hash64-idf-")
    assert Features(CATALOG, d=16).of("refund").marks.startswith("hash16-idf-")


def test_similarity_is_that_of_the_description_or_the_best_example() -> None:
    features = Features(CATALOG)
    names = ("tracker", "local:small", "stripe")
    tracker, unknown, stripe = features.similarities(features.of("My order never came!"), names)
    assert tracker == pytest.approx(1.0, abs=1e-5) and unknown == 0.5 and 0.0 <= stripe < 0.3
    assert features.similarities(features.of("refund the card"), names)[2] > 0.4
    assert features.similarities(features.of("refund the card"), ("local:small",)) == [0.5]


@pytest.mark.parametrize(("text", "error"), [("boom", "RuntimeError"), ("too long", "ValueError")])
def test_an_embedder_that_fails_is_recorded_and_does_no_harm(text: str, error: str) -> None:
    features = Features(CATALOG, Moody())
    seen = features.of(text)
    assert seen.x == (1.0, 0.0, 0.0) and seen.marks == f"moody failed: {error}"
    assert features.similarities(seen, ("stripe", "tracker")) == [0.5, 0.5]
    assert features.of("fine").marks == "moody"
    broken = Features(catalog(node("n", description="boom")), Moody())
    assert broken.similarities(broken.of("fine"), ("n",)) == [0.5]


def test_the_cache_of_texts_is_bounded() -> None:
    features = Features(CATALOG)
    first = features.of("text 0")
    assert features.of("text 0") is first
    for n in range(1, TEXTS_KEPT + 2):
        features.of(f"text {n}")
    assert len(features._seen) == TEXTS_KEPT
    assert features.of("text 0") is not first and features.of("text 0").x == first.x


def test_priors_go_by_similarity_then_cost_around_one_half() -> None:
    near, far, free, down = priors((10, 10, 0, 10), (None, None, None, "x"), (0.4, 0.0, 0.0, 0.4))
    assert near == down > free > far
    assert (near + free + far) / 3 == pytest.approx(0.5)
    assert priors((0, 0), (None, None), (0.7, 0.7)) == pytest.approx([0.5, 0.5])


def test_chance_similarities_hardly_move_the_prior() -> None:
    one, two = priors((0, 0), (None, None), (0.004, 0.0))
    assert one - two == pytest.approx(0.45 * 0.04)


def test_many_nodes_are_read_in_parts() -> None:
    nodes = [node(f"n{number}", description=f"Does number {number}.") for number in range(READ_TOGETHER + 3)]
    many, few = Features(catalog(*nodes)), Features(catalog(*nodes))
    last = nodes[-1].name
    seen = many.of(f"does number {READ_TOGETHER + 2}")
    values = many.similarities(seen, [each.name for each in nodes])
    assert max(values) == values[-1] == few.similarities(few.of(f"does number {READ_TOGETHER + 2}"), [last])[0]


def test_an_embedder_that_fails_on_descriptions_alone_is_recorded_too() -> None:
    for description, error in (("too long", "ValueError"), ("boom", "RuntimeError")):
        features = Features(catalog(node("n", description=description)), Moody())
        seen = features.of("fine")
        assert features.marks(seen) == seen.marks == "moody"
        assert features.similarities(seen, ("n",)) == [0.5]
        assert features.marks(seen) == f"moody; descriptions failed: {error}"
        failing = features.of("boom")
        assert features.marks(failing) == "moody failed: RuntimeError"


def test_vectors_that_are_not_finite_are_no_features() -> None:
    class Broken(Moody):
        def embed(self, text: str, /) -> Sequence[float]:
            return (float("nan"), 0.0) if "Refunds" in text or text == "x" else (1.0, 0.0)

    features = Features(CATALOG, Broken())
    assert features.of("x").marks == "moody failed: ValueError" and features.of("x").x == (1.0, 0.0, 0.0)
    assert features.similarities(features.of("fine"), ("stripe", "tracker")) == [0.5, 0.5]


def test_an_embedder_may_be_made_of_the_catalogues_texts() -> None:
    made: list[Sequence[str]] = []

    def maker(texts: Sequence[str]) -> Moody:
        made.append(texts)
        return Moody()

    assert Features(CATALOG, maker).of("fine").marks == "moody"
    assert len(made) == 1 and "my order never came" in made[0] and len(made[0]) == 3
    hashed = Features(CATALOG, lambda texts: HashedEmbedder.fit(texts, 128))
    asked = "Refunds a card payment."
    assert len(hashed.of(asked).x) == 129
    usual = Features(CATALOG)
    near = [one.similarities(one.of(asked), ("stripe", "tracker")) for one in (hashed, usual)]
    assert near[0] == near[1], "similarities have the room they have without an embedder"


def test_many_texts_at_once_where_the_embedder_can() -> None:
    class Many(Moody):
        asked = 0

        def matrix(self, texts: Sequence[str]) -> list[Sequence[float]]:
            self.asked += 1
            return [(1.0, 0.0)] * len(texts)

    many = Many()
    features = Features(CATALOG, many)
    assert features.similarities(features.of("fine"), ("stripe", "tracker")) == [1.0, 1.0] and many.asked == 1
