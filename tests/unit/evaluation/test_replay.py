"""A router over recorded outcomes."""

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.outcomes import Floats, OutcomeSet
from orchestra.evaluation.replay import Replay, best_fixed, replay, rewards_of
from orchestra.ports.router import Router
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.shared import SharedLinUCB
from orchestra.routing.learners.simple import Cheapest, Fixed, Random


def planted(n: int = 400, seed: int = 0) -> OutcomeSet:
    """Three kinds of questions and three options, each right on its own kind 9 times in 10, else 2 times in 10."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    chance = np.where(np.arange(3) == kind[:, None], 0.9, 0.2)
    return OutcomeSet(
        options=("a", "b", "c"),
        ids=tuple(map(str, range(n))),
        scores=(rng.random((n, 3)) < chance).astype(np.float64),
        tasks=tuple("xyz"[i] for i in kind),
        x=np.column_stack([np.ones(n), np.eye(3)[kind]]),
    )


SET = planted()


def run(router: Router, seed: int = 1, outcomes: OutcomeSet = SET) -> Replay:
    return replay(router, outcomes, outcomes.scores, seed=seed)


def same(one: Replay, other: Replay) -> bool:
    return one.decisions == other.decisions and bool((one.rewards == other.rewards).all())


def test_the_same_seed_gives_the_same_replay() -> None:
    assert same(run(LinUCB(alpha=0.3)), run(LinUCB(alpha=0.3)))
    assert not same(run(LinUCB(alpha=0.3)), run(LinUCB(alpha=0.3), seed=2))


def test_regret_by_hand() -> None:
    outcomes = SET.rows([0, 1, 2, 3])
    rewards = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.2, 0.2, 0.2], [0.0, 0.0, 1.0]])
    done = replay(Fixed("a"), outcomes, rewards, seed=0, shuffle=False)
    assert done.regret_curve.tolist() == [0.0, 1.0, 1.0, 2.0] and done.regret == 2.0
    place, regret = best_fixed(rewards)
    assert place == 2 and regret == pytest.approx(1.0)
    assert done.first_tries == {"a": 1}
    assert done.rows.tolist() == [0, 1, 2, 3] and done.choices().tolist() == [0, 0, 0, 0]


def test_a_fixed_option_has_the_regret_that_hindsight_gives_it() -> None:
    place, regret = best_fixed(SET.scores)
    assert run(Fixed(SET.options[place])).regret == pytest.approx(regret)


def test_a_bandit_learns_what_is_planted() -> None:
    learned, guessed = run(LinUCB(alpha=0.3)), run(Random())
    assert learned.regret < best_fixed(SET.scores)[1] < guessed.regret
    assert set(learned.first_tries) == {"a", "b", "c"}
    growth = learned.regret_curve
    assert growth[-1] - growth[200] < growth[199] + 5, "it does not get worse"


def test_the_order_is_shuffled_and_choices_come_back_in_the_sets_order() -> None:
    done = run(LinUCB())
    assert sorted(done.rows.tolist()) == list(range(400)) != done.rows.tolist()
    assert SET.scores[np.arange(400), done.choices()].sum() == pytest.approx(done.rewards.sum())


def test_frozen_learns_nothing() -> None:
    router = LinUCB(alpha=0.3)
    replay(router, SET, SET.scores, seed=0, feedback="full")
    before = router.state()
    test = planted(seed=9)
    done = replay(router, test, test.scores, seed=0, feedback="none")
    assert router.state() == before
    assert done.rewards.mean() > 0.85
    assert same(done, replay(router, test, test.scores, seed=0, feedback="none"))


def test_full_information_teaches_every_option() -> None:
    router = LinUCB()
    replay(router, SET, SET.scores, seed=0, feedback="full")
    assert [router.pulls(option) for option in SET.options] == [400, 400, 400]
    bandit = LinUCB()
    run(bandit)
    assert sum(bandit.pulls(option) for option in SET.options) == 400


def test_a_router_learns_only_after_its_batch() -> None:
    class Watched(LinUCB):
        sizes: tuple[int, ...] = ()

        def learn(self, lessons, /):  # type: ignore[no-untyped-def]
            self.sizes += (len(lessons),)
            super().learn(lessons)

    router = Watched()
    replay(router, SET.rows(range(25)), SET.scores[:25], seed=0, batch=10)
    assert router.sizes == (10, 10, 5)


def test_what_a_router_knows_beforehand() -> None:
    known = [Option("a", cost_nano=3), Option("b", cost_nano=1), Option("c", cost_nano=2)]
    done = replay(Cheapest(), SET, SET.scores, seed=0, options=known)
    assert set(done.chosen.tolist()) == {1}


def test_without_context() -> None:
    bare = OutcomeSet(options=SET.options, ids=SET.ids, scores=SET.scores)
    assert run(LinUCB(), outcomes=bare).decisions[0].x == ()
    assert len(run(SharedLinUCB(), outcomes=bare).rewards) == 400


def test_an_empty_set() -> None:
    done = run(Random(), outcomes=SET.rows([]))
    assert (done.regret, done.first_tries, done.log) == (0.0, {}, [])


def test_the_log_holds_what_estimates_need() -> None:
    decision, reward, before = run(Random()).log[0]
    assert decision.probability == pytest.approx(1 / 3) and before is None and reward in (0.0, 1.0)


class Both(Random):
    def choose(self, question, key, rng, /):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return replace(super().choose(question, key, rng), chosen=("a", "b"))


@pytest.mark.parametrize(
    ("router", "rewards", "options", "error", "says"),
    [
        (Random(), SET.scores[:3], None, BadDefinition, "The rewards are"),
        (Random(), SET.scores + 1.0, None, BadNumber, "outside"),
        (Random(), SET.scores, [Option("b"), Option("a"), Option("c")], BadDefinition, "not those of the set"),
        (Fixed("a"), np.full((400, 3), np.nan), None, BadDefinition, "'a' was chosen on .* its reward is missing"),
        (Both(), SET.scores, None, BadDefinition, "one choice at a time"),
    ],
)
def test_bad_input(
    router: Router, rewards: Floats, options: list[Option] | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        replay(router, SET, rewards, seed=0, options=options)
    with pytest.raises(BadNumber, match="batch=0"):
        replay(Random(), SET, SET.scores, seed=0, batch=0)


def priced() -> OutcomeSet:
    return OutcomeSet(
        options=("a", "b"),
        ids=("1", "2", "3"),
        scores=np.array([[1.0, 0.5], [0.0, 1.0], [0.25, 0.75]]),
        costs_usd=np.array([[1.0, 3.0], [2.0, 2.0], [10.0, 20.0]]),
        tasks=("t", "t", "u"),
    )


def test_rewards_are_normalised_within_their_task() -> None:
    assert rewards_of(priced(), 0.0).tolist() == [[1.0, 0.5], [0.0, 1.0], [0.0, 1.0]]
    assert rewards_of(priced(), 1.0).tolist() == [[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]]
    assert rewards_of(priced(), 0.5)[0].tolist() == [1.0, 0.25]


def test_bounds_come_from_another_part() -> None:
    test = priced().rows([1, 2])
    assert rewards_of(test, 1.0, bounds=priced()).tolist() == [[0.5, 0.5], [1.0, 0.0]]
    cheap = priced().rows([0])
    assert rewards_of(priced(), 1.0, bounds=cheap)[2].tolist() == [0.0, 0.0], "clipped, by all rows for a new task"


def test_bad_rewards() -> None:
    with pytest.raises(BadNumber, match="lam=2"):
        rewards_of(priced(), 2.0)
    with pytest.raises(BadDefinition, match="no costs"):
        rewards_of(SET, 0.5)
    with pytest.raises(BadDefinition, match="every reward"):
        best_fixed(np.array([[np.nan]]))
