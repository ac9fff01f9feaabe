"""The promise of calibrated sets holds on fresh data, and every set is one that a record may hold."""

import gzip
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.catalog import Catalog, Code, Contract, Node
from orchestra.core.decision import OOS, Decide, Decision, Option
from orchestra.ports.router import Lesson
from orchestra.routing.features import Features
from orchestra.routing.several.conformal import gaps, quantile, thresholds
from orchestra.routing.several.sets import Sets

WRONG_ONCE_IN = 1e-6
"""How seldom a law may fail by chance alone."""


def least_hits(trials: int, chance: float) -> int:
    """The smallest number of hits that is not rarer than once in a million, from below."""
    below, hits = 0.0, 0
    log = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(trials + 1)]
    while True:
        below += math.exp(log[hits] + hits * math.log(chance) + (trials - hits) * math.log1p(-chance))
        if below > WRONG_ONCE_IN:
            return hits
        hits += 1


def test_the_bound_is_that_of_the_binomial() -> None:
    assert least_hits(20, 0.5) == 1  # .5 ** 20 is just below once in a million, 21 * .5 ** 20 is not
    assert 3725 <= least_hits(4000, 0.95) <= 3740  # 4.75 standard deviations below 3,800


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.sampled_from([0.02, 0.05, 0.1, 0.25, 0.5]))
def test_of_any_row_taken_out_at_most_alpha_exceed_what_the_others_allow(values: list[int], alpha: float) -> None:
    """The theorem itself, exactly, ties and all: over the choice of the fresh row among n + 1."""
    misses = sum(value > quantile(values[:i] + values[i + 1 :], alpha) for i, value in enumerate(values))
    assert misses <= alpha * len(values) + 1e-9


@pytest.mark.parametrize(("alpha", "most"), [(0.1, 8), (0.1, 3), (0.3, 2)])
def test_a_fresh_row_is_covered_as_promised(alpha: float, most: int) -> None:
    """One fresh row for each calibration, so that the hits are independent: the bound is the binomial's."""
    trials, n, options = 3000, 120, 8
    draw = np.random.default_rng(7)
    hits = 0
    for _ in range(trials):
        scores = draw.random((n + 1, options)).round(2)
        truths = np.zeros((n + 1, options), dtype=bool)
        right = draw.integers(options, size=n + 1)
        truths[np.arange(n + 1), right] = True
        scores[np.arange(n + 1), right] += draw.normal(0.8, 0.35, n + 1).round(2)
        against = draw.normal(0.0, 0.2, n + 1)
        gap, level = thresholds(scores[:n], truths[:n], against[:n], alpha=alpha, oos_alpha=alpha / 4, most=most)
        inside = scores[n].max() - against[n] >= level
        hits += bool(inside and gaps(scores[n:], truths[n:], most)[0] <= gap)
    assert hits >= least_hits(trials, 1.0 - alpha)


def world(rng: random.Random, key: int) -> tuple[Decide, str]:
    """A task of one of four kinds, with similarities that are mostly right."""
    right = rng.randrange(4)
    x = tuple(rng.gauss(1.0 if i == right else 0.0, 0.5) for i in range(4))
    options = tuple(
        Option(f"a{i}", similarity=min(1.0, max(0.0, rng.gauss(0.5 if i == right else 0.25, 0.15)))) for i in range(4)
    )
    return Decide(capability="*", options=(*options, Option(OOS)), x=x, marks=str(key), most=3), f"a{right}"


def lesson(question: Decide, right: str, name: str) -> Lesson:
    made = Decision(
        key=f"k{question.marks}",
        capability="*",
        policy="log",
        version=1,
        options=question.options,
        chosen=(name,),
        probability=0.25,
        x=question.x,
    )
    return Lesson(made, float(name == right))


@pytest.mark.parametrize("learns", ["never", "before", "between"])
def test_the_router_covers_as_promised_also_while_it_learns(learns: str) -> None:
    rng = random.Random(11)
    hits = rounds = sizes = 0
    for _ in range(250):
        router = Sets(floor=0.0)
        lessons = [lesson(*world(rng, n), f"a{rng.randrange(4)}") for n in range(12)]
        if learns == "before":
            router.learn(lessons)
        rows = [world(rng, 0) for _ in range(60)]
        router.calibrate([(question, {right}) for question, right in rows], alpha=0.2, oos_alpha=0.04)
        if learns == "between":
            router.learn(lessons)
        question, right = world(rng, 0)
        chosen = router.choose(question, "k", rng).chosen
        hits, rounds, sizes = hits + (right in chosen), rounds + 1, sizes + len(chosen)
    assert hits >= least_hits(rounds, 0.8)
    assert sizes < 2.9 * rounds, "a set of nearly everybody keeps any promise"


UNIT = st.floats(0.0, 1.0)


@given(
    st.lists(st.tuples(UNIT, st.booleans()), min_size=1, max_size=6).filter(lambda all_: any(ok for _, ok in all_)),
    st.integers(1, 4),
    st.booleans(),
    st.tuples(UNIT, UNIT, st.floats(0.01, 1.0)),
)
def test_over_all_that_can_be_drawn_the_probabilities_of_the_sets_sum_to_one(
    given_: list[tuple[float, bool]], most: int, oos: bool, numbers: tuple[float, float, float]
) -> None:
    gap, level, floor = numbers
    options = [Option(f"a{i}", similarity=s, filtered=None if ok else "gone") for i, (s, ok) in enumerate(given_)]
    question = Decide(capability="*", options=(*options, *([Option(OOS)] if oos else [])), x=(1.0,), most=most)
    eligible = [option.name for option in options if option.filtered is None]
    router = Sets(gap=gap, level=level, floor=floor)
    cells = [floor * (i + 0.5) / len(eligible) for i in range(len(eligible))] + [(floor + 1.0) / 2.0]
    set_to_probability: dict[tuple[str, ...], float] = {}
    chances: dict[str, float] = dict.fromkeys([*eligible, OOS], 0.0)
    for draw in cells:
        made = router.choose(question, "k", Fixed(draw))
        assert 1 <= len(made.chosen) == len(set(made.chosen)) <= most
        assert made.chosen == (OOS,) if OOS in made.chosen else set(made.chosen) <= set(eligible)
        assert oos or OOS not in made.chosen
        assert made.probability is not None
        set_to_probability[made.chosen] = made.probability
    for names, probability in set_to_probability.items():
        for name in names:
            chances[name] += probability
    assert math.isclose(sum(set_to_probability.values()), 1.0 if floor < 1.0 else sum(set_to_probability.values()))
    recorded = {option.name: option.probability for option in made.options if option.filtered is None}
    if floor < 1.0:
        assert all(math.isclose(recorded[name] or 0.0, chances[name], abs_tol=1e-9) for name in recorded)


class Fixed(random.Random):
    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


# a public set of 150 intents: agents are known by a few examples, calibration and fresh tasks are other rows

EXAMPLES, CALIBRATION, FRESH = 12, 400, 500


def test_coverage_on_public_intents(orchestra_data: Path) -> None:
    with gzip.open(orchestra_data / "clinc150" / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rng = random.Random(3)
    rows = [row for row in rng.sample(rows, len(rows)) if row["label"] != "oos"]
    label_to_texts: dict[str, list[str]] = {}
    rest: list[tuple[str, str]] = []
    for row in rows:
        known = label_to_texts.setdefault(row["label"], [])
        if len(known) < EXAMPLES:
            known.append(row["text"])
        else:
            rest.append((row["text"], row["label"]))
    team = Catalog()
    for label, texts in label_to_texts.items():
        team = team.with_node(intent(label, tuple(texts)))
    features, names = Features(team), list(team.nodes)

    def asked(text: str) -> Decide:
        near = features.similarities(features.of(text), names)
        options = tuple(Option(name, similarity=s) for name, s in zip(names, near, strict=True))
        return Decide(capability="*", options=options, most=10)

    questions = [(asked(text), label) for text, label in rest[: CALIBRATION + FRESH]]
    router = Sets(floor=0.0)
    router.calibrate([(question, {label}) for question, label in questions[:CALIBRATION]], most=10)
    level = router.thresholds.level
    hits = sizes = 0
    for question, label in questions[CALIBRATION:]:
        standing = router.standing(question)
        names_close = [question.options[place].name for place in standing.close[:10]]
        hits += label in names_close and standing.evidence >= level
        sizes += len(names_close)
    # One calibration, many fresh rows: the coverage itself is drawn, from a Beta around the promise (Vovk 2012).
    spread = math.sqrt(0.1 * 0.9 * (1.0 / CALIBRATION + 1.0 / FRESH))
    assert hits / FRESH >= 0.9 - 4.0 * spread
    assert sizes / FRESH < 6.0, "the sets say something"


def intent(label: str, texts: tuple[str, ...]) -> Node:
    return Node(
        name=label,
        kind="agent",
        body=Code(fn=print, context=None, is_async=False),
        contract=Contract(bind=dict),
        provides=("answer",),
        description=label.replace("_", " "),
        examples=texts,
    )
