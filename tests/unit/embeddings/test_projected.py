"""Few dimensions of another embedder."""

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.embeddings.hashed import HashedEmbedder
from orchestra.embeddings.projected import MOST_ROWS, Projected, Projection
from tests.unit.embeddings.kit import Letters

TEXTS = ["aab", "abc", "bcc", "ab", "acc", "abbb"]


def rows_of(n: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Widest along the first axis, then the second; the last is the mean's alone."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 4)) * [4.0, 2.0, 0.5, 0.0] + [1.0, 0.0, 0.0, 7.0]).astype(np.float32)


def test_the_directions_are_those_of_the_singular_values() -> None:
    rows = rows_of(300)
    made = Projection(rows, 2).of(rows)
    _, _, right = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    wanted = (rows - rows.mean(axis=0)) @ right[:2].T
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert np.abs(made) == pytest.approx(np.abs(wanted), abs=1e-3)
    assert made @ made.T == pytest.approx(wanted @ wanted.T, abs=1e-3)


def test_a_direction_points_where_its_largest_part_does() -> None:
    axes = Projection(rows_of(300), 3).axes
    assert (axes[np.abs(axes).argmax(axis=0), range(3)] > 0).all()
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-4)


def test_of_many_rows_some_stand_for_all() -> None:
    rows = rows_of(3 * MOST_ROWS)
    few, axis = Projection(rows, 1), np.array([1.0, 0, 0, 0])
    assert abs(float(few.axes[:, 0] @ axis)) > 0.99
    assert few.mean == pytest.approx(rows.mean(axis=0), abs=0.5)


def test_directions_in_which_nothing_differs_are_zeros() -> None:
    wide = Projection(rows_of(50), 6)
    assert wide.axes.shape == (4, 6) and not wide.axes[:, 3:].any() and wide.axes[:, :3].any(axis=0).all()
    alike = Projection(np.ones((5, 3), dtype=np.float32), 2)
    assert not alike.of(np.eye(3, dtype=np.float32)).any()


def test_vectors_have_length_one_and_what_has_no_features_none() -> None:
    made = Projected(Letters(), TEXTS, 2)
    assert made.d == 2
    vectors = made.matrix(["ccc", "", "a"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0, 0.0, 1.0])
    assert made.embed("ccc") == pytest.approx(vectors[0].tolist()) and made.embed("") == [0.0, 0.0]
    assert made.matrix([]).shape == (0, 2)


def test_the_name_is_of_the_texts() -> None:
    one, same, other = (Projected(Letters(), texts, 2) for texts in (TEXTS, list(TEXTS), TEXTS[1:]))
    assert one.name == same.name != other.name and one.name.startswith("letters:2-")
    assert one.embed("aab") == same.embed("aab")
    assert Projected(Letters(), TEXTS, 1).name != one.name


def test_texts_of_two_kinds_are_told_apart() -> None:
    sums = [f"How much is {i} plus {i + 3}? Show the sum." for i in range(20)]
    poems = [f"Write a poem of {i} lines on the sea at night." for i in range(20)]
    made = Projected(HashedEmbedder.fit(sums + poems, 512), sums + poems, 1).matrix(sums + poems)[:, 0]
    assert len({*np.sign(made[:20])}) == len({*np.sign(made[20:])}) == 1 and made[0] * made[-1] < 0


def test_bad_numbers_and_too_few_texts() -> None:
    with pytest.raises(BadNumber, match="d=0"):
        Projected(Letters(), TEXTS, 0)
    with pytest.raises(BadDefinition, match="two texts"):
        Projected(Letters(), ["abc"])
