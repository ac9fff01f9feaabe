"""Routers that act as one: who decides, who abstains, where what is learned is kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestra.core.decision import OOS, Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber, UnknownRouter
from orchestra.ports.router import Lesson, Router, Terms
from orchestra.routing.compositions.canary import Canary, Shadow
from orchestra.routing.compositions.composed import Chain, Sure, margin
from orchestra.routing.compositions.fallback import BestSingle, Fallback
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.compositions.frozen import Frozen
from orchestra.routing.compositions.guarded import Guarded
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.regression import Ridge
from orchestra.routing.learners.simple import Cheapest, Random
from orchestra.routing.learners.thompson import BetaThompson, Thompson
from orchestra.routing.registry import router
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import question, seeded, taught

MAKERS: dict[str, Callable[[], Router]] = {
    "chain": lambda: Chain(Sure("linucb", rewards=3, margin=0.2, far=0.1), Sure("ema", rewards=0), "cheapest"),
    "linucb>thompson:beta>cheapest": lambda: router("linucb>thompson:beta>cheapest"),
    "fallback": lambda: Fallback(rewards=4),
    "best": BestSingle,
    "flags": lambda: Flags("linucb", cost=0.3, latency=0.1),
    "floored": lambda: Floored("cheapest", floor=0.3),
    "floored learner": lambda: Floored(LinUCB(floor=0.0)),
    "frozen": lambda: Frozen("linucb"),
    "guarded": Guarded,
    "shadow": lambda: Shadow("linucb", "thompson:beta"),
    "canary": lambda: Canary("linucb", "thompson:beta", shares=(0.5, 1.0), rewards=2, by="decision"),
    "nested": lambda: Canary(Chain(Sure("linucb", far=0.1), Guarded("ema")), Flags("thompson:beta", cost=0.1)),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_it_keeps_the_laws(make: Callable[[], Router]) -> None:
    router_laws(make)


def ask(*options: str | Option, x: tuple[float, ...] = (1.0, 1.0)) -> Decide:
    return question(*options, x=x)


def test_who_has_seen_too_little_abstains_and_the_record_says_so() -> None:
    chain = Chain(Sure("linucb", rewards=3), "cheapest")
    asked = ask(Option("dear", cost_nano=9), Option("cheap", cost_nano=1))
    first = chain.choose(asked, "k", seeded())
    assert first.chosen == ("cheap",) and first.probability == 1.0
    assert first.reason == "cheapest: lowest expected cost; abstained: linucb: 0 rewards of 3"
    taught(chain, *[("dear", (1.0, 1.0), 1.0)] * 2, ("cheap", (1.0, 1.0), 0.0))
    later = chain.choose(asked, "k", seeded(1))
    assert later.chosen == ("dear",) and later.reason.startswith("linucb: highest upper")
    assert later.probability == pytest.approx(0.99) and later.policy == "linucb>cheapest" and later.version == 3


def test_rewards_count_over_what_may_be_chosen_now() -> None:
    chain = Chain(Sure("linucb", rewards=1), "cheapest")
    taught(chain, ("gone", (1.0,), 1.0))
    made = chain.choose(ask("a", "b", Option("gone", filtered="hidden"), x=(1.0,)), "k", seeded())
    assert "0 rewards of 1" in made.reason


@pytest.mark.parametrize(("rewards", "decides"), [((0.62, 0.6), "cheapest"), ((0.9, 0.2), "best")])
def test_scores_too_close_are_no_opinion(rewards: tuple[float, float], decides: str) -> None:
    chain = Chain(Sure("best", rewards=0, margin=0.1), "cheapest")
    taught(chain, *[(name, (1.0,), reward) for name, reward in zip("ab", rewards, strict=True)] * 5)
    made = chain.choose(ask("a", "b", x=(1.0,)), "k", seeded())
    assert made.reason.startswith(f"{decides}: ") and ("abstained: best: margin 0.0" in made.reason) == (
        decides == "cheapest"
    )
    assert chain.choose(ask("a", x=(1.0,)), "k", seeded()).reason.startswith("best: ")  # nothing to confuse it with


def test_the_margin_is_that_of_all_options_though_a_router_leaves_some_out() -> None:
    linucb = LinUCB(floor=0.0)
    taught(linucb, *[("a", (1.0,), 1.0)] * 50, *[("b", (1.0,), 0.1)] * 50, *[("c", (1.0,), 0.6)] * 50)
    asked = ask("a", "b", "c", x=(1.0,))
    single = [linucb.choose(ask(name, x=(1.0,)), "k", seeded()).options[0].score or 0.0 for name in "abc"]
    assert margin(linucb, asked, "k") == pytest.approx(single[0] - single[2])
    with pytest.raises(BadDefinition, match="'random' gives no scores"):
        margin(Random(), asked, "k")


def test_far_from_all_that_was_seen_the_best_single_decides() -> None:
    fallback = Fallback(LinUCB(alpha=0.0), rewards=1, far=0.05)
    rng = random.Random(3)
    for n in range(60):
        near = (1.0, 1.0 + rng.gauss(0, 0.1), rng.gauss(0, 0.1))
        fallback.learn([Lesson(replace(fallback.choose(ask("a", "b", x=near), f"k{n}", rng), chosen=(c,)), r)
                        for c, r in (("a", 0.9), ("b", 0.1))])  # fmt: skip
    inside = fallback.choose(ask("a", "b", x=(1.0, 1.0, 0.0)), "k", seeded())
    outside = fallback.choose(ask("a", "b", x=(1.0, -1.0, 9.0)), "k", seeded())
    assert inside.reason.startswith("linucb: ") and inside.chosen == ("a",)
    assert outside.reason.startswith("best: ") and "abstained: linucb: far from all seen (0.0" in outside.reason
    share = sum(
        fallback.choose(ask("a", "b", x=(1.0, 1.0 + rng.gauss(0, 0.1), rng.gauss(0, 0.1))), "k", rng).reason[0] == "b"
        for _ in range(200)
    )
    assert share <= 30  # .05 of 200 are 10, but for chance


@pytest.mark.parametrize("least", [19, 20])
def test_with_too_few_contexts_nothing_is_far(least: int) -> None:
    fallback = Fallback("linucb", rewards=0, far=0.2)
    for n in range(least):
        decision = replace(fallback.choose(ask("a", x=(1.0, 0.01 * n)), f"k{n}", seeded()), chosen=("a",))
        fallback.learn([Lesson(decision, 1.0)])
    made = fallback.choose(ask("a", x=(-1.0, 0.0)), "k", seeded())
    assert made.reason.startswith("best" if least == 20 else "linucb")


def test_the_best_single_is_the_highest_mean_whatever_the_task() -> None:
    best = BestSingle(floor=0.0)
    taught(best, ("a", (1.0, 0.0), 1.0), ("a", (0.0, 1.0), 0.0), *[("b", (1.0, 0.0), 0.7)] * 3)
    made = best.choose(ask("a", "b", Option("c", prior=0.9), x=(5.0, 5.0, 5.0)), "k", seeded())
    assert [o.score for o in made.options] == pytest.approx([1.5 / 3, 2.6 / 4, 0.9])


def test_what_a_part_learned_stays_its_own() -> None:
    chain = Chain(Sure(LinUCB("mine"), rewards=1, far=0.1), Guarded("ema"))
    taught(chain, ("a", (1.0,), 1.0))
    assert chain.learners == ("mine", "ema", "mine>guarded:seen")
    assert set(chain.state()) == {"mine/a", "ema/a", "mine>guarded:seen/all"}
    alone = LinUCB("mine")
    alone.load({"a": chain.state()["mine/a"]})
    assert alone.pulls("a") == 1 == chain.pulls("a")
    with pytest.raises(BadDefinition, match="no part 'other'"):
        chain.load({"other/a": {}})


def test_a_load_that_fails_changes_no_part() -> None:
    chain = Chain(LinUCB("one"), LinUCB("two"))
    taught(chain, ("a", (1.0,), 1.0))
    before = chain.state()
    other = LinUCB()
    taught(other, *[("a", (1.0,), 0.0)] * 5)
    for bad in ("one", "two"):
        state = {"one/a": other.state()["a"], "two/a": other.state()["a"], f"{bad}/b": {"version": 99}}
        with pytest.raises(Exception, match="99"):
            chain.load(state)
        assert chain.state() == before


def test_one_bad_lesson_and_no_part_learns() -> None:
    chain = Chain(Sure("thompson:beta", rewards=0), "linucb")
    taught(chain, ("a", (1.0,), 1.0))
    before = chain.state()
    with pytest.raises(BadDefinition, match="1 features and now meets 2"):
        taught(chain, ("a", (1.0,), 1.0), ("a", (1.0, 1.0), 1.0))
    assert chain.state() == before


def test_what_a_composition_declares_of_scores_sets_and_paths() -> None:
    assert not Chain("linucb", "cheapest").terms.scores and Chain("linucb", "ema").terms.scores
    assert Shadow("linucb", "cheapest").terms.scores and not Shadow("cheapest", "linucb").terms.scores
    assert Guarded("linucb").terms.when == "during" == Floored(Guarded("linucb")).terms.when
    sets: list[Any] = [Chain("set", "cheapest"), Shadow("set", "linucb"), Guarded("set"), Fallback("set")]
    assert all(made.sets and made.refuses and not made.walks for made in sets)
    paths: list[Any] = [Chain("pheromone", "linucb"), Flags("pheromone"), Floored("pheromone"), Guarded("pheromone")]
    assert all(made.walks and not made.sets and not made.refuses for made in paths)
    ones: list[Any] = [Guarded(), Canary("linucb", "ema"), Floored("recruit"), Flags("ema"), Shadow("linucb", "set")]
    assert not any(made.sets or made.refuses or made.walks for made in ones)
    assert Chain("linucb", "recruit").sets and not Chain("linucb", "recruit").refuses


def offered(*options: Option) -> Decide:
    """A set may be chosen, and out of scope."""
    return replace(ask(*options, Option(OOS, prior=0.0)), most=3)


@pytest.mark.parametrize(
    ("made", "chosen"),
    [
        (Guarded("set"), ("a", "b")),
        (Chain(Sure("set", rewards=0), "cheapest"), ("a", "b")),
        (Chain("set", "cheapest"), ("c",)),
        (Fallback("set"), ("a",)),
        (Shadow("set", "cheapest"), ("a", "b")),
        (Floored("recruit", floor=0.0), ("a",)),
    ],
)
def test_a_set_is_passed_on_and_who_chooses_one_is_not_offered_out_of_scope(made: Any, chosen: tuple[str, ...]) -> None:
    asked = offered(
        Option("a", similarity=0.5, prior=0.9, cost_nano=3),
        Option("b", similarity=0.5, cost_nano=2),
        Option("c", cost_nano=1),
    )
    got = made.choose(asked, "k", seeded(1))
    assert got.chosen == chosen and got.policy == made.name
    assert [bare.name for bare in got.options] == ["a", "b", "c", OOS]
    if isinstance(made, Shadow):
        assert got.reason.endswith("in its shadow cheapest would choose c (p 1.00)")


def test_out_of_scope_is_passed_on() -> None:
    for made in (Guarded("set"), Chain(Sure("set", rewards=0), "cheapest"), Shadow("set", "cheapest"), Frozen("set")):
        assert made.choose(offered(Option("a")), "k", seeded(1)).chosen == (OOS,)


def test_a_margin_is_among_those_who_could_answer() -> None:
    """Out of scope is an option, and has no score."""
    chain = Chain(Sure("set", rewards=0, margin=0.1), "recruit")
    alone = replace(ask(Option("a", similarity=0.5), Option(OOS)), most=2)
    assert chain.choose(alone, "k", seeded()).reason.startswith("set: ")
    both = replace(ask(Option("a", similarity=0.5), Option("b", similarity=0.5), Option(OOS)), most=2)
    assert "abstained: set: margin 0.000" in chain.choose(both, "k", seeded()).reason


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chain(Sure("linucb", rewards=-1), "cheapest"),
        lambda: Chain(Sure("linucb", margin=float("nan")), "cheapest"),
        lambda: Chain(Sure("linucb", far=1.1), "cheapest"),
        lambda: Flags("linucb", cost=-1.0),
        lambda: Flags("linucb", quality=float("inf")),
        lambda: Floored("cheapest", floor=1.5),
        lambda: Guarded(margin=float("nan")),
        lambda: Guarded(after=0),
        lambda: Canary("linucb", "ema", shares=(0.5, 0.1)),
        lambda: Canary("linucb", "ema", shares=(0.0, 0.1)),
        lambda: Canary("linucb", "ema", shares=()),
        lambda: Canary("linucb", "ema", rewards=0),
        lambda: Canary("linucb", "ema", alpha=1.0),
    ],
)
def test_numbers_out_of_range_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(BadNumber):
        make()


def test_a_chain_by_name() -> None:
    made = router("linucb>fixed:b>cheapest")
    assert isinstance(made, Chain) and made.name == "linucb>fixed:b>cheapest"
    with pytest.raises(UnknownRouter):
        router("linucb>nobody")
    with pytest.raises(UnknownRouter):
        router("linucb>")


def test_frozen_uses_what_it_knows_and_learns_nothing() -> None:
    inner = Ridge(floor=0.0)
    taught(inner, *[("b", (1.0,), 1.0)] * 3, *[("a", (1.0,), 0.0)] * 3)
    frozen = Frozen(inner, name="old")
    taught(frozen, *[("a", (1.0,), 1.0)] * 50)
    frozen.load({})
    made = frozen.choose(ask("a", "b", x=(1.0,)), "k", seeded())
    assert made.chosen == ("b",) and (made.policy, made.version) == ("old", 6)
    assert frozen.delta() == {} and frozen.pulls("a") == 3 and frozen.terms.feedback == "none"
    assert Chain(frozen, EMA()).learners == ("ema",)


def test_a_floor_makes_the_exact_mixture() -> None:
    asked = ask(Option("dear", cost_nano=9), Option("cheap", cost_nano=1), Option("gone", filtered="no"))
    made = Floored(Cheapest(), floor=0.2).choose(asked, "k", seeded())
    assert [o.probability for o in made.options] == pytest.approx([0.1, 0.9, None])
    sampled = Thompson(floor=0.0)
    taught(sampled, *[("dear", (1.0, 1.0), 0.6), ("cheap", (1.0, 1.0), 0.5)] * 3)
    own = sampled.choose(asked, "k", seeded())
    mixed = Floored(sampled, floor=0.2).choose(asked, "k", seeded())
    for one, two in zip(own.options[:2], mixed.options, strict=False):
        assert two.probability == pytest.approx(0.1 + 0.8 * (one.probability or 0.0))


class Several(Cheapest):
    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Any:
        return replace(super().choose(question, key, rng), chosen=tuple(o.name for o in question.options))


class Deciding(Cheapest):
    terms = Terms(how="model")


def test_a_floor_around_what_knows_no_probability_is_refused() -> None:
    with pytest.raises(BadDefinition, match="probability of what it chooses") as refused:
        Floored(Deciding())
    assert "draws one option by known probabilities" in refused.value.fix
    with pytest.raises(BadDefinition, match="probability of what it chooses"):
        Floored(Several()).choose(ask("a", "b"), "k", seeded())


def test_an_option_that_a_router_left_out_may_win_under_flags() -> None:
    linucb = LinUCB(alpha=0.1, floor=0.0)
    taught(linucb, *[("dear", (1.0,), 1.0), ("cheap", (1.0,), 0.7), ("poor", (1.0,), 0.1)] * 60)
    options = [Option("dear", cost_nano=10), Option("cheap", cost_nano=1), Option("poor")]
    asked = ask(*options, x=(1.0,))
    assert [o.score is None for o in linucb.choose(asked, "k", seeded()).options] == [False, True, True]
    assert Flags(linucb, cost=0.2, floor=0.0).choose(asked, "k", seeded()).chosen == ("dear",)
    made = Flags(linucb, cost=0.6, floor=0.0).choose(asked, "k", seeded())
    assert (
        made.chosen == ("cheap",) and made.probability == 1.0 and made.options[1].score == pytest.approx(0.65, abs=0.02)
    )
    assert Flags(linucb, cost=9.0, floor=0.0).choose(asked, "k", seeded()).chosen == ("poor",)


def test_beta_is_flagged_by_its_mean() -> None:
    flags = Flags(BetaThompson(), cost=0.5, floor=0.0)
    asked = ask(Option("good", prior=0.8, cost_nano=10), Option("thrifty", prior=0.5, cost_nano=1))
    made = flags.choose(asked, "k", seeded())
    assert made.chosen == ("thrifty",) and [o.score for o in made.options] == pytest.approx([0.3, 0.45])
