"""Recruiting against counts by hand; planted skills; the exact chance of a set."""

import itertools
import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import OOS, Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber, NoProvider
from orchestra.ports.router import Lesson
from orchestra.routing.learners.recruit import Recruit, batched, chance_of_set, keywords_of
from orchestra.routing.registry import router
from orchestra.routing.spec import made_of, spec_of
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, question, seeded, taught

# Two skills: sums of the first coordinate, words of the second; the third is both.
SUMS, WORDS, BOTH = (1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0)


def scores(router: Recruit, x: tuple[float, ...], *options: str | Option) -> list[float | None]:
    return [option.score for option in router.choose(question(*options, x=x), "k", seeded()).options]


def several(question: Decide, most: int) -> Decide:
    return replace(question, most=most)


def full(log: dict[str, list[tuple[tuple[float, ...], float]]]) -> Recruit:
    """Every option saw every task, as in the paper."""
    known = Recruit(floor=0.0)
    for name, rows in log.items():
        taught(known, *[(name, x, reward) for x, reward in rows])
    return known


def test_it_keeps_the_laws() -> None:
    router_laws(Recruit)
    router_laws(lambda: Recruit(k=1, keywords=1, floor=0.3))


def test_keywords_are_the_largest_coordinates_with_their_signs() -> None:
    x = np.array([9.0, 0.1, -0.5, 0.0, 0.5, 0.2])
    assert keywords_of(x, 3).tolist() == [2 * 2 + 1, 2 * 4, 2 * 5]
    assert keywords_of(x, 99).tolist() == [5, 8, 10, 2]
    assert keywords_of(np.array([1.0]), 5).tolist() == []


def test_the_weight_is_the_local_score_times_the_strength() -> None:
    known = full(
        {
            "a": [(SUMS, 1.0), (SUMS, 1.0), (WORDS, 0.0), (WORDS, 1.0)],
            "b": [(SUMS, 1.0), (SUMS, 0.0), (WORDS, 1.0), (WORDS, 1.0)],
            "c": [(SUMS, 0.0), (SUMS, 0.0), (WORDS, 1.0), (WORDS, 0.25)],
        }
    )
    assert [known.strength(name) for name in "abc"] == pytest.approx([3 / 4, 3 / 4, 1.25 / 4])
    # Profiles: a (2, 0), b (0, 2), c (-2, .5).
    assert scores(known, SUMS, "a", "b", "c") == pytest.approx([1.0, 0.0, -2.0])
    assert scores(known, WORDS, "a", "b", "c") == pytest.approx([0.0, 1.0, 0.5 * (1.25 / 3) ** 2 / 2])
    assert scores(known, BOTH, "a", "b", "c") == pytest.approx([1.0, 1.0, -1.5])
    assert known.choose(question("a", "b", "c", x=WORDS), "k", seeded()).chosen == ("b",)


def test_what_was_seen_less_often_counts_for_as_much() -> None:
    known = Recruit(floor=0.0)
    taught(known, *[("often", SUMS, 0.8)] * 9, ("once", SUMS, 0.8))
    # Nine at .6 are 5.4; one at .6, times (9 + 1) / (1 + 1), is 3; both have the strength .8.
    assert scores(known, SUMS, "often", "once") == pytest.approx([1.0, 3.0 / 5.4])


def test_a_keyword_nobody_has_seen_leaves_the_strength() -> None:
    known = full({"a": [(SUMS, 1.0), (SUMS, 0.5)], "b": [(SUMS, 1.0), (SUMS, 0.9)]})
    for x in (WORDS, (1.0, -1.0, 0.0), (1.0, 0.0, 0.0)):
        assert scores(known, x, "a", "b") == pytest.approx([(0.75 / 0.95) ** 2, 1.0])


def test_a_newcomer_has_its_prior_and_some_optimism() -> None:
    known = full({"a": [(SUMS, 1.0)]})
    assert scores(known, SUMS, "a", Option("new", prior=0.6)) == pytest.approx([1.0, 1.1])
    made = known.choose(question("a", Option("new", prior=0.6), x=SUMS), "k", seeded())
    assert made.chosen == ("new",) and made.explored and "never tried" in made.reason
    assert known.choose(question("a", Option("new", prior=0.4), x=SUMS), "k", seeded()).chosen == ("a",)


@pytest.mark.parametrize(("seed", "words", "keywords"), [(1, 0, 5), (2, 0, 5), (3, 0, 5), (4, 2, 1), (5, 2, 1)])
def test_planted_skills_are_recruited(seed: int, words: int, keywords: int) -> None:
    """16 models, 20 skills; each skill has one model that is right nine times in ten, the others two times in five.

    All models answer 350 calibration items of one planted skill each, and so many of twelve common words.
    """
    rng = random.Random(seed)
    models, skills, common = [f"m{n}" for n in range(16)], 20, 12

    def item() -> tuple[int, tuple[float, ...]]:
        skill, x = rng.randrange(skills), [1.0] + [0.0] * (skills + common)
        x[1 + skill] = 0.8
        for word in rng.sample(range(common), words):
            x[1 + skills + word] = rng.choice((-0.4, 0.4))
        return skill, tuple(x)

    known, lessons = Recruit(floor=0.0, keywords=keywords), []
    for n in range(350):
        skill, x = item()
        for place, model in enumerate(models):
            success = rng.random() < (0.9 if skill % 16 == place else 0.4)
            lessons.append(Lesson(decision(model, x, key=f"run/{n}/{model}"), float(success)))
    known.learn(lessons)
    asked = [item() for _ in range(400)]
    chosen = [known.choose(question(*models, x=x), f"k{n}", seeded(n)).chosen[0] for n, (_, x) in enumerate(asked)]
    right = sum(name == models[skill % 16] for name, (skill, _) in zip(chosen, asked, strict=True))
    assert right >= 0.9 * 400


def test_calls_are_batched_by_option() -> None:
    known = Recruit(k=3)
    taught(known, ("a", SUMS, 1.0), ("b", SUMS, 0.9), ("c", WORDS, 1.0), ("d", WORDS, 0.8))
    tasks = [SUMS, WORDS, BOTH] * 7
    recruits = [
        known.choose(several(question(*"abcd", x=x), 3), f"k{n}", seeded(n)).chosen for n, x in enumerate(tasks)
    ]
    batches = batched(recruits)
    assert set(batches) == {name for names in recruits for name in names}
    assert sum(map(len, batches.values())) == sum(map(len, recruits)) > len(batches)
    assert batched([("a", "b"), ("b",), ("b", "b", "a"), ()]) == {"a": [0, 2], "b": [0, 1, 2]}
    assert batched([]) == {}


@pytest.mark.parametrize("draws", [1, 2, 3, 4])
def test_the_chance_of_a_set_is_that_of_its_draws(draws: int) -> None:
    chances = (0.1, 0.2, 0.3, 0.4)
    exact: Counter[frozenset[int]] = Counter()
    for drawn in itertools.product(range(4), repeat=draws):
        exact[frozenset(drawn)] += np.prod([chances[i] for i in drawn])  # type: ignore[assignment]
    for drawn_set, p in exact.items():
        assert chance_of_set([chances[i] for i in drawn_set], draws) == pytest.approx(p)
    assert chance_of_set(chances, 3) == 0.0


def test_several_are_drawn_with_replacement_as_recorded() -> None:
    known = Recruit(k=3, floor=0.1)
    taught(known, ("a", SUMS, 1.0), ("b", SUMS, 0.9), ("c", SUMS, 0.0))
    out = Option("out", filtered="hidden")
    asked = several(question("a", "b", "c", out, Option(OOS, prior=0.0), x=SUMS), 3)
    first = known.choose(asked, "k", seeded())
    a, b, c, hidden, oos = first.options
    weights = [1.0, 0.8 * 0.9**2, 0.0]
    single = [0.1 / 3 + 0.9 * w / sum(weights) for w in weights]
    assert [o.probability for o in (a, b, c)] == pytest.approx([1 - (1 - p) ** 3 for p in single])
    assert hidden.probability is None and oos.probability == 0.0 and oos.score is None
    made = [known.choose(asked, "k", seeded(n)) for n in range(2000)]
    counts = Counter(one.chosen for one in made)
    assert len(counts) >= 6
    for one in made:
        p = one.probability
        assert p is not None and abs(counts[one.chosen] - 2000 * p) <= 5 * (2000 * p * (1 - p)) ** 0.5 + 1
        assert len(set(one.chosen)) == len(one.chosen) <= 3 and OOS not in one.chosen
    assert {len(known.choose(several(asked, 2), "k", seeded(n)).chosen) for n in range(60)} == {1, 2}


def test_where_nobody_fits_the_least_bad_is_recruited() -> None:
    known = Recruit(floor=0.0)
    taught(known, *[("a", SUMS, 0.0)] * 3, *[("b", SUMS, 0.2)] * 3)
    for most in (1, 3):
        assert known.choose(several(question("a", "b", x=SUMS), most), "k", seeded()).chosen == ("b",)


def test_out_of_scope_is_nobody_to_recruit() -> None:
    for nobody in (question(OOS), question(Option("a", filtered="hidden"), OOS), question()):
        with pytest.raises(NoProvider):
            Recruit().choose(nobody, "k", seeded())


def test_corrections_and_other_contexts() -> None:
    known, fresh = Recruit(floor=0.0), Recruit(floor=0.0)
    made = decision("a", SUMS)
    known.learn([Lesson(made, 0.2)])
    known.learn([Lesson(made, 0.7, before=0.2), Lesson(made, 0.7, before=0.7)])
    fresh.learn([Lesson(made, 0.7)])
    assert known.strength("a") == pytest.approx(fresh.strength("a")) == pytest.approx(0.7)
    assert known.pulls("a") == 1 and known.strength("b") == 0.0
    with pytest.raises(BadDefinition, match="3 features and now meets 2"):
        known.choose(question("a", x=(1.0, 1.0)), "k", seeded())
    with pytest.raises(BadDefinition, match="3 features"):
        known.learn([Lesson(made, 1.0), Lesson(decision("b", (1.0,)), 1.0)])
    assert known.pulls("a") == 1


def test_parameters_and_plain_data() -> None:
    for bad in ({"k": 0}, {"keywords": 0}, {"floor": 2.0}):
        with pytest.raises(BadNumber):
            Recruit(**bad)
    assert router("recruit").name == "recruit"
    again: Any = made_of(json.loads(json.dumps(spec_of(Recruit("mine", k=2, keywords=4)))))
    assert isinstance(again, Recruit) and (again.name, again.k, again.keywords) == ("mine", 2, 4)
