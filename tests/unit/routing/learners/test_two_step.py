"""The mapping against brute force; doubt goes to the general expert; what was fitted, there and back."""

import json
import math
import random
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.routing.learners.two_step import Experts, TwoStep, entropy_of, experts_from_plain, fitted, mapped
from orchestra.routing.registry import router
from orchestra.routing.spec import made_of, spec_of
from orchestra.routing.terms import Use, check_use
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import question, seeded

CODE, LAW, BETWEEN = (1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0)
EXPERTS = Experts(
    categories=("code", "law"),
    centres=((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    sharpness=8.0,
    experts=("coder", "lawyer"),
    general="generalist",
)
NAMES = ("coder", "lawyer", "generalist")


def brute(values: list[list[float]], sizes: list[float], budget: float, always: tuple[int, ...]) -> tuple[float, float]:
    """The highest worth of all affordable sets, and the least size that has it."""
    found = []
    for size in range(1, len(sizes) + 1):
        for kept in combinations(range(len(sizes)), size):
            used = math.fsum(sizes[e] for e in kept)
            if set(always) <= set(kept) and used <= budget:
                found.append((math.fsum(max(row[e] for e in kept) for row in values), -used))
    best = max(worth for worth, _ in found)
    return best, -max(used for worth, used in found if worth >= best - 1e-12)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[list[float]], list[float], float, tuple[int, ...]]:
    experts, categories = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    # Quarters, so that ties are common and sums are exact.
    quarters = st.integers(0, 12).map(lambda n: n / 4)
    values = [[draw(quarters) for _ in range(experts)] for _ in range(categories)]
    sizes = [draw(quarters) for _ in range(experts)]
    always = draw(st.sampled_from([(), (draw(st.integers(0, experts - 1)),)]))
    least = sum(sizes[e] for e in always) if always else min(sizes)
    return values, sizes, least + draw(quarters) * 2, always


@settings(max_examples=300, deadline=None)
@given(problems())
def test_the_mapping_is_that_of_brute_force(problem: tuple[Any, Any, float, tuple[int, ...]]) -> None:
    values, sizes, budget, always = problem
    found = mapped(values, sizes, budget, always)
    worth, size = brute(values, sizes, budget, always)
    assert found.value == pytest.approx(worth) and math.fsum(sizes[e] for e in found.kept) == pytest.approx(size)
    assert set(always) <= set(found.kept) and size <= budget
    for row, expert in zip(values, found.experts, strict=True):
        assert expert in found.kept and row[expert] == max(row[e] for e in found.kept)


def test_brute_force_agrees_on_real_numbers_too() -> None:
    rng = random.Random(2)
    for _ in range(60):
        values = [[rng.random() for _ in range(8)] for _ in range(5)]
        sizes = [rng.uniform(0.5, 3.0) for _ in range(8)]
        budget = min(sizes) + rng.uniform(0.0, 8.0)
        assert mapped(values, sizes, budget).value == pytest.approx(brute(values, sizes, budget, ())[0])


def test_a_mapping_that_is_none_is_refused() -> None:
    with pytest.raises(BadDefinition, match="affords none"):
        mapped([[1.0, 2.0]], [3.0, 4.0], 2.0)
    with pytest.raises(BadDefinition, match="or not the general one"):
        mapped([[1.0, 2.0]], [3.0, 4.0], 3.0, (1,))
    for values, sizes in (([], []), ([[1.0]], [1.0, 2.0])):
        with pytest.raises(BadDefinition, match="do not fit"):
            mapped(values, sizes, 9.0)
    for bad in (math.nan, -1.0, math.inf):
        with pytest.raises(BadNumber):
            mapped([[1.0, 2.0]], [1.0, bad], 9.0)
    with pytest.raises(BadNumber):
        mapped([[1.0]], [1.0], math.nan)


def test_it_keeps_the_laws() -> None:
    router_laws(TwoStep)
    own = EXPERTS.to_plain() | {"experts": ["option-0", "option-3"], "general": "option-1"}
    router_laws(lambda: TwoStep(own, floor=0.2))
    router_laws(lambda: TwoStep(own, entropy=0.0))


def test_each_category_goes_to_its_expert() -> None:
    known = TwoStep(EXPERTS, floor=0.0)
    code, law = (known.choose(question(*NAMES, x=x), "k", seeded()) for x in (CODE, LAW))
    assert code.chosen == ("coder",) and law.chosen == ("lawyer",)
    p = 1 / (1 + math.exp(-8.0))
    assert [option.score for option in code.options] == pytest.approx([p, 1 - p, 0.0])
    assert "coder is the expert for code" in code.reason


def test_doubt_above_the_threshold_is_always_the_general_experts() -> None:
    rng = seeded(4)
    known = TwoStep(EXPERTS, entropy=0.9, floor=0.0)
    doubted = 0
    for n in range(300):
        angle = rng.uniform(0.0, math.pi / 2)
        x = (1.0, math.cos(angle), math.sin(angle))
        made = known.choose(question(*NAMES, x=x), f"k{n}", rng)
        if entropy_of(EXPERTS.chances(np.array(x))) > 0.9:
            doubted += 1
            assert made.chosen == ("generalist",) and made.probability == 1.0 and "not clear" in made.reason
            assert max(made.options, key=lambda o: o.score or 0.0).name == "generalist"
        else:
            assert made.chosen == ("coder" if angle < math.pi / 4 else "lawyer",)
    assert 20 < doubted < 280
    floored = TwoStep(EXPERTS, floor=0.3).choose(question(*NAMES, x=BETWEEN), "k", seeded())
    assert [option.probability for option in floored.options] == pytest.approx([0.1, 0.1, 0.8])


def test_entropy_is_a_share() -> None:
    assert entropy_of([1.0]) == entropy_of([0.0, 1.0]) == 0.0
    assert entropy_of([0.25] * 4) == pytest.approx(1.0)
    assert entropy_of([0.5, 0.5, 0.0, 0.0]) == pytest.approx(0.5)


def test_who_stands_in_for_an_expert_that_may_not_be_chosen() -> None:
    known = TwoStep(EXPERTS, floor=0.0)
    away = Option("coder", filtered="hidden")
    made = known.choose(question(away, "lawyer", "generalist", x=CODE), "k", seeded())
    assert made.chosen == ("generalist",) and "coder may not be chosen" in made.reason
    made = known.choose(question(away, Option("lawyer", prior=0.2), Option("new", prior=0.7), x=CODE), "k", seeded())
    assert made.chosen == ("new",) and "highest prior" in made.reason
    bare = TwoStep(floor=0.0).choose(question("a", Option("b", prior=0.9)), "k", seeded())
    assert bare.chosen == ("b",) and "nothing was fitted" in bare.reason


def test_one_that_was_not_fitted_is_no_router_for_a_team() -> None:
    with pytest.raises(BadDefinition, match="'two-step' needs 'full' feedback"):
        check_use(TwoStep(), Use("a team"))
    for ready in (TwoStep(EXPERTS), TwoStep(EXPERTS.to_plain())):
        check_use(ready, Use("a team", tells="none"))
        assert ready.terms.training and TwoStep.terms.feedback == "full"


@pytest.mark.parametrize("common", [0, 1, 2])
def test_fitting_finds_the_categories_and_what_the_budget_affords(common: int) -> None:
    rng = np.random.default_rng(6)
    kinds = rng.choice(3, 240, p=[0.5 if kind == common else 0.25 for kind in range(3)])
    x = np.c_[np.ones(240), np.eye(3)[kinds] + rng.normal(size=(240, 3)) * 0.15]
    labels = [("code", "law", "verse")[kind] for kind in kinds]
    # Experts for each kind, .9 there (.85 in the commonest) and .2 elsewhere; one that is .6 everywhere.
    own = np.where(kinds == common, 0.85, 0.9)[:, None]
    rewards = np.c_[np.where(np.arange(3) == kinds[:, None], own, 0.2), np.full(240, 0.6)]
    names, sizes = ["coder", "lawyer", "poet", "all"], [2.0, 2.0, 2.0, 3.0]

    def fit(budget: float, **more: Any) -> Experts:
        return fitted(x.tolist(), labels, rewards.tolist(), names, sizes=sizes, budget=budget, **more)

    assert fit(9.0).experts == ("coder", "lawyer", "poet") and fit(9.0).general == "all"
    assert fit(3.0).experts == ("all",) * 3
    tight = dict(zip(fit(5.0).categories, fit(5.0).experts, strict=True))
    assert [name for name, expert in tight.items() if expert != "all"] == [("code", "law", "verse")[common]]
    assert fit(9.0, general="poet").general == "poet"
    assert fit(2.0).general in ("coder", "lawyer", "poet")
    known = TwoStep(fit(9.0), floor=0.0)
    chosen = [known.choose(question(*names, x=row), "k", seeded()).chosen[0] for row in x.tolist()]
    right = sum(name in (names[kind], "all") for name, kind in zip(chosen, kinds, strict=True))
    assert right == 240 and sum(name != "all" for name in chosen) > 220
    assert fit(9.0).sharpness > 1.0


def test_fitting_with_gaps() -> None:
    x = [CODE, CODE, LAW, LAW, BETWEEN]
    rewards = [(1.0, 0.0), (0.8, math.nan), (math.nan, 0.7), (math.nan, 0.9), (0.0, 1.0)]
    found = fitted(x, ["code", "code", "law", "law", ""], rewards, ["a", "b"], sizes=[1, 1], budget=2)
    assert found.categories == ("code", "law") and found.experts == ("a", "b")
    assert found.general == "b"  # (0 + .7 + .9 + 1) / 4 against (1 + .8 + 0) / 3
    np.testing.assert_allclose(found.centres, [[0, 1, 0], [0, 0, 1]], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"general": "nobody"}, BadDefinition),
        ({"categories": ["", ""]}, BadDefinition),
        ({"categories": ["code"]}, BadDefinition),
        ({"sizes": [1.0]}, BadDefinition),
        ({"budget": 0.5}, BadDefinition),
        ({"rewards": [(0.5, 1.5), (0.5, 0.5)]}, BadNumber),
        ({"rewards": [(0.5, math.nan), (0.5, math.nan)]}, BadNumber),
        ({"x": [CODE, (1.0, math.inf, 0.0)]}, BadNumber),
    ],
)
def test_what_cannot_be_fitted_is_named(change: dict[str, Any], error: type[Exception]) -> None:
    given: dict[str, Any] = {
        "x": [CODE, LAW],
        "categories": ["code", "law"],
        "rewards": [(1.0, 0.0), (0.0, 1.0)],
        "options": ["a", "b"],
        "sizes": [1.0, 1.0],
        "budget": 2.0,
    }
    fitted(**given)
    with pytest.raises(error):
        fitted(**{**given, **change})


def test_state_is_plain_and_damage_is_named() -> None:
    data = json.loads(json.dumps(EXPERTS.to_plain()))
    assert experts_from_plain(data) == EXPERTS
    with pytest.raises(JournalVersion):
        TwoStep({**data, "version": 2})
    damaged: list[dict[str, Any]] = [{"version": 1}, {**data, "experts": ["a"]}, {**data, "sharpness": math.nan}]
    damaged += [{**data, "centres": [[0.0], [1.0, 2.0]]}, {**data, "centres": "no"}]
    for wrong in damaged:
        with pytest.raises(BadNumber, match="damaged"):
            experts_from_plain(wrong)


def test_it_can_be_made_again_from_plain_data() -> None:
    assert router("two-step").name == "two-step"
    again = made_of(json.loads(json.dumps(spec_of(TwoStep(EXPERTS, entropy=0.5, name="mine")))))
    assert isinstance(again, TwoStep) and (again.experts, again.entropy, again.name) == (EXPERTS, 0.5, "mine")


def test_bad_parameters_and_contexts_are_named() -> None:
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(BadNumber, match="entropy"):
            TwoStep(entropy=bad)
    with pytest.raises(BadDefinition, match="3 features and now meets 2"):
        TwoStep(EXPERTS).choose(question("coder", x=(1.0, 1.0)), "k", seeded())
