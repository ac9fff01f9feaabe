"""The sums: what they hold, how they add up, how they travel."""

import json

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.routing.state.sums import WAITING, Sums, add, add_plain, empty, from_plain, reward_of, to_plain


def filled(n: int, d: int, seed: int = 0) -> Sums:
    rng = np.random.default_rng(seed)
    sums = empty(d)
    for _ in range(n):
        sums.see(rng.normal(size=d), float(rng.random()))
    return sums


def test_contexts_are_kept_while_there_are_fewer_than_dimensions() -> None:
    few, many = filled(3, 4), filled(4, 4)
    assert len(few.rows) == 3 and few.gram is None
    assert many.rows == [] and many.gram is not None and many.gram.shape == (4, 4)


def test_contexts_wait_beside_the_gram_matrix_until_one_product_is_worth_it() -> None:
    x = np.random.default_rng(3).normal(size=(4 + 2 * WAITING + 5, 4))
    sums, most = empty(4), 0
    for row in x:
        sums.see(row, 0.5)
        most = max(most, len(sums.rows))
    assert most == WAITING - 1 and len(sums.rows) == 5
    np.testing.assert_allclose(sums.matrix(), x.T @ x, atol=1e-12)
    np.testing.assert_allclose(from_plain(to_plain(sums)).matrix(), x.T @ x, atol=1e-12)


@pytest.mark.parametrize("order", [1, -1])
def test_what_fades_weighs_by_the_time_of_its_decision(order: int) -> None:
    x, keep, at = np.random.default_rng(3).normal(size=(9, 4)), 0.8, [0, 5, 3, 3, 7, 1, 2, 0, 6]
    sums = empty(4, keep)
    for n in list(range(9))[::order]:
        sums.see(x[n], n / 9, at[n])
    sums.correct(x[2], 0.5, 3)
    weights = keep ** (7.0 - np.array(at))
    rewards = np.arange(9) / 9 + np.where(np.arange(9) == 2, 0.5, 0.0)
    np.testing.assert_allclose(sums.matrix(), x.T @ (weights[:, None] * x), atol=1e-12)
    np.testing.assert_allclose(sums.b, x.T @ (weights * rewards), atol=1e-12)
    np.testing.assert_allclose(sums.aged(9).b, keep**2 * sums.b, atol=1e-12)
    assert (sums.at, sums.pulls, sums.aged(2)) == (7, 9, sums)


def test_what_fades_adds_up_at_the_later_time_and_travels() -> None:
    one, two, both = empty(2, 0.5), empty(2, 0.5), empty(2, 0.5)
    for n in range(6):
        for sums in (both, one if n % 2 else two):
            sums.see(np.array([1.0, n]), 0.1 * n, n)
    back = from_plain(add_plain(to_plain(one), to_plain(two)))
    np.testing.assert_allclose(back.matrix(), both.matrix())
    np.testing.assert_allclose(back.b, both.b)
    assert (back.at, back.keep, back.pulls) == (5, 0.5, 6)
    with pytest.raises(BadDefinition, match="keep"):
        add(one, empty(2, 0.9))
    for damage in ({"keep": 0.0}, {"keep": 1.5}, {"at": -1}):
        with pytest.raises(BadNumber, match="damaged"):
            from_plain({**to_plain(one), **damage})


@pytest.mark.parametrize(("n", "m"), [(0, 0), (1, 2), (3, 1), (2, 9), (9, 2), (9, 9)])
def test_adding_is_seeing_both(n: int, m: int) -> None:
    one, two = filled(n, 4, seed=1), filled(m, 4, seed=2)
    total = add(one, two)
    assert total.pulls == n + m
    assert (total.gram is not None) == (n + m >= 4)
    np.testing.assert_allclose(total.matrix(), one.matrix() + two.matrix(), atol=1e-12)
    np.testing.assert_allclose(total.b, one.b + two.b)


def test_adding_leaves_both_as_they_were() -> None:
    one, two = filled(9, 4, seed=1), filled(2, 4, seed=2)
    before = json.dumps([to_plain(one), to_plain(two)])
    add(one, two).see(np.ones(4), 1.0)
    add(two, empty(4)).correct(np.ones(4), 1.0)
    assert json.dumps([to_plain(one), to_plain(two)]) == before


@pytest.mark.parametrize("n", [0, 2, 7])
def test_plain_data_is_json_and_brings_back_the_same_bits(n: int) -> None:
    sums = filled(n, 4)
    back = from_plain(json.loads(json.dumps(to_plain(sums))))
    assert (back.pulls, back.d) == (n, 4)
    assert back.b.tobytes() == sums.b.tobytes()
    assert back.matrix().tobytes() == sums.matrix().tobytes()


def test_a_store_can_add_without_knowing_what() -> None:
    one, two = to_plain(filled(3, 4, seed=1)), to_plain(filled(3, 4, seed=2))
    assert add_plain(None, one) == one
    assert from_plain(add_plain(one, two)).pulls == 6


def test_another_format_or_size_is_refused() -> None:
    plain = to_plain(filled(2, 4))
    with pytest.raises(JournalVersion, match="format 2"):
        from_plain({**plain, "version": 2})
    with pytest.raises(BadDefinition, match="4 features and now meets 3"):
        add_plain(plain, to_plain(filled(2, 3)))


@pytest.mark.parametrize(
    "damage",
    [{"b": "!"}, {"d": 5}, {"d": "x"}, {"rows": None}, {"b": "AAAAAAAA+H8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}],
)
def test_damaged_state_is_named_so(damage: dict[str, object]) -> None:
    plain = {key: value for key, value in {**to_plain(filled(2, 4)), **damage}.items() if value is not None}
    with pytest.raises(BadNumber, match="damaged"):
        from_plain(plain)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), float("inf"), True, "much", None])
def test_a_reward_lies_between_0_and_1(bad: float) -> None:
    assert reward_of(1) == 1.0
    with pytest.raises(BadNumber, match="reward"):
        reward_of(bad)
