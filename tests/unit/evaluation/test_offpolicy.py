"""Estimates from a log against the truth, and logs that cannot be used."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, UnknownName
from orchestra.evaluation.offpolicy import Estimate, doubly_robust, ips, option_means, policy_of, snips
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.evaluation.replay import replay
from orchestra.ports.router import Lesson
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Cheapest, Fixed, Random

CHANCES = {0.0: {"a": 0.9, "b": 0.3, "c": 0.5}, 1.0: {"a": 0.2, "b": 0.8, "c": 0.5}}
LOGGED = {"a": 0.6, "b": 0.3, "c": 0.1}
TRUTH = 0.5 * (0.7 * 0.9 + 0.3 * 0.5) + 0.5 * (0.7 * 0.8 + 0.3 * 0.5)
Estimator = Callable[..., Estimate]


def target(decision: Decision) -> Mapping[str, float]:
    return {"a" if decision.x == (0.0,) else "b": 0.7, "c": 0.3}


def log_of(seed: int, n: int = 300) -> list[Lesson]:
    """Fresh questions, choices and rewards."""
    rng = random.Random(seed)
    options = tuple(Option(name, probability=p) for name, p in LOGGED.items())
    out = []
    for i in range(n):
        kind = float(rng.random() < 0.5)
        chosen = rng.choices(list(LOGGED), list(LOGGED.values()))[0]
        decision = Decision(
            key=str(i),
            capability="t",
            policy="p",
            version=1,
            options=options,
            chosen=(chosen,),
            probability=LOGGED[chosen],
            x=(kind,),
        )
        out.append(Lesson(decision, float(rng.random() < CHANCES[kind][chosen])))
    return out


def believed(decision: Decision, option: str) -> float:
    return CHANCES[decision.x[0]][option]


def wrong(_decision: Decision, option: str) -> float:
    return {"a": 0.1, "b": 0.9, "c": 0.9}[option]


ESTIMATORS: dict[str, Estimator] = {
    "ips": ips,
    "snips": snips,
    "doubly robust": partial(doubly_robust, model=believed),
    "doubly robust, wrong model": partial(doubly_robust, model=wrong),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_unbiased_and_covered(name: str) -> None:
    """Over 200 logs the mean is the truth, and 95 % intervals hold it about as often as they say."""
    found = [ESTIMATORS[name](log_of(seed), target) for seed in range(200)]
    values = np.array([estimate.value for estimate in found])
    assert abs(values.mean() - TRUTH) < 4 * values.std() / 200**0.5
    assert 180 <= sum(estimate.low <= TRUTH <= estimate.high for estimate in found) <= 199
    assert abs(np.mean([reward for _, reward, _ in log_of(0)]) - TRUTH) > 0.1, "the plain mean is no estimate of it"


def test_a_good_model_narrows_the_interval() -> None:
    log = log_of(1)
    widths = {name: e.high - e.low for name, e in ((n, make(log, target)) for n, make in ESTIMATORS.items())}
    assert widths["doubly robust"] < widths["snips"] < widths["ips"]


def test_by_hand() -> None:
    log = [(d, r) for d, r, _ in log_of(3, 4)]
    chosen, rewards = ("a", "b", "c", "a"), (1.0, 0.5, 1.0, 0.0)
    lessons = [
        Lesson(replace(d, chosen=(c,), probability=LOGGED[c], x=(0.0,)), r)
        for (d, _), c, r in zip(log, chosen, rewards, strict=True)
    ]
    w = [0.7 / 0.6, 0.0, 3.0, 0.7 / 0.6]
    assert ips(lessons, target).value == pytest.approx((w[0] + w[2]) / 4)
    estimate = snips(lessons, target)
    assert estimate.value == pytest.approx((w[0] + w[2]) / sum(w))
    assert estimate.effective_n == pytest.approx(sum(w) ** 2 / sum(v * v for v in w))
    assert estimate.n == 4 and estimate.largest_weight == pytest.approx(3.0)
    q = 0.7 * 0.9 + 0.3 * 0.5
    robust = doubly_robust(lessons, target, believed)
    assert robust.value == pytest.approx(q + (w[0] * 0.1 + w[2] * 0.5 - w[3] * 0.9) / 4)
    means = option_means(lessons)
    assert [means(lessons[0].decision, name) for name in ("a", "b", "z")] == [0.5, 0.5, pytest.approx(2.5 / 4)]


def test_the_logging_policy_itself_is_worth_its_mean_and_every_decision() -> None:
    log = log_of(5)
    mean = float(np.mean([reward for _, reward, _ in log]))
    for estimate in (ips(log, lambda _: LOGGED), snips(log, lambda _: LOGGED)):
        assert estimate.value == pytest.approx(mean) and estimate.effective_n == pytest.approx(300)


def test_a_wider_level_is_wider_and_one_decision_has_no_spread() -> None:
    log = log_of(6)
    assert ips(log, target, level=0.99).high > ips(log, target).high > ips(log, target, level=0.5).high
    assert ips(log[:1], target).high == float("inf")
    with pytest.raises(BadNumber, match="level=1"):
        ips(log, target, level=1.0)


def planted() -> OutcomeSet:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 600)
    chance = np.array([[0.9, 0.3], [0.2, 0.7]])[kind]
    return OutcomeSet(
        options=("a", "b"),
        ids=tuple(map(str, range(600))),
        scores=(rng.random((600, 2)) < chance).astype(np.float64),
        x=np.column_stack([np.ones(600), kind]),
    )


def test_a_learned_router_judged_from_a_random_log() -> None:
    """What it would have earned on these rows is known: they hold every reward."""
    outcomes = planted()
    learned = LinUCB(alpha=0.0)
    replay(learned, outcomes, outcomes.scores, seed=0, feedback="full")
    truth = replay(learned, outcomes, outcomes.scores, seed=0, feedback="none")
    probabilities = np.array([[o.probability or 0.0 for o in d.options] for d in truth.decisions])
    value = float((probabilities * outcomes.scores[truth.rows]).sum(axis=1).mean())
    log = replay(Random(), outcomes, outcomes.scores, seed=1).log
    estimate = snips(log, policy_of(learned))
    assert estimate.low < value < estimate.high and estimate.high - estimate.low < 0.12
    assert 200 < estimate.effective_n < 400
    assert snips(log, policy_of(Fixed("b"))).high < estimate.low, "it tells a worse policy apart"


GOOD = log_of(0, 3)


def broken(**changes: object) -> list[Lesson]:
    decision, reward, _ = GOOD[1]
    return [GOOD[0], Lesson(replace(decision, **changes), reward), GOOD[2]]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log", "error", "says"),
    [
        ([], BadDefinition, "log is empty"),
        (broken(probability=None), BadDefinition, "Decision '1' has no probability"),
        (broken(probability=0.0), BadNumber, "Decision '1' has probability 0.0"),
        (broken(probability=float("nan")), BadNumber, "Decision '1' has probability nan"),
        (broken(probability=1.5), BadNumber, "probability 1.5"),
        (broken(chosen=("z",)), UnknownName, "Decision '1' chose 'z'"),
        (broken(chosen=("a", "b")), BadDefinition, "Decision '1' chose 2 options"),
        (broken(chosen=()), BadDefinition, "chose 0 options"),
        (broken(key="0"), DuplicateName, "'0' is in the log twice"),
        ([Lesson(GOOD[0].decision, float("nan"))], BadNumber, "Decision '0' has the reward nan"),
        ([Lesson(GOOD[0].decision, 1.5)], BadNumber, "the reward 1.5"),
    ],
)
@pytest.mark.parametrize("name", ["ips", "snips", "doubly robust"])
def test_a_log_that_cannot_be_used(name: str, log: list[Lesson], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ESTIMATORS[name](log, target)


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        ({"z": 1.0}, UnknownName, "wants 'z'"),
        ({"a": 0.5}, BadNumber, "add up to 0.5"),
        ({"a": 1.5, "b": -0.5}, BadNumber, "'a' the probability 1.5"),
        ({"a": float("nan")}, BadNumber, "nan"),
        ({}, BadNumber, "add up to 0"),
    ],
)
def test_a_policy_that_is_no_distribution(wanted: Mapping[str, float], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ips(GOOD, lambda _: wanted)


def test_what_the_log_could_never_have_chosen_cannot_be_judged() -> None:
    outcomes = planted()
    log = replay(Fixed("a"), outcomes, outcomes.scores, seed=0).log
    with pytest.raises(BadDefinition, match="could not have chosen"):
        snips(log, policy_of(Fixed("b")))
    assert snips(log, policy_of(Fixed("a"))).value == pytest.approx(outcomes.scores[:, 0].mean())


def test_no_common_choice() -> None:
    lessons = [lesson for lesson in log_of(0) if lesson.decision.chosen == ("a",)]
    with pytest.raises(BadDefinition, match="none of the logged choices"):
        snips(lessons, lambda _: {"b": 1.0})


def test_models_and_routers_that_cannot_be_used() -> None:
    with pytest.raises(BadNumber, match="reward model"):
        doubly_robust(GOOD, target, lambda _decision, _name: float("nan"))

    class Silent(Cheapest):
        def choose(self, question, key, rng, /):  # type: ignore[no-untyped-def]
            made = super().choose(question, key, rng)
            return replace(made, options=question.options)

    with pytest.raises(BadDefinition, match="records no probabilities"):
        ips(GOOD, policy_of(Silent()))
