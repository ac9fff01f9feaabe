"""Disjoint LinUCB against its definition."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, NoProvider
from orchestra.ports.router import Lesson
from orchestra.routing.learners.linucb import LinUCB
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, question, seeded, taught


def contexts(n: int, d: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(n, d))
    raw[:, 1:] /= np.linalg.norm(raw[:, 1:], axis=1, keepdims=True)
    raw[:, 0] = 1.0
    return raw


def test_the_inverse_and_the_estimate_are_those_of_ridge_regression() -> None:
    x = contexts(1000, 12)
    rewards = np.random.default_rng(1).random(1000)
    router = LinUCB(lam=0.7, centred=False)
    lessons = [Lesson(decision("a", row), float(r)) for row, r in zip(x.tolist(), rewards, strict=True)]
    router.learn(lessons[:3])
    router.learn(lessons[3:])
    gram = 0.7 * np.eye(12) + x.T @ x
    np.testing.assert_allclose(router._arms.inverse("a"), np.linalg.inv(gram), atol=1e-8)
    np.testing.assert_allclose(router._arms.theta("a"), np.linalg.solve(gram, x.T @ rewards), atol=1e-8)


def test_scores_are_the_formula() -> None:
    router = LinUCB(alpha=0.5, lam=2.0, centred=False)
    taught(router, ("a", (1.0, 0.0), 0.9), ("a", (0.0, 1.0), 0.1), ("b", (1.0, 0.0), 0.3))
    options = (Option("a"), Option("b"), Option("new", prior=0.1))
    alone = [router.choose(question(option, x=(1.0, 0.5)), "k", seeded()).options[0].score for option in options]
    a = 0.9 / 3 + 0.1 / 3 * 0.5 + 0.5 * math.sqrt(1 / 3 + 0.25 / 3)
    b = 0.3 / 3 + 0.5 * math.sqrt(1 / 3 + 0.25 / 2)
    new = 0.1 + 0.1 + 0.5 * math.sqrt(1.25 / 2)
    assert alone == pytest.approx([a, b, new])
    made = router.choose(question(*options, x=(1.0, 0.5)), "k", seeded())
    assert made.chosen == ("a",)
    assert [option.score is None for option in made.options] == [False, True, True]  # neither could win


def test_what_is_learned_is_what_the_prior_did_not_say() -> None:
    router = LinUCB(alpha=0.5, lam=1.0)
    seen = [(0.8, 0.9), (0.6, 0.2)]
    for prior, reward in seen:
        router.learn([Lesson(decision("a", (1.0, prior), options=(Option("a", prior=prior),)), reward)])
    x = np.array([(1.0, prior) for prior, _ in seen])
    gram = np.eye(2) + x.T @ x
    theta = np.linalg.solve(gram, x.T @ np.array([reward - prior for prior, reward in seen]))
    (option,) = router.choose(question(Option("a", prior=0.7), x=(1.0, 0.3)), "k", seeded()).options
    now = np.array([1.0, 0.3])
    assert option.score == pytest.approx(0.7 + theta @ now + 0.5 * math.sqrt(now @ np.linalg.solve(gram, now)))
    router.learn([Lesson(decision("a", (1.0, 0.8), options=(Option("a", prior=0.8),)), 0.4, before=0.9)])
    gone = np.linalg.solve(gram, x.T @ np.array([0.4 - 0.8, 0.2 - 0.6]))
    (option,) = router.choose(question(Option("a", prior=0.7), x=(1.0, 0.3)), "k", seeded()).options
    assert option.score == pytest.approx(0.7 + gone @ now + 0.5 * math.sqrt(now @ np.linalg.solve(gram, now)))


@pytest.mark.parametrize(("alpha", "lam"), [(1.0, 1.0), (0.4, 4.0), (0.3, 0.5)])
def test_an_option_never_tried_is_judged_by_its_prior_and_the_widest_bonus(alpha: float, lam: float) -> None:
    widest = alpha / math.sqrt(lam)
    for optimism in (0.5, 0.0):
        router = LinUCB(alpha=alpha, lam=lam, optimism=optimism)
        for prior in (0.2, 0.7):
            (new,) = router.choose(question(Option("new", prior=prior)), "k", seeded()).options
            assert new.score == pytest.approx(prior + min(prior, optimism) + widest)


def test_with_the_papers_constants_even_a_low_prior_is_tried_beside_what_never_failed() -> None:
    router = LinUCB(alpha=1.0, lam=1.0)
    taught(router, *[("old", (1.0,), 1.0)] * 20)
    made = router.choose(question("old", Option("new", prior=0.2)), "k", seeded())
    assert made.chosen == ("new",) and made.explored and "never tried" in made.reason
    assert made.options[1].score == pytest.approx(0.2 + 0.2 + 1.0)


def test_a_newcomer_is_tried_however_good_the_old_one_is() -> None:
    router, rng = LinUCB(alpha=1.0, lam=1.0), seeded(3)
    reward = {"old": 0.9, "new": 0.95}
    chosen: list[str] = []
    for step in range(400):
        ask = question("old") if step < 200 else question("old", "new")
        made = router.choose(ask, f"k{step}", rng)
        router.learn([Lesson(made, reward[made.chosen[0]])])
        chosen += made.chosen
    assert "new" in chosen[200:202]
    assert chosen[200:].count("new") > 50


def full_argmax(router: LinUCB, ask: Decide) -> str:
    x = np.array(ask.x)
    scores = []
    for option in ask.eligible:
        new = not router.pulls(option.name)
        mean = option.prior + (min(option.prior, 0.5) if new else float(router._arms.theta(option.name) @ x))
        square = float(x @ x) / router.lam if new else float(x @ router._arms.inverse(option.name) @ x)
        scores.append(mean + router.alpha * math.sqrt(square))
    return ask.eligible[int(np.argmax(scores))].name


@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
def test_pruning_never_changes_the_choice(alpha: float) -> None:
    router, rng = LinUCB(alpha=alpha, floor=0.0), seeded(1)
    truth = np.random.default_rng(5).random((30, 9)) / 3
    evaluated = 0
    for step, x in enumerate(contexts(400, 9).tolist()):
        ask = question(*(f"a{i}" for i in range(min(30, 5 + step // 10))), x=x)
        made = router.choose(ask, "k", rng)
        assert made.chosen == (full_argmax(router, ask),)
        evaluated += sum(option.score is not None for option in made.options)
        router.learn([Lesson(made, float(np.clip(truth[int(made.chosen[0][1:])] @ x, 0, 1)))])
    if alpha < 0.1:
        assert evaluated < 0.6 * 400 * 24


def test_choosing_changes_nothing_and_depends_on_nothing_else() -> None:
    router = LinUCB()
    taught(router, *((f"a{i % 3}", x, 0.1 * i) for i, x in enumerate(contexts(10, 4).tolist())))
    before = json.dumps(router.state()), router.version
    ask = question("a0", "a1", "a2", "a3", x=(1.0, 0.1, 0.2, 0.3))
    made = [router.choose(ask, "k", seeded(4)) for _ in range(1000)]
    assert (json.dumps(router.state()), router.version) == before
    assert all(each == made[0] for each in made)


def test_the_decision_keeps_the_question() -> None:
    ask = question("a", x=(1.0, 0.5))
    made = LinUCB().choose(ask, "run/key", seeded())
    assert (made.key, made.capability, made.policy, made.version) == ("run/key", "answer", "linucb", 0)
    assert (made.x, made.marks, made.budget_left_nano, made.because) == ((1.0, 0.5), "test", 5, "k0")


def test_equal_scores_go_to_the_first_listed() -> None:
    for order in (("a", "b", "c"), ("c", "a", "b")):
        assert LinUCB(floor=0.0).choose(question(*order), "k", seeded()).chosen == order[:1]


def test_what_is_filtered_is_never_chosen() -> None:
    router = LinUCB(floor=1.0)
    ask = question(Option("a", filtered="hidden"), "b")
    assert {router.choose(ask, "k", seeded(seed)).chosen for seed in range(50)} == {("b",)}
    for nobody in (question(), question(Option("a", filtered="hidden"))):
        with pytest.raises(NoProvider, match="answer"):
            router.choose(nobody, "k", seeded())


@pytest.mark.parametrize(("reward", "before"), [(1.5, None), (-0.1, None), (float("nan"), None), (0.5, 2.0)])
def test_one_bad_lesson_and_none_is_learned(reward: float, before: float | None) -> None:
    router = LinUCB()
    with pytest.raises(BadNumber):
        router.learn([Lesson(decision("a", (1.0, 2.0)), 0.5), Lesson(decision("b", (1.0, 2.0)), reward, before)])
    assert router.state() == {} and router.delta() == {} and router.version == 0
    router.choose(question("a", x=(1.0,) * 5), "k", seeded())


def test_contexts_of_another_size_are_refused_by_name() -> None:
    router = LinUCB()
    taught(router, ("a", (1.0, 0.0), 1.0))
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        router.choose(question("a", x=(1.0, 0.0, 0.0)), "k", seeded())
    with pytest.raises(BadDefinition, match="embedder"):
        taught(router, ("a", (1.0,), 1.0))
    with pytest.raises(BadNumber, match="finite"):
        router.choose(question("a", x=(1.0, math.nan)), "k", seeded())


def test_no_context_is_a_constant() -> None:
    router = LinUCB()
    taught(router, ("a", (), 1.0))
    assert router.pulls("a") == 1
    assert router.choose(question("a", x=()), "k", seeded()).x == ()


def test_state_of_another_format_leaves_what_was_learned() -> None:
    router = LinUCB()
    taught(router, ("a", (1.0,), 1.0))
    before = json.dumps(router.state())
    with pytest.raises(JournalVersion):
        router.load({"a": {**router.state()["a"], "version": 99}})
    mixed = LinUCB()
    taught(mixed, ("b", (1.0, 2.0), 1.0))
    with pytest.raises(BadDefinition):
        router.load({"a": router.state()["a"], "b": mixed.state()["b"]})
    assert json.dumps(router.state()) == before


def test_loading_keeps_what_no_store_has_yet() -> None:
    router = LinUCB()
    taught(router, ("a", (1.0,), 1.0))
    saved = router.delta()
    taught(router, ("a", (1.0,), 0.5), ("b", (1.0,), 0.25))
    router.load(saved)
    assert (router.pulls("a"), router.pulls("b"), router.version) == (2, 1, 3)
    assert set(router.delta()) == {"a", "b"} and router.delta() == {}


def test_a_reward_for_what_was_no_option_is_refused() -> None:
    with pytest.raises(BadDefinition, match="'b' was chosen but is no option"):
        LinUCB().learn([Lesson(replace(decision("a"), chosen=("b",)), 1.0)])


def test_a_set_of_chosen_shares_the_reward() -> None:
    router = LinUCB()
    router.learn([Lesson(replace(decision("a", options=(Option("a"), Option("b"))), chosen=("a", "b")), 1.0)])
    assert (router.pulls("a"), router.pulls("b")) == (1, 1)


@pytest.mark.parametrize("bad", [{"alpha": -1.0}, {"lam": 0.0}, {"alpha": math.inf}, {"lam": math.nan}])
def test_bad_parameters_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(BadNumber, match="alpha"):
        LinUCB(**bad)


def test_what_fades_is_the_weighted_regression() -> None:
    """Of half a reward's weight after 32 others, counted in steps of 2."""
    x = contexts(90, 5)
    rewards = np.random.default_rng(1).random(90)
    lessons = [
        Lesson(replace(decision("ab"[n % 2], row, key=f"k{n}"), version=n), float(r))
        for n, (row, r) in enumerate(zip(x.tolist(), rewards, strict=True))
    ]
    live, late, other = (LinUCB(lam=1.0, half_life=32) for _ in range(3))
    for lesson in lessons:
        live.learn([lesson])
    late.learn(lessons[::-1])
    other.learn(lessons[::2])
    other.load({**other.delta(), "b": late.state()["b"]})
    weights = 0.5 ** ((90 // 2 - np.arange(90) // 2) * 2 / 32)
    for name, rows in (("a", slice(0, None, 2)), ("b", slice(1, None, 2))):
        gram = np.eye(5) + x[rows].T @ (weights[rows, None] * x[rows])
        theta = np.linalg.solve(gram, x[rows].T @ (weights[rows] * (rewards[rows] - 0.5)))
        for router in (live, late, other):
            np.testing.assert_allclose(router._arms.inverse(name), np.linalg.inv(gram), atol=1e-10)
            np.testing.assert_allclose(router._arms.theta(name), theta, atol=1e-10)
    with pytest.raises(BadNumber, match="half_life"):
        LinUCB(half_life=0)
    with pytest.raises(BadDefinition, match="keep"):
        LinUCB().load(live.state())


def test_with_a_half_life_it_keeps_the_laws() -> None:
    router_laws(lambda: LinUCB(half_life=6))
